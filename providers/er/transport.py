"""One HTTP call: authorised, bounded in time, repeated when that is safe, its answer turned into JSON or an error."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from providers.er.credentials import Credentials
from providers.er.endpoints import is_loopback
from providers.er.errors import (
    ApiError,
    BusyError,
    PatienceError,
    TemporaryError,
    UnauthorizedError,
    error_class,
)
from providers.er.patience import Backoff, Patience

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds between two pieces of an answer
POOL_SIZE = 128  # connections kept open; more operations than this never run at once

FIRST_CONTACT_BUDGET = 10.0  # seconds of failures before an endpoint that never answered is given up
OUTAGE_BUDGET = 120.0  # seconds of failures before one that did answer is given up

THROTTLED = 429  # HTTP status

Params = Mapping[str, Any]


class Transport:
    """Sends calls over one pooled session. The policy on repeating them is stated in `Client`."""

    def __init__(self, credentials: Credentials, *, backoff: Backoff, poll: Backoff) -> None:
        self.credentials = credentials
        self._backoff = backoff
        self._poll = poll
        # A proxy of the environment must not come between us and our own machine.
        self._loopback = _session(trust_env=False)
        self._remote = _session(trust_env=True)
        self._answered = threading.Event()

    def call(
        self,
        method: str,
        url: Callable[[], str],
        *,
        patience: Patience,
        params: Params | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send the call until it is answered for good.

        `url` is asked for before each try, because knowing the project may take signing in.

        Raises:
            ApiError: As the subclasses in `errors` tell apart.
        """
        tries = 0
        failing_since: float | None = None
        may_renew = True
        while True:
            tries += 1
            prepared = None
            try:
                request = requests.Request(method, url(), params=params, json=json, headers=headers)
                prepared = self._prepare(request)
                return self._send(prepared)
            except UnauthorizedError as error:
                if prepared is None:
                    raise
                if not may_renew or not self.credentials.renew(prepared):
                    raise UnauthorizedError(
                        f"{_origin(prepared.url)} refused the credentials ({error.message}): sign in anew",
                        status=error.status,
                        code=error.code,
                        request_id=error.request_id,
                    ) from error
                may_renew = False
            except BusyError as error:
                failing_since = None
                self._pause(self._poll(tries), error, patience)
            except TemporaryError as error:
                if failing_since is None or error.status == THROTTLED:
                    failing_since = patience.elapsed
                budget = OUTAGE_BUDGET if self._answered.is_set() else FIRST_CONTACT_BUDGET
                if patience.elapsed - failing_since > budget:
                    raise
                self._pause(self._backoff(tries), error, patience)

    def _pause(self, seconds: float, error: ApiError, patience: Patience) -> None:
        if isinstance(error, TemporaryError) and error.retry_after is not None:
            seconds = max(seconds, error.retry_after)
        try:
            patience.pause(seconds, waiting_for=f"the service ({error.message})")
        except PatienceError as over:
            raise PatienceError(str(over), status=error.status, code=error.code, request_id=error.request_id) from error

    def _prepare(self, request: requests.Request) -> requests.PreparedRequest:
        prepared = self._session(request.url).prepare_request(request)
        self.credentials.authorize(prepared)
        return prepared

    def _send(self, prepared: requests.PreparedRequest) -> dict[str, Any]:
        session = self._session(prepared.url)
        settings = session.merge_environment_settings(prepared.url, {}, None, None, None)
        try:
            response = session.send(
                prepared, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT), allow_redirects=False, **settings
            )
        except requests.exceptions.SSLError as error:
            raise ApiError(
                f"cannot trust the certificate of {_origin(prepared.url)}: {_reason(error)}"
                " (for a private CA set REQUESTS_CA_BUNDLE)"
            ) from error
        except requests.exceptions.RequestException as error:
            raise TemporaryError(f"cannot reach {_origin(prepared.url)}: {_reason(error)}") from error
        self._answered.set()
        if not 200 <= response.status_code < 300:
            raise _error(response)
        return _body(response)

    def _session(self, url: str | None) -> requests.Session:
        return self._loopback if is_loopback(url or "") else self._remote


def _session(*, trust_env: bool) -> requests.Session:
    session = requests.Session()
    session.trust_env = trust_env
    session.mount("http://", HTTPAdapter(pool_maxsize=POOL_SIZE))
    session.mount("https://", HTTPAdapter(pool_maxsize=POOL_SIZE))
    session.headers["Accept"] = "application/json"
    return session


def _body(response: requests.Response) -> dict[str, Any]:
    if not response.content:
        return {}
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise TemporaryError(
            f"{_origin(response.url)} answered something that is not JSON", status=response.status_code
        )
    return body


def _error(response: requests.Response) -> ApiError:
    """The envelope `{"error_code", "error_msg", "request_id"}`, or whatever came instead of it."""
    body: dict[str, Any] = {}
    with contextlib.suppress(TemporaryError):
        body = _body(response)
    code = body.get("error_code")
    text = body.get("error_msg")
    request_id = body.get("request_id")
    code = printable(code) if isinstance(code, str) else None
    kind = error_class(response.status_code, code)
    facts: dict[str, Any] = {
        "status": response.status_code,
        "code": code,
        "request_id": printable(request_id) if isinstance(request_id, str) else None,
    }
    if kind is TemporaryError:
        facts["retry_after"] = _retry_after(response)
    if isinstance(text, str) and text:
        return kind(printable(text).rstrip("."), **facts)
    return kind(f"{_origin(response.url)} answered {response.reason or 'an error'} without saying why", **facts)


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of the header Retry-After; its form as a date is not used by this service."""
    try:
        return min(max(float(response.headers.get("Retry-After", "")), 0.0), OUTAGE_BUDGET)
    except ValueError:
        return None


def printable(text: str, longest: int = 500) -> str:
    """Foreign text on one line, bounded, without control characters: it ends up on terminals."""
    clean = "".join(character if character.isprintable() else " " for character in text[: longest + 1])
    clean = " ".join(clean.split())
    return clean if len(clean) <= longest else clean[:longest] + "…"


def _origin(url: str | None) -> str:
    return "/".join((url or "").split("/")[:3])


def _reason(error: requests.exceptions.RequestException) -> str:
    """The innermost cause, without the Python objects that wrap it."""
    cause: BaseException = error
    while True:
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return printable(str(cause)).rsplit(": ", 1)[-1] or type(error).__name__

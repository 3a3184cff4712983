"""One HTTP call: authorised, bounded in time, repeated when that is safe, its answer turned into JSON or an error."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Mapping
from json import loads as json_of
from typing import Any, TypeVar

import requests

from providers.er.auth.credentials import TOKEN_HEADER, Credentials
from providers.er.deadline import Backoff, Deadline
from providers.er.endpoints import EndpointError, checked
from providers.er.exceptions import (
    THROTTLED,
    ApiError,
    BusyError,
    DeadlineExceededError,
    TemporaryError,
    UnauthorizedError,
    error_class,
)
from providers.er.sanitizing import redact, sanitize
from providers.er.session import POOL_SIZE, ServiceSession, connection_error
from providers.er.validation import identifier, optional, required

FIRST_CONTACT_BUDGET = 10.0  # seconds of failures before an endpoint that never answered is given up
OUTAGE_BUDGET = 120.0  # seconds of failures before one that did answer is given up

CALLS_AT_ONCE = POOL_SIZE  # however many operations there are: a throttled service helps nobody

ANSWER_GRACE = 0.75  # seconds that a call under way has left to be answered when its operation is to stop

T = TypeVar("T")
Params = Mapping[str, Any]


class Transport:
    """Sends calls over one pooled session. The policy on repeating them is stated in `Client`."""

    def __init__(self, credentials: Credentials, *, backoff: Backoff, poll: Backoff) -> None:
        self.credentials = credentials
        self._backoff = backoff
        self._poll = poll
        self._session = ServiceSession()
        self._answered: set[str] = set()
        self._project_id: str | None = None
        self._looking_up = threading.Lock()
        self._catalogued: dict[str, str] = {}
        self._slots = threading.Semaphore(CALLS_AT_ONCE)

    def call(
        self,
        method: str,
        base: str,
        path: str,
        parse: Callable[[dict[str, Any]], T],
        *,
        deadline: Deadline,
        params: Params | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        while_busy: Callable[[], None] | None = None,
    ) -> T:
        """Send the call until it is answered for good; the answer, as `parse` reads it.

        The address is `base` and `path` together. `parse` may raise TemporaryError for an answer that is not what was
        promised.

        Raises:
            ApiError: As the subclasses in `errors` tell apart.
        """
        may_renew = True

        def attempt() -> T:
            nonlocal may_renew
            request = requests.Request(method, base + path, params=params, json=json, headers=headers)
            prepared = self._prepare(request)
            try:
                return parse(self._send(prepared, deadline))
            except UnauthorizedError as error:
                if not may_renew or not self.credentials.renew(prepared):
                    raise self._refused(error, _origin(prepared.url)) from error
                may_renew = False
                return attempt()

        try:
            return self.repeat(
                attempt,
                deadline=deadline,
                answered=lambda: _origin(base) in self._answered,
                while_busy=while_busy,
            )
        except ApiError as error:
            error.may_have_applied &= method != "GET"
            raise

    def project_id(self, iam: str, *, deadline: Deadline) -> str:
        """The project that the credentials are for, asked for once however many operations want to know it.

        Raises:
            ApiError: Signing in failed, or there is no such project.
        """
        if self._project_id is None:
            try:
                self._project_id = self.repeat(lambda: self._found_project(iam, deadline), deadline=deadline)
            except ApiError as error:
                error.may_have_applied = False  # whatever it is asked for, that has not begun
                raise
        return self._project_id

    def catalogued(self, service: str, *, deadline: Deadline) -> str:
        """Where IAM's catalog has a service, without a path.

        Raises:
            ApiError: Signing in failed, or the catalog does not have it, or not where credentials may be sent.
        """
        if service not in self._catalogued:
            found = self.repeat(lambda: self.credentials.catalogued(service), deadline=deadline)
            if not found:
                raise ApiError(f"no address of service {service!r} is known, nor does IAM's catalog have one: give it")
            try:
                self._catalogued[service] = checked(_origin(found))
            except EndpointError as error:
                raise ApiError(f"IAM's catalog has no usable address of service {service!r}: {error}") from error
        return self._catalogued[service]

    def _found_project(self, iam: str, deadline: Deadline) -> str:
        if known := self.credentials.project_id():
            return known
        with self._looking_up:
            if self._project_id:
                return self._project_id
            name = self.credentials.project_name
            try:
                answer = self._send(
                    self._prepare(requests.Request("GET", f"{iam}/projects", params={"name": name})), deadline
                )
            except UnauthorizedError as error:
                raise self._refused(error, iam) from error
            projects = required(answer, "projects", list)
            found = [
                identifier(project, "id")
                for project in projects
                if required(project, "name", str) == name and optional(project, "enabled", True)
            ]
            if len(found) != 1:
                number = "no project" if not found else "several projects"
                raise ApiError(f"IAM at {iam} has {number} {name!r} for these credentials: give the project's id")
            return found[0]

    def repeat(
        self,
        attempt: Callable[[], T],
        *,
        deadline: Deadline,
        answered: Callable[[], bool] = lambda: False,
        while_busy: Callable[[], None] | None = None,
    ) -> T:
        """Make the attempt until it succeeds or fails for good.

        `answered` tells whether what is called has ever answered, so that an outage is worth waiting for.
        `while_busy` is called after each wait for something that is being operated; what it raises ends the attempts.

        Raises:
            ApiError: What the last attempt raised, or that deadline is over.
        """
        busy = failed = 0
        waiting_for = "the service to answer"
        failing_since: float | None = None
        may_have_applied = False
        try:
            while True:
                try:
                    return self._awaited(attempt, deadline, waiting_for)
                except BusyError as error:
                    busy += 1
                    failed, failing_since = 0, None
                    waiting_for = f"the service ({error.message})"
                    self._pause(self._poll(busy), error, deadline)
                    if while_busy:
                        while_busy()
                except TemporaryError as error:
                    may_have_applied |= error.may_have_applied
                    failed += 1
                    if failing_since is None or error.status == THROTTLED:
                        failing_since = deadline.elapsed
                    waiting_for = f"the service ({error.message})"
                    failing_for = deadline.elapsed - failing_since
                    if failing_for > OUTAGE_BUDGET:
                        message = f"gave up after {failing_for:.0f} s of waiting for {waiting_for}"
                        raise TemporaryError(
                            message, status=error.status, code=error.code, request_id=error.request_id
                        ) from error
                    if failing_for > FIRST_CONTACT_BUDGET and not answered():
                        raise
                    self._pause(self._backoff(failed), error, deadline)
        except ApiError as error:
            error.may_have_applied |= may_have_applied
            raise

    def _awaited(self, attempt: Callable[[], T], deadline: Deadline, waiting_for: str) -> T:
        """Make the attempt in a thread of its own, so that whoever asked can stop waiting in the middle of it.

        None is begun once the operation is to stop.

        Raises:
            ApiError: What the attempt raised, or that deadline is over.
        """
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        begun, done, left_alone = threading.Event(), threading.Event(), threading.Event()

        slot = contextlib.ExitStack()

        def send() -> None:
            try:
                slot.enter_context(self._slots)
                with slot:
                    # One call may always be tried, also by who has no time to wait at all.
                    if deadline.cancelled.is_set() or deadline.elapsed > deadline.seconds + ANSWER_GRACE:
                        deadline.check(waiting_for)
                    begun.set()
                    if not left_alone.is_set():
                        answer.set_result(attempt())
            except BaseException as error:
                answer.set_exception(error)
            done.set()

        threading.Thread(target=send, name="call", daemon=True).start()
        try:
            deadline.until(done, waiting_for=lambda: waiting_for, grace=ANSWER_GRACE)
        except DeadlineExceededError as error:
            left_alone.set()
            error.may_have_applied = begun.is_set()
            if begun.is_set():
                slot.close()  # whoever hangs there stands in nobody's way
            raise
        return answer.result()

    def _pause(self, seconds: float, error: ApiError, deadline: Deadline) -> None:
        if isinstance(error, TemporaryError) and error.retry_after is not None:
            seconds = max(seconds, error.retry_after)
        try:
            deadline.pause(seconds, waiting_for=f"the service ({error.message})")
        except DeadlineExceededError as over:
            raise DeadlineExceededError(
                str(over), status=error.status, code=error.code, request_id=error.request_id
            ) from error

    def _refused(self, error: ApiError, by: str) -> UnauthorizedError:
        return UnauthorizedError(
            f"{by} refused the credentials ({error.message}): {self.credentials.if_refused}",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        )

    def _prepare(self, request: requests.Request) -> requests.PreparedRequest:
        prepared = self._session.prepare_request(request)
        self.credentials.authorize(prepared)
        return prepared

    def _send(self, prepared: requests.PreparedRequest, deadline: Deadline) -> dict[str, Any]:
        origin = _origin(prepared.url)
        settings = self._session.merge_environment_settings(prepared.url, {}, None, None, None)
        try:
            response = self._session.send(prepared, **settings, within=max(deadline.left, 1.0))
        except requests.exceptions.RequestException as error:
            raise connection_error(origin, error) from error
        except OSError as error:
            # Such as a CA bundle that is not there.
            raise ApiError(f"cannot call {origin}: {error}") from error
        if not 200 <= response.status_code < 300:
            refusal = _error(response)
            # What the service could not finish it may have begun, also where it is no use to try again.
            refusal.may_have_applied |= response.status_code >= 500
            if refusal.code:
                self._answered.add(origin)
            raise refusal
        body = _body(response)
        self._answered.add(origin)
        return body


def _body(response: requests.Response) -> dict[str, Any]:
    if not response.content:
        return {}
    try:
        # Not response.json(), which would decode by whatever encoding the answer claims to have.
        body = json_of(response.content)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise TemporaryError(
            f"{_origin(response.url)} answered something that is not JSON", status=response.status_code
        )
    return body


def _error(response: requests.Response) -> ApiError:
    """The envelope `{"error_code", "error_msg", "request_id"}`, IAM's own, or whatever came instead of it."""
    body: dict[str, Any] = {}
    with contextlib.suppress(TemporaryError):
        body = _body(response)
    code = body.get("error_code")
    in_keystones_form = body.get("error")
    text = in_keystones_form.get("message") if isinstance(in_keystones_form, dict) else body.get("error_msg")
    token = response.request.headers.get(TOKEN_HEADER)

    def shown(value: object) -> str | None:
        return sanitize(redact(token, value)) if isinstance(value, str) and value else None

    code = shown(body.get("error_code"))
    kind = error_class(response.status_code, code)
    facts: dict[str, Any] = {
        "status": response.status_code,
        "code": code,
        "request_id": shown(body.get("request_id")),
    }
    if kind is TemporaryError:
        facts["retry_after"] = _retry_after(response)
    if sentence := shown(text):
        return kind(sentence.rstrip("."), **facts)
    if response.is_redirect:
        return kind(f"{_origin(response.url)} redirects to another address: check the endpoint", **facts)
    reason = shown(response.reason) or "an error"
    return kind(f"{_origin(response.url)} answered {reason} without saying why", **facts)


def _retry_after(response: requests.Response) -> float | None:
    """Seconds of the header Retry-After; its form as a date is not used by this service."""
    try:
        return min(max(float(response.headers.get("Retry-After", "")), 0.0), OUTAGE_BUDGET)
    except ValueError:
        return None


def _origin(url: str | None) -> str:
    return "/".join((url or "").split("/")[:3])

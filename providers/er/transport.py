"""One HTTP call: authorised, bounded in time, its answer parsed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import requests

from providers.er.auth.credentials import Credentials
from providers.er.deadline import Deadline
from providers.er.endpoints import origin
from providers.er.exceptions import ApiError, UnauthorizedError
from providers.er.responses import parse_body, parse_error
from providers.er.session import ServiceSession, connection_error

T = TypeVar("T")


class Transport:
    """Sends calls over one pooled session. It repeats nothing: see `retry`."""

    def __init__(self, credentials: Credentials, *, verify: bool | str = True) -> None:
        self.credentials = credentials
        self.session = ServiceSession(verify=verify)
        self._answered: set[str] = set()

    def has_answered(self, url: str) -> bool:
        """Whether the service at this address has ever answered."""
        return origin(url) in self._answered

    def prepare(
        self,
        method: str,
        url: str,
        parse: Callable[[dict[str, Any]], T],
        *,
        deadline: Deadline,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Callable[[], T]:
        """A function that sends the call once each time, and returns the answer as `parse` reads it.

        However often it is called, refused credentials are renewed once.
        """
        may_renew = True

        def send() -> T:
            nonlocal may_renew
            prepared = self.session.prepare_request(
                requests.Request(method, url, params=params, json=json, headers=headers)
            )
            self.credentials.authorize(prepared)
            try:
                return parse(self._send(prepared, deadline))
            except UnauthorizedError as error:
                if not may_renew or not self.credentials.renew(prepared):
                    raise self._refused(error, origin(url)) from error
                may_renew = False
                return send()

        return send

    def _send(self, prepared: requests.PreparedRequest, deadline: Deadline) -> dict[str, Any]:
        service = origin(prepared.url)
        try:
            settings = self.session.merge_environment_settings(prepared.url, {}, None, None, None)
            response = self.session.send(prepared, **settings, time_limit=max(deadline.left, 1.0))
        except OSError as error:  # those of requests are OSErrors, too
            raise connection_error(service, error) from error
        if not 200 <= response.status_code < 300:
            refusal = parse_error(response)
            if refusal.code:
                self._answered.add(service)
            raise refusal
        body = parse_body(response)
        self._answered.add(service)
        return body

    def _refused(self, error: ApiError, service: str) -> UnauthorizedError:
        return UnauthorizedError(
            f"{service} refused the credentials ({error.message}): {self.credentials.if_refused}", **error.details
        )

"""Calls to the services in one project, within the deadline of one operation: all that the API resources know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from providers.er.deadline import Deadline
from providers.er.directory import Directory
from providers.er.exceptions import ApiError, ForbiddenError
from providers.er.pagination import pages
from providers.er.retry import Retry
from providers.er.transport import Transport
from providers.er.validation import Json

T = TypeVar("T")

LTS_CONTENT_TYPE = "application/json;charset=UTF-8"
"""The Log Tank Service needs it with every call, GET included: without it, it answers 500 LTS.0010."""


class Calls:
    """Sends calls, and repeats them as `retry` describes."""

    def __init__(
        self, transport: Transport, retry: Retry, directory: Directory, deadline: Deadline | None = None
    ) -> None:
        self.transport = transport
        self._retry = retry
        self._directory = directory
        self._deadline = deadline

    @property
    def deadline(self) -> Deadline:
        """The deadline of the operation; a new 10-minute deadline each time if none was set."""
        return self._deadline or Deadline()

    def with_deadline(self, deadline: Deadline) -> Calls:
        """Calls over the same connections, for one operation with this deadline."""
        return Calls(self.transport, self._retry, self._directory, deadline)

    def project_id(self) -> str:
        """The project that all calls go to.

        Raises:
            ApiError: Signing in failed.
        """
        return self._directory.project_id(deadline=self.deadline)

    def er(
        self,
        action: str,
        method: str,
        path: str,
        parse: Callable[[dict[str, Any]], T],
        *,
        while_busy: Callable[[], None] | None = None,
        **content: Any,
    ) -> T:
        """Call the Enterprise Router API below `/v3/{project_id}/enterprise-router/`.

        Args:
            action: The IAM action that permits the call, such as `er:flowlogs:list`.
            method: GET, POST, PUT or DELETE.
            path: The path below that.
            parse: Turns the answer into what is returned. Raises TemporaryError if it is not what was promised.
            while_busy: Called after each wait for something that is being operated. What it raises ends the call.
            content: `params`, `json` and `headers` of the request.

        Raises:
            ApiError: The call was refused or not answered.
        """
        base = f"{self._directory.address('er', deadline=self.deadline)}/v3/{self.project_id()}/enterprise-router/"
        return self._call(action, method, base + path, parse, while_busy, content)

    def er_pages(
        self, action: str, path: str, key: str, record: Callable[[Json], T], params: Mapping[str, Any] | None = None
    ) -> Iterator[T]:
        """The records of an Enterprise Router list; see `er` for action and path, and `pages` for the rest.

        Raises:
            ApiError: A call was refused or not answered.
        """
        return pages(
            lambda page, parse: self.er(action, "GET", path, parse, params={**(params or {}), **page}), key, record
        )

    def lts(self, action: str, method: str, path: str, parse: Callable[[dict[str, Any]], T], **content: Any) -> T:
        """Call the Log Tank Service below `/v2/{project_id}/`; see `er`.

        Raises:
            ApiError: The call was refused or not answered.
        """
        base = f"{self._directory.address('lts', deadline=self.deadline)}/v2/{self.project_id()}/"
        headers = {"Content-Type": LTS_CONTENT_TYPE}
        return self._call(action, method, base + path, parse, None, {"headers": headers, **content})

    def _call(
        self,
        action: str,
        method: str,
        url: str,
        parse: Callable[[dict[str, Any]], T],
        while_busy: Callable[[], None] | None,
        content: Mapping[str, Any],
    ) -> T:
        deadline = self.deadline
        send = self.transport.prepare(method, url, parse, deadline=deadline, **content)
        try:
            return self._retry.repeat(
                send, deadline=deadline, has_answered=lambda: self.transport.has_answered(url), while_busy=while_busy
            )
        except ApiError as error:
            error.may_have_applied &= method != "GET"
            if isinstance(error, ForbiddenError):
                error.message = (
                    f"{action} is not permitted in project {self.project_id()} ({error.message}): add this action to a"
                    " policy of the user, see docs/iam/README.md"
                )
            raise

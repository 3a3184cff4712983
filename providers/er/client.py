"""The way into the API."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from providers.er.attachments import Attachments
from providers.er.auth.credentials import Credentials
from providers.er.deadline import Backoff, Deadline, exponential_backoff
from providers.er.endpoints import Endpoints
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLogs
from providers.er.limits import ID_CHARACTERS, ID_PATTERN
from providers.er.log_tank import LogTank
from providers.er.quotas import Quotas
from providers.er.routers import Routers
from providers.er.sanitizing import sanitize
from providers.er.transport import Transport
from providers.er.waiter import BatchPoller, Poller

T = TypeVar("T")


class Client:
    """Client of the Enterprise Router API v3, and of the Log Tank Service where flow logs touch it.

    Safe to use from many threads at once; connections are pooled. Nothing is sent before the first call, signing in
    included.

    When a call is repeated. Every call may be repeated without doing anything twice: reads, updates, deletes, enable
    and disable by their nature, a create because it carries an X-Client-Token. So each call is repeated

    - on a lost, refused or timed-out connection, on 502, 503 and 504, on ER.05039006 and on an answer that is not
      what the reference promises: for 120 s of nothing else, but only 10 s if the endpoint has never answered;
    - on 429: until the caller's deadline is over, and not before Retry-After says so (120 s at most);
    - on "being operated" (ER.04008502, ER.04004003, ER.04001003): until the caller's deadline is over;
    - on 401: once, with renewed credentials.

    Between two tries it waits 0.5 s, then twice as long each time up to 20 s, each wait shortened by a random part of
    up to half; while something is being operated, 0.1 s, then a quarter longer each time up to 5 s. At most 64 calls
    are under way at once. Connecting may take 5 s, and 30 s may pass between two pieces of an answer. Any other refusal
    is raised at once as an `ApiError`.

    No wait outlasts the caller's deadline (10 min unless `within` says otherwise) but for a call under way, which has
    0.75 s more to be answered. No call is begun after its operation was cancelled.

    Operations that wait for flow logs of one router, or read them at the same time, share lists: see `looks`.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoints: Endpoints,
        *,
        backoff: Backoff | None = None,
        poll: Backoff | None = None,
        verify: bool | str = True,
    ) -> None:
        self.credentials = credentials
        self.endpoints = endpoints
        self.poll = poll or exponential_backoff(first=0.1, factor=1.25, cap=5, jitter=0.2)
        backoff = backoff or exponential_backoff(first=0.5, factor=2, cap=20)
        self._transport = Transport(credentials, backoff=backoff, poll=self.poll, verify=verify)
        self._lists = BatchPoller(self)
        self._patience: Deadline | None = None
        self._bind()

    def _bind(self) -> None:
        self.flow_logs = FlowLogs(self)
        self.attachments = Attachments(self)
        self.routers = Routers(self)
        self.quotas = Quotas(self)
        self.log_tank = LogTank(self)
        self.poller = Poller(self, self._lists)

    @property
    def deadline(self) -> Deadline:
        """The deadline of the operation that this client was made for; a new one each time if there is none."""
        return self._patience or Deadline()

    def within(self, deadline: Deadline) -> Client:
        """This client, on the same connections, for one operation: none of its calls outlasts `deadline`."""
        bound = copy.copy(self)
        bound._patience = deadline
        bound._bind()
        return bound

    def project_id(self) -> str:
        """The project that all calls go to.

        Raises:
            ApiError: Signing in failed.
        """
        return self._transport.project_id(self.endpoints.iam, deadline=self.deadline)

    def er(
        self,
        method: str,
        path: str,
        parse: Callable[[dict[str, Any]], T],
        *,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        while_busy: Callable[[], None] | None = None,
    ) -> T:
        """Call the Enterprise Router API below `/v3/{project_id}/enterprise-router/`; the answer as `parse` reads it.

        `while_busy` is called after each wait for something that is being operated; what it raises ends the call.

        Raises:
            ApiError: The call was refused or not answered.
        """
        return self._transport.call(
            method,
            f"{self._at('er', self.endpoints.er)}/v3/",
            self._in_project(f"enterprise-router/{path}"),
            parse,
            deadline=self.deadline,
            params=params,
            json=json,
            headers=headers,
            while_busy=while_busy,
        )

    def lts(self, method: str, path: str, parse: Callable[[dict[str, Any]], T]) -> T:
        """Call the Log Tank Service below `/v2/{project_id}/`; the answer as `parse` reads it.

        Raises:
            ApiError: The call was refused or not answered.
        """
        return self._transport.call(
            method,
            f"{self._at('lts', self.endpoints.lts)}/v2/",
            self._in_project(path),
            parse,
            deadline=self.deadline,
        )

    def _at(self, service: str, endpoint: str) -> str:
        return endpoint or self._transport.catalogued(service, deadline=self.deadline)

    def _in_project(self, path: str) -> str:
        return f"{self.segment(self.project_id())}/{path}"

    @staticmethod
    def segment(id_: str) -> str:
        """An id, as a part of a path.

        Raises:
            ApiError: It has characters that no id has, and that would lead the call somewhere else.
        """
        if not ID_PATTERN.fullmatch(id_):
            raise ApiError(f"{sanitize(id_, 80)!r} is not an id: ids are {ID_CHARACTERS}")
        return id_

"""The way into the API."""

from __future__ import annotations

import copy

from providers.er.attachments import Attachments
from providers.er.auth.credentials import Credentials
from providers.er.background import MAX_CONCURRENT_CALLS
from providers.er.calls import Calls
from providers.er.deadline import Deadline
from providers.er.directory import Directory
from providers.er.endpoints import Endpoints
from providers.er.flow_logs import FlowLogs
from providers.er.log_groups import LogGroups
from providers.er.log_streams import LogStreams
from providers.er.quotas import Quotas
from providers.er.records import Records
from providers.er.retry import Backoff, Retry, exponential_backoff
from providers.er.routers import Routers
from providers.er.transport import Transport
from providers.er.waiter import BatchPoller, Poller


class Client:
    """Client of the Enterprise Router API v3, and of the Log Tank Service as far as flow logs need it.

    Safe to use from many threads at once; connections are pooled. Nothing is sent before the first call, signing in
    included. `retry` describes when calls are repeated and how long they may take. Operations that wait for flow logs
    of one router, or read them at the same time, share lists: see `waiter`.

    Args:
        credentials: Who calls.
        endpoints: Where the services are.
        backoff: The waits after failures.
        poll: The waits while something is being operated.
        verify: Whether to verify certificates, or the file with the CAs to trust instead of the environment's.
        max_calls: How many calls are made at once; from 1 on.
    """

    def __init__(
        self,
        credentials: Credentials,
        endpoints: Endpoints,
        *,
        backoff: Backoff | None = None,
        poll: Backoff | None = None,
        verify: bool | str = True,
        max_calls: int = MAX_CONCURRENT_CALLS,
    ) -> None:
        self.credentials = credentials
        self.endpoints = endpoints
        self.poll = poll or exponential_backoff(first=0.1, factor=1.25, cap=5, jitter=0.2)
        transport = Transport(credentials, verify=verify)
        backoff = backoff or exponential_backoff(first=0.5, factor=2, cap=20)
        retry = Retry(backoff=backoff, poll=self.poll, max_calls=max_calls)
        calls = Calls(transport, retry, Directory(transport, retry, endpoints))
        self._batch_poller = BatchPoller(FlowLogs(calls), self.poll)
        self._bind(calls)

    def _bind(self, calls: Calls) -> None:
        self.calls = calls
        self.flow_logs = FlowLogs(calls)
        self.attachments = Attachments(calls)
        self.routers = Routers(calls)
        self.quotas = Quotas(calls)
        self.log_groups = LogGroups(calls)
        self.log_streams = LogStreams(calls)
        self.records = Records(calls, self.poll)
        self.poller = Poller(self.flow_logs, self._batch_poller, self.poll)

    @property
    def deadline(self) -> Deadline:
        """The deadline of the operation; a new 10-minute deadline each time if none was set."""
        return self.calls.deadline

    def with_deadline(self, deadline: Deadline) -> Client:
        """This client, on the same connections, for one operation: none of its calls outlasts `deadline`."""
        bound = copy.copy(self)
        bound._bind(self.calls.with_deadline(deadline))
        return bound

    def project_id(self) -> str:
        """The project that all calls go to.

        Raises:
            ApiError: Signing in failed.
        """
        return self.calls.project_id()

"""What tests of the client share: clients of a server, targets on it, and the names of its calls."""

from __future__ import annotations

from emulator import Server
from emulator.flow_logs import FlowLog as StoredFlowLog
from providers.er import Client, Deadline, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.flow_logs import FlowLogTarget

BASE = "/v3/{project_id}/enterprise-router/{er_id}/flow-logs"
CREATE, LIST = f"POST {BASE}", f"GET {BASE}"
SHOW, UPDATE, DELETE = (f"{method} {BASE}/{{flow_log_id}}" for method in ("GET", "PUT", "DELETE"))
ENABLE, DISABLE = (f"POST {BASE}/{{flow_log_id}}/{action}" for action in ("enable", "disable"))
GROUP = "00000000-0000-4000-b000-000000000001"  # network, in the seed of the tests
FLOW, ARCHIVE = "00000000-0000-4000-b000-000000000011", "00000000-0000-4000-b000-000000000012"  # its streams


def client_of(server: Server, deadline: Deadline | None = None, *, poll: float = 0.01) -> Client:
    """A client that polls often."""
    credentials = TokenCredentials(server.token, server.project_id)
    client = Client(credentials, Endpoints.at(server.url), poll=lambda _polls: poll)
    return client.with_deadline(deadline or Deadline(seconds=60))


def target_of(server: Server, attachment: str = "vpc-a") -> FlowLogTarget:
    """The attachment of this name, logged to the stream `flow`."""
    found = server.store.attachment(attachment)
    return FlowLogTarget(er_id=found.er_id, resource_id=found.id, log_group_id=GROUP, log_stream_id=FLOW)


def only(server: Server) -> StoredFlowLog:
    """The only flow log that exists."""
    (flow_log,) = server.store.flow_logs.live()
    return flow_log

"""A store without a server, on a clock that the test sets."""

from __future__ import annotations

from pathlib import Path

from emulator import Behaviour
from emulator.clock import seconds
from emulator.flow_logs import FlowLog, FlowLogChange, NewFlowLog
from emulator.paging import Page
from emulator.store import Store
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import body

START = 1_800_000_000_000_000
LATENCY = 10
STREAMS = {"flow": "00000000-0000-4000-b000-000000000011", "archive": "00000000-0000-4000-b000-000000000012"}


class Timeline:
    """A store of the test seed that begins at second 0, and a router of it. Spans are in seconds since then."""

    def __init__(
        self, path: Path, *, second: float = 0, list_lag: float = 0, attachment_deleted: str = "leave"
    ) -> None:
        self.path, self.second = path, second
        behaviour = Behaviour(latency=LATENCY, list_lag=list_lag, attachment_deleted=attachment_deleted)
        self.store = Store(path, seed_file=SEED, behaviour=behaviour, clock=self.now)
        self.router = (self.store.identity.projects()[0].id, self.store.router("er-main").id)

    def now(self) -> int:
        return START + seconds(self.second)

    def at(self, second: float) -> Timeline:
        self.second = second
        return self

    def wait(self, duration: float = LATENCY) -> None:
        self.second += duration

    def close(self) -> None:
        self.store.close()

    def create(self, attachment: str = "vpc-a", *, stream: str = "flow", client_token: str | None = None) -> str:
        return self.replay(attachment, stream=stream, client_token=client_token).id

    def replay(self, attachment: str = "vpc-a", *, stream: str = "flow", client_token: str | None) -> FlowLog:
        """Create, or the answer to a repeated create."""
        new = body(f"{attachment}-{stream}", self.store.attachment(attachment).id, stream=STREAMS[stream])
        return self.store.flow_logs.create(*self.router, NewFlowLog.parse({"flow_log": new}), client_token=client_token)

    def show(self, flow_log_id: str) -> FlowLog:
        return self.store.flow_logs.show(*self.router, flow_log_id)

    def state(self, flow_log_id: str) -> str:
        return self.show(flow_log_id).state

    def rename(self, flow_log_id: str) -> FlowLog:
        return self.store.flow_logs.update(*self.router, flow_log_id, FlowLogChange(name="other"))

    def switch(self, flow_log_id: str, *, enabled: bool) -> FlowLog:
        return self.store.flow_logs.switch(*self.router, flow_log_id, enabled=enabled)

    def delete(self, flow_log_id: str) -> None:
        self.store.flow_logs.delete(*self.router, flow_log_id)

    def listed(self) -> list[str]:
        """The states of all flow logs in a list."""
        return [flow_log.state for flow_log in self.store.flow_logs.page(*self.router, Page()).flow_logs]

    def gaps(self, since: int | None = 0, until: int | None = 100, attachment: str = "vpc-a") -> list[tuple[int, int]]:
        begin, end = (None if second is None else START + seconds(second) for second in (since, until))
        found = self.store.gaps(since=begin, until=end, attachments=[attachment])
        return [(_whole_second(gap.begin), _whole_second(gap.end)) for gap in found]


def _whole_second(instant: int) -> int:
    second, rest = divmod(instant - START, seconds(1))
    assert rest == 0
    return second

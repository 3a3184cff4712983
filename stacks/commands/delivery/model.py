"""Delivery: what a flow log has written lately, and whether that is what it should have written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from providers.er import Record
from providers.er.flow_logs import FlowLog
from providers.er.validation import instant
from stacks.commands.coverage.model import UNKNOWN_DELIVERY, Entry, Status

INTERVAL = timedelta(minutes=10)  # between two records, where the service does not say (ER user guide: flow logs)
ALLOWANCE = timedelta(minutes=10)  # beside two intervals, until the absence of records means something

STREAM_DELETED = "its log stream has been deleted"


class State(Enum):
    """Whether records arrive.

    A flow log that is broken and an attachment without traffic look the same: neither has records. So a flow log is
    quiet only as long as its first record may still be on its way.
    """

    DELIVERING = "delivering"
    QUIET = "quiet"
    OVERDUE = "overdue"
    UNKNOWN = UNKNOWN_DELIVERY
    NOT_LOGGED = "not logged"


@dataclass
class Traffic:
    """How much the records of one direction count."""

    records: int = 0
    bytes: int = 0


@dataclass
class Tally:
    """What a flow log has written.

    Attributes:
        last: The end of the newest interval of which there is a record.
        ingress: Into the attachment, in the span that was asked for.
        egress: Out of it.
        is_complete: Whether all records of the span are counted.
    """

    last: datetime | None = None
    ingress: Traffic = field(default_factory=Traffic)
    egress: Traffic = field(default_factory=Traffic)
    is_complete: bool = True

    def add(self, record: Record, *, since: datetime) -> None:
        """Count the record if it is of an interval that ended after `since`."""
        self.last = max(self.last or record.end, record.end)
        if record.end >= since:
            traffic = self.ingress if record.direct == "ingress" else self.egress
            traffic.records += 1
            traffic.bytes += record.bytes


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What is known of the records of one flow log, or of an attachment that has none.

    Attributes:
        entry: The flow log in the coverage.
        state: Whether its records arrive.
        reason: What is wrong, or not known yet; empty if they do.
        tally: Its records.
    """

    entry: Entry
    state: State
    reason: str = ""
    tally: Tally = field(default_factory=Tally)

    @property
    def is_failing(self) -> bool:
        """Whether the stack file wants records here, and they do not arrive."""
        fine = (State.DELIVERING, State.QUIET)
        return self.is_expected and self.state not in fine

    @property
    def is_expected(self) -> bool:
        """Whether the stack file wants records here."""
        return self.entry.is_expected and self.entry.status is not Status.CANNOT_BE_LOGGED


def default_limit(flow_log: FlowLog) -> timedelta:
    """How long a flow log may have no record before it is overdue: two intervals and ten minutes."""
    seconds = flow_log.log_aggregation_interval
    return 2 * (timedelta(seconds=seconds) if seconds > 0 else INTERVAL) + ALLOWANCE


def enabled_since(flow_log: FlowLog) -> datetime | None:
    """Since when an enabled flow log has been enabled at the latest; None if it does not say.

    The service has only the time of the last change, which may have been another one. A flow log whose name changes is
    given some time more, which is better than an alarm because of one that has just been enabled.
    """
    times = [time for text in (flow_log.created_at, flow_log.updated_at) if (time := instant(text))]
    return max(times, default=None)


def is_new(flow_log: FlowLog, *, now: datetime, age: timedelta) -> bool:
    """Whether an enabled flow log may have been enabled less than `age` ago."""
    since = enabled_since(flow_log)
    return since is not None and now - since <= age


def judge(entry: Entry, flow_log: FlowLog, tally: Tally, *, now: datetime, overdue_after: timedelta) -> Delivery:
    """The delivery of a flow log that is enabled.

    Args:
        entry: The flow log in the coverage.
        flow_log: The same, as the API shows it.
        tally: Its records.
        now: When they were read.
        overdue_after: How long it may have no record.
    """
    created = instant(flow_log.created_at)
    # What is older was written by another flow log, which this one replaces.
    is_own = tally.last is not None and (created is None or tally.last > created)
    if is_own and tally.last and now - tally.last <= overdue_after:
        return Delivery(entry=entry, state=State.DELIVERING, tally=tally)
    if is_new(flow_log, now=now, age=overdue_after):
        reason = f"no record yet: overdue only {format_age(overdue_after)} after it was enabled"
        return Delivery(entry=entry, state=State.QUIET, reason=reason, tally=tally)
    reason = "no record was found: check that traffic passes the attachment"
    if tally.last:
        reason = f"the newest record is {format_age(now - tally.last)} old"
    return Delivery(entry=entry, state=State.OVERDUE, reason=reason, tally=tally)


def format_age(age: timedelta) -> str:
    """A duration, rounded down, in a unit that leaves it two digits where it can: 45 s, 90 min, 1 h, 47 h, 3 d."""
    seconds = max(int(age.total_seconds()), 0)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size or seconds == size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"

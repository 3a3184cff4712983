"""Coverage: the attachments with their flow logs, or the reason why they are not logged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from providers.er.flow_logs import FlowLog

UNKNOWN_DELIVERY = "unknown"


class Status(Enum):
    """Whether an attachment is logged. Only `LOGGED` writes logs, and only `NOT_LOGGED` should and does not."""

    LOGGED = "logged"
    NOT_LOGGED = "not logged"
    DESELECTED = "deselected"
    CANNOT_BE_LOGGED = "cannot be logged"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One flow log of an attachment, or an attachment without any.

    Attributes:
        attachment_id: The attachment's id.
        attachment: Its name, or its id if it has no name.
        type: vpc, vpn, vgw, cfw, or "-" if it is gone.
        state: The attachment's state; "-" if it is gone.
        status: Whether its traffic is logged by this flow log.
        flow_log: The flow log's name, if there is one.
        logs_to: `GROUP/STREAM`, with names if they are known; empty without a flow log.
        reason: Why its traffic is not logged; empty if it is.
        is_in_stack: Whether the stack file declares this flow log, or the stack's state has it.
        is_expected: Whether the stack file declares a flow log here that is enabled; or, if a mistake in it hides that,
            whether the stack has one.
        record: The flow log as the API shows it, if there is one.
        delivery: Whether its records arrive, in a word; empty if that was not asked for.
    """

    attachment_id: str
    attachment: str
    type: str
    state: str
    status: Status
    flow_log: str = ""
    logs_to: str = ""
    reason: str = ""
    is_in_stack: bool = True
    is_expected: bool = False
    record: FlowLog | None = None
    delivery: str = ""

    def described(self, text: str) -> str:
        """The text about the flow log, and whether that is another's."""
        return text if self.is_in_stack else f"{text} (not this stack's)"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """How many attachments have which status."""

    logged: int
    not_logged: int
    deselected: int
    cannot_be_logged: int

    @classmethod
    def of(cls, statuses: Iterable[Status]) -> Counts:
        """The counts of these statuses, one for each attachment."""
        numbers = Counter(statuses)
        return cls(**{status.name.lower(): numbers[status] for status in Status})

    @property
    def loggable(self) -> int:
        """Those that can be logged."""
        return self.logged + self.not_logged + self.deselected


@dataclass(frozen=True, kw_only=True)
class RouterCoverage:
    """One router: its key in the stack file, and an entry for each flow log and each attachment without any."""

    key: str
    id: str
    name: str
    entries: Sequence[Entry]

    @cached_property
    def counts(self) -> Counts:
        """The counts of this router."""
        return Counts.of(best_statuses(self.entries).values())


def best_statuses(entries: Iterable[Entry]) -> dict[str, Status]:
    """By attachment, its status; with several flow logs that of the best."""
    found: dict[str, Status] = {}
    for entry in entries:
        best = found.get(entry.attachment_id, entry.status)
        found[entry.attachment_id] = min(best, entry.status, key=list(Status).index)
    return found


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The coverage of a stack at one moment.

    Attributes:
        stack: The stack's name.
        seen_at: When, ISO 8601 in UTC, to the second.
        routers: The routers in the stack file.
        other_routers: The names of the project's other routers.
        left_out: Sentences on the routers that are left out because they are not the project's.
        mistakes: The mistakes in the stack file, in sentences; parts with mistakes may be missing here.
    """

    stack: str
    seen_at: str
    routers: Sequence[RouterCoverage]
    other_routers: Sequence[str] = ()
    left_out: Sequence[str] = ()
    mistakes: Sequence[str] = ()

    @property
    def caveat(self) -> str:
        """What comes before a count of all attachments: with mistakes, some of them may not be counted."""
        return "Incomplete, because of mistakes in the stack file: " if self.mistakes else ""

    @property
    def entries(self) -> list[Entry]:
        """Those of all routers."""
        return [entry for router in self.routers for entry in router.entries]

    @property
    def exit_code(self) -> int:
        """0 if all is logged that the stack file wants logged, 1 if something is not, 2 if that is unknown."""
        silent = [entry for entry in self.entries if entry.is_expected and entry.status is Status.NOT_LOGGED]
        if any(entry.delivery != UNKNOWN_DELIVERY for entry in silent):
            return 1
        return 2 if silent or self.mistakes else 0

    @cached_property
    def has_delivery(self) -> bool:
        """Whether it also says whose records arrive."""
        return any(entry.delivery for entry in self.entries)

    @property
    def partly_logged(self) -> int:
        """How many attachments are logged, but not to every log stream that the stack file names."""
        logged, silent = (
            {entry.attachment_id for entry in self.entries if entry.status is status}
            for status in (Status.LOGGED, Status.NOT_LOGGED)
        )
        return len(logged & silent)

    @property
    def counts(self) -> Counts:
        """The counts of all routers."""
        return Counts.of(status for router in self.routers for status in best_statuses(router.entries).values())

"""Coverage: the attachments with their flow logs, or the reason why they are not logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """Whether an attachment is logged. Only `LOGGED` writes logs."""

    LOGGED = "logged"
    NOT_LOGGED = "not logged"
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
        is_in_stack: Whether the stack file declares this flow log.
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


@dataclass(frozen=True, kw_only=True)
class RouterCoverage:
    """One router: its key in the stack file, and an entry for each flow log and each attachment without any."""

    key: str
    id: str
    name: str
    entries: Sequence[Entry]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The coverage of a stack at one moment.

    Attributes:
        stack: The stack's name.
        seen_at: When, ISO 8601 in UTC, to the second.
        routers: The routers in the stack file.
        other_routers: The names of the project's other routers.
        mistakes: The mistakes in the stack file, in sentences; parts with mistakes may be missing here.
    """

    stack: str
    seen_at: str
    routers: Sequence[RouterCoverage]
    other_routers: Sequence[str] = ()
    mistakes: Sequence[str] = ()

    def count(self, *statuses: Status) -> int:
        """How many attachments have this status; an attachment with several flow logs has that of the best."""
        order = list(Status)
        best: dict[tuple[str, str], Status] = {}
        for router in self.routers:
            for entry in router.entries:
                key = (router.id, entry.attachment_id)
                best[key] = min(best.get(key, entry.status), entry.status, key=order.index)
        return sum(status in statuses for status in best.values())

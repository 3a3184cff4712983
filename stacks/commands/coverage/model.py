"""What coverage is: attachments by flow logs, and for whatever is not logged, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """How an attachment stands. Only `LOGGED` writes logs."""

    LOGGED = "logged"
    NOT_LOGGED = "not logged"
    CANNOT_BE_LOGGED = "cannot be logged"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One flow log of an attachment, or an attachment without any.

    Attributes:
        attachment_id: The attachment's id.
        attachment: Its name; its id if it has none.
        type: vpc, vpn, vgw, cfw, or "-" if it is gone.
        state: The attachment's state; "-" if it is gone.
        status: Whether its traffic is logged by this flow log.
        flow_log: The flow log's name, if there is one.
        logs_to: `GROUP/STREAM`, by name where the name is known, if there is a flow log.
        reason: Why its traffic is not logged; empty if it is.
        is_ours: Whether the stack file asks for this flow log.
    """

    attachment_id: str
    attachment: str
    type: str
    state: str
    status: Status
    flow_log: str = ""
    logs_to: str = ""
    reason: str = ""
    is_ours: bool = True


@dataclass(frozen=True, kw_only=True)
class RouterCoverage:
    """One router: its key in the stack file, and an entry for each flow log and each attachment without any."""

    key: str
    id: str
    name: str
    entries: Sequence[Entry]


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """A whole stack at one moment.

    Attributes:
        stack: The stack's name.
        seen_at: When, ISO 8601 in UTC, to the second.
        routers: Those of the stack file.
        other_routers: Names of the project's routers that the stack file does not name.
        mistakes: Sentences on what is wrong with the stack file: what it asks for may be missing here.
    """

    stack: str
    seen_at: str
    routers: Sequence[RouterCoverage]
    other_routers: Sequence[str] = ()
    mistakes: Sequence[str] = ()

    def count(self, *statuses: Status) -> int:
        """How many attachments stand so; one with several flow logs counts once, as the best of them."""
        order = list(Status)
        best: dict[tuple[str, str], Status] = {}
        for router in self.routers:
            for entry in router.entries:
                place = (router.id, entry.attachment_id)
                best[place] = min(best.get(place, entry.status), entry.status, key=order.index)
        return sum(status in statuses for status in best.values())

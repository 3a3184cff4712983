"""What a reviewer is told of one stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What is to be done to a flow log, what matters most first."""

    DELETE = "to delete"
    MOVE = "to move"
    REPLACE = "to replace"
    CHANGE = "to change"
    IMPORT = "to import"
    CREATE = "to create"


@dataclass(frozen=True, order=True)
class Difference:
    """One property.

    Attributes:
        what: What to call it.
        old: Its value; empty if that is not known.
        new: What it is to be; empty if it is only a reason.
    """

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One flow log, by name wherever the name is known.

    Attributes:
        router: The router.
        attachment: The attachment that it logs.
        flow_log: Its name.
        logs_to: `GROUP/STREAM`; of a move, that of the new flow log.
        differences: What is to be another; of a replacement those first that force it.
        note: What else there is to know, in a few words.
        is_silenced: Whether it will be there and write nothing.
    """

    router: str
    attachment: str
    flow_log: str
    logs_to: str
    differences: tuple[Difference, ...] = ()
    note: str = ""
    is_silenced: bool = False

    @property
    def sort_key(self) -> tuple[object, ...]:
        """What is silenced comes first; for the rest, by names."""
        return (not self.is_silenced, self.router, self.attachment, self.flow_log, self.logs_to, self.differences)


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """One stack.

    Attributes:
        stack: Its name.
        failure: Why nothing can be said of it, in one sentence less its end; empty if all went well.
        is_failed: Whether its preview failed.
        errors: What the preview said was wrong.
        warnings: What it warned of.
        rows: The flow logs that something is to be done to.
        unchanged: How many flow logs stay as they are.
    """

    stack: str
    is_failed: bool = False
    failure: str = ""
    errors: Sequence[str] = ()
    warnings: Sequence[str] = ()
    rows: dict[Kind, list[Row]] = field(default_factory=dict)
    unchanged: int = 0

    def count(self, kind: Kind) -> int:
        """How many flow logs this is to be done to."""
        return len(self.rows.get(kind, ()))

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do."""
        return not self.is_failed and not any(self.rows.values())

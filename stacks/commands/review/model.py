"""The review of one stack: which flow logs change, and how."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What happens to a flow log, the most important first."""

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
        what: Its name.
        old: Its value; empty if unknown.
        new: Its new value; empty if this is only a reason.
    """

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """One flow log, with names wherever they are known.

    Attributes:
        router: The router.
        attachment: The attachment that it logs.
        flow_log: Its name.
        logs_to: `GROUP/STREAM`; of a move, that of the new flow log.
        differences: The properties that change; those that force a replacement first.
        note: Anything else, in a few words.
        is_disabled: Whether it will exist, but disabled.
    """

    router: str
    attachment: str
    flow_log: str
    logs_to: str
    differences: tuple[Difference, ...] = ()
    note: str = ""
    is_disabled: bool = False

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Disabled flow logs first, then by names."""
        return (not self.is_disabled, self.router, self.attachment, self.flow_log, self.logs_to, self.differences)


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """One stack.

    Attributes:
        stack: Its name.
        is_failed: Whether its preview failed.
        failure: Why the preview cannot be read, in one sentence without a full stop; empty if it can.
        errors: The errors of the preview.
        warnings: Its warnings.
        rows: The flow logs that change.
        unchanged: How many flow logs stay as they are.
    """

    stack: str
    is_failed: bool = False
    failure: str = ""
    errors: Sequence[str] = ()
    warnings: Sequence[str] = ()
    rows: dict[Kind, list[Row]] = field(default_factory=dict)
    unchanged: int = 0

    def counts(self, order: Iterable[Kind]) -> dict[Kind, str]:
        """How many flow logs each of these happens to, in words; without those that happen to none."""
        return {kind: f"{self.count(kind):,} {kind.value}" for kind in order if self.count(kind)}

    def count(self, kind: Kind) -> int:
        """How many flow logs this happens to."""
        return len(self.rows.get(kind, ()))

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do."""
        return not self.is_failed and not any(self.rows.values())

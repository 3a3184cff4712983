"""The review of one stack: which flow logs, log groups and log streams change, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from providers.preview_notes import SkippedAttachment


class Kind(Enum):
    """What happens to a flow log, log group or log stream, the most important first."""

    DELETE = "to delete"
    MOVE = "to move"
    REPLACE = "to replace"
    CHANGE = "to change"
    IMPORT = "to import"
    CREATE = "to create"


LOUD = (Kind.DELETE, Kind.MOVE, Kind.REPLACE)
"""What is loud if it happens to a flow log."""


@dataclass(frozen=True, order=True)
class Difference:
    """One property.

    Attributes:
        what: Its name.
        old: Its value; empty if unknown.
        new: Its new value; empty if this is only a reason.
        found: The value that somebody gave it by hand, after `old`; empty if nobody did.
    """

    what: str
    old: str
    new: str
    found: str = ""

    @property
    def values(self) -> list[str]:
        """All that are known, in the order in which it had them and will have them."""
        return [value for value in (self.old, self.found, self.new) if value]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One flow log, with names wherever they are known.

    Attributes:
        router: The router.
        attachment: The attachment that it logs.
        flow_log: Its name.
        logs_to: `GROUP/STREAM`; of a move, that of the new flow log.
        moves_from: Of a move, `GROUP/STREAM` of the old flow log.
        differences: The properties that change; those that force a replacement first.
        note: Anything else, in a few words.
        is_disabled: Whether it will exist, but disabled.
    """

    router: str
    attachment: str
    flow_log: str
    logs_to: str
    moves_from: str = ""
    differences: tuple[Difference, ...] = ()
    note: str = ""
    is_disabled: bool = False

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Disabled flow logs first, then by names."""
        return (not self.is_disabled, self.router, self.attachment, self.flow_log, self.logs_to, self.differences)


@dataclass(frozen=True, kw_only=True)
class LogStoreRow:
    """A log group or log stream.

    Attributes:
        name: Its logical name; in stacks, `GROUP` or `GROUP/STREAM`.
        kind: What happens to it.
        stays: Whether it stays in the cloud when it is deleted or replaced.
        differences: The properties that change, or that it is created with.
        note: Anything else, in a few words.
    """

    name: str
    kind: Kind
    stays: bool = False
    differences: tuple[Difference, ...] = ()
    note: str = ""

    @property
    def is_loud(self) -> bool:
        """Whether records are deleted."""
        return self.kind in (Kind.DELETE, Kind.REPLACE) and not self.stays

    @property
    def what(self) -> str:
        """What happens to it, in a few words."""
        if self.kind is Kind.DELETE and self.stays:
            return "to leave in the cloud"
        return self.kind.value

    @property
    def sentence(self) -> str:
        """What happens to it, and to its records."""
        fate = "stays in the cloud" if self.stays else "is deleted"
        sentences = {
            Kind.DELETE: f"{fate}, with its records",
            Kind.REPLACE: f"replaced by a new one: the old one {fate}, with its records",
            Kind.CHANGE: "changed",
            Kind.IMPORT: "imported",
            Kind.CREATE: "created",
        }
        return sentences[self.kind]

    @property
    def sort_key(self) -> tuple[object, ...]:
        """What deletes records first, then as flow logs are sorted."""
        return (not self.is_loud, list(Kind).index(self.kind), self.name)


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """One stack.

    Attributes:
        stack: Its name.
        is_failed: Whether its preview failed.
        is_destroyed: Whether all of it is destroyed.
        failure: Why the preview cannot be read, in one sentence without a full stop; empty if it can.
        errors: The errors of the preview.
        warnings: Its warnings.
        rows: The flow logs that change.
        log_stores: The log groups and log streams that change.
        skipped: The attachments that are selected, but cannot be logged.
        unchanged: How many flow logs stay as they are.
    """

    stack: str
    is_failed: bool = False
    is_destroyed: bool = False
    failure: str = ""
    errors: Sequence[str] = ()
    warnings: Sequence[str] = ()
    rows: dict[Kind, list[Row]] = field(default_factory=dict)
    log_stores: Sequence[LogStoreRow] = ()
    skipped: Sequence[SkippedAttachment] = ()
    unchanged: int = 0

    def count(self, kind: Kind) -> int:
        """How many flow logs this happens to."""
        return len(self.rows.get(kind, ()))

    @property
    def is_loud(self) -> bool:
        """Whether a record ends or moves, or records are deleted."""
        return any(self.count(kind) for kind in LOUD) or any(row.is_loud for row in self.log_stores)

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to do."""
        return not self.is_failed and not any(self.rows.values()) and not self.log_stores

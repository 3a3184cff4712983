"""The titles and sentences of a review, which the comment and the terminal have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from stacks.commands.review.model import LOUD, Kind, Row, StackReview

IN_COUNTS = (Kind.DELETE, Kind.MOVE, Kind.REPLACE, Kind.CHANGE, Kind.CREATE, Kind.IMPORT)

LOG_STORES = "log groups and streams"

ERROR_LENGTH = 2_000
"""Characters shown of an error, which ends with what to do."""

VALUE_LENGTH = 130
"""Characters shown of a value. `GROUP/STREAM` has 129 at most."""

_FATES: Mapping[Kind, tuple[str, str]] = {
    Kind.DELETE: ("the record that it writes ends", "the records that they write end"),
    Kind.MOVE: (
        "the new flow log is created first, then the old one is deleted",
        "the new flow logs are created first, then the old ones are deleted",
    ),
    Kind.REPLACE: ("deleted, and then created again",) * 2,
    Kind.IMPORT: (
        "it already exists and will be managed by this stack",
        "they already exist and will be managed by this stack",
    ),
}
"""What happens to one flow log, and to several."""


def in_order(reviews: Iterable[StackReview]) -> list[StackReview]:
    """Sorted by stack; stacks with nothing to do come last."""
    return sorted(reviews, key=lambda review: (review.is_quiet, review.stack))


def heading(reviews: Sequence[StackReview]) -> str:
    """How many flow logs, log groups and streams of all stacks change, and how many previews failed."""
    failed = sum(review.is_failed for review in reviews)
    parts = [f"{failed:,} of {_number(len(reviews), 'preview')} failed"] if failed else []
    totals = {kind: sum(review.count(kind) for review in reviews) for kind in IN_COUNTS}
    parts.extend(f"{number:,} {kind.value}" for kind, number in totals.items() if number)
    log_stores = _count_log_stores(reviews)
    what = f"Flow logs: {', '.join(parts) or ('unchanged' if log_stores else 'nothing to do')}"
    return "; ".join([what, *([f"{LOG_STORES}: {', '.join(log_stores)}"] if log_stores else [])])


def counts(review: StackReview, emphasize: Callable[[str], str] = str) -> str:
    """How many flow logs, log groups and streams of a stack change, with emphasis on what is loud."""
    flow_logs = []
    for kind in IN_COUNTS:
        if number := review.count(kind):
            text = f"{number:,} {kind.value}"
            flow_logs.append(emphasize(text) if kind in LOUD else text)
    if review.unchanged:
        flow_logs.append(f"{review.unchanged:,} unchanged")
    log_stores = [emphasize(text) if is_loud else text for text, is_loud in _count_log_stores([review]).items()]
    parts = [
        emphasize("to be destroyed") if review.is_destroyed else "",
        ", ".join(flow_logs),
        f"{LOG_STORES}: {', '.join(log_stores)}" if log_stores else "",
    ]
    return "; ".join(filter(None, parts))


def nothing_to_do(review: StackReview) -> str:
    """The only line of a stack in which nothing changes."""
    return f"nothing to do, {review.unchanged:,} unchanged"


FAILED = "the preview failed"


def why_failed(review: StackReview, shown: Callable[[str], str]) -> str:
    """What follows `FAILED`."""
    failure = f": {shown(review.failure)}" if review.failure else ""
    hint = "" if review.errors else " Its standard error may say why."
    return f", so the changes are unknown{failure}.{hint}"


def title(kind: Kind, rows: Sequence[Row]) -> str:
    """The title of the flow logs to which this happens."""
    one_or_several = _FATES.get(kind)
    fate = f": {one_or_several[len(rows) > 1]}" if one_or_several else ""
    disabled = sum(row.is_disabled for row in rows)
    which = "" if len(rows) == 1 else f"{disabled:,} of them "
    end = f"; {which}disabled, so that nothing is written" if disabled else ""
    return f"{len(rows):,} {kind.value}{fate}{end}"


def is_loud(kind: Kind, rows: Iterable[Row]) -> bool:
    """Whether these flow logs are listed in full: a record ends or moves."""
    return kind in LOUD or any(row.is_disabled for row in rows)


SHOW_STREAM = (Kind.DELETE, Kind.MOVE, Kind.IMPORT, Kind.CREATE)
"""What happens to flow logs whose stream is shown."""


def stream(row: Row, shown: Callable[[str], str], arrow: str) -> str:
    """The stream that a flow log writes to; of a move, both, and what that means for the record."""
    if not row.moves_from:
        return shown(row.logs_to)
    outcome = "disabled: nothing is written" if row.is_disabled else "no gap"
    return f"{shown(row.moves_from)}{arrow}{shown(row.logs_to)}, {outcome}"


def log_stores_title(*, is_loud: bool) -> str:
    """The title of the log groups and streams whose records are deleted, or of the others."""
    return f"{LOG_STORES} whose records are deleted" if is_loud else LOG_STORES


def skipped_title(number: int) -> str:
    """The title of the attachments that are selected, but cannot be logged."""
    return f"{_number(number, 'attachment')} selected, but not logged"


def warnings_title(number: int) -> str:
    """The title of the warnings."""
    return _number(number, "warning")


def _count_log_stores(reviews: Iterable[StackReview]) -> dict[str, bool]:
    """How many log groups and log streams each thing happens to, in words, and whether it is loud."""
    rows = sorted((row for review in reviews for row in review.log_stores), key=lambda row: row.sort_key)
    loud = {row.what: row.is_loud for row in reversed(rows)}
    return {f"{number:,} {what}": loud[what] for what, number in Counter(row.what for row in rows).items()}


def _number(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"

"""The review as plain text for a terminal of 80 columns: deletions come first and in upper case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from providers.er.sanitizing import display_name, sanitize
from stacks.commands.review.comment import ERROR_LENGTH, LOG_STORES, VALUE_LENGTH, describe_counts, heading, in_order
from stacks.commands.review.model import LOUD, Difference, Kind, LogStoreRow, Row, StackReview

COLUMNS = 80
LONGEST_LIST = 20
"""Longer lists of changes, imports, creates or warnings are shortened to this. Nothing loud is ever left out."""

NOTHING = "-"
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"

_TITLES = {
    Kind.DELETE: ("{}: THE RECORD THAT IT WRITES ENDS", "{}: THE RECORDS THAT THEY WRITE END"),
    Kind.MOVE: (
        "{}: THE NEW FLOW LOG IS CREATED FIRST, THEN THE OLD ONE IS DELETED",
        "{}: THE NEW FLOW LOGS ARE CREATED FIRST, THEN THE OLD ONES ARE DELETED",
    ),
    Kind.REPLACE: ("{}: DELETED, AND THEN CREATED AGAIN",) * 2,
    Kind.CHANGE: ("{}",) * 2,
    Kind.IMPORT: (
        "{}: it already exists and will be managed by this stack",
        "{}: they already exist and will be managed by this stack",
    ),
    Kind.CREATE: ("{}",) * 2,
}
"""The titles for one flow log, and for several."""


def text(reviews: Iterable[StackReview], *, in_colour: bool = False) -> str:
    """The whole text. The same reviews, in any order, give the same.

    Args:
        reviews: The stacks.
        in_colour: Whether loud lines are red.
    """
    ordered = in_order(reviews)
    stacks = ["\n".join(_stack(review, in_colour=in_colour)) for review in ordered]
    total = ["\n".join(_wrapped(heading(ordered)))] if len(ordered) > 1 else []
    return "\n\n".join([*total, *stacks])


def _stack(review: StackReview, *, in_colour: bool) -> Iterator[str]:
    stack = f"Stack {display_name(review.stack)}"
    if review.is_quiet:
        yield from _wrapped(f"{stack}: nothing to do, {review.unchanged:,} unchanged")
        return
    if review.is_failed:
        failure = f": {sanitize(review.failure)}" if review.failure else ""
        hint = "" if review.errors else " Its standard error may say why."
        title = f"{stack}: THE PREVIEW FAILED, so the changes are unknown{failure}.{hint}"
        yield from _coloured(_wrapped(title), in_colour)
        for error in review.errors:
            yield from _listed(sanitize(error, ERROR_LENGTH))
        return
    yield from _wrapped(f"{stack}: {describe_counts(review)}")
    for kind in Kind:
        if rows := review.rows.get(kind):
            yield ""
            is_loud = kind in LOUD or any(row.is_disabled for row in rows)
            yield from _coloured(_wrapped(_title(kind, rows)), in_colour and is_loud)
            yield from _list(kind, rows)
    yield from _log_stores(review.log_stores, in_colour=in_colour)
    if review.warnings:
        yield ""
        yield f"{len(review.warnings):,} warning{'' if len(review.warnings) == 1 else 's'}"
        for warning in review.warnings[:LONGEST_LIST]:
            yield from _listed(sanitize(warning))
        yield from _more(len(review.warnings) - LONGEST_LIST)


def _log_stores(rows: Sequence[LogStoreRow], *, in_colour: bool) -> Iterator[str]:
    """What deletes records, and then the rest."""
    for title, is_loud in ((f"{LOG_STORES} whose records are deleted".upper(), True), (LOG_STORES, False)):
        if shown := [row for row in rows if row.is_loud is is_loud]:
            yield ""
            yield from _coloured(_wrapped(title), in_colour and is_loud)
            for row in shown if is_loud else shown[:LONGEST_LIST]:
                yield from _listed(f"{display_name(row.name) or NOTHING}: {row.sentence}")
                for detail in filter(None, [sanitize(row.note), *map(_difference, row.differences)]):
                    yield from _wrapped(detail, "      ", begin="    ")
            yield from _more(0 if is_loud else len(shown) - LONGEST_LIST)


def _title(kind: Kind, rows: Sequence[Row]) -> str:
    number = f"{len(rows):,} {kind.value}"
    title = _TITLES[kind][len(rows) > 1].format(number.upper() if kind in LOUD else number)
    disabled = sum(row.is_disabled for row in rows)
    if disabled:
        which = "" if len(rows) == 1 else f"{disabled:,} OF THEM "
        return f"{title}; {which}DISABLED, SO THAT NOTHING IS WRITTEN"
    return title


def _list(kind: Kind, rows: Sequence[Row]) -> Iterator[str]:
    # Disabled flow logs come first.
    shown = len(rows) if kind in LOUD else max(LONGEST_LIST, sum(row.is_disabled for row in rows))
    for row in rows[:shown]:
        yield from _listed(_what(row))
        for detail in _details(kind, row):
            yield from _wrapped(detail, "      ", begin="    ")
    yield from _more(len(rows) - shown)


def _what(row: Row) -> str:
    return ", ".join(display_name(name) or NOTHING for name in (row.router, row.attachment, row.flow_log))


def _details(kind: Kind, row: Row) -> Iterator[str]:
    if kind is Kind.DELETE:
        yield f"reason: {sanitize(row.note) or 'the preview does not say'}"
    elif row.note and kind is not Kind.MOVE:
        yield sanitize(row.note)
    if kind in (Kind.DELETE, Kind.IMPORT, Kind.CREATE):
        yield f"{'logged' if kind is Kind.DELETE else 'logs'} to {display_name(row.logs_to) or NOTHING}"
    if kind is Kind.MOVE:
        outcome = "DISABLED: nothing is written" if row.is_disabled else "no gap"
        yield from (f"{_values(difference)}, {outcome}" for difference in row.differences)
    elif kind not in (Kind.DELETE, Kind.CREATE):
        yield from map(_difference, row.differences)


def _difference(difference: Difference) -> str:
    return ": ".join(filter(None, [sanitize(difference.what), _values(difference)]))


def _values(difference: Difference) -> str:
    return " -> ".join(sanitize(value, VALUE_LENGTH) for value in (difference.old, difference.new) if value)


def _more(number: int) -> Iterator[str]:
    if number > 0:
        yield f"  ... and {number:,} more"


def _coloured(lines: Iterable[str], in_colour: bool) -> Iterator[str]:
    return (f"{_RED}{line}{_PLAIN}" if in_colour else line for line in lines)


def _listed(sentence: str) -> Iterator[str]:
    return _wrapped(sentence, "    ", begin="  - ")


def _wrapped(sentence: str, indent: str = "  ", *, begin: str = "") -> Iterator[str]:
    """The words in lines of at most 80 columns; a longer word has a line of its own."""
    line, is_empty = begin, True
    for word in sentence.split():
        if not is_empty and _width(line) + 1 + _width(word) > COLUMNS:
            yield line
            line, is_empty = indent, True
        if is_empty and _width(line) + _width(word) > COLUMNS:
            # Rather less indentation than a line that the terminal breaks.
            line = line[: max(0, COLUMNS - _width(word))]
        line += word if is_empty else f" {word}"
        is_empty = False
    yield line


def _width(text: str) -> int:
    """The columns that the text takes on a terminal."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)

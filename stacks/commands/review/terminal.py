"""The review as plain text for a terminal of 80 columns: deletions come first and in upper case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from providers.er.sanitizing import display_name, sanitize
from providers.preview_notes import SkippedAttachment
from stacks.commands.review import words
from stacks.commands.review.model import LOUD, Difference, Kind, LogStoreRow, Row, StackReview
from stacks.commands.screen import PLAIN, RED

COLUMNS = 80
LONGEST_LIST = 20
"""Longer lists of changes, imports, creates or warnings are shortened to this. Nothing loud is ever left out."""

NOTHING = "-"
_ARROW = " -> "


def text(reviews: Iterable[StackReview], *, in_colour: bool = False) -> str:
    """The whole text. The same reviews, in any order, give the same.

    Args:
        reviews: The stacks.
        in_colour: Whether loud lines are red.
    """
    ordered = words.in_order(reviews)
    stacks = ["\n".join(_stack(review, in_colour=in_colour)) for review in ordered]
    total = ["\n".join(_wrapped(words.heading(ordered)))] if len(ordered) > 1 else []
    return "\n\n".join([*total, *stacks])


def _stack(review: StackReview, *, in_colour: bool) -> Iterator[str]:
    stack = f"Stack {display_name(review.stack)}"
    if review.is_quiet:
        yield from _wrapped(f"{stack}: {words.nothing_to_do(review)}")
        return
    if review.is_failed:
        title = f"{stack}: {words.FAILED.upper()}{words.why_failed(review, sanitize)}"
        yield from _coloured(_wrapped(title), in_colour)
        for error in review.errors:
            yield from _listed(sanitize(error, words.ERROR_LENGTH))
        return
    yield from _wrapped(f"{stack}: {words.counts(review)}")
    for kind in Kind:
        if rows := review.rows.get(kind):
            is_loud = words.is_loud(kind, rows)
            yield from _titled(words.title(kind, rows), is_loud=is_loud, in_colour=in_colour)
            yield from _list(kind, rows)
    yield from _log_stores(review.log_stores, in_colour=in_colour)
    yield from _skipped(review.skipped)
    if review.warnings:
        yield from _titled(words.warnings_title(len(review.warnings)))
        for warning in review.warnings[:LONGEST_LIST]:
            yield from _listed(sanitize(warning))
        yield from _more(len(review.warnings) - LONGEST_LIST)


def _titled(title: str, *, is_loud: bool = False, in_colour: bool = False) -> Iterator[str]:
    """An empty line, and a title."""
    yield ""
    yield from _coloured(_wrapped(title.upper() if is_loud else title), in_colour and is_loud)


def _log_stores(rows: Sequence[LogStoreRow], *, in_colour: bool) -> Iterator[str]:
    """What deletes records, and then the rest."""
    for is_loud in (True, False):
        if shown := [row for row in rows if row.is_loud is is_loud]:
            yield from _titled(words.log_stores_title(is_loud=is_loud), is_loud=is_loud, in_colour=in_colour)
            for row in shown if is_loud else shown[:LONGEST_LIST]:
                yield from _listed(f"{_name(row.name)}: {row.sentence}")
                yield from _indented(filter(None, [sanitize(row.note), *map(_difference, row.differences)]))
            yield from _more(0 if is_loud else len(shown) - LONGEST_LIST)


def _skipped(skipped: Sequence[SkippedAttachment]) -> Iterator[str]:
    if skipped:
        yield from _titled(words.skipped_title(len(skipped)))
        for item in skipped[:LONGEST_LIST]:
            yield from _listed(f"{_names(item.router, item.attachment)}: {sanitize(item.reason)}")
        yield from _more(len(skipped) - LONGEST_LIST)


def _list(kind: Kind, rows: Sequence[Row]) -> Iterator[str]:
    # Disabled flow logs come first.
    shown = len(rows) if kind in LOUD else max(LONGEST_LIST, sum(row.is_disabled for row in rows))
    for row in rows[:shown]:
        yield from _listed(_names(row.router, row.attachment, row.flow_log))
        yield from _indented(_details(kind, row))
    yield from _more(len(rows) - shown)


def _names(*names: str) -> str:
    return ", ".join(map(_name, names))


def _name(name: str) -> str:
    return display_name(name) or NOTHING


def _details(kind: Kind, row: Row) -> Iterator[str]:
    if row.note:
        yield f"{'reason: ' if kind is Kind.DELETE else ''}{sanitize(row.note)}"
    if kind in words.SHOW_STREAM:
        verb = {Kind.DELETE: "logged to ", Kind.MOVE: ""}.get(kind, "logs to ")
        yield f"{verb}{words.stream(row, _value, _ARROW)}"
    yield from map(_difference, row.differences)


def _difference(difference: Difference) -> str:
    return ": ".join(filter(None, [sanitize(difference.what), _ARROW.join(map(_value, difference.values))]))


def _value(text: str) -> str:
    return sanitize(text, words.VALUE_LENGTH) or NOTHING


def _more(number: int) -> Iterator[str]:
    if number > 0:
        yield f"  ... and {number:,} more"


def _coloured(lines: Iterable[str], in_colour: bool) -> Iterator[str]:
    return (f"{RED}{line}{PLAIN}" if in_colour else line for line in lines)


def _listed(sentence: str) -> Iterator[str]:
    return _wrapped(sentence, "    ", begin="  - ")


def _indented(details: Iterable[str]) -> Iterator[str]:
    for detail in details:
        yield from _wrapped(detail, "      ", begin="    ")


def _wrapped(sentence: str, indent: str = "  ", *, begin: str = "") -> Iterator[str]:
    """The words in lines of at most 80 columns. A word that needs more is broken, after a slash if it can be."""
    line, space = begin, ""
    for word in sentence.split():
        is_long = _width(word) > COLUMNS - len(indent)
        for part in _broken(word, COLUMNS - len(indent)) if is_long else [word]:
            if line.strip() and _width(line + space + part) > COLUMNS:
                yield line
                line, space = indent, ""
            line, space = line + space + part, ""
        space = " "
    yield line


def _broken(word: str, longest: int) -> Iterator[str]:
    part = ""
    for char in word:
        if _width(part + char) > longest:
            yield part
            part = ""
        part += char
        if char == "/":
            yield part
            part = ""
    yield part


def _width(text: str) -> int:
    """The columns that the text takes on a terminal."""
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)

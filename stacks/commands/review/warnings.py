"""Warnings of the stack program about deletions and moves: a row of the review says the same.

The program warns of each flow log that it deletes or moves. A preview printed as one document lacks the stack's outputs
after the run, so there only the warning has the reason of a deletion and the name of the stream of a move.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from providers.er.sanitizing import display_name
from stacks.checks.deletions import loss_sentence, move_sentence
from stacks.commands.review.model import Kind, Row

WARNED_OF = (Kind.DELETE, Kind.MOVE)

_BLANK = "\0"  # stands for a text, and is in none
_STREAM_NAME = re.compile(r"[^\s,/]+/[^\s,/]+")
"""`GROUP/STREAM`, and not a list of several."""


def complete(kind: Kind, row: Row, warnings: Iterable[str]) -> Row:
    """The row of a deletion or move, with what only a warning says of it."""
    if kind is Kind.DELETE and (row.note or not row.router):
        return row
    begin, end = warning_of(kind, _fill(kind, row, _BLANK)).split(_BLANK)
    for warning in warnings:
        text = warning[len(begin) : len(warning) - len(end)]
        if warning == begin + text + end and (kind is Kind.DELETE or _STREAM_NAME.fullmatch(text)):
            return _fill(kind, row, text)
    return row


def warning_of(kind: Kind, row: Row) -> str:
    """The warning that says the same as the row of a deletion or move."""
    router, attachment = display_name(row.router), display_name(row.attachment)
    if kind is Kind.DELETE:
        return loss_sentence(router, attachment, row.logs_to, row.note)
    reason = f"moves from {row.moves_from} to {row.logs_to}"
    return move_sentence(router, attachment, reason, is_disabled=row.is_disabled)


def _fill(kind: Kind, row: Row, text: str) -> Row:
    """The row with this reason of a deletion, or this stream that it moves to."""
    return replace(row, note=text) if kind is Kind.DELETE else replace(row, logs_to=text)

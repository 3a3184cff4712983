"""Tables and colours, as wide as the terminal is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

GAP = "  "  # between columns
SHORTEST = 20  # characters of a cell that is cut
RED, FAINT, PLAIN = "\x1b[31m", "\x1b[2m", "\x1b[0m"


def is_colourful() -> bool:
    """Whether to print in colour."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows of a table as lines, its headings included; columns are as wide as they need."""
    widths = _widths(rows)
    return [GAP.join(map(str.ljust, row, widths)).rstrip() for row in rows]


def fit(
    rows: Sequence[Sequence[str]], leave_out_first: Sequence[str], *, columns: int | None
) -> tuple[list[str], list[str]]:
    """A table as lines that fit the terminal: without some columns, then with its long cells cut in the middle.

    Args:
        rows: The table; the first row has the headings.
        leave_out_first: Headings of what can be done without, in this order.
        columns: The width of the terminal; None: there is no limit.

    Returns:
        The lines of the rows, and a sentence about what was left out, or nothing.
    """
    left_out = list[str]()
    while (widths := _widths(rows)) and columns is not None and sum(widths) + len(GAP) * (len(widths) - 1) > columns:
        if len(left_out) == len(leave_out_first):
            rows = _shorten(rows, widths, columns - len(GAP) * (len(widths) - 1))
            break
        left_out.append(leave_out_first[len(left_out)])
        index = rows[0].index(left_out[-1])
        rows = [(*row[:index], *row[index + 1 :]) for row in rows]
    return align(rows), [f"Without {', '.join(left_out)}: the terminal is too narrow."] if left_out else []


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _shorten(rows: Sequence[Sequence[str]], widths: Sequence[int], total: int) -> list[list[str]]:
    """The rows with shorter cells, if need be also in the last column, whose sentences matter more than names."""
    *others, last = widths
    limit = max(others)
    while limit > SHORTEST and sum(min(width, limit) for width in others) + last > total:
        limit -= 1
    rest = max(total - sum(min(width, limit) for width in others), SHORTEST)
    return [[*(shorten(cell, limit) for cell in row[:-1]), shorten(row[-1], rest)] for row in rows]


def shorten(text: str, longest: int) -> str:
    """The text with its middle left out if it is too long: names differ at either end."""
    kept = longest - 1
    return text if len(text) <= longest else f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"


def terminal_columns() -> int | None:
    """The width of the terminal; None if the output goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def paint(lines: Sequence[str], colours: Sequence[str]) -> list[str]:
    """The lines, each in its colour; an empty one leaves it as it is."""
    return [f"{colour}{line}{PLAIN}" if colour else line for line, colour in zip(lines, colours, strict=True)]

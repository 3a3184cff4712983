"""Markdown tables, and how figures are written in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

TIMES = "\N{MULTIPLICATION SIGN}"


def format_seconds(seconds: float) -> str:
    """A duration in readable form: 1.24 s, 34.5 s, 12.0 min."""
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


def times_faster(seconds: float, other: float) -> str:
    """How many times as long the other took, or the other way round."""
    ratio = max(other / seconds, seconds / other)
    rounded = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
    return "the same" if rounded == "1.0" else f"{rounded}{TIMES} {'faster' if other > seconds else 'slower'}"


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> str:
    """A Markdown table with the first `left` columns aligned to the left, and the others to the right."""
    ruler = ["---" if column < left else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows))

"""Suggestions for misspelled keys and names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def find_similar(text: str, known: Iterable[str], *, similarity: float = 0.6) -> list[str]:
    """The known texts that this one resembles, at most three, the most similar first.

    Args:
        text: What was written.
        known: What could have been meant.
        similarity: How similar a text must be, 0..1.
    """
    return difflib.get_close_matches(text, list(known), cutoff=similarity)


def closest(text: str, known: Iterable[str], *, similarity: float = 0.6) -> str | None:
    """The known text that this one resembles most, if any does."""
    return next(iter(find_similar(text, known, similarity=similarity)), None)

"""Suggestions for misspelled keys."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(key: str, known: Iterable[str], *, similarity: float = 0.6) -> str | None:
    """The known key that this one resembles most, if any does."""
    return next(iter(difflib.get_close_matches(key, known, n=1, cutoff=similarity)), None)

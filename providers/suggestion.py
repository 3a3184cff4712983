"""Suggestions for misspelled keys and names."""

from __future__ import annotations

import difflib
import functools
import heapq
import itertools
from collections.abc import Iterable

_CANDIDATES = 20
"""How many texts are compared in full, which takes a hundred times as long as counting what two have in common."""


def find_similar(text: str, known: Iterable[str], *, similarity: float = 0.6) -> list[str]:
    """The known texts that this one resembles, at most three, the most similar first.

    Args:
        text: What was written.
        known: What could have been meant.
        similarity: How similar a text must be, 0..1.
    """
    parts = _parts(text)
    candidates = heapq.nsmallest(_CANDIDATES, known, key=lambda other: len(parts ^ _parts(other)))
    return difflib.get_close_matches(text, candidates, cutoff=similarity)


def closest(text: str, known: Iterable[str], *, similarity: float = 0.6) -> str | None:
    """The known text that this one resembles most, if any does."""
    return next(iter(find_similar(text, known, similarity=similarity)), None)


@functools.lru_cache(maxsize=10_000)
def _parts(text: str) -> frozenset[str]:
    """Its characters, and its pairs of adjacent ones."""
    return frozenset([*text, *map("".join, itertools.pairwise(text))])

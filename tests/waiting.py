"""Waiting in tests for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 30.0  # far more than any wait takes, even on a busy machine


def when(begins: str, act: Callable[[], object]) -> Callable[[str], None]:
    """A report function for a Deadline: it acts on waits whose text begins like this.

    On a busy machine, waits for other answers may come first.
    """

    def report(waiting_for: str) -> None:
        if waiting_for.startswith(begins):
            act()

    return report


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    give_up = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < give_up, "the condition did not hold in time"
        time.sleep(0.01)

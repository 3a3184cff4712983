"""Waits of tests, for what other threads and processes are about to do."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 30.0  # far more than anything here takes, even on a busy machine


def when(begins: str, act: Callable[[], object]) -> Callable[[str], None]:
    """A report, for a Deadline, that acts on waits whose words begin like this.

    On a busy machine others come first: any answer may be one to wait for.
    """

    def report(waiting_for: str) -> None:
        if waiting_for.startswith(begins):
            act()

    return report


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    give_up = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < give_up, "it did not come to pass in time"
        time.sleep(0.01)

"""Waits of tests, for what other threads and processes are about to do."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 30.0  # far more than anything here takes, even on a busy machine


def eventually(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    give_up = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < give_up, "it did not come to pass in time"
        time.sleep(0.01)

"""What is told on the way, and the signals that end it early."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PATIENT = 3.0  # seconds of a wait of which nothing is told
EVERY = 10.0  # seconds between two lines about one wait

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether the walk is to end early. Cleaning up does not ask."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.number: int | None = None
        """The first signal, if one was the reason."""

    def listen(self) -> None:
        """Take signals from now on: none ends the process by itself, for that would leave things behind.

        What whoever started it wants to be ignored (`nohup`) stays so.
        """
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._take)

    def _take(self, number: int, _frame: object) -> None:
        words = "still cleaning up" if self.asked.is_set() else "stopping, then cleaning up"
        self.number = self.number or number
        self.asked.set()
        with contextlib.suppress(OSError):
            # Not print, which the signal may have come in the middle of.
            os.write(sys.stderr.fileno(), f"{words}\n".encode())


class Screen:
    """Standard output, line by line, as long as somebody reads it."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def say(self, line: str = "") -> None:
        """Print a line. Where nobody reads any more, that ends the walk, but not the cleaning up."""
        try:
            print(line, flush=True)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._stop.asked.set()

    def waits(self) -> Callable[[str], None]:
        """A reporter for one operation: it tells of the waits that take longer."""
        began = time.monotonic()
        told = began + PATIENT - EVERY

        def report(waiting_for: str) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told > EVERY:
                told = now
                self.say(f"  waiting for {waiting_for}, {now - began:.0f} s")

        return report

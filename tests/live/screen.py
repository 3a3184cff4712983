"""Output while the walk runs, and the signals that end it early."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

QUIET_SECONDS = 3.0  # of a wait that is not reported
REPORT_SECONDS = 10.0  # between two lines about one wait

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether the walk is to end early. Cleaning up goes on regardless."""

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.number: int | None = None
        """The first signal, if there was one."""

    def listen(self) -> None:
        """Handle signals from now on, so that none ends the process before it has cleaned up.

        Signals that were ignored (`nohup`) stay ignored.
        """
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._request)

    def _request(self, number: int, _frame: object) -> None:
        message = "still cleaning up" if self.requested.is_set() else "stopping, then cleaning up"
        self.number = self.number or number
        self.requested.set()
        with contextlib.suppress(OSError):
            # Not print, which the signal may have interrupted.
            os.write(sys.stderr.fileno(), f"{message}\n".encode())


class Screen:
    """Standard output, line by line."""

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def show(self, line: str = "") -> None:
        """Print a line. If the output is closed, the walk ends; cleaning up goes on."""
        try:
            print(line, flush=True)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self._stop.requested.set()

    def report_waits(self) -> Callable[[str], None]:
        """A reporter for one operation, which shows its longer waits."""
        began = time.monotonic()
        reported = began + QUIET_SECONDS - REPORT_SECONDS

        def report(waiting_for: str) -> None:
            nonlocal reported
            now = time.monotonic()
            if now - reported > REPORT_SECONDS:
                reported = now
                self.show(f"  waiting for {waiting_for}, {now - began:.0f} s")

        return report

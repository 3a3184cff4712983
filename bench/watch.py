"""Threads that poll what is visible only while something runs."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TypeVar

from bench.processes import members

PollerT = TypeVar("PollerT", bound="Poller")


class Poller(ABC):
    """Polls every `interval` seconds, as long as the block lasts."""

    interval: float

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self: PollerT) -> PollerT:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def poll(self) -> None:
        """Measure once."""

    def _run(self) -> None:
        while not self._stop.wait(self.interval):
            self.poll()


class ProcessPoller(Poller):
    """Polls each process of some sessions: the kernel forgets them when they end."""

    def __init__(self, *sessions: int) -> None:
        super().__init__()
        self._sessions = sessions

    @abstractmethod
    def inspect(self, pid: int, folder: Path) -> None:
        """Read /proc/PID; an OSError means that the process has ended meanwhile."""

    def poll(self) -> None:
        for pid in members(*self._sessions):
            with contextlib.suppress(OSError):
                self.inspect(pid, Path("/proc", str(pid)))

"""Poller at what is there for a moment only, again and again while something runs."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TypeVar

from bench.processes import members

W = TypeVar("W", bound="Watch")


class Watch(ABC):
    """Poller every `interval` seconds, as long as the block lasts."""

    interval: float

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self: W) -> W:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def look(self) -> None:
        """Take what is wanted."""

    def _run(self) -> None:
        while not self._stop.wait(self.interval):
            self.look()


class ProcessWatch(Watch):
    """Poller at each process of some sessions: the kernel forgets them when they end."""

    def __init__(self, *sessions: int) -> None:
        super().__init__()
        self._sessions = sessions

    @abstractmethod
    def look_at(self, pid: int, folder: Path) -> None:
        """Take from /proc/PID what is wanted; an OSError means that the process has ended meanwhile."""

    def look(self) -> None:
        for pid in members(*self._sessions):
            with contextlib.suppress(OSError):
                self.look_at(pid, Path("/proc", str(pid)))

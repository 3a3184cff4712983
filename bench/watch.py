"""Looks at the processes of a session, again and again while they run: the kernel forgets them when they end."""

from __future__ import annotations

import contextlib
import threading
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TypeVar

from bench.processes import members

W = TypeVar("W", bound="Watch")


class Watch(ABC):
    """Looks at each process of a session every `interval` seconds, as long as the block lasts."""

    interval: float

    def __init__(self, session: int) -> None:
        self._session = session
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=type(self).__name__, daemon=True)

    def __enter__(self: W) -> W:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @abstractmethod
    def look(self, pid: int, folder: Path) -> None:
        """Take from /proc/PID what is wanted; an OSError means that the process has ended meanwhile."""

    def _run(self) -> None:
        while not self._stop.wait(self.interval):
            for pid in members(self._session):
                with contextlib.suppress(OSError):
                    self.look(pid, Path("/proc", str(pid)))

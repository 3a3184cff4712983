"""The peak memory of processes."""

from __future__ import annotations

import re
from pathlib import Path

from bench.watch import ProcessPoller

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # proc(5): peak resident set size, in KiB
_SHARE = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)  # proc(5): shared memory is divided among the processes


class PeakMemory(ProcessPoller):
    """Polls the processes of a session that run a Python module."""

    interval = 0.2  # the kernel keeps the peak, so only a rise just before the end is missed

    def __init__(self, session: int, module: str) -> None:
        super().__init__(session)
        self._module = module.encode()
        self.megabytes = 0.0
        """The largest peak of any of them, in 10^6 bytes; 0 if none was seen."""

    def inspect(self, _pid: int, folder: Path) -> None:
        if self._module in (folder / "cmdline").read_bytes().split(b"\0"):
            self.megabytes = max(self.megabytes, _megabytes(_PEAK, folder / "status"))


class TotalMemory(ProcessPoller):
    """Polls all processes of some sessions, and adds up their memory."""

    interval = 0.5  # a rise and fall in between is missed

    def __init__(self, *sessions: int) -> None:
        super().__init__(*sessions)
        self._sum = 0.0
        self.megabytes = 0.0
        """The peak of the sum, in 10^6 bytes, with shared memory counted once."""

    def poll(self) -> None:
        self._sum = 0.0
        super().poll()
        self.megabytes = max(self.megabytes, self._sum)

    def inspect(self, _pid: int, folder: Path) -> None:
        self._sum += _megabytes(_SHARE, folder / "smaps_rollup")


def _megabytes(line: re.Pattern[str], file: Path) -> float:
    """The value of the line, converted from KiB to 10^6 bytes; 0 without such a line: the process is about to end."""
    found = line.search(file.read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0

"""How much memory processes have had at their most."""

from __future__ import annotations

import re
from pathlib import Path

from bench.watch import ProcessWatch

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # proc(5): peak resident set size, in KiB
_SHARE = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)  # proc(5): what several processes have in common is divided


class PeakMemory(ProcessWatch):
    """Watches those processes of a session that run a Python module."""

    interval = 0.2  # the kernel keeps the peak, so only a rise in the last moment before the end is missed

    def __init__(self, session: int, module: str) -> None:
        super().__init__(session)
        self._module = module.encode()
        self.megabytes = 0.0
        """The largest peak of any of them, in 10^6 bytes; 0 if none was seen."""

    def look_at(self, _pid: int, folder: Path) -> None:
        if self._module in (folder / "cmdline").read_bytes().split(b"\0"):
            self.megabytes = max(self.megabytes, _megabytes(_PEAK, folder / "status"))


class TotalMemory(ProcessWatch):
    """Watches all processes of some sessions, and what they have at the same time."""

    interval = 0.5  # a rise and fall in between is missed

    def __init__(self, *sessions: int) -> None:
        super().__init__(*sessions)
        self._sum = 0.0
        self.megabytes = 0.0
        """The most that they had together, in 10^6 bytes, with memory that several share counted once."""

    def look(self) -> None:
        self._sum = 0.0
        super().look()
        self.megabytes = max(self.megabytes, self._sum)

    def look_at(self, _pid: int, folder: Path) -> None:
        self._sum += _megabytes(_SHARE, folder / "smaps_rollup")


def _megabytes(line: re.Pattern[str], file: Path) -> float:
    """What the line says, which is in KiB, in 10^6 bytes; 0 if there is none: the process is about to end."""
    found = line.search(file.read_text())
    return int(found[1]) * 1024 / 1e6 if found else 0.0

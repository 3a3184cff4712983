"""How much memory a provider process has had at its most."""

from __future__ import annotations

import re
from pathlib import Path

from bench.watch import Watch

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # proc(5): peak resident set size, in KiB


class PeakMemory(Watch):
    """Watches those processes of a session that run a Python module."""

    interval = 0.2  # the kernel keeps the peak, so only a rise in the last moment before the end is missed

    def __init__(self, session: int, module: str) -> None:
        super().__init__(session)
        self._module = module.encode()
        self.megabytes = 0.0
        """The largest peak of any of them, in 10^6 bytes; 0 if none was seen."""

    def look(self, _pid: int, folder: Path) -> None:
        if self._module in (folder / "cmdline").read_bytes().split(b"\0"):
            peak = _PEAK.search((folder / "status").read_text())
            if peak:
                self.megabytes = max(self.megabytes, int(peak[1]) * 1024 / 1e6)

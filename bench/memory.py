"""How much memory a provider process has had at its most."""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path

from bench.processes import members

INTERVAL = 0.2  # seconds; the kernel keeps the peak, so only a rise in the last moment before the end is missed
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # proc(5): peak resident set size, in KiB


class PeakMemory:
    """Watches, as long as the block lasts, the processes of a session that run a Python module."""

    def __init__(self, session: int, module: str) -> None:
        self._session = session
        self._module = module.encode()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)
        self.megabytes = 0.0
        """The largest peak of any of them, in 10^6 bytes; 0 if none was seen."""

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(INTERVAL):
            for pid in members(self._session):
                with contextlib.suppress(OSError):
                    folder = Path("/proc", str(pid))
                    if self._module in (folder / "cmdline").read_bytes().split(b"\0"):
                        peak = _PEAK.search((folder / "status").read_text())
                        if peak:
                            self.megabytes = max(self.megabytes, int(peak[1]) * 1024 / 1e6)

"""What the processes of a session use: processor time and memory, and from when to when they run."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.processes import members

TICKS = os.sysconf("SC_CLK_TCK")  # per second, of the times in /proc
PROGRAM, HOST, ENGINE = "the program", "the provider", "the engine"

KINDS = {
    "pulumi-language-python-exec": PROGRAM,
    "providers.host": HOST,
    "bench.floor": HOST,
    "pulumi.dynamic": HOST,  # SDK: pulumi/dynamic/__main__.py
    "pulumi-resource-random": "the random plugin",
    "pulumi-language-python": "the language host",
    "pip list": "`pip list` of the language host",
    "stacks.commands.run": "the run command",
    "tools.prepare": "the preparations of `make`",
    "pulumi config": "`pulumi config` of the run command",
    "pulumi stack": "`pulumi stack` of the run command",
    "pulumi ": ENGINE,
}
"""What the processes of a run are, by a part of their command line; the first match counts."""
OTHERS = "`make` and its shells"

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)  # proc(5): peak resident set size, in KiB
_OWN = re.compile(r"^RssAnon:\s+(\d+) kB$", re.MULTILINE)  # proc(5): resident memory that is not of a file


@dataclass(frozen=True)
class Use:
    """What the processes of one kind used.

    Attributes:
        begin: When the first of them began, in seconds since the command did.
        end: When the last of them was last seen.
        processor: Their processor time together, in seconds.
        peak_mb: The most memory that one of them had, in 10^6 bytes.
    """

    begin: float
    end: float
    processor: float
    peak_mb: float


class Usage:
    """Polls the processes of a session as long as the block lasts; the kernel forgets them when they end."""

    def __init__(self, session: int, interval: float) -> None:
        """`interval`: seconds between two polls. What happens in between, just before a process ends, is missed."""
        self._session = session
        self._interval = interval
        self._seen: dict[int, tuple[str, Use]] = {}
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.memory_mb = 0.0
        """The most memory that all of them had at once, without that of files, in 10^6 bytes."""

    def __enter__(self) -> Usage:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def by_kind(self) -> dict[str, Use]:
        """What each kind of process used."""
        return merged([{kind: use} for kind, use in self._seen.values()])

    def _run(self) -> None:
        while not self._stop.wait(self._interval):
            memory = 0.0
            for pid in members(self._session):
                with contextlib.suppress(OSError):  # it has ended meanwhile
                    memory += self._inspect(pid, Path("/proc", str(pid)))
            self.memory_mb = max(self.memory_mb, memory)

    def _inspect(self, pid: int, folder: Path) -> float:
        """Note what the process has used; the memory that it has, in 10^6 bytes."""
        now = time.monotonic() - self._start
        command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        status = (folder / "status").read_text()
        # Behind the name in parentheses: 11 more, then ticks in user and in kernel mode (proc(5)).
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        processor = (int(fields[11]) + int(fields[12])) / TICKS
        kind, before = kind_of(command), self._seen.get(pid)
        begin = before[1].begin if before and before[0] == kind else now  # a shell may have become what it starts
        self._seen[pid] = kind, Use(begin, now, processor, _megabytes(_PEAK, status))
        return _megabytes(_OWN, status)


def kind_of(command: str) -> str:
    """What a process is, by its command line."""
    if command.startswith("/bin/sh -c "):
        return OTHERS  # a recipe of make, which names what it starts
    return next((kind for part, kind in KINDS.items() if part in command), OTHERS)


def merged(processes: Iterable[Mapping[str, Use]]) -> dict[str, Use]:
    """What the processes of each kind used together."""
    uses: dict[str, list[Use]] = {}
    for by_kind in processes:
        for kind, use in by_kind.items():
            uses.setdefault(kind, []).append(use)
    return {
        kind: Use(
            begin=min(use.begin for use in of_kind),
            end=max(use.end for use in of_kind),
            processor=sum(use.processor for use in of_kind),
            peak_mb=max(use.peak_mb for use in of_kind),
        )
        for kind, of_kind in uses.items()
    }


def _megabytes(line: re.Pattern[str], status: str) -> float:
    """The value of the line, converted from KiB to 10^6 bytes; 0 without such a line: the process is about to end."""
    found = line.search(status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0

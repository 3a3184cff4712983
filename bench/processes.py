"""Processes that the benchmark starts: each leads a session of its own, whose processes all end with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

GONE_POLL = 0.02  # seconds between polls
GONE_SECONDS = 10.0  # a killed process that exists for longer hangs in the kernel


def neutral_environment() -> dict[str, str]:
    """The environment variables, without those of the user's own cloud and backend."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("OS_") and name != "PULUMI_BACKEND_URL"
    }


def members(*sessions: int) -> list[int]:
    """The ids of all processes of these sessions, but for those that ended and that have not been waited for yet."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # Behind the name in parentheses: state, parent, group, session.
            state, _, _, its_session = file.read_text().rpartition(")")[2].split()[:4]
            if int(its_session) in sessions and state != "Z":
                found.append(int(file.parent.name))
    return found


class Children:
    """Everything that was started and has not ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        self.end_all()

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str], *, cwd: Path, environment: Mapping[str, str], output: IO[bytes] | int
    ) -> Iterator[subprocess.Popen[bytes]]:
        """A process without stdin, as long as the block lasts; then it is killed with all that it started."""
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with self._lock:
            self._started[process.pid] = process
        try:
            yield process
        finally:
            self.end(process)

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process's session. Pulumi's plugins have groups of their own, so a group would not be all."""
        until = time.monotonic() + GONE_SECONDS
        while (left := members(process.pid)) and time.monotonic() < until:
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.poll()
            time.sleep(GONE_POLL)
        process.wait()
        with self._lock:
            self._started.pop(process.pid, None)

    def end_all(self) -> None:
        """Kill them all; any wait for one of them ends."""
        with self._lock:
            started = list(self._started.values())
        for process in started:
            self.end(process)

"""A real `python -m emulator`, and a port for it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import emulator

PROJECT_FOLDER = Path(emulator.__file__).parent.parent


_reserved: list[socket.socket] = []


def free_port() -> int:
    """A free port on loopback, which the system gives to no other process while this one runs.

    On Linux, the intended server can listen there all the same, as it reuses addresses (SO_REUSEADDR).
    """
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    holder.bind(("127.0.0.1", 0))
    _reserved.append(holder)
    return int(holder.getsockname()[1])


class Process:
    """A real `python -m emulator`, up and listening."""

    def __init__(self, *options: str | Path) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "emulator", *map(str, options)],
            cwd=PROJECT_FOLDER,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert self.popen.stdout is not None
        self.first_line = self.popen.stdout.readline().rstrip("\n")
        found = re.match(r"emulator: (http://\S+) ", self.first_line)
        assert found, self.popen.communicate()
        self.url = found[1]

    def end(self) -> tuple[int, str, str]:
        """Interrupt it as a terminal would: exit code, the rest of stdout, stderr."""
        self.popen.terminate()
        # Not communicate(): it would miss what readline() has read ahead of the first line.
        assert self.popen.stdout is not None
        assert self.popen.stderr is not None
        out, err = self.popen.stdout.read(), self.popen.stderr.read()
        return self.popen.wait(timeout=20), out, err

    def kill(self) -> None:
        with self.popen:
            self.popen.kill()

"""The emulator as a process that can be killed, and started again at the same address with the same world."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import requests

from emulator.faults.plan import Fault
from tests.e2e.harness import CHECKOUT

SECONDS = 30.0  # for an answer of the emulator itself


def free_port() -> int:
    """A port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class EmulatorProcess:
    """`python -m emulator`, from the moment this is made until `end`."""

    def __init__(self, db: Path, port: int, *options: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "emulator", "--db", str(db), "--port", str(port), *options]
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(
            self._command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        assert line.startswith("emulator: "), line

    def kill(self) -> None:
        """End it as a power cut would."""
        with self._process as process:
            process.kill()

    def inject(self, faults: Sequence[Fault], seed: int = 0) -> None:
        """Have these faults from now on, and no others."""
        plan = {"seed": seed, "faults": [fault.as_document() for fault in faults]}
        requests.put(f"{self.url}/_emulator/faults", json=plan, timeout=SECONDS).raise_for_status()

    def injected(self) -> dict[str, int]:
        """How many faults there were, by kind."""
        answer = requests.get(f"{self.url}/_emulator/faults", timeout=SECONDS)
        answer.raise_for_status()
        counts: dict[str, int] = answer.json()["injected"]
        return counts

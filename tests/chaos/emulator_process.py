"""The emulator as a process that can be killed, and started again at the same address with the same cloud."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import requests

from emulator.faults.plan import Fault
from tests.emulator.process import Process

SECONDS = 30.0  # for an answer of the emulator itself


class EmulatorProcess:
    """`python -m emulator`, from the moment this is made until `kill`."""

    def __init__(self, db: Path, port: int, *options: str) -> None:
        self._options = ("--db", str(db), "--port", str(port), *options)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = Process(*self._options)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self._process.url

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()

    def stop(self) -> None:
        """Have it do nothing until `go_on`: connections are accepted still, by the kernel."""
        self._process.popen.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on where it was stopped."""
        self._process.popen.send_signal(signal.SIGCONT)

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

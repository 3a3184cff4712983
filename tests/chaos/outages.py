"""Outages in the middle of a run, for real: the run survives them without any help."""

from __future__ import annotations

import time
from typing import NamedTuple

from emulator.faults.plan import Fault
from tests.chaos.interruptions import InterruptionSite, find_problems, start_until
from tests.chaos.site import EmulatorProcess
from tests.e2e.harness import CREATE, TIMEOUT

OUTAGE = 60.0  # seconds
MIDDLE = {"create": CREATE, "change": "PUT *", "destroy": "DELETE *"}
"""By command, the call at which it is in the middle of its work."""


class Outage(NamedTuple):
    """One outage: `gone` (nothing listens), `unavailable` (every answer is a 503) or `silent` (no answers)."""

    command: str
    kind: str

    def __str__(self) -> str:
        return f"service {self.kind} for {OUTAGE:.0f} s in the middle of {self.command}"


def all_outages() -> list[Outage]:
    kinds = ("gone", "unavailable", "silent")
    return [*(Outage("create", kind) for kind in kinds), Outage("change", "gone"), Outage("destroy", "unavailable")]


class OutageSite(InterruptionSite):
    """A site for outages."""

    def survive(self, outage: Outage) -> list[str]:
        """The problems after a command with an outage."""
        with self.ready_for(outage.command) as (project, emulator):
            # Not at the first call: an endpoint that has never answered is given up soon.
            process = start_until(project, emulator, outage.command, MIDDLE[outage.command], number=5)
            _happen(emulator, outage.kind)
            output, _ = process.communicate(timeout=TIMEOUT)
            return [output] if process.returncode else find_problems(project, outage.command)


def _happen(emulator: EmulatorProcess, kind: str) -> None:
    """The outage from its beginning to its end."""
    begin, end = {
        "gone": (emulator.kill, emulator.start),
        "unavailable": (lambda: emulator.inject([Fault("error", status=503)]), lambda: emulator.inject([])),
        "silent": (emulator.suspend, emulator.resume),
    }[kind]
    # The emulator holds the hanging call itself, and would go on holding it; so that ends first.
    emulator.inject([])
    begin()
    time.sleep(OUTAGE)
    end()

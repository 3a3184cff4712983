"""Outages in the middle of a run, for real: the run rides them out without anybody's help."""

from __future__ import annotations

import time
from dataclasses import dataclass

from emulator.faults.plan import Fault
from tests.chaos.emulator_process import EmulatorProcess
from tests.chaos.interruptions import CREATE, InterruptionSite, find_problems, start_until
from tests.e2e.harness import TIMEOUT

OUTAGE = 60.0  # seconds
BEGUN = {"create": CREATE, "change": "PUT *", "destroy": "DELETE *"}
"""By scenario, the call that tells that its command is in the middle of its work."""


@dataclass(frozen=True)
class Outage:
    """One outage.

    Attributes:
        scenario: One of those of `BEGUN`.
        kind: `gone` (nobody listens), `unavailable` (all is answered with 503) or `silent` (nothing is answered).
    """

    scenario: str
    kind: str

    def __str__(self) -> str:
        return f"service {self.kind} for {OUTAGE:.0f} s in the middle of {self.scenario}"


def all_outages() -> list[Outage]:
    """All of them."""
    return [
        *(Outage("create", kind) for kind in ("gone", "unavailable", "silent")),
        Outage("change", "gone"),
        Outage("destroy", "unavailable"),
    ]


class OutageSite(InterruptionSite):
    """Where outages happen."""

    def survive(self, outage: Outage) -> list[str]:
        """What is not as it should be after the command during which the outage was."""
        with self.ready_for(outage.scenario) as (project, emulator):
            process = start_until(project, emulator, outage.scenario, BEGUN[outage.scenario])
            _happen(emulator, outage.kind)
            output, _ = process.communicate(timeout=TIMEOUT)
            if process.returncode:
                return [output]
            return find_problems(project, outage.scenario)


def _happen(emulator: EmulatorProcess, kind: str) -> None:
    """The outage from its beginning to its end."""
    if kind == "gone":
        emulator.kill()
        time.sleep(OUTAGE)
        emulator.start()
    elif kind == "unavailable":
        emulator.inject([Fault("error", status=503)])
        time.sleep(OUTAGE)
        emulator.inject([])
    else:
        # The call that hangs would hang on, for it is the emulator itself that waits; so it ends first.
        emulator.inject([])
        emulator.stop()
        time.sleep(OUTAGE)
        emulator.go_on()

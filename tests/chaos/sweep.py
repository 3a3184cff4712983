"""Kills, for real: one process of a run, at one point of it. Then what the README says puts all right."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bench.processes import members
from emulator.faults.plan import AFTER, BEFORE, Fault
from tests.chaos.emulator_process import EmulatorProcess
from tests.chaos.site import Site, left_over, world_file
from tests.chaos.wanted import DOUBLED, LOST
from tests.e2e.harness import LOGGED_IN_DEMO, QUICK, TIMEOUT, Project, World, serving

HELD = 2.0 * TIMEOUT  # seconds, far beyond what a command may take
LATENCY = "0.3"  # seconds
DEMO_USER = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PASSWORD": "flow-logs-on-loopback"}
LOOK_PAUSE = 0.02  # seconds

VICTIMS = {"provider": "providers.host", "program": "pulumi-language-python-exec"}
"""By what is killed, a part of its command line. The engine is the command itself, the emulator is ours."""

COMMANDS = {
    "create": ("up", *QUICK),
    "change": ("up", *QUICK),
    "refresh": ("refresh", *QUICK),
    "destroy": ("destroy", *QUICK),
}
CREATE, LOOK = "POST */flow-logs", "GET */flow-logs*"


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        scenario: One of `COMMANDS`.
        call: The request under way, as a glob.
        number: Which of these it is, from 0.
        when: Before or after the request took effect.
        victim: What is killed: the engine, the provider, the program, or the emulator.
    """

    scenario: str
    call: str
    number: int
    when: str
    victim: str

    def __str__(self) -> str:
        return f"{self.victim} killed {self.when} {self.call} number {self.number + 1} of {self.scenario}"


def kills() -> list[Kill]:
    """All of them."""
    calls = {
        # What the program looks up, and both sign-ins.
        ("create", ("engine", "program", "emulator"), (BEFORE,)): [
            ("POST */auth/tokens", 0),
            ("GET */instances", 0),
            ("GET */attachments", 1),
            ("GET */streams", 0),
        ],
        ("create", ("engine", "provider", "emulator"), (BEFORE,)): [("POST */auth/tokens", 1), (LOOK, 0)],
        ("create", ("engine", "provider", "program", "emulator"), (BEFORE, AFTER)): [
            (CREATE, 0),
            (CREATE, LOGGED_IN_DEMO - 1),
        ],
        ("change", ("engine", "provider", "emulator"), (BEFORE, AFTER)): [
            ("PUT *", 0),
            ("POST */disable", 1),
            ("DELETE *", 1),
            (CREATE, 0),
        ],
        ("refresh", ("engine", "provider", "emulator"), (BEFORE,)): [(LOOK, 0)],
        ("destroy", ("engine", "provider", "emulator"), (BEFORE, AFTER)): [
            ("DELETE *", 0),
            ("DELETE *", LOGGED_IN_DEMO - 1),
        ],
        ("destroy", ("engine", "provider", "emulator"), (BEFORE,)): [(LOOK, 0)],
    }
    return [
        Kill(scenario, call, number, when, victim)
        for (scenario, victims, whens), points in calls.items()
        for call, number in points
        for when in whens
        for victim in victims
    ]


class KillSite(Site):
    """Where kills happen."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, DEMO_USER, "--latency", LATENCY, project="eu-de")
        self._up = folder / "up"
        shutil.copytree(self.blank, self._up, symlinks=True)
        project = self.project(self._up)
        with self.emulator(project):
            project.up()

    def put_right(self, kill: Kill) -> list[str]:
        """What is not as it should be after the kill and what the README says to do then."""
        template = self.blank if kill.scenario == "create" else self._up
        with self.copy(template) as project, self.emulator(project) as emulator:
            if kill.scenario == "change":
                project.change_router("core", description="changed", enabled=False)
                project.change_router("edge", log_stream="er-flow-logs-archive", overrides={})
            self._run_and_kill(project, emulator, kill)
            return self._recovered(project, kill)

    def _run_and_kill(self, project: Project, emulator: EmulatorProcess, kill: Kill) -> None:
        hold = Fault("hold", calls=kill.call, skip=kill.number, times=1, when=kill.when, seconds=HELD)
        emulator.inject([hold])
        process = project.start(*COMMANDS[kill.scenario])
        deadline = time.monotonic() + TIMEOUT
        while not emulator.injected():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{kill}: it never came to this")
            time.sleep(LOOK_PAUSE)
        if kill.victim == "emulator":
            emulator.kill()
            emulator.start()
        else:
            _kill(process, kill.victim)
            emulator.inject([])
        process.communicate(timeout=TIMEOUT)

    def _recovered(self, project: Project, kill: Kill) -> list[str]:
        if kill.victim == "engine":
            project.recover()
        elif kill.scenario != "destroy":
            project.up("--refresh")
        if kill.scenario == "destroy":
            project.destroy()
        with serving(world_file(project)) as world:
            return _wrong(project, world, expected=0 if kill.scenario == "destroy" else LOGGED_IN_DEMO)


def _kill(process: Popen[str], victim: str) -> None:
    if victim == "engine":
        process.kill()
        return
    for pid in members(process.pid):
        with contextlib.suppress(OSError):
            if VICTIMS[victim] in Path("/proc", str(pid), "cmdline").read_text():
                os.kill(pid, signal.SIGKILL)


def _wrong(project: Project, world: World, *, expected: int) -> list[str]:
    """What is lost, doubled or left to do."""
    there = world.flow_logs()
    targets = [(one["resource_id"], one["log_group_id"], one["log_stream_id"]) for one in there.values()]
    found = left_over(project, there.keys())
    found += [f"{DOUBLED}: {target}" for target in set(targets) if targets.count(target) > 1]
    if len(there) != expected:
        found.append(f"{LOST}: there are {len(there)} flow logs, not {expected}")
    if expected and not (preview := project.pulumi("preview", "--expect-no-changes", "--suppress-progress")).ok:
        found.append(f"left to do: {preview.output}")
    return found

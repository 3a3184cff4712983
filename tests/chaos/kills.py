"""Kills, for real: one process of a run, at one point of it; then the recovery that the README describes."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from bench.processes import members
from emulator.faults.plan import AFTER, BEFORE
from tests.chaos.interruptions import READ, InterruptionSite, find_problems, start_until
from tests.e2e.harness import CREATE, DEMO_FLOW_LOGS, TIMEOUT, Project

VICTIMS = {"provider": "providers.host", "program": "pulumi-language-python-exec"}
"""By victim, a part of its command line. The engine is the command itself; the emulator is a process of the tests."""


@dataclass(frozen=True)
class Kill:
    """One kill.

    Attributes:
        command: One of `COMMANDS`.
        call: The request under way, as a glob.
        number: Which of these it is, from 0.
        when: Before or after the request took effect.
        victim: The process that is killed: the engine, the provider, the program, or the emulator.
    """

    command: str
    call: str
    number: int
    when: str
    victim: str

    def __str__(self) -> str:
        return f"{self.victim} killed {self.when} {self.call} number {self.number + 1} of {self.command}"


def all_kills() -> list[Kill]:
    """All kills of `make chaos`."""
    calls = {
        # The requests of the program, and both sign-ins.
        ("create", ("engine", "program", "emulator"), (BEFORE,)): [
            ("POST */auth/tokens", 0),
            ("GET */instances", 0),
            ("GET */attachments", 1),
            ("GET */streams", 0),
        ],
        # The first two reads are those of the program.
        ("create", ("engine", "provider", "emulator"), (BEFORE,)): [("POST */auth/tokens", 1), (READ, 2)],
        ("create", ("engine", "provider", "program", "emulator"), (BEFORE, AFTER)): [
            (CREATE, 0),
            (CREATE, DEMO_FLOW_LOGS - 1),
            ("POST */groups", 0),
            ("POST */streams", 0),
            ("POST */streams", 1),
        ],
        ("change", ("engine", "provider", "emulator"), (BEFORE, AFTER)): [
            ("PUT */flow-logs/*", 0),
            ("POST */groups/*", 0),
            ("PUT */streams-ttl/*", 0),
            ("DELETE */streams/*", 0),
            ("POST */disable", 1),
            ("DELETE */flow-logs/*", 1),
            (CREATE, 0),
        ],
        ("refresh", ("engine", "provider", "emulator"), (BEFORE,)): [(READ, 0)],
        ("destroy", ("engine", "provider", "emulator"), (BEFORE, AFTER)): [
            ("DELETE */flow-logs/*", 0),
            ("DELETE */flow-logs/*", DEMO_FLOW_LOGS - 1),
            ("DELETE */streams/*", 1),
            ("DELETE */groups/*", 0),
        ],
        ("destroy", ("engine", "provider", "emulator"), (BEFORE,)): [(READ, 0)],
    }
    return [
        Kill(command, call, number, when, victim)
        for (command, victims, whens), points in calls.items()
        for call, number in points
        for when in whens
        for victim in victims
    ]


class KillSite(InterruptionSite):
    """A site for kills."""

    def recover_from(self, kill: Kill) -> list[str]:
        """The problems after a kill and the recovery that the README describes."""
        with self.ready_for(kill.command) as (project, emulator):
            process = start_until(project, emulator, kill.command, kill.call, number=kill.number, when=kill.when)
            if kill.victim == "emulator":
                emulator.kill()
                emulator.start()
            else:
                kill_process(process, kill.victim)
                emulator.inject([])
            process.communicate(timeout=TIMEOUT)
            _recover(project, kill)
            return find_problems(project, kill.command)


def _recover(project: Project, kill: Kill) -> None:
    if kill.victim == "engine":
        project.recover()
    elif kill.command != "destroy":
        project.up("--refresh")
    if kill.command == "destroy":
        project.destroy()


def kill_process(process: Popen[str], victim: str) -> None:
    """Kill a process of the command that was started."""
    if victim == "engine":
        process.kill()
        return
    killed = 0
    for pid in members(process.pid):
        with contextlib.suppress(OSError):
            if VICTIMS[victim] in Path("/proc", str(pid), "cmdline").read_text():
                os.kill(pid, signal.SIGKILL)
                killed += 1
    assert killed, f"no process of the {victim} was found"

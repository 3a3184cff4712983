"""Where things go wrong for the real `pulumi`: projects, and an emulator in a process that can be killed."""

from __future__ import annotations

import contextlib
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import requests

from bench.emulator_process import DOMAIN, PASSWORD, PROJECT, USER
from emulator.faults.plan import Fault
from tests.chaos.desired import find_strays
from tests.e2e.harness import Project
from tests.emulator.process import Process, free_port

SECONDS = 30.0  # for an answer of the emulator itself
BENCH_USER = {"OS_USERNAME": USER, "OS_USER_DOMAIN_NAME": DOMAIN, "OS_PASSWORD": PASSWORD, "OS_PROJECT_NAME": PROJECT}
"""Credentials for the clouds of `bench`."""


class EmulatorProcess:
    """`python -m emulator`. After a kill it can be started again, at the same address with the same database."""

    def __init__(self, db: Path, port: int, *options: str) -> None:
        self._options = ("--strict", "--db", str(db), "--port", str(port), *options)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = Process(*self._options)

    def kill(self) -> None:
        self._process.kill()

    def suspend(self) -> None:
        """Suspend it until `resume`: the kernel still accepts connections."""
        self._process.popen.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.popen.send_signal(signal.SIGCONT)

    def inject(self, faults: Sequence[Fault], seed: int = 0) -> None:
        """Inject these faults from now on, and no others."""
        plan = {"seed": seed, "faults": [fault.as_document() for fault in faults]}
        requests.put(f"{self._process.url}/_emulator/faults", json=plan, timeout=SECONDS).raise_for_status()

    def injected(self) -> dict[str, int]:
        """The number of faults since then, by kind."""
        answer = requests.get(f"{self._process.url}/_emulator/faults", timeout=SECONDS)
        answer.raise_for_status()
        counts: dict[str, int] = answer.json()["injected"]
        return counts


class Site:
    """Projects, one after the other, each a copy of one with an empty stack.

    All use one port, since the state has the emulator's address.
    """

    def __init__(self, folder: Path, credentials: Mapping[str, str], *emulator_options: str, **config: Any) -> None:
        """Create the first project.

        Args:
            folder: An empty folder.
            credentials: Environment variables.
            emulator_options: Command-line options of the emulator.
            config: The values of the stack file that differ from those of the stack `local`.
        """
        self._folder = folder
        self._credentials = credentials
        self._port = free_port()
        self._options = emulator_options
        self._number = 0
        self.blank = folder / "blank"
        project = Project.create(self.blank)
        project.change_config(endpoint=f"http://127.0.0.1:{self._port}", **config)

    @contextlib.contextmanager
    def copy(self, template: Path) -> Iterator[Project]:
        """A project for the length of the block."""
        self._number += 1
        directory = self._folder / str(self._number)
        shutil.copytree(template, directory, symlinks=True)
        project = self.project(directory)
        try:
            yield project
        finally:
            project.end()
            shutil.rmtree(directory, ignore_errors=True)

    def project(self, directory: Path) -> Project:
        """The project in a folder."""
        project = Project.at(directory)
        project.environment |= self._credentials
        return project

    @contextlib.contextmanager
    def emulator(self, project: Project) -> Iterator[EmulatorProcess]:
        """The emulator of a project."""
        emulator = EmulatorProcess(database_file(project), self._port, *self._options)
        try:
            yield emulator
        finally:
            emulator.kill()


def find_unfinished(project: Project, in_cloud: Set[str]) -> list[str]:
    """The differences between the project's flow logs in the cloud and its state, and pending operations."""
    found = find_strays(in_cloud, project.flow_logs().keys())
    if pending := project.state().get("pending_operations"):
        found.append(f"{len(pending)} operations are pending")
    return found


def database_file(project: Project) -> Path:
    """The file of a project's emulator."""
    return project.directory / "cloud.db"

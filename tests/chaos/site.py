"""Where things go wrong for the real `pulumi`: projects on an emulator that is a process of its own."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import Any

from tests.chaos.desired import find_strays
from tests.chaos.emulator_process import EmulatorProcess
from tests.e2e.harness import Project
from tests.emulator.process import free_port


class Site:
    """Projects, one after the other, each a copy of one in which nothing is up.

    All use one port, for the state remembers the address.
    """

    def __init__(self, folder: Path, credentials: Mapping[str, str], *emulator_options: str, **config: Any) -> None:
        """Make the first project.

        Args:
            folder: An empty one.
            credentials: Environment variables.
            emulator_options: Command-line options of the emulator.
            config: What the stack file says, as far as it differs from that of the stack `local`.
        """
        self._folder = folder
        self._credentials = credentials
        self._port = free_port()
        self._options = emulator_options
        self._number = 0
        self.blank = folder / "blank"
        self.blank.mkdir()
        project = Project.create(self.blank)
        project.change_config(endpoint=f"http://127.0.0.1:{self._port}", **config)

    @contextlib.contextmanager
    def copy(self, template: Path) -> Iterator[Project]:
        """A project, as long as the block lasts."""
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
        """The emulator of a project's cloud."""
        emulator = EmulatorProcess(database_file(project), self._port, *self._options)
        try:
            yield emulator
        finally:
            emulator.kill()


def find_unfinished(project: Project, there: Set[str]) -> list[str]:
    """What does not fit together of these flow logs, which are the project's, and its state."""
    found = find_strays(there, project.flow_logs().keys())
    if pending := project.state().get("pending_operations"):
        found.append(f"{len(pending)} operations are pending")
    return found


def database_file(project: Project) -> Path:
    """Where a project's cloud is kept."""
    return project.directory / "cloud.db"

"""Fixtures of the end-to-end tests: the real `pulumi` against the emulator."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import Project, World, serving


@pytest.fixture(scope="session", autouse=True)
def _the_cli_is_there() -> None:
    if not shutil.which("pulumi"):
        pytest.fail("there is no pulumi on PATH: run these tests with `make test`")


@pytest.fixture(scope="session")
def blank_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project in which nothing is ever done."""
    directory = tmp_path_factory.mktemp("blank")
    Project.make(directory)
    return directory


@pytest.fixture(scope="session")
def up_project(tmp_path_factory: pytest.TempPathFactory, blank_project: Path) -> Path:
    """The folder of a project that was put up once."""
    directory = tmp_path_factory.mktemp("up")
    Project.make(directory, copying=blank_project).up()
    return directory


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project whose stack `local` uses the embedded emulator with the demo world.

    Nothing is up yet, or all is in tests marked `up`; what was done to get there was done once and is copied.
    """
    start = "up_project" if request.node.get_closest_marker("up") else "blank_project"
    directory = tmp_path / "project"
    directory.mkdir()
    project = Project.make(directory, copying=request.getfixturevalue(start))
    yield project
    project.end()


@pytest.fixture
def world(project: Project) -> Iterator[World]:
    """The world of the project's embedded emulator, for looking at and for changing by hand."""
    with serving(project.database) as world:
        yield world


@pytest.fixture
def slow_world(project: Project) -> Iterator[World]:
    """A standalone emulator whose flow logs take a while, used by the project in place of the embedded one."""
    with serving(project.directory / "slow.db", latency=3.0) as world:
        project.use(world)
        yield world


@pytest.fixture
def standalone(project: Project) -> Iterator[World]:
    """An emulator that the stack reaches by its address; its stack file has everything but credentials."""
    with serving(project.directory / "standalone.db", latency=0.2) as world:
        project.change_config(endpoint=world.server.url, project="eu-de")
        yield world

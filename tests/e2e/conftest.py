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


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose stack `local` uses the embedded emulator with the demo world; nothing is up yet."""
    directory = tmp_path / "project"
    directory.mkdir()
    return Project.make(directory)


@pytest.fixture
def world(project: Project) -> Iterator[World]:
    """The world of the project's embedded emulator, for looking at and for changing by hand."""
    yield from serving(project.database)

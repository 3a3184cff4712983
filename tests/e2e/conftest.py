"""Fixtures of the end-to-end tests: the real `pulumi` against the emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from tests.e2e import harness
from tests.e2e.harness import CHECKOUT, FOREVER, Cloud, Project, make_checkout, serving
from tools.cache import make_once

PIP_LIST = ("list", "-v", "--format", "json")


class CreateOnce(Protocol):
    """Returns a folder that one of pytest's workers fills for all of them."""

    def __call__(self, name: str, fill: Callable[[Path], object]) -> Path: ...


@pytest.fixture(scope="session", autouse=True)
def _the_cli_is_there() -> None:
    if not shutil.which("pulumi"):
        pytest.fail("there is no pulumi on PATH: run these tests with `make test`")


@pytest.fixture(scope="session")
def create_once(tmp_path_factory: pytest.TempPathFactory) -> CreateOnce:
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return lambda name, fill: make_once(shared / name, Path.is_dir, fill)


@pytest.fixture(scope="session")
def listed_packages(create_once: CreateOnce) -> Path:
    """A folder for PYTHONPATH, with a pip that only prints, at once, which packages are installed.

    The language host runs `pip list` in each command, which takes a fifth of its time.
    """

    def fill(folder: Path) -> None:
        command = [str(CHECKOUT / ".venv" / "bin" / "python"), "-m", "pip", *PIP_LIST]
        packages = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        program = f"import sys\nassert sys.argv[1:] == {list(PIP_LIST)!r}, sys.argv\nprint({packages!r})\n"
        (folder / "pip").mkdir()
        (folder / "pip" / "__init__.py").touch()
        (folder / "pip" / "__main__.py").write_text(program)

    return create_once("listed", fill)


@pytest.fixture(scope="session", autouse=True)
def _share_settings(listed_packages: Path) -> Iterator[None]:
    """Commands of tests skip what would be the same each time; commands of `make`, in tests too, do everything."""
    path = os.pathsep.join(filter(None, [str(listed_packages), os.environ.get("PYTHONPATH")]))
    # The engine leaves too little garbage for collections to be worth their time.
    harness.shared_settings |= {"PYTHONPATH": path, "GOGC": "off", "GOMEMLIMIT": "500MiB"}
    yield
    harness.shared_settings.clear()


@pytest.fixture(scope="session")
def blank_project(_share_settings: None, create_once: CreateOnce) -> Path:
    """The folder of a project with an empty stack; no test changes it."""
    return create_once("blank", Project.create)


@pytest.fixture(scope="session")
def up_project(create_once: CreateOnce, blank_project: Path) -> Path:
    """The folder of a project after its first `up`; no test changes it."""
    return create_once("up", lambda folder: Project.create(folder, copying=blank_project).up())


@pytest.fixture
def template(request: pytest.FixtureRequest) -> Path:
    """The project that the test's own project is a copy of."""
    folder: Path = request.getfixturevalue("up_project" if request.node.get_closest_marker("up") else "blank_project")
    return folder


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Iterator[Project]:
    """A project whose stack `local` uses the embedded emulator with the demo cloud.

    Its stack is empty; in tests marked `up` it has had its first `up`.
    """
    project = Project.create(tmp_path / "project", copying=template)
    yield project
    project.end()


@pytest.fixture
def cloud(project: Project) -> Iterator[Cloud]:
    """The cloud of the project's embedded emulator."""
    with serving(project.database) as cloud:
        yield cloud


@pytest.fixture
def stuck_cloud(project: Project) -> Iterator[Cloud]:
    """A standalone emulator, which the project uses, and which completes no operation until a test asks for it."""
    with serving(project.directory / "stuck.db", latency=FOREVER) as cloud:
        project.use_cloud(cloud)
        yield cloud


@pytest.fixture
def standalone(project: Project) -> Iterator[Cloud]:
    """An emulator that the stack reaches by its address; its stack file has everything except credentials."""
    with serving(project.directory / "standalone.db", latency=0.2) as cloud:
        project.change_config(endpoint=cloud.server.url, project="eu-de")
        yield cloud


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the files of this one, all committed; its virtual environment is this one's."""
    make_checkout(tmp_path / "checkout")
    return tmp_path / "checkout"

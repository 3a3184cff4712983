"""Fixtures of the end-to-end tests: the real `pulumi` against the emulator."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc

from tests.e2e import harness
from tests.e2e.harness import CHECKOUT, FOREVER, Cloud, Project, serving
from tools.cache import make_once
from tools.offline.random_plugin.servicer import RandomUuidServicer

PIP_LIST = ("list", "-v", "--format", "json")


@pytest.fixture(scope="session", autouse=True)
def _the_cli_is_there() -> None:
    if not shutil.which("pulumi"):
        pytest.fail("there is no pulumi on PATH: run these tests with `make test`")


def create_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that one of pytest's workers fills for all of them."""
    base = factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return make_once(shared / name, Path.is_dir, make)


@pytest.fixture(scope="session")
def listed_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH, with a pip that only knows, and says at once, which packages there are.

    The language host asks in each command, which takes a fifth of it.
    """

    def make(folder: Path) -> None:
        command = [str(CHECKOUT / ".venv" / "bin" / "python"), "-m", "pip", *PIP_LIST]
        packages = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        program = f"import sys\nassert sys.argv[1:] == {list(PIP_LIST)!r}, sys.argv\nprint({packages!r})\n"
        (folder / "pip").mkdir()
        (folder / "pip" / "__init__.py").touch()
        (folder / "pip" / "__main__.py").write_text(program)

    return create_once(tmp_path_factory, "listed", make)


class _Attachable(RandomUuidServicer):
    """The stand-in random plugin, which an engine may find running."""

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()


@pytest.fixture(scope="session")
def random_plugin() -> Iterator[int | None]:
    """The port of a stand-in random plugin that all commands share; none if the CLI has the real one."""
    if not shutil.which("pulumi-resource-random"):
        yield None
        return
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_Attachable(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield port
    server.stop(None)


@pytest.fixture(scope="session", autouse=True)
def _commands_are_spared(listed_packages: Path, random_plugin: int | None) -> Iterator[None]:
    """Commands of tests do not do again what would be the same each time; those of `make`, in tests too, do it all."""
    harness.shared_settings["PYTHONPATH"] = os.pathsep.join(
        filter(None, [str(listed_packages), os.environ.get("PYTHONPATH")])
    )
    # Too little is left behind for the engine to collect any of it.
    harness.shared_settings |= {"GOGC": "off", "GOMEMLIMIT": "500MiB"}
    if random_plugin:
        harness.shared_settings["PULUMI_DEBUG_PROVIDERS"] = f"random:{random_plugin}"
    yield
    harness.shared_settings.clear()


@pytest.fixture(scope="session")
def blank_project(_commands_are_spared: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a project in which nothing is ever done."""

    def make(folder: Path) -> None:
        Project.create(folder)

    return create_once(tmp_path_factory, "blank", make)


@pytest.fixture(scope="session")
def up_project(tmp_path_factory: pytest.TempPathFactory, blank_project: Path) -> Path:
    """The folder of a project that was put up once."""

    def make(folder: Path) -> None:
        Project.create(folder, copying=blank_project).up()

    return create_once(tmp_path_factory, "up", make)


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    """A project whose stack `local` uses the embedded emulator with the demo cloud.

    Nothing is up yet, or all is in tests marked `up`; what was done to get there was done once and is copied.
    """
    start = "up_project" if request.node.get_closest_marker("up") else "blank_project"
    directory = tmp_path / "project"
    directory.mkdir()
    project = Project.create(directory, copying=request.getfixturevalue(start))
    yield project
    project.end()


@pytest.fixture
def cloud(project: Project) -> Iterator[Cloud]:
    """The cloud of the project's embedded emulator, for looking at and for changing by hand."""
    with serving(project.database) as cloud:
        yield cloud


@pytest.fixture
def stuck_cloud(project: Project) -> Iterator[Cloud]:
    """A standalone emulator, in place of the project's embedded one, in which nothing is done until a test says so."""
    with serving(project.directory / "stuck.db", latency=FOREVER) as cloud:
        project.use_cloud(cloud)
        yield cloud


@pytest.fixture
def standalone(project: Project) -> Iterator[Cloud]:
    """An emulator that the stack reaches by its address; its stack file has everything but credentials."""
    with serving(project.directory / "standalone.db", latency=0.2) as cloud:
        project.change_config(endpoint=cloud.server.url, project="eu-de")
        yield cloud

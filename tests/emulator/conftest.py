"""What the tests of the emulator share: a seeded file, servers on it, and processes, all gone afterwards."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

import emulator
from emulator import Behaviour, Server
from emulator.store import Store
from providers.er import transport
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient
from tests.emulator.process import PROJECT_FOLDER, Process

INSTANT = Behaviour(latency=0)
AS_SHIPPED = transport.ANSWER_GRACE


@pytest.fixture(autouse=True)
def answered_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is under way when an operation is to stop is answered, however busy the machine is."""
    monkeypatch.setattr(transport, "ANSWER_GRACE", 30.0)


@pytest.fixture
def answered_late(answered_in_time: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is waited for longer than people wait."""
    monkeypatch.setattr(transport, "ANSWER_GRACE", AS_SHIPPED)


@pytest.fixture
def collected_later() -> Iterator[None]:
    """For what is nested without end: a finalizer run where the stack ends fails, and pytest fails the test for it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that holds the world of the test seed; copied, never used."""
    path = tmp_path_factory.mktemp("seeded") / "emulator.db"
    Store(path, seed_file=SEED).close()
    return path


@pytest.fixture
def db(seeded: Path, tmp_path: Path) -> Path:
    """A seeded file of a test's own."""
    return Path(shutil.copy(seeded, tmp_path / "emulator.db"))


@pytest.fixture
def serve(db: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on the test's file, closed at the end whatever happens: `serve(Behaviour(...))`."""
    with ExitStack() as stack:

        def start(behaviour: Behaviour = INSTANT, *, path: Path = db) -> Server:
            return stack.enter_context(emulator.serve(path, behaviour=behaviour))

        yield start


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    """A server on the test's file on which everything is done at once."""
    return serve()


@pytest.fixture
def client(server: Server) -> PlainClient:
    return PlainClient.of(server)


@pytest.fixture
def run_emulator() -> Iterator[Callable[..., Process]]:
    """Run `python -m emulator` with options; what still runs at the end of the test is killed."""
    started: list[Process] = []

    def run(*options: str | Path) -> Process:
        started.append(Process(*options))
        return started[-1]

    yield run
    for process in started:
        process.kill()


@pytest.fixture
def command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a module of the emulator to its end: `command("emulator.world", ...)`."""

    def run(module: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=PROJECT_FOLDER,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    return run

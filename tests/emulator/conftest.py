"""What the tests of the emulator share: a seeded file, servers on it, and processes, all gone afterwards."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

import emulator
from emulator import Behaviour, Server
from emulator.store import Store
from providers.er import Client, background
from tests.emulator.clients import client_of
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient
from tests.emulator.process import PROJECT_FOLDER, Process, free_port
from tests.emulator.scripted_server import QuickTime, ScriptedServer, ServerFactory, Step
from tests.emulator.timeline import Timeline

INSTANT = Behaviour(latency=0)
DEFAULT_GRACE = background.ANSWER_GRACE


@pytest.fixture(autouse=True)
def long_answer_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call under way when its operation is to stop is answered, however busy the machine is."""
    monkeypatch.setattr(background, "ANSWER_GRACE", 30.0)


@pytest.fixture
def default_answer_grace(long_answer_grace: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call under way when its operation is to stop has as little time as users give it."""
    monkeypatch.setattr(background, "ANSWER_GRACE", DEFAULT_GRACE)


@pytest.fixture
def no_garbage_collection() -> Iterator[None]:
    """For deeply nested JSON: a finalizer that runs where the stack ends fails, and pytest fails the test for it."""
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
def timeline(db: Path) -> Iterator[Timeline]:
    """A store on the test's file, on a clock that the test sets."""
    with closing(Timeline(db)) as opened:
        yield opened


@pytest.fixture
def serve(db: Path) -> Iterator[Callable[..., Server]]:
    """Start servers on the test's file, closed at the end whatever happens: `serve(Behaviour(...))`. They are strict:
    what the client sends by mistake is refused."""
    with ExitStack() as stack:

        def start(behaviour: Behaviour = INSTANT, *, path: Path = db) -> Server:
            return stack.enter_context(emulator.serve(path, behaviour=replace(behaviour, strict=True)))

        yield start


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    """A server on the test's file on which everything is done at once."""
    return serve()


@pytest.fixture
def er(server: Server) -> Client:
    """A client of the test's server."""
    return client_of(server)


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


@pytest.fixture
def scripted() -> Iterator[ServerFactory]:
    """Start servers that follow a script, stopped after the test: `scripted(Answer(…), OK)`."""
    servers: list[ScriptedServer] = []

    def make(*script: Step, port: int = 0) -> ScriptedServer:
        servers.append(ScriptedServer(script, port))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def time() -> QuickTime:
    return QuickTime()


@pytest.fixture
def unused_port() -> int:
    """A port on which no server listens."""
    return free_port()

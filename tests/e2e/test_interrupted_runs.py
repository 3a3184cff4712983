"""Runs that end in the middle: what exists stays in state or is found again, and is never there twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.chaos import kills
from tests.e2e.harness import (
    CHECKOUT,
    DEMO_FLOW_LOGS,
    QUICK,
    TIMEOUT,
    Cloud,
    Project,
    assert_converged,
    assert_same_flow_logs,
)


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for the condition while the process runs; a minute is for ever."""
    deadline = time.monotonic() + TIMEOUT / 2
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"this never happened:\n{process.communicate(timeout=TIMEOUT)[0]}")
        time.sleep(0.05)


def kill_while_creating(project: Project, cloud: Cloud) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(cloud.flow_logs()) == DEMO_FLOW_LOGS, process)
    project.kill_engine(process)
    assert {flow_log["state"] for flow_log in cloud.flow_logs().values()} == {"pending"}
    cloud.restart_without_latency()
    project.use_cloud(cloud)


def test_a_process_ends_with_the_one_that_started_it() -> None:
    code = (
        "import os, time; from providers import parent; parent.exit_with_parent(os.getppid()); print('on', flush=True)"
    )
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code + '; time.sleep(60)'!r}])"
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "on\n"
    process.kill()
    # The one that it started had the output open too.
    process.communicate(timeout=30)


def test_creates_that_were_killed_are_found_though_the_stack_file_says_something_else_by_then(
    project: Project, stuck_cloud: Cloud
) -> None:
    kill_while_creating(project, stuck_cloud)
    kept = stuck_cloud.flow_log_of("vpc-shop")["id"]
    project.change_router("core", attachments=["vpc-shop"], name="renamed-{attachment}", enabled=False)
    project.change_router("edge", log_stream="er-flow-logs-archive", overrides={})
    project.change_config(max_deletes=5)

    project.recover()

    shop = stuck_cloud.flow_log_of("vpc-shop")
    assert (shop["id"], shop["name"], shop["enabled"]) == (kept, "renamed-vpc-shop-e4ec9862", False)
    assert len(stuck_cloud.flow_logs()) == 5
    assert_converged(project, stuck_cloud)


@pytest.mark.acceptance
def test_a_first_run_that_was_killed_is_recovered_under_another_key(project: Project, stuck_cloud: Cloud) -> None:
    kill_while_creating(project, stuck_cloud)
    before = stuck_cloud.flow_logs().keys()
    routers = project.config()["routers"]
    project.change_config(routers={"kern": routers["core"], "edge": routers["edge"]})

    project.recover()

    assert stuck_cloud.flow_logs().keys() == before
    assert stuck_cloud.flow_log_of("vpc-shop")["name"] == "kern-vpc-shop-e4ec9862"
    assert_converged(project, stuck_cloud)


@pytest.mark.acceptance
def test_what_was_killed_and_then_not_recovered_but_overwritten_can_be_recovered_still(
    project: Project, stuck_cloud: Cloud
) -> None:
    kill_while_creating(project, stuck_cloud)
    project.expect_ok("cancel", "--yes")
    project.up("--refresh")
    # The engine has made the same resources, and has the creates that were killed in the state still.
    assert project.state()["pending_operations"]

    project.recover()

    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, stuck_cloud)


def kill_the_provider_while_creating(project: Project, cloud: Cloud) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(cloud.flow_logs()) == DEMO_FLOW_LOGS, process)
    kills.kill_process(process, "provider")
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0, output
    assert project.flow_logs() == {}
    cloud.restart_without_latency()
    project.use_cloud(cloud)


def test_what_a_killed_provider_was_creating_is_not_forgotten_when_nobody_wants_it_any_more(
    project: Project, stuck_cloud: Cloud
) -> None:
    kill_the_provider_while_creating(project, stuck_cloud)
    project.change_router("core", attachments=["vpc-shop"])
    project.change_config(max_deletes=5)

    output = project.expect_error("up", *QUICK)

    assert (
        "interrupted while it created flow logs that the stack file no longer wants (5): run `make recover` first"
        in output
    )
    project.recover()
    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS - 5
    assert_same_flow_logs(project, stuck_cloud)


@pytest.mark.acceptance
def test_what_a_killed_provider_was_creating_is_found_by_the_next_up(project: Project, stuck_cloud: Cloud) -> None:
    kill_the_provider_while_creating(project, stuck_cloud)
    made = stuck_cloud.flow_logs().keys()

    project.up()

    assert stuck_cloud.flow_logs().keys() == made
    assert not any(project.creating.iterdir())
    assert_converged(project, stuck_cloud)


@pytest.mark.acceptance
def test_dying_between_create_and_disable_leaves_what_the_next_up_finishes(
    project: Project, stuck_cloud: Cloud
) -> None:
    project.change_router("core", enabled=False)
    project.change_router("edge", enabled=False)
    process = project.start("up", *QUICK)
    until(lambda: len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS, process)
    stuck_cloud.complete_operations()
    until(lambda: any(one["state"] == "modifying" for one in stuck_cloud.flow_logs().values()), process)
    project.kill_engine(process)
    before = stuck_cloud.flow_logs().keys()
    stuck_cloud.restart_without_latency()
    project.use_cloud(stuck_cloud)

    project.recover()

    assert stuck_cloud.flow_logs().keys() == before
    assert {flow_log["enabled"] for flow_log in stuck_cloud.flow_logs().values()} == {False}
    assert_converged(project, stuck_cloud)


def test_a_create_that_fails_half_way_stays_in_state_and_is_replaced(project: Project, stuck_cloud: Cloud) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS, process)
    failing = stuck_cloud.flow_log_of("vpc-shop")["id"]
    stuck_cloud.server.store.set_flow_log_state(failing, "failed")
    stuck_cloud.complete_operations()
    output, _ = process.communicate(timeout=TIMEOUT)

    assert process.returncode != 0
    assert f"({failing}) exists but is not as wanted yet: flow log {failing} went to state failed" in output
    assert "Traceback" not in output
    assert project.flow_logs()[failing]["initErrors"]

    stuck_cloud.restart_without_latency()
    project.use_cloud(stuck_cloud)
    assert "1 replaced" in project.up()
    assert failing not in stuck_cloud.flow_logs()
    assert_same_flow_logs(project, stuck_cloud)

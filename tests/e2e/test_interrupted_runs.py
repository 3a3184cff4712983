"""Runs that end in the middle: what exists stays in state or is found again, and is never there twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.chaos import sweep
from tests.e2e.harness import CHECKOUT, LOGGED_IN_DEMO, QUICK, TIMEOUT, Project, World, agree, same_flow_logs


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for the condition while the process runs; a minute is for ever."""
    deadline = time.monotonic() + TIMEOUT / 2
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"this never happened:\n{process.communicate(timeout=TIMEOUT)[0]}")
        time.sleep(0.05)


def kill_while_creating(project: Project, world: World) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(world.flow_logs()) == LOGGED_IN_DEMO, process)
    project.kill(process)
    assert {flow_log["state"] for flow_log in world.flow_logs().values()} == {"pending"}
    world.hurry()
    project.use(world)


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
    project: Project, stuck_world: World
) -> None:
    kill_while_creating(project, stuck_world)
    kept = stuck_world.flow_log_of("vpc-shop")["id"]
    project.change_router("core", attachments=["vpc-shop"], name="renamed-{attachment}", enabled=False)
    project.change_router("edge", log_stream="er-flow-logs-archive", overrides={})
    project.change_config(max_deletes=5)

    project.recover()

    shop = stuck_world.flow_log_of("vpc-shop")
    assert (shop["id"], shop["name"], shop["enabled"]) == (kept, "renamed-vpc-shop-e4ec9862", False)
    assert len(stuck_world.flow_logs()) == 5
    agree(project, stuck_world)


@pytest.mark.acceptance
def test_a_first_run_that_was_killed_is_recovered_under_another_key(project: Project, stuck_world: World) -> None:
    kill_while_creating(project, stuck_world)
    before = stuck_world.flow_logs().keys()
    routers = project.config()["routers"]
    project.change_config(routers={"kern": routers["core"], "edge": routers["edge"]})

    project.recover()

    assert stuck_world.flow_logs().keys() == before
    assert stuck_world.flow_log_of("vpc-shop")["name"] == "kern-vpc-shop-e4ec9862"
    agree(project, stuck_world)


@pytest.mark.acceptance
def test_what_was_killed_and_then_not_recovered_but_overwritten_can_be_recovered_still(
    project: Project, stuck_world: World
) -> None:
    kill_while_creating(project, stuck_world)
    project.ok("cancel", "--yes")
    project.up("--refresh")
    # The engine has made the same resources, and has the creates that were killed in the state still.
    assert project.state()["pending_operations"]

    project.recover()

    assert len(stuck_world.flow_logs()) == LOGGED_IN_DEMO
    same_flow_logs(project, stuck_world)


def kill_the_provider_while_creating(project: Project, world: World) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(world.flow_logs()) == LOGGED_IN_DEMO, process)
    sweep.kill_one(process, "provider")
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0, output
    assert project.flow_logs() == {}
    world.hurry()
    project.use(world)


def test_what_a_killed_provider_was_creating_is_not_forgotten_when_nobody_wants_it_any_more(
    project: Project, stuck_world: World
) -> None:
    kill_the_provider_while_creating(project, stuck_world)
    project.change_router("core", attachments=["vpc-shop"])
    project.change_config(max_deletes=5)

    output = project.refused("up", *QUICK)

    assert (
        "interrupted while it created flow logs that the stack file no longer wants (5): run `make recover` first"
        in output
    )
    project.recover()
    assert len(stuck_world.flow_logs()) == LOGGED_IN_DEMO - 5
    same_flow_logs(project, stuck_world)


@pytest.mark.acceptance
def test_what_a_killed_provider_was_creating_is_found_by_the_next_up(project: Project, stuck_world: World) -> None:
    kill_the_provider_while_creating(project, stuck_world)
    made = stuck_world.flow_logs().keys()

    project.up()

    assert stuck_world.flow_logs().keys() == made
    assert not any(project.creating.iterdir())
    agree(project, stuck_world)


@pytest.mark.acceptance
def test_dying_between_create_and_disable_leaves_what_the_next_up_finishes(
    project: Project, stuck_world: World
) -> None:
    project.change_router("core", enabled=False)
    project.change_router("edge", enabled=False)
    process = project.start("up", *QUICK)
    until(lambda: len(stuck_world.flow_logs()) == LOGGED_IN_DEMO, process)
    stuck_world.finish()
    until(lambda: any(one["state"] == "modifying" for one in stuck_world.flow_logs().values()), process)
    project.kill(process)
    before = stuck_world.flow_logs().keys()
    stuck_world.hurry()
    project.use(stuck_world)

    project.recover()

    assert stuck_world.flow_logs().keys() == before
    assert {flow_log["enabled"] for flow_log in stuck_world.flow_logs().values()} == {False}
    agree(project, stuck_world)


def test_a_create_that_fails_half_way_stays_in_state_and_is_replaced(project: Project, stuck_world: World) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(stuck_world.flow_logs()) == LOGGED_IN_DEMO, process)
    failing = stuck_world.flow_log_of("vpc-shop")["id"]
    stuck_world.server.store.set_flow_log_state(failing, "failed")
    stuck_world.finish()
    output, _ = process.communicate(timeout=TIMEOUT)

    assert process.returncode != 0
    assert f"({failing}) exists but is not as declared yet: flow log {failing} went to state failed" in output
    assert "Traceback" not in output
    assert project.flow_logs()[failing]["initErrors"]

    stuck_world.hurry()
    project.use(stuck_world)
    assert "1 replaced" in project.up()
    assert failing not in stuck_world.flow_logs()
    same_flow_logs(project, stuck_world)

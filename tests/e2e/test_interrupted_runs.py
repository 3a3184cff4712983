"""Runs that are interrupted: what exists stays in state or is found again, and never exists twice."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from tests.chaos.kills import kill_process
from tests.e2e.harness import (
    ARCHIVE,
    CHECKOUT,
    DEMO_FLOW_LOGS,
    QUICK,
    TIMEOUT,
    Cloud,
    Project,
    assert_same_flow_logs,
)


def test_process_ends_with_the_process_that_started_it() -> None:
    code = "import os, time; from providers import watchdog; watchdog.exit_with_parent(os.getppid());"
    code += " print('on', flush=True); time.sleep(60)"
    starter = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}])"
    process = subprocess.Popen([sys.executable, "-c", starter], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "on\n"
    process.kill()
    # The child has the output open, too.
    process.communicate(timeout=30)


def test_killed_creates_are_recovered_after_the_stack_file_changed(project: Project, stuck_cloud: Cloud) -> None:
    project.kill_engine(project.start_creating(stuck_cloud))
    stuck_cloud.restart_without_latency()
    project.use_cloud(stuck_cloud)
    kept = stuck_cloud.flow_log_of("vpc-shop")["id"]
    project.change_router("core", attachments=["vpc-shop"], name="renamed-{attachment}", enabled=False)
    project.change_router("edge", log_stream=ARCHIVE, overrides={})
    project.change_config(max_deletes=5)

    project.recover()

    shop = stuck_cloud.flow_log_of("vpc-shop")
    assert (shop["id"], shop["name"], shop["enabled"]) == (kept, "renamed-vpc-shop", False)
    assert len(stuck_cloud.flow_logs()) == 5
    assert_same_flow_logs(project, stuck_cloud)


@pytest.mark.acceptance
def test_creates_of_a_killed_provider_are_recovered_or_deleted(project: Project, stuck_cloud: Cloud) -> None:
    process = project.start_creating(stuck_cloud)
    kill_process(process, "provider")
    output, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode != 0, output
    assert project.flow_logs() == {}
    stuck_cloud.restart_without_latency()
    project.use_cloud(stuck_cloud)
    project.change_router("core", attachments=["vpc-shop"])
    project.change_config(max_deletes=5)

    error = project.expect_error("up", *QUICK)

    sentence = (
        "interrupted while it created flow logs that the stack file no longer declares (5): run `make recover` first"
    )
    assert sentence in error
    project.recover()
    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS - 5
    assert_same_flow_logs(project, stuck_cloud)


def test_interrupted_waits_and_failed_creates_continue_at_next_up(project: Project, stuck_cloud: Cloud) -> None:
    process = project.start_creating(stuck_cloud)
    created = stuck_cloud.flow_logs().keys()
    failed = stuck_cloud.flow_log_of("vpc-shop")["id"]
    stuck_cloud.server.store.set_flow_log_state(failed, "failed")
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=TIMEOUT)

    assert process.returncode != 0
    assert "cancelled while waiting for available: pending; the next `pulumi up` continues from there" in output
    assert "Traceback" not in output
    assert project.flow_logs().keys() == created
    assert project.flow_logs()[failed]["initErrors"]
    assert not project.state().get("pending_operations")

    stuck_cloud.restart_without_latency()
    project.use_cloud(stuck_cloud)
    assert "1 replaced" in project.up()
    assert created - stuck_cloud.flow_logs().keys() == {failed}
    assert_same_flow_logs(project, stuck_cloud)

"""Operations that take their time: what is on the screen, how they are bounded, and how they are stopped."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time

from tests.e2e.harness import DEMO_FLOW_LOGS, QUICK, TIMEOUT, Cloud, Project, assert_same_flow_logs
from tests.e2e.test_interrupted_runs import until
from tests.e2e.test_resource import declare

CREATE = "POST /v3/{project_id}/enterprise-router/{er_id}/flow-logs"


def seen_on_a_terminal(project: Project, *arguments: str, wanted: str) -> str:
    """Run `pulumi` on a terminal until this is on it, or the run ends; what was on it."""
    controller, terminal = pty.openpty()
    environment = {key: value for key, value in project.environment.items() if key not in ("CI", "NO_COLOR")}
    process = subprocess.Popen(
        ["pulumi", *arguments, "--stack", "local", "--color", "never"],
        cwd=project.directory,
        env={**environment, "TERM": "xterm", "COLUMNS": "250"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    project.sessions.add(process.pid)
    os.close(terminal)
    seen, deadline = "", time.monotonic() + TIMEOUT / 2
    while not re.search(wanted, seen) and time.monotonic() < deadline and process.poll() is None:
        if select.select([controller], [], [], 0.5)[0]:
            try:
                seen += os.read(controller, 65536).decode(errors="replace")
            except OSError:
                break  # the run has ended
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(TIMEOUT)
    os.close(controller)
    return seen


def test_a_resources_line_says_what_its_operation_waits_for(project: Project, stuck_cloud: Cloud) -> None:
    pattern = r"FlowLog +v\S+ +creating \(\d+s\)[. ]+waiting for available: pending, \d+ s"
    assert re.search(pattern, seen_on_a_terminal(project, "up", "--yes", "--skip-preview", wanted=pattern))
    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS


def test_custom_timeouts_bound_create_update_and_delete_and_say_what_happens_next(
    project: Project, stuck_cloud: Cloud
) -> None:
    options = 'custom_timeouts=pulumi.CustomTimeouts(create="2s", update="2s", delete="2s")'
    declare(project, stuck_cloud, options=options)

    said = project.expect_error("up", *QUICK)

    (id_,) = stuck_cloud.flow_logs()
    assert (
        f"flow log 'by-program' ({id_}) exists but is not as wanted yet: gave up after 2 s of waiting for available:"
        " pending; the next `pulumi up` goes on from there"
    ) in said
    assert project.flow_logs().keys() == {id_}

    stuck_cloud.complete_operations()
    declare(project, stuck_cloud, 'inputs["enabled"] = False', options=options)
    said = project.expect_error("up", *QUICK)
    assert "gave up after 2 s of waiting for available: modifying; the next `pulumi up` goes on from there" in said
    stuck_cloud.complete_operations()
    stuck_cloud.server.store.disable_flow_log(id_)
    project.up()
    assert stuck_cloud.flow_logs().keys() == {id_} == project.flow_logs().keys()

    said = project.expect_error("destroy", *QUICK)
    assert f"flow log 'by-program' ({id_}) could not be deleted: gave up after 2 s of waiting for deletion: d" in said
    assert "it stays in the state, and the next run goes on from there" in said
    assert project.flow_logs().keys() == {id_}
    stuck_cloud.server.store.delete_flow_log(id_)
    project.destroy()
    assert project.flow_logs() == {}


def test_an_interrupt_ends_all_waits_and_the_next_up_goes_on_from_there(project: Project, stuck_cloud: Cloud) -> None:
    process = project.start("up", *QUICK)
    until(lambda: len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS, process)
    made = stuck_cloud.flow_logs().keys()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=TIMEOUT)

    assert process.returncode != 0
    assert "cancelled while waiting for available: pending; the next `pulumi up` goes on from there" in output
    assert "Traceback" not in output
    assert project.flow_logs().keys() == made
    assert not project.state().get("pending_operations")

    stuck_cloud.restart_without_latency()
    project.use_cloud(stuck_cloud)
    project.up()
    assert stuck_cloud.flow_logs().keys() == made
    assert_same_flow_logs(project, stuck_cloud)


def test_as_many_operations_run_at_once_as_are_asked_for(project: Project, stuck_cloud: Cloud) -> None:
    stuck_cloud.server.store.set_quota(-1)
    wanted = 160  # more than the harness and `make` ask for
    for number in range(wanted):
        stuck_cloud.server.store.add_attachment("er-core", f"vpc-{number}")
    project.change_config(routers={"core": project.config()["routers"]["core"]})
    process = project.start("up", *QUICK, PULUMI_PARALLEL="250")
    # None of them ends, so all must have begun at the same time.
    until(lambda: stuck_cloud.server.requests.read().get(CREATE, 0) > wanted, process)
    project.kill_engine(process)

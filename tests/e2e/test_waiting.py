"""Operations that take long: what the terminal shows, how they are bounded, and how many run at once."""

from __future__ import annotations

import re

from tests.e2e.harness import DEMO_FLOW_LOGS, QUICK, Cloud, Project, run_at_terminal, wait_until
from tests.e2e.programs import declare


def test_terminal_shows_what_an_operation_waits_for(project: Project, stuck_cloud: Cloud) -> None:
    pattern = r"FlowLog +v\S+ +creating \(\d+s\)[. ]+waiting for available: pending, \d+ s"
    environment = {key: value for key, value in project.environment.items() if key not in ("CI", "NO_COLOR")}
    environment |= {"TERM": "xterm", "COLUMNS": "250"}
    command = "pulumi up --yes --skip-preview --stack local --color never"
    assert re.search(pattern, run_at_terminal(command, project.directory, environment, until=pattern))
    assert len(stuck_cloud.flow_logs()) == DEMO_FLOW_LOGS


def test_custom_timeouts_bound_operations_and_state_what_is_next(project: Project, stuck_cloud: Cloud) -> None:
    options = 'custom_timeouts=pulumi.CustomTimeouts(create="2s", update="2s", delete="2s")'
    declare(project, stuck_cloud, options=options)

    error = project.expect_error("up", *QUICK)
    (id_,) = stuck_cloud.flow_logs()
    assert (
        f"flow log 'by-program' ({id_}) exists but is not as declared yet: gave up after 2 s of waiting for available:"
        " pending; the next `pulumi up` continues from there"
    ) in error
    assert project.flow_logs().keys() == {id_}

    stuck_cloud.complete_operations()
    declare(project, stuck_cloud, 'inputs["enabled"] = False', options=options)
    error = project.expect_error("up", *QUICK)
    assert "gave up after 2 s of waiting for available: modifying; the next `pulumi up` continues from there" in error
    stuck_cloud.complete_operations()

    error = project.expect_error("destroy", *QUICK)
    assert f"flow log 'by-program' ({id_}) could not be deleted: gave up after 2 s of waiting for deletion: d" in error
    assert "it stays in the state, and the next run continues from there" in error
    assert project.flow_logs().keys() == {id_}


def test_all_operations_run_at_once_if_parallel_allows(project: Project, stuck_cloud: Cloud) -> None:
    stuck_cloud.server.store.set_quota(-1)
    number = 160  # more than the harness and `make` allow at once
    for index in range(number):
        stuck_cloud.server.store.add_attachment("er-core", f"vpc-{index}")
    project.change_config(routers={"core": project.config()["routers"]["core"]})
    create = "POST /v3/{project_id}/enterprise-router/{er_id}/flow-logs"
    process = project.start("up", *QUICK, PULUMI_PARALLEL="250")
    # None of them ends, so all must have begun at the same time.
    wait_until(lambda: stuck_cloud.server.requests.read().get(create, 0) > number, process)
    project.kill_engine(process)

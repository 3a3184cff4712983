"""Log groups and log streams that a stack file declares, from creation to deletion."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.harness import QUICK, Cloud, Project
from tests.waiting import eventually

FLOWS, ARCHIVE = "er-flow-logs", "er-flow-logs-archive"


@pytest.fixture
def network(project: Project, cloud: Cloud) -> dict[str, Any]:
    """The log group of the stack file, in a cloud that has none."""
    cloud.remove_log_groups()
    group = {"ttl_in_days": 14, "streams": {FLOWS: {}, ARCHIVE: {"ttl_in_days": 60}}}
    project.change_config(log_groups={"network": group})
    return group


@pytest.mark.usefixtures("network")
def test_stack_file_makes_log_groups_and_flow_logs_in_an_empty_cloud(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_delivery(0.1)
    assert "+ 18 created" in project.up()
    assert cloud.log_stores() == {"network": 14, f"network/{FLOWS}": 14, f"network/{ARCHIVE}": 60}
    eventually(lambda: all(cloud.has_records("network", stream) for stream in (FLOWS, ARCHIVE)))
    project.expect_no_changes("--refresh")

    cloud.server.store.set_ttl("network", 7)
    assert "~ 1 updated" in project.up("--refresh")
    assert cloud.log_stores()["network"] == 14


def test_removed_stream_stays_unless_the_stack_file_said_delete(
    project: Project, cloud: Cloud, network: dict[str, Any]
) -> None:
    more = {"left": {}, "deleted": {"delete": True}}
    project.change_config(log_groups={"network": {**network, "streams": {**network["streams"], **more}}})
    project.up()

    project.change_config(log_groups={"network": network})
    output = project.up()

    assert "network/left is no longer declared: it stays in the cloud, with its records" in output
    assert "network/deleted is no longer declared: it is deleted, with its records" in output
    assert cloud.log_stores().keys() == {"network", f"network/{FLOWS}", f"network/{ARCHIVE}", "network/left"}
    project.expect_no_changes()


def test_destroy_leaves_log_groups_which_the_next_stack_adopts(
    project: Project, cloud: Cloud, network: dict[str, Any]
) -> None:
    project.up()
    output = project.destroy()
    # The diagnostics repeat it, without the status of the line above.
    lines = [line.strip() for line in output.splitlines()]
    assert lines.count("log group 'network' stays in the cloud, with its records") == 1
    assert cloud.flow_logs() == {}
    before = cloud.log_stores()

    error = project.expect_error("up", *QUICK)
    assert "log_groups.network in stacks/Pulumi.local.yaml: network already exists (id " in error
    project.change_config(log_groups={"network": {**network, "adopt": True}})
    assert "= 3 imported" in project.up()
    assert cloud.log_stores() == before


@pytest.mark.acceptance
def test_program_that_declares_routers_can_declare_their_log_groups(
    project: Project, cloud: Cloud, network: dict[str, Any]
) -> None:
    config = {"routers": project.config()["routers"], "log_groups": {"network": network}}
    (project.directory / "__main__.py").write_text(
        "import os\nfrom providers import watchdog\nfrom stacks.program import declare_flow_logs\n"
        f"watchdog.exit_with_parent(os.getppid())\ndeclare_flow_logs({config!r})\n"
    )
    project.change_config(routers=None, log_groups=None)
    project.up()
    assert cloud.log_stores().keys() == {"network", f"network/{FLOWS}", f"network/{ARCHIVE}"}
    project.expect_no_changes()

"""Flow logs that exist already: reported before anything changes, imported, and written to a stack file."""

from __future__ import annotations

import pytest

from tests.e2e.harness import QUICK, STACK, Cloud, Project, assert_same_flow_logs


@pytest.mark.up
def test_flow_logs_of_a_lost_state_are_adopted(project: Project, cloud: Cloud) -> None:
    project.change_router("edge", attachments=[])
    cloud.server.store.rename_flow_log("core-vpc-shop", "by-hand")
    before = cloud.flow_logs().keys()
    project.state_file().unlink()
    project.expect_ok("stack", "init")

    error = project.expect_error("up", *QUICK)
    assert (
        "core in stacks/Pulumi.local.yaml: these flow logs on er-core already exist and do not belong to this stack:"
        in error
    )
    assert "vpc-shop (by-hand, " in error
    assert "set adopt: true here" in error
    assert project.flow_logs() == {}

    project.change_router("core", adopt=True)
    assert "= 6 imported" in project.up()
    assert cloud.flow_logs().keys() == before
    assert cloud.flow_log_of("vpc-shop")["name"] == "core-vpc-shop"
    assert project.flow_logs().keys() < before

    # A stack that has flow logs to keep continues, and fails for this target alone.
    project.change_router("edge", attachments=["vpc-edge-proxy"])
    error = project.expect_error("up", *QUICK)
    assert "already has flow log 'edge-vpc-edge-proxy', id " in error
    assert "import it with adopt: true in a stack file" in error
    assert cloud.flow_logs().keys() == before


def test_adopt_writes_a_stack_file_whose_first_up_only_imports(project: Project, cloud: Cloud) -> None:
    cloud.log("vpc-shop", "shop", description="The shop's")
    cloud.log("vpc-shop", "shop-archive", stream="network/er-flow-logs-archive")
    cloud.log("vpc-payments", "payments", stream="security/audit")
    disabled = cloud.log("vpn-office-bonn", "bonn")
    cloud.log("vpc-edge-proxy", "proxy")
    cloud.server.store.disable_flow_log(disabled)
    project.write_config({"endpoint": "emulator"})

    run = project.module("stacks.commands.adopt", STACK)
    assert run.ok, run.output
    assert "5 flow logs, under er-core, er-core-network, er-core-security, er-edge." in run.output
    assert (
        "not logged on er-core, and not in this file: vgw-direct-connect, vpc-data-platform, vpc-shop-staging"
        in run.output
    )
    assert project.config()["routers"]["er-core"] == {
        "router": "er-core",
        "adopt": True,
        "log_group": "network",
        "log_stream": "er-flow-logs",
        "attachments": ["vpc-shop", "vpn-office-bonn"],
        "overrides": {
            "vpc-shop": {"name": "shop", "description": "The shop's"},
            "vpn-office-bonn": {"name": "bonn", "enabled": False},
        },
    }
    assert project.config()["log_groups"]["security"]["streams"] == {"audit": {}}
    before = cloud.flow_logs()
    output = project.up()
    assert "= 10 imported" in output
    assert "updated" not in output
    assert cloud.flow_logs() == before
    project.expect_no_changes("--refresh")
    assert_same_flow_logs(project, cloud)

    # Routers that the file has already stay as they are.
    text = project.stack_file().read_text()
    run = project.module("stacks.commands.adopt", STACK)
    assert run.code == 1
    assert "stacks/Pulumi.local.yaml was not written: there are no flow logs to import on" in run.output
    assert project.stack_file().read_text() == text


def test_preview_reports_all_problems_at_once(project: Project, cloud: Cloud) -> None:
    cloud.log("vpc-shop", "by-hand")
    cloud.server.store.set_quota(1)
    project.change_config(rules={"every_attachment": True, "never_disabled": True, "log_groups": ["security"]})
    project.change_router("core", attachments={"exclude": ["vpn-office-bonn"]}, enabled=False)
    project.change_router("edge", log_stream="er-flow-lgs")

    error = project.expect_error("preview")

    for problem in (
        "routers.edge.log_stream in stacks/Pulumi.local.yaml: there is no log stream in group 'network'",
        "rules.every_attachment in stacks/Pulumi.local.yaml: these attachments can be logged and are not selected:"
        " core: vpn-office-bonn",
        "rules.never_disabled in stacks/Pulumi.local.yaml: these attachments would have a flow log that is disabled:"
        " core: vpc-shop",
        "rules.log_groups in stacks/Pulumi.local.yaml: the only allowed log groups are security, but these flow logs",
        "core: vpc-shop to network/er-flow-logs",
        "routers.core in stacks/Pulumi.local.yaml: these flow logs on er-core already exist and do not belong to",
        "but the quota has room for 0 (1 of 1 in use)",
    ):
        assert problem in error
    assert project.flow_logs() == {}


def test_coverage_shows_the_cloud_in_a_table_and_on_a_page(project: Project, cloud: Cloud) -> None:
    cloud.log("vpc-shop", "by-hand", stream="security/audit")
    cloud.server.store.disable_flow_log(cloud.log("vpc-payments", "payments"))

    shown = project.module("stacks.coverage", "--stack", STACK).output

    lines = {line.split()[1]: line for line in shown.splitlines() if line.startswith("er-")}
    assert lines["vpc-payments"].endswith("NOT LOGGED: is disabled")
    assert lines["vpn-office-bonn"].endswith("NOT LOGGED: has no flow log to network/er-flow-logs yet")
    assert "security/audit (not this stack's)" in shown
    assert "1 of 10 loggable attachments are logged, 9 are not, 2 cannot be." in shown
    assert "As a page: .local/coverage/local.html" in shown
    page = (project.directory / ".local" / "coverage" / f"{STACK}.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "vpn-office-bonn" in page

"""Flow logs that are there already: told before anything changes, taken over by import, and written down."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

from tests.e2e.harness import DEMO_FLOW_LOGS, QUICK, STACK, TIMEOUT, Cloud, Project, assert_same_flow_logs


def adopt(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `make adopt` does."""
    config = project.expect_ok("config", "--json", "--show-secrets")
    return subprocess.run(
        [sys.executable, "-m", "stacks.commands.adopt", STACK, *arguments],
        cwd=project.directory,
        env=project.environment,
        input=config,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_what_is_there_is_imported_where_the_stack_file_says_so_and_never_made_anew(
    project: Project, cloud: Cloud
) -> None:
    theirs = {cloud.log("vpc-shop", "by-hand"), cloud.log("vpc-payments", "by-hand-too")}

    said = project.expect_error("preview")
    assert "core in stacks/Pulumi.local.yaml: wants flow logs that are on er-core already and not this stack's:" in said
    assert "vpc-shop (by-hand, " in said
    assert "vpc-payments (by-hand-too, " in said
    assert "set adopt: true here" in said

    project.change_router("core", adopt=True)
    said = project.expect_ok("preview", "--diff")
    assert "= 2 to import" in said
    assert '~ name       : "by-hand" => "core-vpc-shop-e4ec9862"' in said
    assert cloud.flow_logs().keys() == theirs

    project.up()
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert cloud.flow_log_of("vpc-shop")["name"] == "core-vpc-shop-e4ec9862"
    assert theirs < project.flow_logs().keys()
    assert_same_flow_logs(project, cloud)
    project.expect_no_changes()

    project.destroy()
    assert cloud.flow_logs() == {}


@pytest.mark.acceptance
def test_a_stack_whose_state_was_lost_takes_its_flow_logs_over(project: Project, cloud: Cloud) -> None:
    project.change_router("core", attachments=["vpc-shop", "vpc-payments"])
    project.change_router("edge", attachments=[])
    project.up()
    before = cloud.flow_logs()
    project.state_file().unlink()
    project.expect_ok("stack", "init")

    said = project.expect_error("up", *QUICK)
    assert "routers.core in stacks/Pulumi.local.yaml: wants flow logs that are on er-core already and not this" in said
    assert project.flow_logs() == {}
    project.change_router("core", adopt=True)
    said = project.up()

    assert "= 2 imported" in said
    assert cloud.flow_logs() == before
    assert project.flow_logs().keys() == before.keys()


def test_what_routers_have_is_written_to_a_stack_file_whose_first_up_imports_all_and_changes_nothing(
    project: Project, cloud: Cloud
) -> None:
    cloud.log("vpc-shop", "shop", description="The shop's")
    cloud.log("vpc-shop", "shop-archive", stream="network/er-flow-logs-archive")
    cloud.log("vpc-payments", "payments", stream="security/audit")
    silent = cloud.log("vpn-office-bonn", "bonn")
    cloud.log("vpc-edge-proxy", "proxy")
    cloud.server.store.disable_flow_log(silent)
    project.write_config({"endpoint": "emulator"})

    done = adopt(project)

    assert done.returncode == 0, done.stderr
    assert "5 flow logs, under er-core, er-core-network, er-core-security, er-edge." in done.stdout
    assert (
        "not logged on er-core, and not in here: vgw-direct-connect, vpc-data-platform, vpc-shop-staging" in done.stdout
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
    before = cloud.flow_logs()
    said = project.up()
    assert "= 5 imported" in said
    assert "updated" not in said
    assert cloud.flow_logs() == before
    assert_same_flow_logs(project, cloud)
    project.expect_no_changes()

    # What has routers is not overwritten, only shown beside.
    text = project.stack_file().read_text()
    refused = adopt(project)
    assert refused.returncode == 1
    assert "stacks/Pulumi.local.yaml was not written: it has routers already" in refused.stderr
    shown = yaml.safe_load(adopt(project, "--print", "er-edge").stdout)
    assert list(shown["otc-flow-logs:routers"]) == ["er-edge"]
    assert project.stack_file().read_text() == text


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            ["er-corr"],
            "Pulumi.local.yaml was not written: there is no router with id or name 'er-corr'; there are: er-core",
        ),
        ([], "stacks/Pulumi.local.yaml was not written: there is nothing to take over on er-core, er-edge\n"),
    ],
)
def test_where_there_is_nothing_to_adopt_nothing_is_written(
    project: Project, cloud: Cloud, arguments: list[str], reason: str
) -> None:
    project.write_config({"endpoint": "emulator"})
    text = project.stack_file().read_text()

    done = adopt(project, *arguments)

    assert done.returncode == 1
    assert reason in done.stderr
    assert project.stack_file().read_text() == text


@pytest.mark.up
@pytest.mark.acceptance
def test_what_somebody_made_where_ours_was_deleted_is_told_and_adopted(project: Project, cloud: Cloud) -> None:
    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
    theirs = cloud.log("vpc-shop", "by-hand")
    cloud.server.store.disable_flow_log("core-vpc-payments-8bd9e320")
    assert "wants flow logs that are on er-core already and not this stack's" in project.expect_error(
        "preview", "--refresh"
    )

    # What the stack has goes on to be kept.
    assert "flow log 'core-vpc-shop-e4ec9862' was not created" in project.expect_error("up", *QUICK, "--refresh")
    assert cloud.flow_log_of("vpc-payments")["enabled"]

    project.change_router("core", adopt=True)
    project.up("--refresh")
    assert cloud.flow_log_of("vpc-shop")["id"] == theirs
    assert_same_flow_logs(project, cloud)


def test_all_findings_are_told_in_one_run(project: Project, cloud: Cloud) -> None:
    cloud.log("vpc-shop", "by-hand")
    cloud.server.store.set_quota(1)
    project.change_config(rules={"every_attachment": True, "never_disabled": True, "log_groups": ["security"]})
    project.change_router("core", attachments={"exclude": ["vpn-office-bonn"]}, enabled=False)
    project.change_router("edge", log_stream="er-flow-lgs")

    said = project.expect_error("preview")

    for finding in (
        "routers.edge.log_stream in stacks/Pulumi.local.yaml: there is no log stream in group 'network'",
        "rules.every_attachment in stacks/Pulumi.local.yaml: these attachments can be logged and are not selected:"
        " core: vpn-office-bonn",
        "rules.never_disabled in stacks/Pulumi.local.yaml: these attachments would have a flow log that is disabled:"
        " core: vpc-shop",
        "rules.log_groups in stacks/Pulumi.local.yaml: only security may be written to, not: core: v",
        "core: vpc-shop to network/er-flow-logs",
        "routers.core in stacks/Pulumi.local.yaml: wants flow logs that are on er-core already and not this stack's",
        "but the quota has room for 0: 1 of 1 are in use",
    ):
        assert finding in said
    assert project.flow_logs() == {}


def test_a_quota_without_room_for_all_is_a_warning_of_the_preview(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_quota(7)

    said = project.expect_ok("preview")

    assert "warning: flow logs to be created: 10; but the quota has room for 7: 0 of 7 are in use" in said


def coverage(project: Project) -> str:
    """What `make coverage` shows."""
    done = subprocess.run(
        [sys.executable, "-m", "stacks.commands.coverage", STACK],
        cwd=project.directory,
        env=project.environment,
        input=project.expect_ok("config", "--json", "--show-secrets"),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    )
    return done.stdout


def test_coverage_shows_what_is_there_now_in_a_table_and_on_a_page(project: Project, cloud: Cloud) -> None:
    cloud.log("vpc-shop", "by-hand", stream="security/audit")
    silent = cloud.log("vpc-payments", "payments")
    cloud.server.store.disable_flow_log(silent)

    shown = coverage(project)

    lines = {line.split()[1]: line for line in shown.splitlines() if line.startswith("er-")}
    assert lines["vpc-payments"].endswith("NOT LOGGED: is disabled")
    assert lines["vpn-office-bonn"].endswith("NOT LOGGED: has no flow log to network/er-flow-logs yet")
    assert "security/audit (not this stack's)" in shown
    assert "1 of 10 loggable attachments are logged, 2 cannot be." in shown
    assert "As a page: .local/coverage/local.html" in shown
    page = (project.directory / ".local" / "coverage" / "local.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "vpn-office-bonn" in page


def test_coverage_knows_attachments_that_were_renamed_since(project: Project, cloud: Cloud) -> None:
    project.change_router("core", attachments=["vpc-shop"])
    project.up()
    cloud.server.store.rename_attachment("vpc-shop", "vpc-store")

    (line,) = [line for line in coverage(project).splitlines() if "vpc-store" in line]

    assert line.endswith("network/er-flow-logs")


@pytest.mark.acceptance
@pytest.mark.up
def test_a_router_moves_to_another_stack_though_no_deletion_is_allowed(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    component = f"urn:pulumi:{STACK}::otc-flow-logs::otc-flow-logs:index:RouterFlowLogs::er-edge"
    edge = project.config()["routers"]["edge"]
    core = project.config()["routers"]["core"]
    project.expect_ok("state", "delete", "--yes", "--target-dependents", component)
    project.change_config(routers={"core": core}, max_deletes=0)

    project.up("--refresh")
    project.expect_no_changes()
    assert cloud.flow_logs() == before
    # One that is still in the state is lost as ever.
    project.change_router("core", attachments={"exclude": ["vpc-shop"]})
    assert "1 of 6 attachments would lose their flow log, but at most 0 may" in project.expect_error("preview")

    project.stack_file("team").write_text("config: {}\n")
    project.write_config({"endpoint": "emulator", "routers": {"edge": {**edge, "adopt": True}}}, "team")
    project.environment["PULUMI_CONFIG_PASSPHRASE"] = "correct-horse"
    project.expect_ok("stack", "init", stack="team")
    assert "4 imported" in project.expect_ok("up", *QUICK, stack="team")
    assert cloud.flow_logs().keys() == before.keys()

"""Changes by hand: shown by a preview that refreshes, taken over by a refresh, and reverted by `up`."""

from __future__ import annotations

import pytest

from tests.e2e.harness import Cloud, Project, assert_same_flow_logs


@pytest.mark.up
def test_drift_is_reverted_by_next_up(project: Project, cloud: Cloud) -> None:
    store = cloud.server.store
    store.rename_flow_log("core-vpc-shop", "by-hand")
    store.disable_flow_log("core-vpc-payments")
    deleted, failed = cloud.flow_log_of("vpn-office-bonn")["id"], cloud.flow_log_of("vpc-data-platform")["id"]
    store.delete_flow_log(deleted)
    store.set_flow_log_state(failed, "failed")

    output = project.up("--refresh")

    assert "1 replaced" in output
    assert "1 created" in output
    assert cloud.flow_log_of("vpc-shop")["name"] == "core-vpc-shop"
    assert cloud.flow_log_of("vpc-payments")["enabled"] is True
    assert not {deleted, failed} & cloud.flow_logs().keys()
    assert {flow_log["state"] for flow_log in cloud.flow_logs().values()} == {"available"}
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_refresh_takes_drift_into_state_with_its_inputs(project: Project, cloud: Cloud) -> None:
    store = cloud.server.store
    store.describe_flow_log("core-vpc-shop", "by hand")
    store.set_flow_log_state("core-vpc-payments", "modifying")
    id_ = cloud.flow_log_of("vpc-shop")["id"]

    project.refresh()

    assert project.flow_logs()[id_]["inputs"]["description"] == "by hand"
    assert project.flow_logs()[id_]["outputs"]["description"] == "by hand"
    # A state that is only passed through makes no diff.
    store.set_flow_log_state("core-vpc-payments", "available")
    assert "1 updated" in project.up()
    assert cloud.flow_log_of("vpc-shop")["description"] == "Everything that passes the core router"
    assert_same_flow_logs(project, cloud)

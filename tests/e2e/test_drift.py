"""What somebody changed by hand: seen by a refresh and by a preview that refreshes, and reverted by `up`."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import QUICK, Cloud, Project, assert_same_flow_logs


@pytest.mark.up
def test_what_was_renamed_and_disabled_by_hand_is_shown_and_reverted(project: Project, cloud: Cloud) -> None:
    cloud.server.store.rename_flow_log("core-vpc-shop-e4ec9862", "by-hand")
    cloud.server.store.disable_flow_log("core-vpc-payments-8bd9e320")

    shown = project.pulumi("preview", "--refresh", "--diff", "--suppress-outputs", "--expect-no-changes")
    assert not shown.ok
    assert re.search(r'~ name *: "by-hand" => "core-vpc-shop-e4ec9862"', shown.output)
    assert re.search(r"~ enabled *: false => true", shown.output)
    project.up("--refresh")

    assert cloud.flow_log_of("vpc-shop")["name"] == "core-vpc-shop-e4ec9862"
    assert cloud.flow_log_of("vpc-payments")["enabled"] is True
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_a_refresh_takes_drift_into_state_inputs_included(project: Project, cloud: Cloud) -> None:
    cloud.server.store.describe_flow_log("core-vpc-shop-e4ec9862", "by hand")
    id_ = cloud.flow_log_of("vpc-shop")["id"]

    assert "1 updated" in project.refresh()

    assert project.flow_logs()[id_]["inputs"]["description"] == "by hand"
    assert project.flow_logs()[id_]["outputs"]["description"] == "by hand"
    assert "1 updated" in project.up()
    assert cloud.flow_log_of("vpc-shop")["description"] == "Everything that passes the core router"
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_a_flow_log_deleted_by_hand_is_created_again(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_log_of("vpc-shop")
    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")

    project.up("--refresh")

    assert cloud.flow_log_of("vpc-shop")["id"] != before["id"]
    assert_same_flow_logs(project, cloud)


@pytest.mark.acceptance
@pytest.mark.up
def test_changing_a_flow_log_that_somebody_deleted_says_how_to_go_on(project: Project, cloud: Cloud) -> None:
    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
    project.change_router("core", overrides={"vpc-shop": {"name": "new-name"}})

    output = project.expect_error("up", *QUICK)

    assert "no longer exists, somebody deleted it: `pulumi up --refresh` notices that" in output
    project.up("--refresh")
    assert cloud.flow_log_of("vpc-shop")["name"] == "new-name"
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_destroying_what_somebody_deleted_succeeds(project: Project, cloud: Cloud) -> None:
    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")

    project.destroy()

    assert cloud.flow_logs() == {}


@pytest.mark.up
def test_a_flow_log_that_failed_is_replaced(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_log_of("vpc-shop")
    cloud.server.store.set_flow_log_state("core-vpc-shop-e4ec9862", "failed")

    assert "1 replaced" in project.up("--refresh")

    after = cloud.flow_log_of("vpc-shop")
    assert (after["state"], after["id"] != before["id"]) == ("available", True)
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_a_state_caught_in_passing_makes_no_diff(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_flow_log_state("core-vpc-shop-e4ec9862", "modifying")
    project.refresh()
    cloud.server.store.set_flow_log_state("core-vpc-shop-e4ec9862", "available")

    project.expect_no_changes()

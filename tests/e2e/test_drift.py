"""What somebody changed by hand: seen by a refresh and by a preview that refreshes, and reverted by `up`."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import QUICK, Project, World, same_flow_logs


@pytest.mark.up
def test_what_was_renamed_and_disabled_by_hand_is_shown_and_reverted(project: Project, world: World) -> None:
    world.server.store.rename_flow_log("core-vpc-shop-e4ec9862", "by-hand")
    world.server.store.disable_flow_log("core-vpc-payments-8bd9e320")

    shown = project.pulumi("preview", "--refresh", "--diff", "--suppress-outputs", "--expect-no-changes")
    assert not shown.ok
    assert re.search(r'~ name *: "by-hand" => "core-vpc-shop-e4ec9862"', shown.output)
    assert re.search(r"~ enabled *: false => true", shown.output)
    project.up("--refresh")

    assert world.flow_log_of("vpc-shop")["name"] == "core-vpc-shop-e4ec9862"
    assert world.flow_log_of("vpc-payments")["enabled"] is True
    same_flow_logs(project, world)


@pytest.mark.up
def test_a_refresh_takes_drift_into_state_inputs_included(project: Project, world: World) -> None:
    world.server.store.describe_flow_log("core-vpc-shop-e4ec9862", "by hand")
    id_ = world.flow_log_of("vpc-shop")["id"]

    assert "1 updated" in project.refresh()

    assert project.flow_logs()[id_]["inputs"]["description"] == "by hand"
    assert project.flow_logs()[id_]["outputs"]["description"] == "by hand"
    assert "1 updated" in project.up()
    assert world.flow_log_of("vpc-shop")["description"] == "Everything that passes the core router"
    same_flow_logs(project, world)


@pytest.mark.up
def test_a_flow_log_deleted_by_hand_is_created_again(project: Project, world: World) -> None:
    before = world.flow_log_of("vpc-shop")
    world.server.store.delete_flow_log("core-vpc-shop-e4ec9862")

    project.up("--refresh")

    assert world.flow_log_of("vpc-shop")["id"] != before["id"]
    same_flow_logs(project, world)


@pytest.mark.acceptance
@pytest.mark.up
def test_changing_a_flow_log_that_somebody_deleted_says_how_to_go_on(project: Project, world: World) -> None:
    world.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
    project.change_router("core", overrides={"vpc-shop": {"name": "new-name"}})

    output = project.refused("up", *QUICK)

    assert "was deleted outside of Pulumi: run `pulumi up --refresh` to create it again" in output
    project.up("--refresh")
    assert world.flow_log_of("vpc-shop")["name"] == "new-name"
    same_flow_logs(project, world)


@pytest.mark.up
def test_destroying_what_somebody_deleted_succeeds(project: Project, world: World) -> None:
    world.server.store.delete_flow_log("core-vpc-shop-e4ec9862")

    project.destroy()

    assert world.flow_logs() == {}


@pytest.mark.up
def test_a_flow_log_that_failed_is_replaced(project: Project, world: World) -> None:
    before = world.flow_log_of("vpc-shop")
    world.server.store.set_flow_log_state("core-vpc-shop-e4ec9862", "failed")

    assert "1 replaced" in project.up("--refresh")

    after = world.flow_log_of("vpc-shop")
    assert (after["state"], after["id"] != before["id"]) == ("available", True)
    same_flow_logs(project, world)


@pytest.mark.up
def test_a_state_caught_in_passing_makes_no_diff(project: Project, world: World) -> None:
    world.server.store.set_flow_log_state("core-vpc-shop-e4ec9862", "modifying")
    project.refresh()
    world.server.store.set_flow_log_state("core-vpc-shop-e4ec9862", "available")

    project.unchanged()

"""The main job on the embedded emulator, from the first `up` to `destroy`."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import DEMO_FLOW_LOGS, QUICK, Cloud, Project, assert_converged, assert_same_flow_logs


def test_up_puts_an_available_flow_log_on_every_loggable_attachment(project: Project, cloud: Cloud) -> None:
    project.expect_ok("up", "--yes")

    flow_logs = cloud.flow_logs().values()
    assert len(flow_logs) == DEMO_FLOW_LOGS
    assert {flow_log["state"] for flow_log in flow_logs} == {"available"}
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_the_state_names_no_file_of_this_machine_but_the_sdk_can_be_let(project: Project) -> None:
    assert not any("stackTrace" in one for one in project.flow_logs().values())
    project.change_router("core", description="changed")
    project.up(OTC_FLOW_LOGS_SDK_DEBUG="1")
    assert any("stackTrace" in one for one in project.flow_logs().values())


@pytest.mark.up
def test_a_second_up_changes_nothing(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()

    assert f"{DEMO_FLOW_LOGS + 4} unchanged" in project.up()
    assert cloud.flow_logs() == before


@pytest.mark.up
def test_outputs_tell_what_is_logged_and_why_the_rest_is_not(project: Project, cloud: Cloud) -> None:
    outputs = project.outputs()
    assert outputs["coverage"] == {"logged": 10, "loggable": 10, "skipped": 2}
    core = outputs["routers"]["er-core"]["attachments"]
    assert core[cloud.server.store.attachment("cfw-perimeter").id] == {
        "name": "cfw-perimeter",
        "not_logged": "is of type cfw, which cannot be logged",
    }
    shop = core[cloud.server.store.attachment("vpc-shop").id]
    assert shop["flow_logs"] == {"vpc-shop-b8382afe": {"logs_to": "network/er-flow-logs", "key": "core"}}


@pytest.mark.up
def test_an_edited_name_is_changed_in_place(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()

    project.change_router("core", overrides={"vpc-shop": {"name": "the-shop"}})
    shown = project.up("--diff")
    assert '~ name: "core-vpc-shop-e4ec9862" => "the-shop"' in shown
    assert "1 updated" in shown

    after = cloud.flow_logs()
    assert after.keys() == before.keys()
    assert cloud.flow_log_of("vpc-shop")["name"] == "the-shop"
    assert_converged(project, cloud)


@pytest.mark.up
def test_an_edited_description_and_a_switched_off_router_are_changed_in_place(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()

    project.change_router("edge", description="Branches", enabled=False)
    assert "4 updated" in project.up()

    after = cloud.flow_logs()
    assert after.keys() == before.keys()
    changed = [one for one in after.values() if not one["enabled"]]
    assert len(changed) == 4
    assert {one["description"] for one in changed} == {"Branches"}
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
@pytest.mark.acceptance
def test_a_flow_log_replaced_many_times_for_one_target_is_new_each_time(project: Project, cloud: Cloud) -> None:
    seen = {cloud.flow_log_of("vpc-shop")["id"]}

    for stream in ("er-flow-logs-archive", "er-flow-logs"):
        project.change_router("core", overrides={"vpc-shop": {"log_stream": stream}})
        project.up()
        seen.add(cloud.flow_log_of("vpc-shop")["id"])

    assert len(seen) == 3
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_the_flow_log_of_a_removed_attachment_goes(project: Project, cloud: Cloud) -> None:
    flow_log = cloud.flow_log_of("vpc-shop")

    cloud.server.store.remove_attachment("vpc-shop")
    assert "1 deleted" in project.up()

    assert flow_log["id"] not in cloud.flow_logs()
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_an_added_attachment_gets_a_flow_log_and_the_others_stay_as_they_are(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()

    cloud.server.store.add_attachment("er-core", "vpc-new", resource_type="vpc")
    assert "1 created" in project.up()

    after = cloud.flow_logs()
    assert {id_: after[id_] for id_ in before} == before
    assert len(after) == len(before) + 1
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_attachments_in_passing_states_keep_their_flow_logs(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()

    for attachment, state in (("vpc-shop", "pending"), ("vpc-payments", "modifying"), ("vpn-office-bonn", "freezed")):
        cloud.server.store.set_attachment_state(attachment, state)
    project.expect_no_changes()

    assert cloud.flow_logs() == before


def test_flow_logs_can_be_created_disabled(project: Project, cloud: Cloud) -> None:
    project.change_router("core", enabled=False)
    project.up()

    enabled = {flow_log["enabled"] for flow_log in cloud.flow_logs().values()}
    assert enabled == {True, False}
    assert project.outputs()["coverage"]["logged"] == 4
    assert_same_flow_logs(project, cloud)


@pytest.mark.acceptance
@pytest.mark.up
def test_destroy_leaves_nothing_in_the_world_and_the_stack_can_be_put_up_again(project: Project, cloud: Cloud) -> None:
    project.destroy()

    assert cloud.flow_logs() == {}
    assert project.flow_logs() == {}

    project.up()

    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_what_is_protected_is_not_deleted_until_that_is_lifted(project: Project, cloud: Cloud) -> None:
    project.change_router("core", protect=True)
    project.up()
    core = cloud.server.store.router("er-core").id
    protected = {one["id"] for one in project.flow_logs().values() if one["inputs"]["er_id"] == core}

    said = re.sub(r"\s+", " ", project.expect_error("destroy", *QUICK))
    assert cloud.flow_logs().keys() == protected

    found = re.search(r"pulumi state unprotect '?(urn:\S+?)'?[`\s]", said)
    assert found, said
    project.expect_ok("state", "unprotect", "--all", "--yes")
    project.destroy()
    assert cloud.flow_logs() == {}

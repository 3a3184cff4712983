"""The main job on the embedded emulator, from the first `up` to `destroy`."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import LOGGED_IN_DEMO, QUICK, Project, World, agree, same_flow_logs


def test_up_puts_an_available_flow_log_on_every_loggable_attachment(project: Project, world: World) -> None:
    project.ok("up", "--yes")

    flow_logs = world.flow_logs().values()
    assert len(flow_logs) == LOGGED_IN_DEMO
    assert {flow_log["state"] for flow_log in flow_logs} == {"available"}
    same_flow_logs(project, world)


@pytest.mark.up
def test_the_state_names_no_file_of_this_machine_but_the_sdk_can_be_let(project: Project) -> None:
    assert not any("stackTrace" in one for one in project.flow_logs().values())
    project.change_router("core", description="changed")
    project.up(OTC_FLOW_LOGS_SDK_DEBUG="1")
    assert any("stackTrace" in one for one in project.flow_logs().values())


@pytest.mark.up
def test_a_second_up_changes_nothing(project: Project, world: World) -> None:
    before = world.flow_logs()

    assert f"{LOGGED_IN_DEMO + 5} unchanged" in project.up()
    assert world.flow_logs() == before


@pytest.mark.up
def test_outputs_tell_what_is_logged_and_why_the_rest_is_not(project: Project, world: World) -> None:
    outputs = project.outputs()
    assert outputs["coverage"] == {"logged": 10, "loggable": 10, "skipped_count": 2}
    firewall = world.server.store.attachment("cfw-perimeter").id
    assert outputs["routers"]["core"]["coverage"]["skipped"] == {firewall: "is of type cfw, which cannot be logged"}
    logged = {id_: name for router in outputs["routers"].values() for id_, name in router["flow_logs"].items()}
    assert logged == {flow_log["resource_id"]: flow_log["name"] for flow_log in world.flow_logs().values()}


@pytest.mark.up
def test_an_edited_name_is_changed_in_place(project: Project, world: World) -> None:
    before = world.flow_logs()

    project.change_router("core", overrides={"vpc-shop": {"name": "the-shop"}})
    shown = project.up("--diff")
    assert '~ name: "core-vpc-shop-e4ec9862" => "the-shop"' in shown
    assert "1 updated" in shown

    after = world.flow_logs()
    assert after.keys() == before.keys()
    assert world.flow_log_of("vpc-shop")["name"] == "the-shop"
    agree(project, world)


@pytest.mark.up
def test_an_edited_description_and_a_switched_off_router_are_changed_in_place(project: Project, world: World) -> None:
    before = world.flow_logs()

    project.change_router("edge", description="Branches", enabled=False)
    assert "4 updated" in project.up()

    after = world.flow_logs()
    assert after.keys() == before.keys()
    changed = [one for one in after.values() if not one["enabled"]]
    assert len(changed) == 4
    assert {one["description"] for one in changed} == {"Branches"}
    same_flow_logs(project, world)


@pytest.mark.up
def test_an_edited_stream_replaces_the_flow_log_deleting_the_old_one_first(project: Project, world: World) -> None:
    before = world.flow_log_of("vpc-shop")

    project.change_router("core", overrides={"vpc-shop": {"log_stream": "er-flow-logs-archive"}})
    shown = project.ok("preview", "--diff", "--suppress-outputs")
    assert "+-pulumi-python:dynamic/er:FlowLog: (replace)" in shown
    assert "~ log_stream_id" in shown
    output = project.up()
    assert "1 replaced" in output
    assert output.index("deleted original") < output.index("created replacement")

    after = world.flow_log_of("vpc-shop")
    assert after["id"] != before["id"]
    assert after["log_stream_id"] != before["log_stream_id"]
    same_flow_logs(project, world)


@pytest.mark.up
def test_a_forced_replacement_deletes_first_too(project: Project, world: World) -> None:
    before = world.flow_log_of("vpc-shop")
    (urn,) = [one["urn"] for id_, one in project.flow_logs().items() if id_ == before["id"]]

    output = project.up("--replace", urn)

    assert "1 replaced" in output
    assert world.flow_log_of("vpc-shop")["id"] != before["id"]
    same_flow_logs(project, world)


@pytest.mark.up
@pytest.mark.acceptance
def test_a_flow_log_replaced_many_times_for_one_target_is_new_each_time(project: Project, world: World) -> None:
    seen = {world.flow_log_of("vpc-shop")["id"]}

    for stream in ("er-flow-logs-archive", "er-flow-logs"):
        project.change_router("core", overrides={"vpc-shop": {"log_stream": stream}})
        project.up()
        seen.add(world.flow_log_of("vpc-shop")["id"])

    assert len(seen) == 3
    same_flow_logs(project, world)


@pytest.mark.up
def test_the_flow_log_of_a_removed_attachment_goes(project: Project, world: World) -> None:
    flow_log = world.flow_log_of("vpc-shop")

    world.server.store.remove_attachment("vpc-shop")
    assert "1 deleted" in project.up()

    assert flow_log["id"] not in world.flow_logs()
    same_flow_logs(project, world)


@pytest.mark.up
def test_an_added_attachment_gets_a_flow_log_and_the_others_stay_as_they_are(project: Project, world: World) -> None:
    before = world.flow_logs()

    world.server.store.add_attachment("er-core", "vpc-new", resource_type="vpc")
    assert "1 created" in project.up()

    after = world.flow_logs()
    assert {id_: after[id_] for id_ in before} == before
    assert len(after) == len(before) + 1
    same_flow_logs(project, world)


@pytest.mark.up
def test_attachments_in_passing_states_keep_their_flow_logs(project: Project, world: World) -> None:
    before = world.flow_logs()

    for attachment, state in (("vpc-shop", "pending"), ("vpc-payments", "modifying"), ("vpn-office-bonn", "freezed")):
        world.server.store.set_attachment_state(attachment, state)
    project.unchanged()

    assert world.flow_logs() == before


def test_a_renamed_router_key_changes_no_flow_log(project: Project, world: World) -> None:
    project.change_router("core", name="{type}-{attachment}")
    project.up()
    before = world.flow_logs()

    routers = project.config()["routers"]
    project.change_config(routers={"edge": routers["edge"], "heart": routers["core"]})
    project.up()

    assert world.flow_logs() == before
    agree(project, world)


@pytest.mark.up
@pytest.mark.acceptance
def test_routers_that_swap_their_keys_keep_their_flow_logs(project: Project, world: World) -> None:
    before = world.flow_logs().keys()
    routers = project.config()["routers"]
    project.change_config(routers={"core": routers["edge"], "edge": routers["core"]})
    project.up("--refresh")
    assert world.flow_logs().keys() == before
    agree(project, world)


@pytest.mark.up
@pytest.mark.acceptance
def test_a_router_that_takes_the_key_of_one_that_goes_keeps_its_flow_logs(project: Project, world: World) -> None:
    routers = project.config()["routers"]
    kept = {id_ for id_, one in world.flow_logs().items() if one["name"].startswith("core-")}
    project.change_config(routers={"edge": routers["core"]}, max_deletes=10)
    project.up("--refresh")
    assert world.flow_logs().keys() == kept
    agree(project, world)


@pytest.mark.up
@pytest.mark.acceptance
def test_an_attachment_moved_to_another_key_of_its_router_keeps_its_flow_log(project: Project, world: World) -> None:
    before = world.flow_logs().keys()
    core = project.config()["routers"]["core"]

    project.change_router("core", attachments={"exclude": ["vpc-shop"]})
    project.change_config(routers={**project.config()["routers"], "shop": {**core, "attachments": ["vpc-shop"]}})
    project.up()

    assert world.flow_logs().keys() == before
    agree(project, world)


def test_flow_logs_can_be_created_disabled(project: Project, world: World) -> None:
    project.change_router("core", enabled=False)
    project.up()

    router = world.server.store.router("er-core").id
    enabled = {flow_log["enabled"] for flow_log in world.flow_logs().values()}
    assert enabled == {True, False}
    outputs = project.outputs()
    assert outputs["routers"]["core"]["router"]["id"] == router
    assert outputs["coverage"]["logged"] == 4
    same_flow_logs(project, world)


@pytest.mark.acceptance
@pytest.mark.up
def test_destroy_leaves_nothing_in_the_world_and_the_stack_can_be_put_up_again(project: Project, world: World) -> None:
    project.destroy()

    assert world.flow_logs() == {}
    assert project.flow_logs() == {}

    project.up()

    assert len(world.flow_logs()) == LOGGED_IN_DEMO
    same_flow_logs(project, world)


@pytest.mark.acceptance
@pytest.mark.up
def test_a_renamed_router_key_with_another_stream_leaves_nothing_behind(project: Project, world: World) -> None:
    routers = project.config()["routers"]
    moved = {**routers["core"], "log_stream": "er-flow-logs-archive"}
    project.change_config(routers={"edge": routers["edge"], "heart": moved})

    project.up()

    assert len(world.flow_logs()) == LOGGED_IN_DEMO
    same_flow_logs(project, world)


@pytest.mark.up
def test_what_is_protected_is_neither_deleted_nor_replaced_until_that_is_lifted(project: Project, world: World) -> None:
    project.change_router("core", protect=True)
    project.up()
    core = world.server.store.router("er-core").id
    protected = {one["id"] for one in project.flow_logs().values() if one["inputs"]["er_id"] == core}

    project.change_router("core", overrides={"vpc-shop": {"log_stream": "er-flow-logs-archive"}})
    assert "marked for protection" in project.refused("up", *QUICK)
    said = re.sub(r"\s+", " ", project.refused("destroy", *QUICK))
    assert world.flow_logs().keys() == protected

    found = re.search(r"pulumi state unprotect '?(urn:\S+?)'?[`\s]", said)
    assert found, said
    project.ok("state", "unprotect", "--all", "--yes")
    project.destroy()
    assert world.flow_logs() == {}

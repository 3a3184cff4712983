"""The main job on the embedded emulator, from the first `up` to `destroy`."""

from __future__ import annotations

import json
import re

import pytest

from tests.e2e.harness import ARCHIVE, DEMO_FLOW_LOGS, QUICK, Cloud, Project, assert_same_flow_logs


def test_up_logs_every_attachment_and_second_up_changes_nothing(project: Project, cloud: Cloud) -> None:
    project.expect_ok("up", "--yes")

    before = cloud.flow_logs()
    assert len(before) == DEMO_FLOW_LOGS
    assert {flow_log["state"] for flow_log in before.values()} == {"available"}
    assert_same_flow_logs(project, cloud)
    outputs = json.loads(project.expect_ok("stack", "output", "--json"))
    assert outputs["coverage"] == {"logged": 10, "loggable": 10, "skipped": 2}
    shop = {"id": cloud.flow_log_of("vpc-shop")["id"], "name": "core-vpc-shop"}
    assert outputs["flow_logs"]["vpc-shop"] == [{**shop, "logs_to": "network/er-flow-logs"}]
    assert len(outputs["flow_logs"]) == DEMO_FLOW_LOGS

    assert f"{DEMO_FLOW_LOGS + 4} unchanged" in project.up()
    assert cloud.flow_logs() == before


@pytest.mark.up
def test_edits_of_the_stack_file_update_flow_logs_in_place(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    assert not any("stackTrace" in resource for resource in project.flow_logs().values())

    project.change_router("core", overrides={"vpc-shop": {"name": "the-shop"}})
    project.change_router("edge", description="Branches", enabled=False)
    output = project.up("--diff", OTC_FLOW_LOGS_SDK_DEBUG="1")

    assert '~ name: "core-vpc-shop" => "the-shop"' in output
    assert "5 updated" in output
    after = cloud.flow_logs()
    assert after.keys() == before.keys()
    assert cloud.flow_log_of("vpc-shop")["name"] == "the-shop"
    changed = [flow_log for flow_log in after.values() if not flow_log["enabled"]]
    assert [flow_log["description"] for flow_log in changed] == ["Branches"] * 4
    assert any("stackTrace" in resource for resource in project.flow_logs().values())
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_up_follows_attachments_that_come_go_or_change_state(project: Project, cloud: Cloud) -> None:
    before, store = cloud.flow_logs(), cloud.server.store
    gone = cloud.flow_log_of("vpc-shop-staging")["id"]

    store.remove_attachment("vpc-shop-staging")
    store.add_attachment("er-core", "vpc-new", resource_type="vpc")
    store.add_attachment("er-core", "vpc-frozen", state="freezed")
    store.add_attachment("er-core", "er-berlin", resource_type="peering")
    for attachment, state in (("vpc-shop", "pending"), ("vpc-payments", "modifying"), ("vpn-office-bonn", "freezed")):
        store.set_attachment_state(attachment, state)
    output = project.up()

    assert "1 created" in output
    assert "1 deleted" in output
    assert "vpc-frozen is frozen, so it cannot have a new flow log" in output
    assert "er-berlin is of type peering, which may not be loggable" in output
    after = cloud.flow_logs()
    assert {id_: after.get(id_) for id_ in before if id_ != gone} == {
        id_: flow_log for id_, flow_log in before.items() if id_ != gone
    }
    assert gone not in after
    assert len(after) == len(before)
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_protected_flow_logs_are_neither_moved_nor_destroyed(project: Project, cloud: Cloud) -> None:
    project.change_router("core", protect=True)
    project.up()
    before = cloud.flow_logs()
    core = cloud.server.store.router("er-core").id
    protected = {id_ for id_, resource in project.flow_logs().items() if resource["inputs"]["er_id"] == core}

    project.change_router("core", log_stream=ARCHIVE)
    error = project.expect_error("up", *QUICK)
    assert "routers.core.protect in stacks/Pulumi.local.yaml: protected flow logs would be deleted" in error
    assert cloud.flow_logs() == before

    error = project.expect_error("destroy", *QUICK)
    assert re.search(r"pulumi state unprotect '?urn:\S+", error)
    assert cloud.flow_logs().keys() == protected

"""Changes of the stack file and of the cloud, with the real `pulumi`: none interrupts the record of an attachment."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from emulator.faults.plan import Fault
from providers.urn import STACK_TYPE, Urn
from tests.e2e.harness import (
    ARCHIVE,
    CORE,
    CREATE,
    DEMO_FLOW_LOGS,
    EDGE,
    FLOW_LOG,
    QUICK,
    Cloud,
    Project,
    assert_same_flow_logs,
    on_one_line,
    serving,
)

STATE_BY_KEY = Path(__file__).with_name("state_by_key.json")
"""The state of a stack that was created by version 0.1, which named flow logs by the router's key."""


@pytest.mark.up
def test_move_creates_new_flow_logs_before_it_deletes_old_ones(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs().keys()

    project.change_router("core", log_stream=ARCHIVE)
    with cloud.assert_no_gaps(*CORE, *EDGE):
        output = project.up()

    assert "vpc-shop moves from network/er-flow-logs to network/er-flow-logs-archive" in output
    assert "6 created" in output
    assert "6 deleted" in output
    assert len(before - cloud.flow_logs().keys()) == len(CORE)
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_failed_move_deletes_nothing_and_next_up_completes_it(project: Project) -> None:
    with serving(project.database, latency=0.05) as cloud:
        project.use_cloud(cloud)
        before, outputs = cloud.flow_logs().keys(), project.outputs()
        project.change_router("core", log_stream=ARCHIVE)
        with cloud.assert_no_gaps(*CORE):
            cloud.server.faults.use(0, [Fault("error", calls=CREATE, status=403, skip=3)])
            project.expect_error("up", *QUICK)
            assert before <= cloud.flow_logs().keys()
            after = project.outputs()
            assert f"network/{ARCHIVE}" in last_destinations(after) - last_destinations(outputs)
            assert after["flow_logs"] == outputs["flow_logs"]

            project.change_router("core", log_group="netwrk")
            project.expect_error("up", *QUICK)
            assert project.outputs() == after
            project.change_router("core", log_group="network")

            cloud.server.faults.use(0, [Fault("error", calls=CREATE, status=403, times=1)])
            error = project.expect_error("up", *QUICK, PULUMI_CONTINUE_ON_ERROR="true")
            assert "the new one failed, or --target left it out" in error
            assert before <= cloud.flow_logs().keys()

            cloud.server.faults.use(0, [])
            project.up("--refresh")
        assert len(before - cloud.flow_logs().keys()) == len(CORE)
        assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_router_keys_can_be_renamed_split_merged_and_swapped(project: Project, cloud: Cloud) -> None:
    twice = ["vpc-shop", "vpc-payments"]
    core, audit, rest = {"attachments": twice}, {"attachments": twice, "log_stream": ARCHIVE}, CORE[3:]
    edge = {"router": "er-edge", "log_stream": "er-flow-logs"}
    # The stack file's overrides and descriptions belong to keys that go.
    project.set_routers(core=core, audit=audit, rest={"attachments": {"exclude": twice}}, edge=edge)
    project.up()
    before = cloud.flow_logs()

    project.set_routers(
        core=audit, audit=core, edge={"attachments": [CORE[0]]}, rest={"attachments": rest}, perimeter=edge
    )
    assert "16 unchanged" in project.up()
    assert cloud.flow_logs() == before

    project.set_routers(core=audit, merged={"attachments": {"exclude": twice}}, edge=edge)
    with cloud.assert_no_gaps(*twice):
        output = project.up()
    assert "2 deleted" in output
    assert "created" not in output.split("Resources:")[1]
    assert len(cloud.flow_logs()) == len(before) - 2
    assert_same_flow_logs(project, cloud)


@pytest.mark.up
def test_attachment_renamed_in_console_keeps_its_flow_log(project: Project, cloud: Cloud) -> None:
    store, before = cloud.server.store, cloud.flow_logs().keys()
    id_ = store.attachment("vpc-shop").id
    project.change_router("core", attachments=CORE, overrides={"vpc-shop": {"description": "the shop's"}})
    store.rename_attachment("vpc-shop", "vpc-shop-2")

    output = on_one_line(project.up())

    assert "'vpc-shop' is now named 'vpc-shop-2' and keeps its flow log and settings; use" in output
    assert cloud.flow_logs().keys() == before
    shop = cloud.flow_log_of("vpc-shop-2")
    assert shop["description"] == "the shop's"
    assert shop["name"] == "core-vpc-shop-2"  # a name in the template follows the console

    store.rename_attachment("vpc-payments", "vpc-shop")
    error = project.expect_error("up", *QUICK)
    assert f"the attachment that had it before, {id_}, is now named 'vpc-shop-2'" in error
    assert f"'vpc-shop' is now the name of {store.attachment('vpc-shop').id}, and" in error
    assert cloud.flow_logs().keys() == before


def test_state_of_version_0_1_is_migrated_without_changes(project: Project, cloud: Cloud) -> None:
    routers: dict[str, dict[str, Any]] = {
        "core": {"description": "Everything that passes the core router"},
        "audit": {"log_stream": ARCHIVE, "attachments": ["vpc-shop", "vpc-payments"]},
        "perimeter": {"router": "er-edge", "overrides": {"vpc-partner-portal": {"log_stream": ARCHIVE}}},
    }
    old_names = {"name": "{router}-{attachment}-{hash}"}
    project.set_routers(**{key: router | old_names for key, router in routers.items()})
    project.import_state(with_flow_logs_in(cloud, json.loads(STATE_BY_KEY.read_text())))
    before = cloud.flow_logs()

    output = project.up("--refresh", "--suppress-outputs")

    changes = [
        line for line in output.splitlines() if re.match(r" *([~+-]|--|\+\+) .*er:FlowLog .*(cre|upd|del|repl)", line)
    ]
    assert changes == []
    assert cloud.flow_logs() == before
    assert_same_flow_logs(project, cloud)

    project.set_routers(**routers)
    assert f"{len(before)} updated" in project.up("--suppress-outputs")
    assert {id_: flow_log["name"] for id_, flow_log in cloud.flow_logs().items()} == {
        id_: re.sub("-[0-9a-f]{8}$", "", flow_log["name"]) for id_, flow_log in before.items()
    }


@pytest.mark.up
@pytest.mark.acceptance
def test_outputs_of_earlier_versions_are_read(project: Project, cloud: Cloud) -> None:
    """Without the first router key in them, the new key would rename all flow logs of `core`."""
    export = json.loads(project.expect_ok("stack", "export"))
    resources = export["deployment"]["resources"]
    routers: dict[str, Any] = {}
    for resource in (found for found in resources if found["type"] == FLOW_LOG):
        inputs = resource["inputs"]
        key = inputs["name"].partition("-")[0]
        empty = {"id": inputs["er_id"], "name": f"er-{key}", "attachments": {}, "selections": {key: "all"}}
        logical_name = Urn.parse(resource["urn"]).name
        routers.setdefault(f"er-{key}", empty)["attachments"][inputs["resource_id"]] = {
            "name": logical_name.rpartition("-")[0],
            "flow_logs": {logical_name: {"key": key, "logs_to": "network/er-flow-logs"}},
        }
    (stack,) = [found for found in resources if found["type"] == STACK_TYPE]
    stack["outputs"] = {"routers": routers, "deletions": {}}
    project.import_state(export)
    both, before = project.config()["routers"], cloud.flow_logs()
    project.change_config(routers={"heart": both["core"], "edge": both["edge"]})

    assert f"{DEMO_FLOW_LOGS + 4} unchanged" in project.up("--refresh")

    assert cloud.flow_logs() == before
    assert project.outputs().keys() == {"coverage", "flow_logs", "last_run"}


def last_destinations(outputs: dict[str, Any]) -> set[str]:
    """`GROUP/STREAM` of all flow logs of er-core at the last run."""
    (core,) = [router for router in outputs["last_run"]["routers"].values() if router["name"] == "er-core"]
    return set(core["logs_to"].values())


def with_flow_logs_in(cloud: Cloud, export: dict[str, Any]) -> dict[str, Any]:
    """The exported state, after the flow logs in it were created in the cloud."""
    store = cloud.server.store
    names = {attachment.id: attachment.name for attachment in store.network.all_attachments()}
    group = store.log_group("network")
    streams = {stream.id: stream.name for stream in store.log_tank.streams(group.project_id, group.id)}
    resources = [resource for resource in export["deployment"]["resources"] if resource["type"] == FLOW_LOG]
    for resource in resources:
        inputs = resource["inputs"]
        stream = f"network/{streams[inputs['log_stream_id']]}"
        attachment = names[inputs["resource_id"]]
        resource["id"] = cloud.log(attachment, inputs["name"], stream=stream, description=inputs["description"])
    cloud.complete_operations()
    for resource in resources:
        created = cloud.flow_logs()[resource["id"]]
        resource["outputs"] |= {key: created[key] for key in ("created_at", "updated_at")}
    return export

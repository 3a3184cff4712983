"""A program of somebody's own that makes the log group and the log stream of its flow log."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.faults.plan import Fault
from emulator.log_tank import LogStream
from tests.e2e.harness import QUICK, Cloud, Project
from tests.waiting import eventually

PROGRAM = """
import os
import pulumi
import pulumi_random
from providers import watchdog
from providers.flow_log import FlowLog, FlowLogArgs
from providers.log_group import LogGroup, LogGroupArgs
from providers.log_stream import LogStream, LogStreamArgs

watchdog.exit_with_parent(os.getppid())

more = {more}
key = pulumi_random.RandomUuid("key").result
more = {{"idempotency_key": key, **more}}
group = LogGroup("logs", LogGroupArgs(name="shop", ttl_in_days={ttl}, tags={{"env": "prod"}}, **more))
stream = LogStream("flows", LogStreamArgs(log_group_id=group.id, name="flow-logs", **more))
target = dict(er_id="{er_id}", resource_id="{resource_id}", log_group_id=group.id, log_stream_id=stream.id)
FlowLog("shop", FlowLogArgs(name="shop", **target))
"""


def declare(project: Project, cloud: Cloud, ttl: int = 30, **more: Any) -> None:
    store = cloud.server.store
    router, attachment = store.router("er-core").id, store.attachment("vpc-shop").id
    program = PROGRAM.format(er_id=router, resource_id=attachment, ttl=ttl, more=more)
    (project.directory / "__main__.py").write_text(program)


def streams(cloud: Cloud) -> list[LogStream]:
    log_tank = cloud.server.store.log_tank
    return [
        stream
        for group in log_tank.groups()
        if group.name == "shop"
        for stream in log_tank.streams(group.project_id, group.id)
    ]


def test_program_makes_group_stream_and_flow_log_whose_records_arrive(project: Project, cloud: Cloud) -> None:
    store = cloud.server.store
    store.set_delivery(0.1)
    declare(project, cloud)
    project.up()
    (stream,) = streams(cloud)
    eventually(lambda: cloud.has_records("shop", "flow-logs"))
    project.expect_no_changes()

    store.set_ttl("shop", 7)
    declare(project, cloud, ttl=90)
    assert "ttl_in_days" in project.up("--diff")
    assert store.log_group("shop").ttl_in_days == 90

    output = project.destroy()
    assert "log stream 'flow-logs' stays in the cloud, with its records" in output
    assert ([left.id for left in streams(cloud)], cloud.flow_logs()) == ([stream.id], {})
    assert cloud.has_records("shop", "flow-logs")


@pytest.mark.acceptance
def test_group_of_another_is_imported_and_deleted_only_with_consent(project: Project, cloud: Cloud) -> None:
    id_ = cloud.server.store.add_log_group("shop")
    declare(project, cloud, delete_with_data=True)
    assert "+ 5 to create" in project.expect_ok("preview", "--suppress-progress")
    error = project.expect_error("up", *QUICK)
    assert f"log group 'shop' was not created: there is already one of this name, id {id_} " in error
    assert f"import it with import_='{id_}' in the resource options" in error

    options = ("--generate-code=false", "--protect=false", *QUICK)
    project.expect_ok("import", "pulumi-python:dynamic/lts:LogGroup", "logs", id_, *options)
    project.up()
    assert cloud.server.store.log_group("shop").tags["env"] == "prod"
    project.destroy()
    assert [group.name for group in cloud.server.store.log_tank.groups()] == ["network", "security"]


@pytest.mark.acceptance
def test_run_after_a_killed_one_finds_the_log_group_that_it_created(project: Project, standalone: Cloud) -> None:
    project.use_cloud(standalone)
    held = Fault("hold", calls="POST */groups", when="after", seconds=60)
    standalone.server.faults.use(0, [held])
    declare(project, standalone)
    process = project.start("up", *QUICK)
    store = standalone.server.store
    eventually(lambda: "shop" in [group.name for group in store.log_tank.groups()])
    project.kill_engine(process)
    created = store.log_group("shop")
    standalone.server.faults.use(0, [])

    project.recover()
    assert store.log_group("shop") == created
    assert [stream.name for stream in streams(standalone)] == ["flow-logs"]
    project.expect_no_changes("--refresh")


@pytest.mark.acceptance
def test_preview_of_a_group_that_is_declared_again_replaces_no_flow_log(project: Project, cloud: Cloud) -> None:
    own: dict[str, Any] = {"own": {"streams": {"flow": {}}}}
    project.change_config(log_groups=own)
    project.set_routers(core={"log_group": "own", "log_stream": "flow", "attachments": ["vpc-shop"]})
    project.up()
    before = cloud.flow_logs()
    project.change_config(log_groups=None)
    project.up()
    assert project.log_stores() == {}

    project.change_config(log_groups=own)
    announced = project.expect_ok("preview", "--suppress-progress")
    assert "+ 3 to create" in announced
    assert "replace" not in announced
    project.up()
    assert cloud.flow_logs() == before
    project.expect_no_changes()

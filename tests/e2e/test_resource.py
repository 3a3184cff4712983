"""FlowLog as anybody's program declares it: what check refuses, what a preview shows, and imports."""

from __future__ import annotations

import re

import pytest

from tests.e2e.harness import QUICK, Cloud, Project, assert_same_flow_logs

# It ends with its language host, as the stack program does: else the engine waits for it for seconds once it failed.
PROGRAM = """
import os
import pulumi
import pulumi_random
from providers import watchdog
from providers.flow_log import FlowLog, FlowLogArgs

watchdog.exit_with_parent(os.getppid())

inputs = dict(
    er_id="{er_id}",
    resource_id="{resource_id}",
    log_group_id="{log_group_id}",
    log_stream_id="{log_stream_id}",
    name="by-program",
)
{lines}
FlowLog("shop", FlowLogArgs(**inputs), pulumi.ResourceOptions({options}))
"""


def declare(project: Project, cloud: Cloud, lines: str = "", options: str = "") -> None:
    store = cloud.server.store
    group = store.log_group("network")
    stream = store.log_tank.streams(cloud.server.project_id, group.id)[0]
    program = PROGRAM.format(
        er_id=store.router("er-core").id,
        resource_id=store.attachment("vpc-shop").id,
        log_group_id=group.id,
        log_stream_id=stream.id,
        lines=lines,
        options=options,
    )
    (project.directory / "__main__.py").write_text(program)


WRONG = """
inputs |= dict(
    name="the shop",
    description="x" * 256,
    enabled="yes",
    er_id="../../secrets",
    resource_id="",
    resource_type="vpc",
    log_store_type="OBS",
)
"""


def test_check_names_each_wrong_property_and_what_is_allowed(project: Project, cloud: Cloud) -> None:
    declare(project, cloud, WRONG)

    said = re.sub(r"\s+", " ", project.expect_error("preview"))

    for sentence in (
        "name must be 1 to 64 letters, digits, '_', '-' and '.', not 'the shop'",
        "description must be at most 255 characters",
        "enabled must be true or false, not 'yes'",
        "er_id must be an id: 1 to 64 letters, digits, '_' and '-'",
        "resource_id must be an id",
        "resource_type must be 'attachment', the only one there is",
        "log_store_type must be 'LTS', the only one there is",
    ):
        assert sentence in said
    assert cloud.flow_logs() == {}


def test_an_attachment_type_that_cannot_be_logged_is_named(project: Project, cloud: Cloud) -> None:
    firewall = cloud.server.store.attachment("cfw-perimeter").id
    declare(project, cloud, f'inputs["resource_id"] = "{firewall}"')

    said = re.sub(r"\s+", " ", project.expect_error("up", *QUICK))

    assert "only attachments of these types can be logged: vpc, vpn, vgw, and this is a cfw" in said
    assert firewall in said
    assert project.flow_logs() == {}


def test_inputs_not_known_yet_are_shown_as_such(project: Project, cloud: Cloud) -> None:
    declare(project, cloud, 'inputs["name"] = pulumi_random.RandomUuid("name").result')

    assert re.search(r"name +: \[unknown\]", project.expect_ok("preview", "--diff"))
    project.up()
    project.expect_no_changes()


@pytest.mark.acceptance
def test_an_input_that_may_change_the_target_is_shown_as_a_replacement(project: Project, cloud: Cloud) -> None:
    declare(project, cloud)
    project.up()
    declare(project, cloud, 'inputs["log_stream_id"] = pulumi_random.RandomUuid("stream").result')

    shown = project.expect_ok("preview", "--diff")

    assert re.search(r"\+-pulumi-python:dynamic/er:FlowLog: \(replace\)", shown)
    assert "log_stream_id" in shown


@pytest.mark.acceptance
def test_a_resource_renamed_without_an_alias_keeps_its_flow_log(project: Project, cloud: Cloud) -> None:
    declare(project, cloud, 'inputs["idempotency_key"] = "the team"')
    project.up()
    before = cloud.flow_logs()
    program = project.directory / "__main__.py"
    program.write_text(program.read_text().replace('FlowLog("shop"', 'FlowLog("renamed"'))

    assert "1 created" in project.up()

    assert cloud.flow_logs() == before
    assert_same_flow_logs(project, cloud)


def test_a_second_declaration_is_refused_and_the_first_one_unchanged(project: Project, cloud: Cloud) -> None:
    declare(project, cloud, 'inputs["idempotency_key"] = "the team"')
    project.up()
    before = cloud.flow_logs()
    program = project.directory / "__main__.py"
    program.write_text(program.read_text() + 'FlowLog("twice", FlowLogArgs(**{**inputs, "name": "another"}))\n')

    output = project.expect_error("up", *QUICK)

    assert "twice, as 'shop' and as 'twice': the service allows one, so declare it once" in re.sub(r"\s+", " ", output)
    assert cloud.flow_logs() == before
    assert project.flow_logs().keys() == before.keys()


def test_a_flow_log_made_elsewhere_is_imported_by_the_program_and_then_unchanged(
    project: Project, cloud: Cloud
) -> None:
    id_ = cloud.log("vpc-shop", "by-program")
    er_id = cloud.server.store.router("er-core").id

    declare(project, cloud, options=f'import_="{er_id}/{id_}"')
    assert "1 imported" in project.up()

    assert project.flow_logs().keys() == {id_} == cloud.flow_logs().keys()
    declare(project, cloud)
    project.expect_no_changes()


def test_a_flow_log_made_elsewhere_is_imported_by_command_and_then_unchanged(project: Project, cloud: Cloud) -> None:
    declare(project, cloud)
    id_ = cloud.log("vpc-shop", "by-program")
    er_id = cloud.server.store.router("er-core").id

    project.expect_ok(
        "import",
        "pulumi-python:dynamic/er:FlowLog",
        "shop",
        f"{er_id}/{id_}",
        "--generate-code=false",
        "--protect=false",
        *QUICK,
    )

    assert project.flow_logs().keys() == {id_}
    project.up()
    assert cloud.flow_logs().keys() == {id_}
    project.expect_no_changes()

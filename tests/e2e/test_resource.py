"""FlowLog in somebody's own program: what check refuses, what a preview shows, and imports."""

from __future__ import annotations

import json
import re

import pytest

from providers.preview_notes import read_notes
from tests.e2e.harness import QUICK, Cloud, Project, assert_same_flow_logs
from tests.e2e.programs import declare
from tests.e2e.record_previews import preview

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
SENTENCES = (
    "name must be 1 to 64 letters, digits, '_', '-' and '.', not 'the shop'",
    "description must be at most 255 characters",
    "enabled must be true or false, not 'yes'",
    "er_id must be an id: 1 to 64 letters, digits, '_' and '-'",
    "resource_id must be an id",
    "resource_type must be 'attachment', not 'vpc'",
    "log_store_type must be 'LTS', not 'OBS'",
)

# As the code generator of Pulumi 3.259 writes it; the language host of networks without the official CLI has none.
GENERATED = """
import pulumi
import providers.imported as pulumi_python

shop = pulumi_python.FlowLog("shop",
    description="",
    enabled=True,
    er_id="{er_id}",
    log_group_id="{log_group_id}",
    log_store_type="LTS",
    log_stream_id="{log_stream_id}",
    name="by-program",
    resource_id="{resource_id}",
    resource_type="attachment",
    opts = pulumi.ResourceOptions(protect=True))
"""


def test_program_declares_a_flow_log_and_no_target_twice(project: Project, cloud: Cloud) -> None:
    declare(project, cloud, WRONG)
    error = project.expect_error("preview")
    assert [sentence for sentence in SENTENCES if sentence not in error] == []

    declare(project, cloud, 'inputs["name"] = pulumi_random.RandomUuid("name").result')
    assert re.search(r"name +: \[unknown\]", project.expect_ok("preview", "--diff"))
    project.up()
    before = cloud.flow_logs()
    assert_same_flow_logs(project, cloud)

    program = project.directory / "__main__.py"
    program.write_text(program.read_text() + 'FlowLog("twice", FlowLogArgs(**{**inputs, "name": "another"}))\n')
    error = project.expect_error("up", *QUICK)
    assert "twice, as 'shop' and as 'twice': the service allows one, so declare it once" in error
    assert cloud.flow_logs() == before
    assert project.flow_logs().keys() == before.keys()


def test_preview_refuses_a_name_for_an_id_and_tells_reviewers_the_names(project: Project, cloud: Cloud) -> None:
    declare(project, cloud, 'inputs["log_group_id"] = "network"')
    events = [json.loads(line) for line in preview(project).splitlines()]
    messages = [event["diagnosticEvent"]["message"] for event in events if "diagnosticEvent" in event]
    id_ = cloud.server.store.log_group("network").id
    sentence = f"log_group_id must be the id of the log group, not its name 'network': use '{id_}'"
    assert any(sentence in message for message in messages)
    assert read_notes(messages).names.items() >= {
        (cloud.server.store.router("er-core").id, "er-core"),
        (cloud.server.store.attachment("vpc-shop").id, "vpc-shop"),
        (id_, "network"),
    }


@pytest.mark.parametrize("way", ["program", pytest.param("command", marks=pytest.mark.acceptance)])
def test_imported_flow_log_is_unchanged_by_the_next_up(way: str, project: Project, cloud: Cloud) -> None:
    id_ = cloud.log("vpc-shop", "by-program")
    er_id = cloud.server.store.router("er-core").id
    import_id = f"{er_id}/{id_}"

    if way == "program":
        declare(project, cloud, options=f'import_="{import_id}"')
        assert "1 imported" in project.up()
        declare(project, cloud)
    else:
        project.expect_ok(
            "import", "pulumi-python:dynamic/er:FlowLog", "shop", import_id, "--generate-code=false", *QUICK
        )
        generated = GENERATED.format(er_id=er_id, **cloud.flow_logs()[id_])
        (project.directory / "__main__.py").write_text(generated)

    assert project.flow_logs().keys() == cloud.flow_logs().keys() == {id_}
    project.expect_no_changes()

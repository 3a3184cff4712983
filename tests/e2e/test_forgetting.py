"""Flow logs that a stack stops managing: they stay in the cloud until the stack adopts them again."""

from __future__ import annotations

import pytest

from tests.e2e.harness import QUICK, STACK, Cloud, Project, on_one_line

FORGET = "stacks.commands.forget"


@pytest.mark.up
def test_interrupted_forgetting_loses_nothing_and_is_completed(project: Project, cloud: Cloud) -> None:
    before, text, name = cloud.flow_logs(), project.stack_file().read_text(), cloud.flow_log_of("vpc-shop")["name"]
    project.expect_ok("state", "protect", "--yes", project.urn(cloud, "vpc-shop"))

    run = project.module(FORGET, STACK, "vpc-shop")

    assert run.ok, run.output
    assert "1 flow log to forget" in run.output
    assert f"er-core, vpc-shop, {name} logs to network/er-flow-logs" in on_one_line(run.output)
    forgotten = project.stack_file().read_text()
    assert forgotten == text.replace("router\n    edge:", "router\n      attachments: {exclude: [vpc-shop]}\n    edge:")
    # As if it was killed in between, or another checkout has the old file.
    project.stack_file().write_text(text)
    assert "were forgotten by this stack: vpc-shop (" in project.expect_error("up", *QUICK)
    assert project.module(FORGET, STACK, "vpc-shop").ok
    assert project.stack_file().read_text() == forgotten
    assert cloud.flow_logs() == before


@pytest.mark.up
def test_forgotten_flow_logs_can_be_adopted_again(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    edge = project.config()["routers"]["edge"]
    assert project.module(FORGET, STACK, "vpc-shop").ok
    assert project.module(FORGET, STACK, "--router", "er-edge").ok

    output = project.up("--refresh")

    assert "deleted" not in output
    assert "8 unchanged" in output
    assert "network/er-flow-logs (not this stack's)" in project.module("stacks.coverage", "--stack", STACK).output
    project.change_config(routers={**project.config()["routers"], "edge": {**edge, "adopt": True}})
    project.change_router("core", attachments="all", adopt=True)
    output = project.up()
    assert "= 5 imported" in output
    assert "+ 1 created" in output, "the component of er-edge"
    assert cloud.flow_logs() == before

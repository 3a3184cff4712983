"""`pulumi up` with --target and --replace: no flow log goes before another one is in its place."""

from __future__ import annotations

import pytest

from emulator.clock import now
from tests.e2e.harness import QUICK, Cloud, Project


@pytest.mark.up
def test_a_flow_log_is_not_disabled_while_the_one_in_its_place_is_left_out(project: Project, cloud: Cloud) -> None:
    archive = {
        "log_group": "network",
        "log_stream": "er-flow-logs-archive",
        "attachments": ["vpc-shop"],
        "enabled": False,
    }
    project.change_config(routers={**project.config()["routers"], "archive": {"router": "er-core", **archive}})
    project.up()
    before, since = cloud.flow_logs(), now()
    (core, other) = sorted(
        (one for one in project.flow_logs().values() if "::vpc-shop-" in one["urn"] and "staging" not in one["urn"]),
        key=lambda one: not one["inputs"]["enabled"],
    )
    project.change_router("core", overrides={"vpc-shop": {"enabled": False}})
    project.change_router("archive", enabled=True)

    output = project.expect_error("up", *QUICK, "--target", core["urn"])

    assert "it failed, or --target left it out" in output
    assert f"add --target '{other['urn']}'" in output
    assert cloud.flow_logs() == before

    project.up("--target", core["urn"], "--target", other["urn"])
    assert not cloud.flow_logs()[core["id"]]["enabled"]
    assert cloud.flow_logs()[other["id"]]["enabled"]
    assert cloud.server.store.gaps(since=since, attachments=["vpc-shop"]) == []


@pytest.mark.up
def test_a_forced_replacement_keeps_a_flow_log_that_was_changed_since_it_was_made(
    project: Project, cloud: Cloud
) -> None:
    project.change_router("core", description="changed")
    project.up()
    before, since = cloud.flow_logs(), now()
    (shop, *_) = [one for one in project.flow_logs().values() if "::vpc-shop-" in one["urn"]]

    project.up("--refresh", "--replace", shop["urn"])

    assert cloud.flow_logs() == before
    assert project.flow_logs().keys() == before.keys()
    assert cloud.server.store.gaps(since=since, attachments=[shop["inputs"]["resource_id"]]) == []

"""`pulumi up` with --target and --replace: no flow log goes before another one is in its place."""

from __future__ import annotations

import pytest

from tests.e2e.harness import ARCHIVE, QUICK, Cloud, Project, assert_same_flow_logs


@pytest.mark.up
def test_targets_must_include_what_takes_the_place_of_a_flow_log(project: Project, cloud: Cloud) -> None:
    payments = project.urn(cloud, "vpc-payments")
    shop = project.urn(cloud, "vpc-shop")
    archive = {"router": "er-core", "log_group": "network", "log_stream": ARCHIVE, "attachments": ["vpc-shop"]}
    project.change_config(routers={**project.config()["routers"], "archive": {**archive, "enabled": False}})
    project.up()
    before = cloud.flow_logs()

    with cloud.assert_no_gaps("vpc-shop", "vpc-payments"):
        disabled, moved = {"vpc-shop": {"enabled": False}}, {"vpc-payments": {"log_stream": ARCHIVE}}
        targets = []
        for target, overrides in ((shop, disabled), (payments, moved)):
            project.change_router("core", overrides=overrides)
            project.change_router("archive", enabled=overrides is disabled)
            error = project.expect_error("up", *QUICK, "--target", target)
            assert "the new one failed, or --target left it out" in error
            assert cloud.flow_logs() == before
            targets += ["--target", target, "--target", error.partition("add --target '")[2].partition("'")[0]]
        project.change_router("core", overrides={**disabled, **moved})
        project.change_router("archive", enabled=True)
        project.up(*targets)
    assert_same_flow_logs(project, cloud)

    after = cloud.flow_logs()
    assert [flow_log["enabled"] for flow_log in after.values()].count(False) == 1
    assert len(before.keys() - after.keys()) == 1
    # A forced replacement keeps a good flow log, even if it was changed since it was created.
    with cloud.assert_no_gaps("vpc-shop", "vpc-payments"):
        project.up("--refresh", "--replace", shop)
    assert cloud.flow_logs() == after
    assert_same_flow_logs(project, cloud)

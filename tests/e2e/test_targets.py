"""`pulumi up` with --target and --replace: no flow log goes before another one is in its place."""

from __future__ import annotations

import pytest

from tests.e2e.harness import ARCHIVE, QUICK, Cloud, Project, assert_same_flow_logs


@pytest.mark.up
def test_targets_must_include_what_takes_the_place_of_a_flow_log(project: Project, cloud: Cloud) -> None:
    old = project.urn(cloud, "vpc-payments")
    before = cloud.flow_logs()
    project.change_router("core", overrides={"vpc-payments": {"log_stream": ARCHIVE}})

    with cloud.assert_no_gaps("vpc-payments"):
        error = project.expect_error("up", *QUICK, "--target", old)
        assert "the new one failed, or --target left it out" in error
        assert cloud.flow_logs() == before
        new = error.partition("add --target '")[2].partition("'")[0]
        cloud.server.store.add_attachment("er-core", "vpc-new")
        project.up("--target", old, "--target", new)
    after = cloud.flow_logs()
    assert len(project.outputs()["flow_logs"]) == len(after)
    cloud.server.store.remove_attachment("vpc-new")
    assert len(before.keys() - after.keys()) == 1

    # A forced replacement keeps a good flow log.
    with cloud.assert_no_gaps("vpc-payments"):
        project.up("--refresh", "--replace", new)
    assert cloud.flow_logs() == after
    assert_same_flow_logs(project, cloud)

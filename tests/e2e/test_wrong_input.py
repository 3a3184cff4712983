"""Wrong input, run through `pulumi`: a clear sentence each, no traceback, nothing lost or half done.

The sentences themselves are tested one by one without `pulumi`; here is one case of each way that they take.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.e2e.harness import (
    DEMO_FLOW_LOGS,
    NAMESPACE,
    QUICK,
    STACK_FILE,
    Cloud,
    Project,
    assert_same_flow_logs,
)
from tests.emulator.process import free_port

USER = {"username": "demo", "domain": "OTC-DEMO", "project": "eu-de"}


def values_that_are_not_valid(project: Project, _cloud: Cloud) -> None:
    project.change_config(max_delets=3, password="hunter2")
    project.change_router("core", enabled="yes")


def names_that_do_not_exist(project: Project, _cloud: Cloud) -> None:
    project.change_router("core", router="er-cor", log_group="netwrok")
    project.change_router("edge", log_stream="audit", attachments=["vpc-x"])


def missing_credentials(project: Project, _cloud: Cloud) -> None:
    project.change_config(endpoint=None, region="eu-de")


def unreachable_endpoint(project: Project, _cloud: Cloud) -> None:
    project.change_config(endpoint=f"http://127.0.0.1:{free_port()}", **USER)
    project.environment["OS_PASSWORD"] = "whatever"


def project_of_somebody_else(project: Project, cloud: Cloud) -> None:
    project.use_cloud(cloud)
    project.change_config(project_id="0" * 32)


def another_backend(project: Project, _cloud: Cloud) -> None:
    project.change_config(state="s3://states")


def invalid_yaml(project: Project, _cloud: Cloud) -> None:
    project.stack_file().write_text("config:\n  - : [\n")


def empty_stack_file(project: Project, _cloud: Cloud) -> None:
    project.stack_file().write_text("")


def corrupt_emulator_file(project: Project, cloud: Cloud) -> None:
    cloud.server.close()
    project.database.write_bytes(b"this is not a database" * 1000)


MISTAKES: dict[Callable[[Project, Cloud], None], tuple[str, ...]] = {
    values_that_are_not_valid: (
        f"{NAMESPACE}:max_delets in {STACK_FILE}: unknown key; did you mean max_deletes?",
        f"{NAMESPACE}:password in {STACK_FILE}: a password may be in a stack file only as a secret:",
        f'{NAMESPACE}:routers.core.enabled in {STACK_FILE}: must be true or false, not "yes"',
    ),
    names_that_do_not_exist: (
        f"{NAMESPACE}:routers.core.router in {STACK_FILE}: there is no router with id or name 'er-cor'; known: er",
        f"{NAMESPACE}:routers.core.log_group in {STACK_FILE}: there is no log group with id or name 'netwrok'; known",
        f"{NAMESPACE}:routers.edge.log_stream in {STACK_FILE}: there is no log stream in group 'network' with id or",
        f"{NAMESPACE}:routers.edge.attachments[0] in {STACK_FILE}: there is no attachment with id or name 'vpc-x'",
    ),
    missing_credentials: ("no credentials: set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY in the environment",),
    unreachable_endpoint: ("cannot reach IAM at http://127.0.0.1:",),
    project_of_somebody_else: ("HTTP 403",),
    another_backend: ("stack local: its state is in s3://states (otc-flow-logs:state), not in file:",),
    empty_stack_file: (f"error: {STACK_FILE} is empty; declare the stack's routers in it, as docs/",),
    invalid_yaml: ("getting stack configuration: invalid YAML file: yaml: line 1",),
    corrupt_emulator_file: ("the embedded emulator cannot start: ",),
}


IN_EVERY_RUN = (values_that_are_not_valid, names_that_do_not_exist, missing_credentials, unreachable_endpoint)


@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, id=mistake.__name__, marks=[] if mistake in IN_EVERY_RUN else [pytest.mark.acceptance])
        for mistake in MISTAKES
    ],
)
def test_preview_refuses_wrong_input(mistake: Callable[[Project, Cloud], None], project: Project, cloud: Cloud) -> None:
    mistake(project, cloud)

    error = project.expect_error("preview", "--suppress-progress")

    for sentence in MISTAKES[mistake]:
        assert sentence in error
        # Once when it happens and once in the diagnostics; waiting for an unreachable service is reported besides.
        assert mistake is unreachable_endpoint or error.count(sentence) <= 2
    assert project.state().get("resources", []) == []


def test_stack_other_than_local_refuses_an_empty_passphrase(project: Project) -> None:
    project.stack_file().rename(project.stack_file("team"))
    project.expect_ok("stack", "init", stack="team")

    error = project.expect_error("preview", stack="team")

    assert "stack team must not have an empty passphrase: set PULUMI_CONFIG_PASSPHRASE" in error


@pytest.mark.up
def test_losing_more_flow_logs_than_max_deletes_is_refused(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    edge = project.urn(cloud, "vpc-edge-proxy")
    project.change_router("core", attachments=[])

    error = project.expect_error("preview")

    assert f"{NAMESPACE}:max_deletes in {STACK_FILE}: 6 of 10 attachments would lose their flow log" in error
    reason = "it is no longer selected because the stack file has routers.core.attachments: []"
    assert f"er-core: vpc-shop ({reason}), er-core: vpc-shop-staging ({reason})" in error
    assert "set max_deletes to 6 for this run" in error

    # What a run left out counts in the next run.
    project.change_config(max_deletes=6)
    project.up("--target", edge)
    project.change_router("edge", attachments=[])
    error = project.expect_error("up", *QUICK)
    assert "10 of 10 attachments would lose their flow log, but at most 6 may" in error
    assert cloud.flow_logs() == before
    assert_same_flow_logs(project, cloud)

    project.change_config(max_deletes=10)
    project.up()
    assert cloud.flow_logs() == {}


def test_exceeded_quota_fails_only_the_flow_logs_beyond_it(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_quota(7)

    error = project.expect_error("up", *QUICK)

    sentence = (
        r"flow log '[\w-]+' was not created: \S.*? \(ER\.04009008, HTTP 400, request [\w-]+\): 7 of 7 are in use;"
        r" delete unused flow logs, or request a higher quota with a service ticket"
    )
    assert re.search(sentence, error)
    assert "Exception calling application" not in error
    before = cloud.flow_logs()
    assert len(before) == 7
    assert_same_flow_logs(project, cloud)

    # What the failed run has created is protected by max_deletes, too.
    config = project.config()
    project.change_router("core", attachments=[])
    project.change_router("edge", attachments=[])
    assert "7 of 7 attachments would lose their flow log" in project.expect_error("up", *QUICK)
    assert cloud.flow_logs() == before

    cloud.server.store.set_quota(DEMO_FLOW_LOGS)
    project.write_config(config)
    project.up()
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, cloud)

"""Signing in to a standalone emulator by each kind of credentials, and with a password that has been changed."""

from __future__ import annotations

import json

import yaml

from tests.e2e.harness import CHECKOUT, DEMO_FLOW_LOGS, QUICK, Cloud, Project, assert_same_flow_logs

PASSWORD = "flow-logs-on-loopback"  # of the demo cloud's user
READER = {"OS_USERNAME": "auditor", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PASSWORD": "looking-on-loopback"}
WRITER = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PASSWORD": PASSWORD}
ACCESS_KEY = {"OS_ACCESS_KEY": "TESTACCESSKEY0000001", "OS_SECRET_KEY": "of-the-tests-alone"}
SECURITY_TOKEN = "of-a-temporary-key"


def test_each_kind_of_credentials_from_the_environment_signs_in(project: Project, standalone: Cloud) -> None:
    server = standalone.server
    server.store.add_access_key("demo", ACCESS_KEY["OS_ACCESS_KEY"], ACCESS_KEY["OS_SECRET_KEY"], SECURITY_TOKEN)
    auth = {"username": "demo", "password": PASSWORD, "user_domain_name": "OTC-DEMO", "project_name": "eu-de"}
    (project.directory / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"demo": {"auth": auth}}}))

    project.up("--refresh", **ACCESS_KEY, OS_SECURITY_TOKEN=SECURITY_TOKEN)
    # Each request was signed; none of them was a sign-in.
    assert "POST /v3/auth/tokens" not in server.requests.read()
    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, standalone)

    project.change_config(project=None)
    for credentials in ({"OS_CLOUD": "demo"}, {"OS_TOKEN": server.token, "OS_PROJECT_ID": server.project_id}):
        project.expect_no_changes("--refresh", **credentials)
    state = project.state_file().read_text()
    assert not any(secret in state for secret in (server.token, PASSWORD, ACCESS_KEY["OS_SECRET_KEY"], SECURITY_TOKEN))


def test_iam_policies_of_the_docs_allow_what_they_promise(project: Project, standalone: Cloud) -> None:
    for user, policy in ((READER, "read-only"), (WRITER, "read-write")):
        document = json.loads((CHECKOUT / "docs" / "iam" / f"{policy}.json").read_text())
        standalone.server.store.set_policy(user["OS_USERNAME"], document)

    error = project.expect_error("up", *QUICK, **READER)
    assert f"er:flowlogs:create is not permitted in project {standalone.server.project_id} (" in error
    assert standalone.flow_logs() == project.flow_logs() == {}

    project.change_router("core", enabled=False)
    project.up(**WRITER)
    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    project.refresh(**READER)
    project.change_router("core", enabled=True, description="changed")
    project.change_router("edge", enabled=False, attachments={"exclude": ["vpc-edge-proxy"]})
    project.up(**WRITER)
    assert {flow_log["enabled"] for flow_log in standalone.flow_logs().values()} == {True, False}
    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS - 1


def test_password_in_the_stack_file_can_be_changed_after_up(project: Project, standalone: Cloud) -> None:
    project.change_config(username="demo", domain="OTC-DEMO")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", PASSWORD)
    project.up()
    assert PASSWORD not in project.state_file().read_text()

    standalone.server.store.set_password("demo", "a-new-one")
    assert "IAM refused user 'demo' of domain 'OTC-DEMO'" in project.expect_error("destroy", *QUICK)
    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, standalone)

    # The engine hands a destroy the password of the last `up`.
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", "a-new-one")
    project.destroy()
    assert standalone.flow_logs() == {}

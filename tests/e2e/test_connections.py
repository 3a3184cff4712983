"""Signing in to an emulator that stands alone, by every way there is, also after a password was changed."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.e2e.harness import CHECKOUT, DEMO_FLOW_LOGS, QUICK, Cloud, Project, assert_converged, assert_same_flow_logs

PASSWORD = "flow-logs-on-loopback"  # of the demo cloud's user


@pytest.mark.acceptance
def test_user_and_password_from_the_environment(project: Project, standalone: Cloud) -> None:
    project.environment |= {"OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD, "OS_USER_DOMAIN_NAME": "OTC-DEMO"}

    project.up()

    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert_converged(project, standalone)
    assert PASSWORD not in project.state_file().read_text()


def test_a_token_from_the_environment(project: Project, standalone: Cloud) -> None:
    project.environment |= {"OS_TOKEN": standalone.server.token, "OS_PROJECT_ID": standalone.server.project_id}
    project.change_config(project=None)

    project.up()

    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, standalone)
    assert standalone.server.token not in project.state_file().read_text()


KEY = {"OS_ACCESS_KEY": "TESTACCESSKEY0000001", "OS_SECRET_KEY": "of-the-tests-alone"}


@pytest.mark.parametrize("security_token", [pytest.param(None, marks=pytest.mark.acceptance), "of-a-temporary-key"])
def test_an_access_key_from_the_environment(project: Project, standalone: Cloud, security_token: str | None) -> None:
    standalone.server.store.add_access_key("demo", KEY["OS_ACCESS_KEY"], KEY["OS_SECRET_KEY"], security_token)
    project.environment |= {**KEY, **({"OS_SECURITY_TOKEN": security_token} if security_token else {})}

    project.up()

    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, standalone)
    project.destroy()
    assert standalone.flow_logs() == {}
    # Nobody ever signed in: each request was signed.
    assert "POST /v3/auth/tokens" not in standalone.server.requests.read()


@pytest.mark.acceptance
def test_a_temporary_access_key_whose_secrets_are_in_the_stack_file(project: Project, standalone: Cloud) -> None:
    standalone.server.store.add_access_key("demo", KEY["OS_ACCESS_KEY"], KEY["OS_SECRET_KEY"], "of-a-temporary-key")
    project.change_config(access_key=KEY["OS_ACCESS_KEY"])
    for key, secret in (("secret_key", KEY["OS_SECRET_KEY"]), ("security_token", "of-a-temporary-key")):
        project.expect_ok("config", "set", "--secret", f"otc-flow-logs:{key}", secret)

    project.up()

    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    for text in (project.state_file().read_text(), project.stack_file().read_text()):
        assert KEY["OS_SECRET_KEY"] not in text
        assert "of-a-temporary-key" not in text
    # Neither of these runs the program: they have the key from the state.
    project.refresh()
    project.destroy()
    assert standalone.flow_logs() == {}


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"OS_SECRET_KEY": "another"}, "check the access key, the secret key and this machine's clock"),
        ({"OS_ACCESS_KEY": "NOBODYSACCESSKEY0001"}, "check the access key, the secret key and this machine's clock"),
        ({"OS_SECRET_KEY": ""}, "OS_ACCESS_KEY also needs OS_SECRET_KEY"),
    ],
)
def test_an_access_key_that_is_wrong_is_told(
    project: Project, standalone: Cloud, wrong: dict[str, str], reason: str
) -> None:
    standalone.server.store.add_access_key("demo", KEY["OS_ACCESS_KEY"], KEY["OS_SECRET_KEY"])

    output = project.expect_error("preview", **{**KEY, **wrong})

    assert reason in output
    assert KEY["OS_SECRET_KEY"] not in output


def test_a_cloud_of_clouds_yaml(project: Project, standalone: Cloud) -> None:
    auth = {"username": "demo", "password": PASSWORD, "user_domain_name": "OTC-DEMO", "project_name": "eu-de"}
    (project.directory / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"demo": {"auth": auth}}}))
    project.change_config(project=None)

    project.up(OS_CLOUD="demo")

    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert "there is no cloud 'prod'" in project.expect_error("preview", OS_CLOUD="prod")


READER = {"OS_USERNAME": "auditor", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PASSWORD": "looking-on-loopback"}
WRITER = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PASSWORD": PASSWORD}


@pytest.fixture
def least_privilege(standalone: Cloud) -> Cloud:
    """The standalone emulator, where its users may do what the policies in `docs/iam` say and no more."""
    for user, policy in ((READER, "read-only"), (WRITER, "read-write")):
        document = json.loads((CHECKOUT / "docs" / "iam" / f"{policy}.json").read_text())
        standalone.server.store.set_policy(user["OS_USERNAME"], document)
    return standalone


def test_who_has_the_policy_for_reading_can_preview_and_is_told_what_is_missing_to_do_it(
    project: Project, least_privilege: Cloud
) -> None:
    assert "+ 14 to create" in project.expect_ok("preview", **READER)
    output = project.expect_error("up", *QUICK, **READER)

    assert "Policy doesn't allow er:flowlogs:create to be performed" in output
    assert least_privilege.flow_logs() == {}
    assert project.flow_logs() == {}


def test_the_policy_for_writing_is_enough_for_all_that_is_done_and_the_one_for_reading_to_look_at_it(
    project: Project, least_privilege: Cloud
) -> None:
    project.up(**WRITER)
    assert len(least_privilege.flow_logs()) == DEMO_FLOW_LOGS

    project.refresh(**READER)
    project.expect_no_changes(**READER)

    project.change_router("core", enabled=False, description="changed in place")
    project.up(**WRITER)
    assert {one["enabled"] for one in least_privilege.flow_logs().values()} == {True, False}
    project.change_router("core", enabled=True)
    project.up(**WRITER)
    assert {one["enabled"] for one in least_privilege.flow_logs().values()} == {True}

    project.refresh(**WRITER)
    project.destroy(**WRITER)
    assert least_privilege.flow_logs() == {}


def test_a_secret_password_in_the_stack_file_also_when_it_was_changed_since(
    project: Project, standalone: Cloud
) -> None:
    project.change_config(username="demo", domain="OTC-DEMO")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", PASSWORD)
    project.up()
    assert PASSWORD not in project.state_file().read_text()

    # The engine hands a refresh and a destroy the password of the last `up`.
    standalone.server.store.set_password("demo", "a-new-one")
    project.expect_ok("config", "set", "--secret", "otc-flow-logs:password", "a-new-one")
    project.refresh()
    assert len(project.flow_logs()) == DEMO_FLOW_LOGS
    project.destroy()

    assert standalone.flow_logs() == {}


def test_a_wrong_password_at_destroy_deletes_nothing_and_says_so(project: Project, standalone: Cloud) -> None:
    project.environment |= {"OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD, "OS_USER_DOMAIN_NAME": "OTC-DEMO"}
    project.up()

    output = project.expect_error("destroy", *QUICK, OS_PASSWORD="wrong")

    assert "IAM refused user 'demo' of domain 'OTC-DEMO'" in output
    assert len(standalone.flow_logs()) == DEMO_FLOW_LOGS
    assert project.flow_logs().keys() == standalone.flow_logs().keys()

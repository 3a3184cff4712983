"""Signing in to an emulator that stands alone, by every way there is, also after a password was changed."""

from __future__ import annotations

from tests.e2e.harness import LOGGED_IN_DEMO, QUICK, Project, World, agree

PASSWORD = "flow-logs-on-loopback"  # of the demo world's user


def test_user_and_password_from_the_environment(project: Project, standalone: World) -> None:
    project.environment |= {"OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD, "OS_USER_DOMAIN_NAME": "OTC-DEMO"}

    project.up()

    assert len(standalone.flow_logs()) == LOGGED_IN_DEMO
    agree(project, standalone)
    assert PASSWORD not in project.state_file().read_text()


def test_a_token_from_the_environment(project: Project, standalone: World) -> None:
    project.environment |= {"OS_TOKEN": standalone.server.token, "OS_PROJECT_ID": standalone.server.project_id}
    project.change_config(project=None)

    project.up()

    assert len(standalone.flow_logs()) == LOGGED_IN_DEMO
    agree(project, standalone)
    assert standalone.server.token not in project.state_file().read_text()


def test_a_secret_password_in_the_stack_file_also_when_it_was_changed_since(
    project: Project, standalone: World
) -> None:
    project.change_config(username="demo", domain="OTC-DEMO")
    project.ok("config", "set", "--secret", "otc-flow-logs:password", PASSWORD)
    project.up()
    assert PASSWORD not in project.state_file().read_text()

    # The engine hands a refresh and a destroy the password of the last `up`.
    standalone.server.store.set_password("demo", "a-new-one")
    project.ok("config", "set", "--secret", "otc-flow-logs:password", "a-new-one")
    project.refresh()
    assert len(project.flow_logs()) == LOGGED_IN_DEMO
    project.destroy()

    assert standalone.flow_logs() == {}


def test_a_wrong_password_at_destroy_deletes_nothing_and_says_so(project: Project, standalone: World) -> None:
    project.environment |= {"OS_USERNAME": "demo", "OS_PASSWORD": PASSWORD, "OS_USER_DOMAIN_NAME": "OTC-DEMO"}
    project.up()

    output = project.refused("destroy", *QUICK, OS_PASSWORD="wrong")

    assert "IAM refused user 'demo' of domain 'OTC-DEMO'" in output
    assert len(standalone.flow_logs()) == LOGGED_IN_DEMO
    assert project.flow_logs().keys() == standalone.flow_logs().keys()

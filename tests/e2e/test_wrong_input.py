"""Wrong input of every kind, run through `pulumi`: one clear sentence each, no traceback, nothing lost or half done."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.harness import QUICK, Cloud, Project, assert_same_flow_logs
from tests.emulator.process import free_port

Mistake = Callable[[Project, Cloud], None]

FILE = "stacks/Pulumi.local.yaml"


@dataclass(frozen=True)
class Case:
    """A mistake, and what is to be read on the screen."""

    mistake: Mistake
    sentence: str


def router(**values: object) -> Mistake:
    """The stack file says this of router `core`."""
    return lambda project, _world: project.change_router("core", **values)


def config(**values: object) -> Mistake:
    """The stack file has these keys."""
    return lambda project, _world: project.change_config(**values)


def remote(**values: object) -> Mistake:
    """The stack file has these keys, and no `endpoint: emulator`."""
    return config(**{"endpoint": None, **values})


def without(key: str) -> Mistake:
    """The stack file says nothing of this for router `core`."""

    def mistake(project: Project, _cloud: Cloud) -> None:
        routers = project.config()["routers"]
        del routers["core"][key]
        project.change_config(routers=routers)

    return mistake


def two_attachments_of_one_name(project: Project, cloud: Cloud) -> None:
    cloud.server.store.add_attachment("er-core", "vpc-shop", resource_type="vpc")
    project.change_router("core", attachments=["vpc-shop"])


def two_routers_of_one_name(_project: Project, cloud: Cloud) -> None:
    cloud.server.store.add_router("er-core")


def the_same_target_twice(project: Project, _cloud: Cloud) -> None:
    routers = project.config()["routers"]
    project.change_config(routers={**routers, "twice": {**routers["core"], "attachments": ["vpc-shop"]}})


def nobody_listens(project: Project, _cloud: Cloud) -> None:
    project.change_config(
        endpoint=f"http://127.0.0.1:{free_port()}", username="demo", domain="OTC-DEMO", project="eu-de"
    )
    project.environment["OS_PASSWORD"] = "whatever"


def wrong_password(project: Project, cloud: Cloud) -> None:
    project.change_config(endpoint=cloud.server.url, username="demo", domain="OTC-DEMO", project="eu-de")
    project.environment["OS_PASSWORD"] = "wrong"


def wrong_token(project: Project, cloud: Cloud) -> None:
    project.change_config(endpoint=cloud.server.url, project_id=cloud.server.project_id)
    project.environment["OS_TOKEN"] = "wrong"


def another_project(project: Project, cloud: Cloud) -> None:
    project.change_config(endpoint=cloud.server.url, project_id="0" * 32)
    project.environment["OS_TOKEN"] = cloud.server.token


def token_without_project(project: Project, _cloud: Cloud) -> None:
    project.change_config(endpoint=None, region="eu-de")
    project.environment["OS_TOKEN"] = "some"


def not_yaml(project: Project, _cloud: Cloud) -> None:
    project.stack_file().write_text("config:\n  - : [\n")


CASES = {
    "no routers": Case(config(routers=None), f"otc-flow-logs:routers in {FILE}: is missing"),
    "routers that are a number": Case(
        config(routers=5), f"otc-flow-logs:routers in {FILE}: must be keys with values, not 5"
    ),
    "no router at all": Case(config(routers={}), f"otc-flow-logs:routers in {FILE}: must not be empty"),
    "a misspelt key": Case(
        config(max_delets=3), f"otc-flow-logs:max_delets in {FILE}: there is no such key; did you mean max_deletes?"
    ),
    "a misspelt key of a router": Case(
        router(log_streem="x"),
        f"otc-flow-logs:routers.core.log_streem in {FILE}: there is no such key; did you mean log_stream?",
    ),
    "a router without a log group": Case(
        without("log_group"), f"otc-flow-logs:routers.core.log_group in {FILE}: is missing"
    ),
    "an unknown router": Case(
        router(router="er-cor"),
        f"otc-flow-logs:routers.core.router in {FILE}: there is no router with id or name 'er-cor';"
        " there are: er-core, er-edge",
    ),
    "a router's name that two have": Case(
        two_routers_of_one_name,
        f"otc-flow-logs:routers.core.router in {FILE}: the name 'er-core' fits 2 of them; use an id:",
    ),
    "an unknown log group": Case(
        router(log_group="netwrok"),
        f"otc-flow-logs:routers.core.log_group in {FILE}: there is no log group with id or name 'netwrok';"
        " there are: network, security",
    ),
    "an unknown log stream": Case(
        router(log_stream="audit"),
        f"otc-flow-logs:routers.core.log_stream in {FILE}: there is no log stream in group 'network' with id or name"
        " 'audit'; there are: er-flow-logs, er-flow-logs-archive",
    ),
    "attachments that are a number": Case(
        router(attachments=5),
        f"otc-flow-logs:routers.core.attachments in {FILE}: must be all, a list of attachments, or a selector"
        " (types, tags, names, include, exclude), not 5",
    ),
    "a type that cannot be logged": Case(
        router(attachments={"types": ["cfw"]}),
        f'otc-flow-logs:routers.core.attachments.types[0] in {FILE}: must be vpc, vpn or vgw, not "cfw"',
    ),
    "an unknown attachment": Case(
        router(attachments=["vpc-shop", "vpc-shpo"]),
        f"otc-flow-logs:routers.core.attachments[1] in {FILE}: there is no attachment with id or name"
        " 'vpc-shpo'; there are: vpc-shop,",
    ),
    "an attachment's name that two have": Case(
        two_attachments_of_one_name,
        f"otc-flow-logs:routers.core.attachments[0] in {FILE}: the name 'vpc-shop' fits 2 of them; use an id:",
    ),
    "an override of an unknown attachment": Case(
        router(overrides={"vpc-nowhere": {"enabled": False}}),
        f"otc-flow-logs:routers.core.overrides.vpc-nowhere in {FILE}: there is no attachment with id or name"
        " 'vpc-nowhere'",
    ),
    "a name with characters that are not allowed": Case(
        router(overrides={"vpc-shop": {"name": "the shop"}}),
        f"otc-flow-logs:routers.core.overrides.vpc-shop.name in {FILE}: must be 1 to 64 letters, digits, '_', '-'"
        " and '.', not \"the shop\"",
    ),
    "a name of 65 characters": Case(
        router(overrides={"vpc-shop": {"name": "x" * 65}}),
        f"otc-flow-logs:routers.core.overrides.vpc-shop.name in {FILE}: must be 1 to 64 letters",
    ),
    "an unknown placeholder": Case(
        router(name="{vpc}"),
        f"otc-flow-logs:routers.core.name in {FILE}: has the unknown placeholder {{vpc}}; placeholders are {{stack}},",
    ),
    "a description of 256 characters": Case(
        router(description="x" * 256),
        f"otc-flow-logs:routers.core.description in {FILE}: must be at most 255 characters",
    ),
    "enabled that is neither true nor false": Case(
        router(enabled="yes"), f'otc-flow-logs:routers.core.enabled in {FILE}: must be true or false, not "yes"'
    ),
    "max_deletes below zero": Case(
        config(max_deletes=-1), f"otc-flow-logs:max_deletes in {FILE}: must be 0 or more, not -1"
    ),
    "one target twice": Case(
        the_same_target_twice,
        f"otc-flow-logs:routers.twice in {FILE}: attachment 'vpc-shop' already logs to network/er-flow-logs"
        " by routers.core",
    ),
    "an endpoint that is no address": Case(
        config(endpoint="er.example"), "otc-flow-logs:endpoint: 'er.example' is not an address"
    ),
    "credentials over plain http": Case(
        config(endpoint="http://er.example"), "'http://er.example' would send credentials unencrypted: use https"
    ),
    "an unknown region": Case(remote(region="eu-fr"), "there is no region 'eu-fr'; regions are eu-de and eu-nl"),
    "no region": Case(remote(), "no region: set otc-flow-logs:region in the stack file to eu-de or eu-nl"),
    "no credentials": Case(
        remote(region="eu-de"),
        "no credentials for https://er.eu-de.otc.t-systems.com: set OS_USERNAME (or otc-flow-logs:username)",
    ),
    "a token without a project": Case(
        token_without_project, "a token needs the id of its project: set otc-flow-logs:project_id in the stack file"
    ),
    "another state than the stack's": Case(
        config(state="s3://states"), "stack local: its state is in s3://states (otc-flow-logs:state), and not in file:"
    ),
    "a password in plain text": Case(
        config(password="hunter2"),
        f"otc-flow-logs:password in {FILE}: a password may stand in a stack file as a secret only:"
        " pulumi config set --secret otc-flow-logs:password",
    ),
    "an endpoint that nobody listens on": Case(nobody_listens, "cannot reach IAM at http://127.0.0.1:"),
    "a wrong password": Case(wrong_password, "IAM refused user 'demo' of domain 'OTC-DEMO': check user name, password"),
    "a wrong token": Case(wrong_token, "refused the credentials"),
    "somebody else's project": Case(another_project, "HTTP 403"),
    "a stack file that is no YAML": Case(not_yaml, "getting stack configuration: invalid YAML file: yaml: line 1"),
}


ONE_MORE = {
    "no routers",
    "an unknown attachment",
    "a name with characters that are not allowed",
    "a token without a project",
    "no region",
    "one target twice",
    "routers that are a number",
    "no router at all",
    "a misspelt key of a router",
    "a router without a log group",
    "a router's name that two have",
    "an unknown log group",
    "attachments that are a number",
    "a type that cannot be logged",
    "an attachment's name that two have",
    "an override of an unknown attachment",
    "a name of 65 characters",
    "an unknown placeholder",
    "a description of 256 characters",
    "enabled that is neither true nor false",
    "max_deletes below zero",
    "an endpoint that is no address",
    "credentials over plain http",
    "an unknown region",
}
"""Cases that go the way of others: their sentences are tested one by one, without `pulumi`."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=name, marks=pytest.mark.acceptance if name in ONE_MORE else ())
        for name, case in CASES.items()
    ],
)
def test_a_preview_refuses_wrong_input_in_one_sentence(case: Case, project: Project, cloud: Cloud) -> None:
    case.mistake(project, cloud)

    output = project.expect_error("preview", "--suppress-progress")

    said = re.sub(r"\s+", " ", output)
    assert case.sentence in said
    # Once as it happens and once in the diagnostics, and nothing else.
    assert re.sub(r"waiting for the service \([^)]*\)", "", said).count(case.sentence) <= 2
    assert cloud.flow_logs() == {}
    assert project.state().get("resources", []) == []


def corrupt(database: Path) -> None:
    database.write_bytes(b"this is no database at all" * 1000)


def foreign(database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [(corrupt, "is not a database"), (foreign, "emulator.db"), (Path.mkdir, "emulator.db")],
    ids=["corrupt", "of another program", "a folder"],
)
def test_an_unusable_emulator_file_is_named_and_left_alone(
    spoil: Callable[[Path], None], sentence: str, project: Project
) -> None:
    spoil(project.database)
    before = project.database.read_bytes() if project.database.is_file() else None

    output = project.expect_error("preview")

    assert "the embedded emulator cannot start: " in output
    assert sentence in output
    assert (project.database.read_bytes() if project.database.is_file() else None) == before


def test_several_mistakes_are_told_at_once(project: Project) -> None:
    project.change_router("core", router="er-x", log_group="group-x")
    project.change_router("edge", attachments=["vpc-x"])

    output = project.expect_error("preview")

    for key in ("core.router", "core.log_group", "edge.attachments[0]"):
        assert f"otc-flow-logs:routers.{key} in {FILE}: " in output


@pytest.mark.up
def test_losing_more_flow_logs_than_allowed_is_refused_and_they_are_listed(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    project.change_router("core", attachments=[])

    output = project.expect_error("preview")

    assert f"otc-flow-logs:max_deletes in {FILE}: 6 of 10 attachments would lose their flow log" in output
    reason = "is no longer selected since the stack file says routers.core.attachments: []"
    assert f"er-core: vpc-shop ({reason}), er-core: vpc-shop-staging ({reason})" in output
    assert "set max_deletes to 6 for this run" in output

    # Also when nobody looks at a preview, and the guard still remembers when asked again.
    for _ in range(2):
        assert "would lose their flow log" in project.expect_error("up", *QUICK)
    assert cloud.flow_logs() == before
    assert_same_flow_logs(project, cloud)

    project.change_config(max_deletes=6)
    project.up()
    assert len(cloud.flow_logs()) == 4


@pytest.mark.up
def test_what_a_run_with_targets_left_is_still_guarded(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    (edge, *_) = [one["urn"] for one in project.flow_logs().values() if "::vpc-edge-" in one["urn"]]
    project.change_router("core", attachments=["vpc-shop"])
    project.change_config(max_deletes=5)
    project.up("--target", edge)
    assert cloud.flow_logs() == before

    project.change_router("edge", attachments=[])

    assert "9 of 10 attachments would lose their flow log" in project.expect_error("up", *QUICK)
    assert cloud.flow_logs() == before


@pytest.mark.up
def test_all_attachments_being_none_is_refused_where_there_were_some(project: Project, cloud: Cloud) -> None:
    before = cloud.flow_logs()
    for attachment in ("vpc-edge-proxy", "vpc-partner-portal", "vpn-office-hamburg", "vgw-colocation-munich"):
        cloud.server.store.set_attachment_state(attachment, "invalid")

    output = project.expect_error("up", *QUICK)

    assert f"otc-flow-logs:routers.edge.attachments in {FILE}: router 'er-edge' has no attachment left" in output
    assert cloud.flow_logs() == before


def test_what_a_run_that_failed_half_way_has_logged_is_guarded_too(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_quota(9)
    project.expect_error("up", *QUICK)
    before = cloud.flow_logs()
    assert len(before) == 9

    project.change_router("core", attachments=[])
    project.change_config(max_deletes=4)

    # Which one found the quota used up is chance.
    assert re.search("[56] of 9 attachments would lose their flow log", project.expect_error("up", *QUICK))
    assert cloud.flow_logs() == before


def test_a_used_up_quota_fails_the_flow_logs_that_are_too_many_and_no_others(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_quota(7)

    output = project.expect_error("up", *QUICK)

    assert "7 of 7 are in use; delete flow logs nobody needs, or ask for a higher quota with a service ticket" in output
    assert "ER.04009008" in output
    assert len(cloud.flow_logs()) == 7
    assert_same_flow_logs(project, cloud)

    cloud.server.store.set_quota(10)
    project.up()
    assert len(cloud.flow_logs()) == 10
    assert_same_flow_logs(project, cloud)


def test_a_lost_state_is_made_up_for_by_adoption(project: Project, cloud: Cloud) -> None:
    project.change_router("core", attachments=["vpc-shop"])
    project.change_router("edge", attachments=[])
    project.up()
    (theirs,) = cloud.flow_logs()
    # Without the stack's state its flow log is somebody else's.
    project.state_file().unlink()
    project.expect_ok("stack", "init")
    project.change_router("core", attachments=["vpc-payments"])
    project.up()
    project.change_router("core", attachments=["vpc-payments", "vpc-shop"])

    said = re.sub(r"\s+", " ", project.expect_error("up", *QUICK))

    assert f"already has flow log 'core-vpc-shop-e4ec9862', id {theirs}" in said
    assert "take it over: with adopt: true in a stack file" in said
    assert theirs not in project.flow_logs()
    project.change_router("core", adopt=True)
    project.up()
    assert_same_flow_logs(project, cloud)
    assert theirs in project.flow_logs()


def test_another_stack_refuses_an_empty_passphrase(project: Project, cloud: Cloud) -> None:
    project.stack_file().rename(project.stack_file("team"))
    project.expect_ok("stack", "init", stack="team")

    output = project.expect_error("preview", stack="team")

    assert "stack team must not have an empty passphrase: set PULUMI_CONFIG_PASSPHRASE" in output
    assert cloud.flow_logs() == {}

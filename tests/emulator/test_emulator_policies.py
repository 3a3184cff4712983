"""Custom policies: that each call is guarded by its action and no other, and that those of `docs/iam` are minimal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from keystoneauth1 import session

from emulator import EmulatorError, Server, er_api, lts_api
from emulator.http import Service
from emulator.policies import BUILT_IN, Policy, load, parse
from tests.emulator.plain_client import PlainClient, Signing, body, password_of
from tests.emulator.process import PROJECT_FOLDER

READ_ONLY = PROJECT_FOLDER / "docs" / "iam" / "read-only.json"
READ_WRITE = PROJECT_FOLDER / "docs" / "iam" / "read-write.json"

Call = Callable[[PlainClient, str], requests.Response]
"""By somebody, on the flow log of this id."""

# All that a client of the flow log API does, in an order in which all of it succeeds.
WALK: dict[str, Call] = {
    "er:instances:list": lambda client, _: client.session.get(f"{client.base}/instances"),
    "er:attachments:list": lambda client, _: client.session.get(f"{client.router}/attachments"),
    "er:attachments:get": lambda client, _: client.session.get(f"{client.router}/attachments/{VPC_B}"),
    "lts:groups:list": lambda client, _: client.session.get(groups(client)),
    "lts:topics:list": lambda client, _: client.session.get(f"{groups(client)}/{LOG_GROUP}/streams"),
    "er:quotas:list": lambda client, _: client.session.get(f"{client.base}/quotas"),
    "er:flowlogs:list": lambda client, _: client.session.get(client.flow_logs),
    "er:flowlogs:create": lambda client, _: client.post_flow_log(body("two", VPC_B)),
    "er:flowlogs:show": lambda client, one: client.show(one),
    "er:flowlogs:update": lambda client, one: client.session.put(f"{client.flow_logs}/{one}", json={"name": "three"}),
    "er:flowlogs:disable": lambda client, one: client.session.post(f"{client.flow_logs}/{one}/disable"),
    "er:flowlogs:enable": lambda client, one: client.session.post(f"{client.flow_logs}/{one}/enable"),
    "er:flowlogs:delete": lambda client, one: client.session.delete(f"{client.flow_logs}/{one}"),
}
LOG_GROUP = "00000000-0000-4000-b000-000000000001"
VPC_B = "00000000-0000-4000-a000-000000000002"


def groups(client: PlainClient) -> str:
    return client.base.replace("/v3/", "/v2/").replace("/enterprise-router", "/groups")


def policy_of(*statements: tuple[str, Sequence[str]]) -> dict[str, Any]:
    """The document with these statements, each an effect and its actions."""
    said = [{"Effect": effect, "Action": list(actions)} for effect, actions in statements]
    return {"Version": "1.1", "Statement": said}


def allowing(*actions: str) -> dict[str, Any]:
    return policy_of(("Allow", actions))


def but(actions: Iterable[str], one: str) -> dict[str, Any]:
    return allowing(*(action for action in actions if action != one))


def actions_of(path: Path) -> list[str]:
    """The actions of a policy that has but one statement, which allows them."""
    document: Any = load(path)
    (statement,) = document["Statement"]
    assert document == allowing(*statement["Action"])
    return list(statement["Action"])


@pytest.fixture
def one(client: PlainClient) -> str:
    """The id of a flow log that somebody with all permissions has made."""
    return str(client.create(body("one", "00000000-0000-4000-a000-000000000001"))["id"])


@pytest.fixture
def refused(server: Server, one: str) -> Callable[[object], list[str]]:
    """The actions of which the walk of a user with this policy is refused; all else must succeed."""
    token = session.Session(auth=password_of(server, "reader", "only-to-read")).get_token()
    client = PlainClient(server.url, str(token), server.project_id, server.store.router("er-main").id)

    def walk(document: object) -> list[str]:
        server.store.set_policy("reader", document)
        found = []
        for action, call in WALK.items():
            answer = call(client, one)
            if answer.ok:
                continue
            error = answer.json()
            assert (answer.status_code, error["error_code"]) == (403, "APIG.0302"), answer.text
            assert error["error_msg"] == f"Policy doesn't allow {action} to be performed."
            found.append(action)
        return found

    return walk


Refused = Callable[[object], list[str]]


def test_all_calls_behind_the_gateway_are_in_the_walk(server: Server) -> None:
    routes = [*er_api.routes(server.store), *lts_api.routes(server.store)]
    assert {route.service for route in routes} == {Service.GATEWAY}
    assert sorted(route.action for route in routes) == sorted(WALK)


@pytest.mark.parametrize("action", WALK)
def test_without_one_action_the_calls_that_need_it_are_refused_and_no_others(refused: Refused, action: str) -> None:
    assert refused(but(WALK, action)) == [action]


@pytest.mark.parametrize("action", WALK)
def test_an_action_that_is_denied_is_refused_whatever_allows_it(refused: Refused, action: str) -> None:
    assert refused(policy_of(("Deny", [action]), ("Allow", ["*:*:*", action]))) == [action]


def test_what_nothing_allows_is_refused(refused: Refused) -> None:
    assert refused(policy_of(("Deny", ["ecs:servers:create"]))) == list(WALK)


def test_a_refusal_comes_before_anything_about_the_request(server: Server, client: PlainClient) -> None:
    server.store.set_policy("tester", allowing("er:instances:list"))
    answer = client.session.post(f"{client.base}/nothing/flow-logs?x=1", json="nothing")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIG.0302")


def test_a_policy_holds_for_access_keys_and_ends_with_the_next_role(server: Server, client: PlainClient) -> None:
    server.store.add_access_key("reader", "AK", "SK")
    signing = PlainClient.signing(server, Signing("AK", "SK"))
    server.store.set_policy("reader", allowing("er:quotas:list"))
    assert WALK["er:flowlogs:list"](signing, "").status_code == 403
    server.store.set_role("reader", "reader")
    assert WALK["er:flowlogs:list"](signing, "").status_code == 200


def test_who_may_nothing_can_still_sign_in_and_see_projects(server: Server) -> None:
    server.store.set_policy("tester", allowing("ecs:servers:list"))
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token}
    assert requests.get(f"{server.url}/v3/projects", headers=headers).status_code == 200
    roles = requests.get(f"{server.url}/v3/auth/tokens", headers=headers).json()["token"]["roles"]
    assert [role["name"] for role in roles] == ["custom_0d000000000000000000000000000001_0"]


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [
        ("*:*:*", list(WALK)),
        ("er:*:*", [action for action in WALK if action.startswith("er:")]),
        ("er:flowlogs:*", [action for action in WALK if action.startswith("er:flowlogs:")]),
        ("*:*:list", [action for action in WALK if action.endswith(":list")]),
        ("er:flow*:*able", ["er:flowlogs:disable", "er:flowlogs:enable"]),
        ("er:flowLogs:CREATE", ["er:flowlogs:create"]),
        ("*:flowlogs:show", ["er:flowlogs:show"]),
        # A wildcard does not go beyond its part, a pattern stands for the whole action, and `*` is the only wildcard.
        ("er:*:flowlogs", []),
        ("er:flowlogs:creat", []),
        ("e-:flowlogs:*", []),
    ],
)
def test_wildcards_stand_for_any_part_of_one_part_of_an_action(pattern: str, allowed: list[str]) -> None:
    policy = parse(allowing(pattern), "It")
    assert [action for action in WALK if policy.allows(action)] == allowed


def test_a_deny_may_have_wildcards_too() -> None:
    policy = parse(policy_of(("Allow", ["er:flowlogs:*"]), ("Deny", ["er:*:d*"])), "It")
    left = ["list", "create", "show", "update", "enable"]
    assert [action for action in WALK if policy.allows(action)] == [f"er:flowlogs:{operation}" for operation in left]


def test_the_roles_are_policies() -> None:
    def allowed(policy: Policy) -> list[str]:
        return [action for action in WALK if policy.allows(action)]

    assert allowed(BUILT_IN["writer"]) == list(WALK)
    assert allowed(BUILT_IN["reader"]) == [action for action in WALK if action.endswith((":list", ":show", ":get"))]


GOOD = allowing("er:flowlogs:list")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("reader", "the document must be an object of Version and Statement"),
        ([GOOD], "the document must be an object of Version and Statement"),
        ({}, "the document has no Version"),
        ({"Version": "1.1"}, "the document has no Statement"),
        ({**GOOD, "Version": "1.0"}, "Version must be the text \"1.1\", not '1.0'"),
        ({**GOOD, "Version": "5.0"}, "Version must be the text \"1.1\", not '5.0'"),
        ({**GOOD, "Version": 1.1}, 'Version must be the text "1.1", not 1.1'),
        (
            {**GOOD, "Depends": []},
            "the document has 'Depends', which the emulator does not read: it reads Version and Statement",
        ),
        ({**GOOD, "Statement": []}, "Statement must be a list, and not an empty one"),
        ({**GOOD, "Statement": GOOD["Statement"][0]}, "Statement must be a list, and not an empty one"),
        ({**GOOD, "Statement": ["Allow"]}, "Statement[0] must be an object of Effect and Action"),
        ({**GOOD, "Statement": [{"Effect": "Allow"}]}, "Statement[0] has no Action"),
        ({**GOOD, "Statement": [{"Action": ["er:flowlogs:list"]}]}, "Statement[0] has no Effect"),
        (
            {**GOOD, "Statement": [*GOOD["Statement"], {**GOOD["Statement"][0], "Resource": ["*"]}]},
            "Statement[1] has 'Resource', which the emulator does not read: it reads Effect and Action",
        ),
        (policy_of(("allow", ["er:flowlogs:list"])), "Statement[0].Effect must be Allow or Deny, not 'allow'"),
        (
            {**GOOD, "Statement": [{"Effect": ["Allow"], "Action": ["er:flowlogs:list"]}]},
            "Statement[0].Effect must be Allow or Deny, not ['Allow']",
        ),
        (allowing(), "Statement[0].Action must be a list, and not an empty one"),
        (
            {**GOOD, "Statement": [{"Effect": "Allow", "Action": "er:flowlogs:list"}]},
            "Statement[0].Action must be a list, and not an empty one",
        ),
        *[
            (
                allowing("er:flowlogs:list", action),
                f"Statement[0].Action[1] must be service:type:operation, the service in lower case, not {action!r}",
            )
            for action in ("", "*", "er:flowlogs", "er:*", "ER:flowlogs:list", "er:flowlogs:list:x", "er:flow logs:x")
        ],
    ],
)
def test_a_mistake_in_a_policy_is_told_with_its_place_and_changes_nothing(
    server: Server, document: object, complaint: str
) -> None:
    with pytest.raises(EmulatorError) as caught:
        server.store.set_policy("tester", document)
    assert str(caught.value) == f"The policy: {complaint}."
    assert server.store.identity.users()[0].role == "writer"


def test_a_policy_for_nobody_is_refused(server: Server) -> None:
    with pytest.raises(EmulatorError, match="no user 'nobody'"):
        server.store.set_policy("nobody", GOOD)


def test_the_policy_for_writing_lets_a_client_do_everything(refused: Refused) -> None:
    assert refused(load(READ_WRITE)) == []


def test_the_policy_for_reading_lets_a_client_do_all_that_changes_nothing(refused: Refused) -> None:
    changes = ["create", "update", "disable", "enable", "delete"]
    assert refused(load(READ_ONLY)) == [f"er:flowlogs:{change}" for change in changes]


@pytest.mark.parametrize("action", actions_of(READ_WRITE))
def test_no_action_of_the_policy_for_writing_can_be_done_without(refused: Refused, action: str) -> None:
    assert refused(but(actions_of(READ_WRITE), action)) == [action]


@pytest.mark.parametrize("action", actions_of(READ_ONLY))
def test_no_action_of_the_policy_for_reading_can_be_done_without(refused: Refused, action: str) -> None:
    assert action in refused(but(actions_of(READ_ONLY), action))


@pytest.mark.parametrize("path", [READ_ONLY, READ_WRITE], ids=lambda path: path.stem)
def test_the_policies_are_explicit_and_say_nothing_twice(path: Path) -> None:
    actions = actions_of(path)
    assert not [action for action in actions if "*" in action]
    assert len(actions) == len(set(actions))


@pytest.mark.parametrize("path", [READ_ONLY, READ_WRITE], ids=lambda path: path.stem)
def test_the_table_of_the_documentation_has_each_action_of_the_policies(path: Path) -> None:
    table = path.with_name("README.md").read_text(encoding="utf-8")
    assert [action for action in actions_of(path) if f"`{action}`" not in table] == []

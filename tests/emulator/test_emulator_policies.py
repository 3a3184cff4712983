"""Custom policies and roles: each call needs exactly its action, and the policies in `docs/iam` are minimal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
import requests
from keystoneauth1 import session

from emulator import EmulatorError, Server, er_api, lts_api
from emulator.documents import load_json
from emulator.http import Service
from emulator.policies import parse
from tests.emulator.plain_client import PlainClient, Signing, body, password_of
from tests.emulator.process import PROJECT_FOLDER

READ_ONLY = PROJECT_FOLDER / "docs" / "iam" / "read-only.json"
READ_WRITE = PROJECT_FOLDER / "docs" / "iam" / "read-write.json"

Call = Callable[[PlainClient, str], requests.Response]
"""By a client, on the flow log of this id."""

# Every call of the flow log API, in an order in which all of them succeed.
CALLS: dict[str, Call] = {
    "er:instances:list": lambda client, _: client.session.get(f"{client.base}/instances"),
    "er:instances:get": lambda client, _: client.session.get(f"{client.base}/instances/{ROUTER}"),
    "er:attachments:list": lambda client, _: client.session.get(f"{client.router}/attachments"),
    "er:attachments:get": lambda client, _: client.session.get(f"{client.router}/attachments/{VPC_B}"),
    "lts:groups:list": lambda client, _: client.lts("GET", "groups"),
    "lts:topics:list": lambda client, _: client.lts("GET", f"groups/{LOG_GROUP}/streams"),
    "lts:logs:list": lambda client, _: client.lts("POST", f"{STREAM}/content/query", {"start_time": 1, "end_time": 1}),
    "er:quotas:list": lambda client, _: client.session.get(f"{client.base}/quotas"),
    "er:flowlogs:list": lambda client, _: client.session.get(client.flow_logs),
    "er:flowlogs:create": lambda client, _: client.post_flow_log(body("two", VPC_B)),
    "er:flowlogs:show": lambda client, id_: client.show(id_),
    "er:flowlogs:update": lambda client, id_: client.session.put(f"{client.flow_logs}/{id_}", json={"name": "three"}),
    "er:flowlogs:disable": lambda client, id_: client.session.post(f"{client.flow_logs}/{id_}/disable"),
    "er:flowlogs:enable": lambda client, id_: client.session.post(f"{client.flow_logs}/{id_}/enable"),
    "er:flowlogs:delete": lambda client, id_: client.session.delete(f"{client.flow_logs}/{id_}"),
    "lts:groups:create": lambda client, _: client.lts("POST", "groups", {"log_group_name": "new", "ttl_in_days": 1}),
    "lts:groups:put": lambda client, _: client.lts("POST", f"groups/{LOG_GROUP}", {"ttl_in_days": 1}),
    "lts:topics:create": lambda client, _: client.lts(
        "POST", f"groups/{LOG_GROUP}/streams", {"log_stream_name": "new"}
    ),
    "lts:topics:put": lambda client, _: client.lts("PUT", STREAM.replace("streams", "streams-ttl"), {"ttl_in_days": 1}),
    "lts:topics:delete": lambda client, _: client.lts("DELETE", STREAM),
    "lts:groups:delete": lambda client, _: client.lts("DELETE", f"groups/{OTHER_GROUP}"),
}
CHANGES = [
    *(f"er:flowlogs:{operation}" for operation in ("create", "update", "disable", "enable", "delete")),
    *(f"lts:{kind}:{operation}" for kind in ("groups", "topics") for operation in ("create", "put", "delete")),
]
READS = [action for action in CALLS if action not in CHANGES]
OTHER_GROUP = "00000000-0000-4000-b000-000000000002"
STREAM = "groups/00000000-0000-4000-b000-000000000001/streams/00000000-0000-4000-b000-000000000012"
ROUTER = "00000000-0000-4000-8000-000000000001"
LOG_GROUP = "00000000-0000-4000-b000-000000000001"
VPC_B = "00000000-0000-4000-a000-000000000002"


def policy_of(*statements: tuple[str, Sequence[str]]) -> dict[str, Any]:
    """The document with these statements, each an effect and its actions."""
    statement = [{"Effect": effect, "Action": list(actions)} for effect, actions in statements]
    return {"Version": "1.1", "Statement": statement}


def allowing(*actions: str) -> dict[str, Any]:
    return policy_of(("Allow", actions))


def actions_of(path: Path) -> list[str]:
    """The actions of a policy that has but one statement, which allows them."""
    document: Any = load_json(path, "policy")
    (statement,) = document["Statement"]
    assert document == allowing(*statement["Action"])
    return list(statement["Action"])


def allowed(document: object, actions: Iterable[str] = CALLS) -> list[str]:
    policy = parse(document, "The policy")
    return [action for action in actions if policy.allows(action)]


def with_key(server: Server) -> PlainClient:
    server.store.add_access_key("reader", "READERSACCESSKEY0001", "the-readers-secret-key")
    return PlainClient.signing(server, Signing("READERSACCESSKEY0001", "the-readers-secret-key"))


def with_token(server: Server) -> PlainClient:
    token = session.Session(auth=password_of(server, "reader", "only-to-read")).get_token()
    return PlainClient(server.url, str(token), server.project_id, server.store.router("er-main").id)


Refused = Callable[[], list[str]]


@pytest.fixture(params=[with_key, with_token])
def refused(server: Server, client: PlainClient, request: pytest.FixtureRequest) -> Refused:
    """The actions of which the user `reader` is refused the call; every other call must succeed."""
    flow_log = client.create(body("one", "00000000-0000-4000-a000-000000000001"))["id"]
    reader: PlainClient = request.param(server)

    def call_all() -> list[str]:
        answers = {action: call(reader, flow_log) for action, call in CALLS.items()}
        found = [action for action, answer in answers.items() if not answer.ok]
        for action in found:
            error = answers[action].json()
            assert (answers[action].status_code, error["error_code"]) == (403, "APIG.0302")
            assert error["error_msg"] == f"Policy doesn't allow {action} to be performed."
        return found

    return call_all


# Calls


def test_all_calls_behind_the_gateway_are_called_here(server: Server) -> None:
    routes = [*er_api.routes(server.store), *lts_api.routes(server.store)]
    assert {route.service for route in routes} == {Service.GATEWAY}
    assert sorted(route.action for route in routes) == sorted(CALLS)


@pytest.mark.parametrize("refused", [with_token], indirect=True)
@pytest.mark.parametrize("action", CALLS)
def test_call_needs_its_action_and_no_other(server: Server, refused: Refused, action: str) -> None:
    server.store.set_policy("reader", allowing(*(other for other in CALLS if other != action)))
    assert refused() == [action]


def test_reader_may_read_everything_and_change_nothing(server: Server, refused: Refused) -> None:
    before = server.store.flow_logs.live()
    assert refused() == [action for action in CALLS if action in CHANGES]
    assert server.store.flow_logs.live() == before


def test_policy_and_role_replace_each_other_at_once(server: Server, refused: Refused) -> None:
    server.store.set_policy("reader", allowing("er:quotas:list"))
    assert refused() == [action for action in CALLS if action != "er:quotas:list"]
    server.store.set_role("reader", "writer")
    assert refused() == []


def test_permission_is_checked_before_anything_else(server: Server, client: PlainClient) -> None:
    server.store.set_policy("tester", allowing("er:instances:list"))
    answer = client.session.post(f"{client.base}/nothing/flow-logs?x=1", json="nothing")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIG.0302")


@pytest.mark.parametrize(
    ("role", "name"),
    [("writer", "te_admin"), ("reader", "readonly"), (None, "custom_0d000000000000000000000000000001_0")],
)
def test_any_user_may_read_own_token_and_projects(server: Server, role: str | None, name: str) -> None:
    if role is None:
        server.store.set_policy("tester", allowing("ecs:servers:list"))
    else:
        server.store.set_role("tester", role)
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token}
    assert requests.get(f"{server.url}/v3/projects", headers=headers).status_code == 200
    roles = requests.get(f"{server.url}/v3/auth/tokens", headers=headers).json()["token"]["roles"]
    assert [role["name"] for role in roles] == [name]


def test_unknown_role_or_user_is_refused(server: Server) -> None:
    with pytest.raises(EmulatorError, match="role must be one of writer, reader, not 'owner'"):
        server.store.set_role("tester", "owner")
    with pytest.raises(EmulatorError, match="no user 'nobody'"):
        server.store.set_role("nobody", "reader")
    with pytest.raises(EmulatorError, match="no user 'nobody'"):
        server.store.set_policy("nobody", allowing("er:flowlogs:list"))


# Patterns


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("*:*:*", list(CALLS)),
        ("er:*:*", [action for action in CALLS if action.startswith("er:")]),
        ("er:flowlogs:*", [action for action in CALLS if action.startswith("er:flowlogs:")]),
        ("*:*:list", [action for action in CALLS if action.endswith(":list")]),
        ("er:flow*:*able", ["er:flowlogs:disable", "er:flowlogs:enable"]),
        ("er:flowLogs:CREATE", ["er:flowlogs:create"]),
        ("*:flowlogs:show", ["er:flowlogs:show"]),
        # A wildcard does not go beyond its part, a pattern stands for the whole action, and `*` is the only wildcard.
        ("er:*:flowlogs", []),
        ("er:flowlogs:creat", []),
        ("e-:flowlogs:*", []),
    ],
)
def test_wildcard_matches_within_one_part_of_an_action(pattern: str, matched: list[str]) -> None:
    assert allowed(allowing(pattern)) == matched


@pytest.mark.parametrize(
    ("statements", "operations"),
    [
        ([("Allow", ["er:flowlogs:*"]), ("Deny", ["er:*:d*"])], ["list", "create", "show", "update", "enable"]),
        ([("Deny", ["er:flowlogs:delete"]), ("Allow", ["*:*:*", "er:flowlogs:delete"])], None),
        ([("Deny", ["ecs:servers:create"])], []),
    ],
)
def test_deny_wins_and_default_is_deny(statements: list[tuple[str, list[str]]], operations: list[str] | None) -> None:
    if operations is None:
        expected = [action for action in CALLS if action != "er:flowlogs:delete"]
    else:
        expected = [f"er:flowlogs:{operation}" for operation in operations]
    assert allowed(policy_of(*statements)) == expected


# Mistakes

GOOD = allowing("er:flowlogs:list")


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("reader", "the document must be a mapping with Version, Statement"),
        ({"Version": "1.1"}, "the document has no Statement"),
        ({**GOOD, "Version": None}, "Version must have a value"),
        ({**GOOD, "Version": "5.0"}, "Version must be '1.1', not '5.0'"),
        ({**GOOD, "Version": 1.1}, "Version must be '1.1', not 1.1"),
        ({**GOOD, "Depends": []}, "the document has an unknown key 'Depends': the emulator reads Version, Statement"),
        ({**GOOD, "Statement": []}, "Statement must have at least 1 item"),
        ({**GOOD, "Statement": ["Allow"]}, "Statement[0] must be a mapping with Effect, Action"),
        ({**GOOD, "Statement": [{"Effect": "Allow"}]}, "Statement[0] has no Action"),
        (
            {**GOOD, "Statement": [*GOOD["Statement"], {**GOOD["Statement"][0], "Resource": ["*"]}]},
            "Statement[1] has an unknown key 'Resource': the emulator reads Effect, Action",
        ),
        (policy_of(("allow", ["er:flowlogs:list"])), "Statement[0].Effect must be 'Allow' or 'Deny', not 'allow'"),
        (allowing(), "Statement[0].Action must have at least 1 item"),
        *[
            (
                allowing("er:flowlogs:list", action),
                f"Statement[0].Action[1] must be service:type:operation, the service in lower case, not {action!r}",
            )
            for action in ("", "*", "er:flowlogs", "er:*", "ER:flowlogs:list", "er:flowlogs:list:x", "er:flow logs:x")
        ],
    ],
)
def test_mistake_in_policy_is_reported_with_its_place(document: object, complaint: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        parse(document, "The policy")
    assert str(caught.value) == f"The policy: {complaint}."


# The policies in the documentation


def test_documented_policies_allow_exactly_what_is_needed() -> None:
    """What other clients call besides is not needed."""
    of_others = {"er:instances:get"}
    assert sorted(actions_of(READ_WRITE)) == sorted(CALLS.keys() - of_others)
    assert sorted(actions_of(READ_ONLY)) == sorted(set(READS) - of_others)


@pytest.mark.parametrize("path", [READ_ONLY, READ_WRITE], ids=lambda path: path.stem)
def test_table_in_docs_has_each_action_of_a_policy(path: Path) -> None:
    table = path.with_name("README.md").read_text(encoding="utf-8")
    assert [action for action in actions_of(path) if f"`{action}`" not in table] == []

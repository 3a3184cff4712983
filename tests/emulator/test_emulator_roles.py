"""Users who may only read: what they may still do, and what they are told where they may not. What roles and policies
have in common is in `test_emulator_policies.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from keystoneauth1 import session

from emulator import EmulatorError, Server
from tests.emulator.plain_client import PlainClient, Signing, body, password_of

READERS_KEY = ("READERSACCESSKEY0001", "the-readers-secret-key")


def signing(server: Server) -> PlainClient:
    server.store.add_access_key("reader", *READERS_KEY)
    return PlainClient.signing(server, Signing(*READERS_KEY))


def signed_in(server: Server) -> PlainClient:
    token = session.Session(auth=password_of(server, "reader", "only-to-read")).get_token()
    return PlainClient(server.url, str(token), server.project_id, server.store.router("er-main").id)


@pytest.fixture(params=[signing, signed_in])
def reader(server: Server, request: pytest.FixtureRequest) -> PlainClient:
    """A client that may only read, with an access key or a token."""
    made: PlainClient = request.param(server)
    return made


@pytest.fixture
def one(server: Server) -> str:
    """The id of a flow log that somebody else has made."""
    new = body("one", server.store.attachment("vpc-a").id)
    return str(PlainClient.of(server).create(new)["id"])


def test_a_reader_may_look_at_everything(server: Server, reader: PlainClient, one: str) -> None:
    group = server.store.log_group("network").id
    groups = f"{server.url}/v2/{server.project_id}/groups"
    for url in (
        reader.flow_logs,
        f"{reader.flow_logs}/{one}",
        f"{reader.router}/attachments",
        f"{reader.router}/attachments/{server.store.attachment('vpc-a').id}",
        f"{reader.base}/instances",
        f"{reader.base}/quotas",
        groups,
        f"{groups}/{group}/streams",
        f"{server.url}/v3/projects",
        f"{server.url}/v3/auth/domains",
    ):
        assert reader.session.get(url).status_code == 200, url


Change = Callable[[PlainClient, str], requests.Response]
CHANGES: dict[str, Change] = {
    "create": lambda client, _: client.post_flow_log(body("two", "00000000-0000-4000-a000-000000000002")),
    "update": lambda client, one: client.session.put(f"{client.flow_logs}/{one}", json={"name": "two"}),
    "delete": lambda client, one: client.session.delete(f"{client.flow_logs}/{one}"),
    "enable": lambda client, one: client.session.post(f"{client.flow_logs}/{one}/enable"),
    "disable": lambda client, one: client.session.post(f"{client.flow_logs}/{one}/disable"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_reader_who_changes_something_is_told_the_action_that_is_missing(
    reader: PlainClient, client: PlainClient, one: str, change: str
) -> None:
    before = client.list()["flow_logs"]
    answer = CHANGES[change](reader, one)
    content: dict[str, Any] = answer.json()
    assert (answer.status_code, content["error_code"]) == (403, "APIG.0302")
    assert content["error_msg"] == f"Policy doesn't allow er:flowlogs:{change} to be performed."
    assert client.list()["flow_logs"] == before


def test_a_reader_learns_what_is_missing_before_anything_about_the_request(reader: PlainClient) -> None:
    answer = reader.session.post(f"{reader.base}/nothing/flow-logs?x=1", json="nothing")
    assert answer.json()["error_code"] == "APIG.0302"


def test_a_role_changes_at_once_for_tokens_and_keys_that_there_are(
    server: Server, reader: PlainClient, client: PlainClient, one: str
) -> None:
    server.store.set_role("reader", "writer")
    assert CHANGES["create"](reader, one).status_code == 202
    server.store.set_role("reader", "reader")
    assert CHANGES["update"](reader, one).status_code == 403
    assert CHANGES["update"](client, one).status_code == 200
    server.store.set_role("tester", "reader")
    assert CHANGES["update"](client, one).status_code == 403


@pytest.mark.parametrize(("role", "name"), [("writer", "te_admin"), ("reader", "readonly")])
def test_a_token_tells_the_role_of_its_user(server: Server, role: str, name: str) -> None:
    server.store.set_role("tester", role)
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token}
    token = requests.get(f"{server.url}/v3/auth/tokens", headers=headers).json()["token"]
    assert [one["name"] for one in token["roles"]] == [name]


def test_a_role_that_there_is_not_is_refused(server: Server) -> None:
    with pytest.raises(EmulatorError, match="role must be one of writer, reader, not 'owner'"):
        server.store.set_role("tester", "owner")
    with pytest.raises(EmulatorError, match="no user 'nobody'"):
        server.store.set_role("nobody", "reader")

"""Each setting of the emulator's behaviour, with each of its values."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import emulator
from emulator import Behaviour, EmulatorError, Server
from tests.emulator.plain_client import PlainClient, body

Serve = Callable[..., Server]


def create(server: Server) -> str:
    new = body("one", server.store.attachment("vpc-a").id)
    return str(PlainClient.of(server).create(new, client_token="t")["id"])


@pytest.mark.parametrize(("behaviour", "status"), [(Behaviour(), 404), (Behaviour(missing_flow_log=400), 400)])
def test_status_of_missing_flow_log_can_be_chosen(serve: Serve, behaviour: Behaviour, status: int) -> None:
    answer = PlainClient.of(serve(behaviour)).show("nothing")
    assert (answer.status_code, answer.json()["error_code"]) == (status, "ER.04008501")


@pytest.mark.parametrize(
    ("choice", "state", "is_removed"),
    [("leave", "available", True), ("remove", "gone", True), ("refuse", "available", False)],
)
def test_deleting_attachment_treats_flow_logs_as_chosen(
    serve: Serve, choice: str, state: str, is_removed: bool
) -> None:
    server = serve(Behaviour(latency=0, attachment_deleted=choice))
    created = create(server)
    if is_removed:
        server.store.remove_attachment("vpc-a")
    else:
        with pytest.raises(EmulatorError, match="has flow logs"):
            server.store.remove_attachment("vpc-a")
    assert PlainClient.of(server).state(created) == state
    names = [attachment.name for attachment in server.store.network.all_attachments()]
    assert ("vpc-a" in names) != is_removed


def test_attachment_without_flow_logs_can_always_be_removed(serve: Serve) -> None:
    server = serve(Behaviour(attachment_deleted="refuse"))
    assert server.store.remove_attachment("vpc-a") == []


def test_ignored_client_token_is_only_echoed(serve: Serve) -> None:
    client = PlainClient.of(server := serve(Behaviour(latency=0, client_tokens="ignore")))
    new = body("one", server.store.attachment("vpc-a").id)
    assert client.post_flow_log(new, client_token="t").headers["X-Client-Token"] == "t"
    again = client.post_flow_log(new, client_token="t")
    assert (again.status_code, again.json()["error_code"]) == (400, "ER.04008503")


# Each is refused by a strict emulator; see also the contract, which is played against one.
LENIENT = {
    "an unknown parameter": ("GET", "?colour=red", None, 200),
    "a marker that is no item": ("GET", "?limit=2&marker=1", None, 200),
    "an unknown field": ("POST", "", '{"flow_log": {%s, "colour": "red"}}', 202),
    "a field that is not supported for now": ("POST", "", '{"flow_log": {%s, "log_store_name": "a"}}', 202),
    "null": ("POST", "", '{"flow_log": {%s, "description": null}}', 202),
    "a repeated key": ("POST", "", '{"flow_log": {}, "flow_log": {%s}}', 202),
    "a body of a call that takes none": ("POST", "/ID/disable", "{}", 202),
    "an update of nothing": ("PUT", "/ID", "{}", 200),
    "a body of no declared type": ("PUT", "/ID", '{"name": "two"}', 200),
}


@pytest.mark.parametrize(("method", "path", "content", "status"), LENIENT.values(), ids=LENIENT)
def test_what_the_reference_does_not_refuse_is_accepted_unless_strict(
    serve: Serve, db: Path, method: str, path: str, content: str | None, status: int
) -> None:
    with emulator.serve(db, behaviour=Behaviour(latency=0)) as lenient:
        client = PlainClient.of(lenient)
        id_ = create(lenient)
        new = body("two", lenient.store.attachment("vpc-b").id)
        kind = "" if "two" in str(content) else "application/json"
        sent = content.replace("%s", json.dumps(new)[1:-1]) if content else None
        strict = PlainClient.of(serve(Behaviour(latency=0, strict=True)))
        for server, expected in ((strict, 400), (client, status)):
            url = server.flow_logs + path.replace("ID", id_)
            answer = server.session.request(method, url, data=sent, headers={"Content-Type": kind})
            assert answer.status_code == expected, answer.text


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("missing_flow_log", 500),
        ("attachment_deleted", "shrug"),
        ("client_tokens", "yes"),
        ("list_lag", -1.0),
        ("latency", float("nan")),
    ],
)
def test_unknown_value_of_a_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(EmulatorError, match=setting):
        Behaviour(**{setting: value})  # type: ignore[arg-type]  # the wrong value is the point

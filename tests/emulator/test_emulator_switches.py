"""Each switch, either way it can stand."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from emulator import Behaviour, EmulatorError, Server
from tests.emulator.plain_client import PlainClient, body
from tests.waiting import eventually

Serve = Callable[..., Server]


def test_a_missing_flow_log_is_404_by_default(serve: Serve) -> None:
    assert PlainClient.of(serve()).show("nothing").status_code == 404


def test_a_missing_flow_log_can_be_400(serve: Serve) -> None:
    answer = PlainClient.of(serve(Behaviour(missing_flow_log=400))).show("nothing")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ER.04008501")


@pytest.mark.parametrize("way", ["leave", "remove", "refuse"])
def test_flow_logs_of_a_deleted_attachment_fare_as_the_switch_says(serve: Serve, way: str) -> None:
    server = serve(Behaviour(latency=0, attachment_deleted=way))
    client = PlainClient.of(server)
    one = client.create(body("one", server.store.attachment("vpc-a").id))["id"]
    if way == "refuse":
        with pytest.raises(EmulatorError, match="one"):
            server.store.remove_attachment("vpc-a")
    else:
        server.store.remove_attachment("vpc-a")
    assert client.state(one) == {"leave": "available", "remove": "gone", "refuse": "available"}[way]
    attached = [one.name for one in server.store.network.all_attachments()]
    assert ("vpc-a" in attached) == (way == "refuse")


def test_an_attachment_without_flow_logs_can_always_be_removed(serve: Serve) -> None:
    server = serve(Behaviour(attachment_deleted="refuse"))
    assert server.store.remove_attachment("vpc-a") == []


def test_client_tokens_are_honoured_by_default(serve: Serve) -> None:
    server = serve()
    client = PlainClient.of(server)
    wanted = body("one", server.store.attachment("vpc-a").id)
    assert client.create(wanted, client_token="t")["id"] == client.create(wanted, client_token="t")["id"]


def test_ignored_client_tokens_are_echoed_and_make_nothing_idempotent(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, client_tokens="ignore"))
    client = PlainClient.of(server)
    wanted = body("one", server.store.attachment("vpc-a").id)
    assert client.post_flow_log(wanted, client_token="t").headers["X-Client-Token"] == "t"
    again = client.post_flow_log(wanted, client_token="t")
    assert (again.status_code, again.json()["error_code"]) == (400, "ER.04008503")


def test_the_latency_is_how_long_a_create_takes(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.5))
    client = PlainClient.of(server)
    began = time.monotonic()
    one = client.create(body("one", server.store.attachment("vpc-a").id))["id"]
    assert client.state(one) == "pending" or time.monotonic() - began >= 0.5
    eventually(lambda: client.state(one) == "available")


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
def test_a_switch_has_no_other_way_to_stand(setting: str, value: object) -> None:
    with pytest.raises(EmulatorError, match=setting):
        Behaviour(**{setting: value})  # type: ignore[arg-type]  # what is wrong with it is the point

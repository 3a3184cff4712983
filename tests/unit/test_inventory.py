"""The inventory requests each thing once, and what a list lacks by itself."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, cast

import pytest

from providers.er import Client
from providers.er.exceptions import ApiError
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.quotas import Quota
from stacks.planning.inventory import Inventory, fetch_quota, take_inventory
from stacks.stackfile.model import StackConfig
from tests.unit.plans import FakeClient, attachment, flow_log, router

CORE = {"router": "core", "log_group": "network", "log_stream": "er"}


@pytest.fixture
def client() -> FakeClient:
    client = FakeClient()
    client.routers_there = [router("er-1", "core"), router("er-2", "edge")]
    client.attachments_of = {
        "er-1": [attachment("att-1", "vpc-shop"), attachment("att-2", "vpc-data")],
        "er-2": [attachment("att-4", "fw", "cfw")],
    }
    client.flow_logs_of = {"er-1": [flow_log("att-1", "x")]}
    client.groups = [LogGroup(id="g-1", name="network"), LogGroup(id="g-2", name="other")]
    client.streams_of = {"g-1": [LogStream(id="s-1", name="er")], "g-2": [LogStream(id="s-3", name="er")]}
    return client


def take(client: FakeClient, routers: dict[str, Any], known: Mapping[str, Collection[str]] | None = None) -> Inventory:
    return take_inventory(cast(Client, client), StackConfig.model_validate({"routers": routers}), known or {})


def ids(inventory: Inventory, router_id: str) -> list[str]:
    return [attachment.id for attachment in inventory.attachments[router_id]]


def test_inventory_has_all_that_the_stack_file_names(client: FakeClient) -> None:
    inventory = take(client, {"main": CORE, "again": {**CORE, "router": "er-1", "log_group": "g-1"}})
    assert inventory == Inventory(
        routers=client.routers_there,
        groups=client.groups,
        streams={"g-1": client.streams_of["g-1"]},
        attachments={"er-1": client.attachments_of["er-1"]},
        flow_logs={"er-1": client.flow_logs_of["er-1"]},
    )
    requests = ("routers", "groups", "attachments of er-1", "flow logs of er-1", "streams of g-1")
    assert client.requests == dict.fromkeys(requests, 1)


def test_unknown_names_in_the_stack_file_cause_no_requests(client: FakeClient) -> None:
    inventory = take(client, {"main": {"router": "x", "log_group": "y", "log_stream": "z"}})
    assert (inventory.attachments, inventory.streams) == ({}, {})


def test_all_routers_with_an_ambiguous_name_are_requested(client: FakeClient) -> None:
    client.routers_there.append(router("er-2", "core"))
    assert set(take(client, {"main": CORE}).attachments) == {"er-1", "er-2"}


def test_router_that_only_the_state_has_is_requested(client: FakeClient) -> None:
    inventory = take(client, {"main": CORE}, {"er-2": {"att-4"}})
    assert ids(inventory, "er-2") == ["att-4"]
    assert inventory.flow_logs["er-2"] == []


def test_streams_of_a_group_that_only_the_state_has_are_requested(client: FakeClient) -> None:
    config = StackConfig.model_validate({"routers": {"main": CORE}})
    inventory = take_inventory(cast(Client, client), config, {}, {"other"})
    assert inventory.streams == client.streams_of


def test_flow_logs_of_all_own_routers_are_requested_if_asked_for(client: FakeClient) -> None:
    client.routers_there.append(replace(router("er-3", "theirs"), shared_by="another project"))
    client.flow_logs_of["er-2"] = [flow_log("att-4", "y")]
    config = StackConfig.model_validate({"routers": {"main": CORE}})

    inventory = take_inventory(cast(Client, client), config, {}, has_all_flow_logs=True)
    assert inventory.flow_logs == client.flow_logs_of
    assert set(inventory.attachments) == {"er-1"}


def test_router_that_is_gone_is_missing(client: FakeClient) -> None:
    inventory = take(client, {"main": CORE}, {"er-9": {"att-9"}})
    assert set(inventory.attachments) == set(inventory.flow_logs) == {"er-1"}
    assert "att-9 of er-9" not in client.requests


def test_known_attachments_that_a_list_lacks_are_requested_one_by_one(client: FakeClient) -> None:
    client.unlisted = {"att-1"}
    inventory = take(client, {"main": CORE}, {"er-1": {"att-1", "att-2", "att-9"}})
    assert ids(inventory, "er-1") == ["att-2", "att-1"]
    shown = {request: client.requests[f"{request} of er-1"] for request in ("att-1", "att-2", "att-9")}
    assert shown == {"att-1": 1, "att-2": 0, "att-9": 1}


@pytest.mark.parametrize(
    "request_", ["routers", "groups", "streams of g-1", "attachments of er-1", "flow logs of er-1", "att-9 of er-1"]
)
def test_refused_request_never_counts_as_gone(client: FakeClient, request_: str) -> None:
    client.refused = request_
    with pytest.raises(ApiError, match="refused"):
        take(client, {"main": CORE}, {"er-1": {"att-9"}})


def test_each_of_a_hundred_routers_is_requested_once(client: FakeClient) -> None:
    client.routers_there = [router(f"er-{n}", f"router-{n}") for n in range(100)]
    client.attachments_of = {f"er-{n}": [attachment(f"att-{n}", "same")] for n in range(100)}
    inventory = take(client, {f"k{n}": {**CORE, "router": f"router-{n}"} for n in range(100)})
    assert all(ids(inventory, f"er-{n}") == [f"att-{n}"] for n in range(100))
    assert set(client.requests.values()) == {1}


@pytest.mark.parametrize("quota", [None, Quota(limit=1, used=0), ApiError("no permission")])
def test_quota_may_be_missing_or_refused(client: FakeClient, quota: Quota | ApiError | None) -> None:
    client.quota = quota
    assert fetch_quota(cast(Client, client)) is quota

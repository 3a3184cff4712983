"""Reads the outputs of the last run, in the form of this version and of version 0.1."""

from dataclasses import replace
from typing import Any

import pytest

from stacks.state.last_run import LastAttachment, LastFlowLog, LastRouter, OutputsError, read_last_run

ROUTER: dict[str, Any] = {
    "id": "er-1",
    "name": "er-new",
    "first_name": "er-core",
    "attachments": {
        "a": {
            "name": "vpc-new",
            "first_name": "vpc-shop",
            "tags": {"env": "prod"},
            "flow_logs": {"vpc-shop-01234567": {"logs_to": "group/stream", "key": "core", "is_protected": True}},
        },
        "b": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
    },
    "called": {"vpc-shop": "a", "vpc-old": ""},
    "selections": {"core": ["vpc-shop", "vpc-old"]},
}
NO_DESTINATION = {"a": {"name": "x", "flow_logs": {"n": {}}}}
LAST = LastRouter(
    id="er-1",
    name="er-new",
    first_name="er-core",
    attachments={
        "a": LastAttachment(
            name="vpc-new",
            first_name="vpc-shop",
            tags={"env": "prod"},
            flow_logs={"vpc-shop-01234567": LastFlowLog("group/stream", "core", is_protected=True)},
        ),
        "b": LastAttachment(name="fw", first_name="fw"),
    },
    stale_names={"vpc-shop": "a", "vpc-old": ""},
    selections={"core": ["vpc-shop", "vpc-old"]},
)
BY_KEY: dict[str, Any] = {
    "router": {"id": "er-1", "name": "er-core"},
    "attachments": {
        "a": {"name": "vpc-shop", "type": "vpc", "state": "available", "logs_to": "group/stream", "enabled": True},
        "b": {"name": "fw", "type": "cfw", "state": "available", "not_logged": "is of type cfw"},
    },
    "gone": ["vpc-old"],
    "former_keys": ["older"],
    "flow_logs": {"a": "core-vpc-shop"},
    "coverage": {"logged": 1, "loggable": 1, "skipped": {"b": "is of type cfw"}},
}
"""A router in the form of version 0.1, which had an entry for each key of the stack file."""


def test_router_is_read_by_its_id() -> None:
    assert read_last_run({"routers": {"er-core": ROUTER}}) == {"er-1": LAST}


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        *((text, "a") for text in ("a", "vpc-new", "vpc-shop")),
        *((text, "b") for text in ("b", "fw")),
        *(("vpc-old", ""), ("x", None), ("", None)),
    ],
)
def test_text_of_the_stack_file_names_the_same_attachment_as_before(text: str, id_: str | None) -> None:
    assert LAST.previous_id(text) == id_


def test_id_takes_precedence_over_the_same_name() -> None:
    attachments = {"a": LastAttachment(name="b"), "b": LastAttachment(name="vpc-b")}
    assert LastRouter(id="er-1", name="", attachments=attachments).previous_id("b") == "b"


def test_name_of_two_attachments_names_neither() -> None:
    attachments = {"a": LastAttachment(name="twin"), "b": LastAttachment(name="twin")}
    assert LastRouter(id="er-1", name="", attachments=attachments).previous_id("twin") is None


@pytest.mark.parametrize(("logs_to", "key"), [("group/stream", "core"), ("group/other", None)])
def test_key_of_a_flow_log_is_found_by_its_destination(logs_to: str, key: str | None) -> None:
    assert LAST.attachments["a"].key_of(logs_to) == key


@pytest.mark.parametrize("outputs", [{}, {"routers": {}}, {"coverage": {}}, {"other": 1}])
def test_outputs_without_routers_are_a_first_run(outputs: dict[str, Any]) -> None:
    assert read_last_run(outputs) == {}


def test_keys_of_version_0_1_are_read_as_one_router() -> None:
    second = {
        **BY_KEY,
        "attachments": {
            "a": {"name": "vpc-shop", "logs_to": "group/other"},
            "c": {"name": "vpc-data", "logs_to": "group/other"},
        },
        "gone": ["vpc-older"],
        "flow_logs": {"a": "x", "c": "y"},
    }
    first_log, second_log = LastFlowLog("group/stream", "core"), LastFlowLog("group/other", "second")
    shop = LastAttachment(name="vpc-shop", first_name="vpc-shop", flow_logs={"core-a": first_log})
    firewall = LastAttachment(name="fw", first_name="fw")
    data = LastAttachment(name="vpc-data", first_name="vpc-data", flow_logs={"second-c": second_log})
    router: dict[str, Any] = {"id": "er-1", "name": "er-core", "first_name": "er-core"}
    assert read_last_run({"routers": {"core": BY_KEY}}) == {
        "er-1": LastRouter(**router, attachments={"a": shop, "b": firewall}, stale_names={"vpc-old": ""})
    }
    both = replace(shop, flow_logs={"core-a": first_log, "second-a": second_log})
    assert read_last_run({"routers": {"core": BY_KEY, "second": second}}) == {
        "er-1": LastRouter(
            **router, attachments={"a": both, "b": firewall, "c": data}, stale_names={"vpc-old": "", "vpc-older": ""}
        )
    }


@pytest.mark.parametrize(
    "routers",
    [
        *(None, [], "core"),
        *({"core": router} for router in (None, 5, {}, {"id": "er-1"}, {"router": "er-1"}, {"router": {"id": "er-1"}})),
        *({"core": {**ROUTER, "attachments": attachments}} for attachments in (["a"], {"a": "name"}, NO_DESTINATION)),
        *({"core": {**ROUTER, key: None}} for key in ("name", "selections")),
        {"core": {**ROUTER, "id": 5}},
        {"core": {**ROUTER, "called": {"vpc-shop": None}}},
        {"core": {**ROUTER, "selections": "all"}},
        {"core": {**BY_KEY, "attachments": ["a"]}},
        {"core": {**BY_KEY, "attachments": {"a": {}}}},
    ],
)
def test_outputs_of_another_form_are_refused(routers: Any) -> None:
    with pytest.raises(OutputsError, match="do not have the form that this version writes"):
        read_last_run({"routers": routers})

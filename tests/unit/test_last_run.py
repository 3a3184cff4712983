"""Reads the outputs of the last run, in the form of this version and of version 0.1."""

from dataclasses import replace
from typing import Any

import pytest

from stacks.state.last_run import LastAttachment, LastRouter, OutputsError, read_last_run

ROUTER: dict[str, Any] = {
    "name": "er-new",
    "first_name": "er-core",
    "attachments": {"a": {"name": "vpc-new", "first_name": "vpc-shop", "tags": {"env": "prod"}}, "b": "fw"},
    "stale_names": {"vpc-shop": "a", "vpc-old": ""},
    "selections": {"core": ["vpc-shop", "vpc-old"]},
    "logs_to": {"s": "group/stream"},
    "first_key": "core",
    "other_first_keys": {"vpc-shop-89abcdef": "copy"},
    "protected": ["vpc-shop-01234567"],
}
LAST = LastRouter(
    id="er-1",
    name="er-new",
    first_name="er-core",
    attachments={
        "a": LastAttachment(name="vpc-new", first_name="vpc-shop", tags={"env": "prod"}),
        "b": LastAttachment(name="fw", first_name="fw"),
    },
    stale_names={"vpc-shop": "a", "vpc-old": ""},
    selections={"core": ["vpc-shop", "vpc-old"]},
    logs_to={"s": "group/stream"},
    first_key="core",
    other_first_keys={"vpc-shop-89abcdef": "copy"},
    protected={"vpc-shop-01234567"},
)
EARLIER: dict[str, Any] = {
    "id": "er-1",
    "name": "er-new",
    "first_name": "er-core",
    "attachments": {
        "a": {
            "name": "vpc-new",
            "first_name": "vpc-shop",
            "tags": {"env": "prod"},
            "flow_logs": {
                "vpc-shop-01234567": {"logs_to": "group/stream", "key": "core", "is_protected": True},
                "vpc-shop-89abcdef": {"logs_to": "group/other", "key": "copy"},
            },
        },
        "b": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
    },
    "called": {"vpc-shop": "a", "vpc-old": ""},
    "selections": {"core": ["vpc-shop", "vpc-old"]},
}
"""A router in the form of development versions after 0.1."""
BROKEN: list[dict[str, Any]] = [{}, {"key": "core"}, {"key": "core", "logs_to": 5}]
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


def test_last_run_is_read_even_beside_the_outputs_of_an_earlier_version() -> None:
    assert read_last_run({"last_run": {"routers": {"er-1": ROUTER}}, "routers": {"er-2": EARLIER}}) == {"er-1": LAST}


def test_earlier_form_is_read_by_the_names_of_flow_logs() -> None:
    keys = {"vpc-shop-01234567": "core", "vpc-shop-89abcdef": "copy"}
    logs_to = {"vpc-shop-01234567": "group/stream", "vpc-shop-89abcdef": "group/other"}
    assert read_last_run({"routers": {"er-core": EARLIER}}) == {
        "er-1": replace(LAST, logs_to=logs_to, first_key="", other_first_keys=keys)
    }


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


def test_first_key_is_that_of_the_router_unless_another_is_known() -> None:
    assert LAST.first_key_of("vpc-shop-89abcdef") == "copy"
    assert LAST.first_key_of("vpc-shop-01234567") == "core"


def test_destination_is_known_by_the_stream_or_by_the_flow_log() -> None:
    earlier = read_last_run({"routers": {"er-core": EARLIER}})["er-1"]
    assert LAST.destination("s", "x") == earlier.destination("s", "vpc-shop-01234567") == "group/stream"
    assert LAST.destination("t", "x") == ""


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
    shop, firewall, data = (LastAttachment(name=name, first_name=name) for name in ("vpc-shop", "fw", "vpc-data"))
    one = LastRouter(
        id="er-1",
        name="er-core",
        first_name="er-core",
        attachments={"a": shop, "b": firewall},
        stale_names={"vpc-old": ""},
        logs_to={"core-a": "group/stream"},
        other_first_keys={"core-a": "core"},
    )
    assert read_last_run({"routers": {"core": BY_KEY}}) == {"er-1": one}
    assert read_last_run({"routers": {"core": BY_KEY, "second": second}}) == {
        "er-1": replace(
            one,
            attachments={"a": shop, "b": firewall, "c": data},
            stale_names={"vpc-old": "", "vpc-older": ""},
            logs_to={"core-a": "group/stream", "second-a": "group/other", "second-c": "group/other"},
            other_first_keys={"core-a": "core", "second-a": "second", "second-c": "second"},
        )
    }


@pytest.mark.parametrize(
    "routers",
    [
        *(None, [], "core"),
        *({"core": router} for router in (None, 5, {}, {"id": "er-1"}, {"router": "er-1"}, {"router": {"id": "er-1"}})),
        *({"core": {**EARLIER, "attachments": attachments}} for attachments in (["a"], {"a": "name"}, {"a": 5})),
        *({"core": {**EARLIER, key: None}} for key in ("name", "selections")),
        {"core": {**EARLIER, "id": 5}},
        {"core": {**EARLIER, "called": {"vpc-shop": None}}},
        {"core": {**EARLIER, "selections": "all"}},
        *({"core": {**EARLIER, "attachments": {"a": {"name": "x", "flow_logs": {"n": log}}}}} for log in BROKEN),
        {"core": {**BY_KEY, "attachments": ["a"]}},
        {"core": {**BY_KEY, "attachments": {"a": {}}}},
    ],
)
def test_outputs_of_another_form_are_refused(routers: Any) -> None:
    with pytest.raises(OutputsError, match="do not have the form that this version writes"):
        read_last_run({"routers": routers})


@pytest.mark.parametrize(
    "last_run",
    [
        *(None, [], {}, {"routers": ["er-1"]}, {"routers": {"er-1": {}}}),
        *({"routers": {"er-1": {**ROUTER, key: None}}} for key in ROUTER if key != "attachments"),
        *({"routers": {"er-1": {**ROUTER, "attachments": {"a": known}}}} for known in (None, {}, {"name": 5})),
    ],
)
def test_last_run_of_another_form_is_refused(last_run: Any) -> None:
    with pytest.raises(OutputsError, match="do not have the form that this version writes"):
        read_last_run({"last_run": last_run})

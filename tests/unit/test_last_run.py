"""What is read back of the outputs that the last run left, in the form of this version and of the one before."""

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
            "flow_logs": {"vpc-shop-01234567": {"logs_to": "group/stream", "key": "core"}},
        },
        "b": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
    },
    "called": {"vpc-shop": "a", "vpc-old": ""},
    "selections": {"core": ["vpc-shop", "vpc-old"]},
}
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
"""A router in the form of version 0.1."""


def one_router(outputs: dict[str, Any]) -> LastRouter:
    (router,) = read_last_run(outputs).values()
    return router


def test_a_router_is_read_back_by_its_id() -> None:
    assert read_last_run({"routers": {"er-core": ROUTER}}) == {
        "er-1": LastRouter(
            id="er-1",
            name="er-new",
            first_name="er-core",
            attachments={
                "a": LastAttachment(
                    name="vpc-new",
                    first_name="vpc-shop",
                    tags={"env": "prod"},
                    flow_logs={"vpc-shop-01234567": LastFlowLog("group/stream", "core")},
                ),
                "b": LastAttachment(name="fw", first_name="fw"),
            },
            stale_names={"vpc-shop": "a", "vpc-old": ""},
            selections={"core": ["vpc-shop", "vpc-old"]},
        )
    }


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("a", "a"),
        ("b", "b"),
        ("fw", "b"),
        ("vpc-new", "a"),
        ("vpc-shop", "a"),
        ("vpc-old", ""),
        ("never-there", None),
        ("", None),
    ],
)
def test_a_text_of_the_stack_file_means_what_it_meant_then(text: str, meant: str | None) -> None:
    assert one_router({"routers": {"er-core": ROUTER}}).previous_id(text) == meant


def test_an_id_means_itself_also_if_another_attachment_is_called_so() -> None:
    router = LastRouter(
        id="er-1", name="", attachments={"a": LastAttachment(name="b"), "b": LastAttachment(name="vpc-b")}
    )
    assert router.previous_id("b") == "b"


def test_a_name_that_two_attachments_had_meant_neither() -> None:
    twins = {"a": LastAttachment(name="twin"), "b": LastAttachment(name="twin")}
    assert LastRouter(id="er-1", name="", attachments=twins).previous_id("twin") is None


def test_a_flow_log_is_known_by_where_it_writes_to() -> None:
    found = one_router({"routers": {"er-core": ROUTER}}).attachments["a"]
    assert found.key_of("group/stream") == "core"
    assert found.key_of("group/other") is None


@pytest.mark.parametrize("none", [{}, {"routers": {}}, {"coverage": {}}, {"other": 1}])
def test_a_stack_without_an_earlier_run_has_no_routers(none: dict[str, Any]) -> None:
    assert read_last_run(none) == {}


def test_outputs_by_key_of_the_stack_file_are_still_read() -> None:
    assert read_last_run({"routers": {"core": BY_KEY}}) == {
        "er-1": LastRouter(
            id="er-1",
            name="er-core",
            first_name="er-core",
            attachments={
                "a": LastAttachment(
                    name="vpc-shop", first_name="vpc-shop", flow_logs={"core-a": LastFlowLog("group/stream", "core")}
                ),
                "b": LastAttachment(name="fw", first_name="fw"),
            },
            stale_names={"vpc-old": ""},
        )
    }


def test_two_keys_of_one_router_are_read_as_one_router() -> None:
    second = {
        **BY_KEY,
        "attachments": {
            "a": {"name": "vpc-shop", "logs_to": "group/other"},
            "c": {"name": "vpc-data", "logs_to": "group/other"},
        },
        "gone": ["vpc-older"],
        "flow_logs": {"a": "x", "c": "y"},
    }
    router = one_router({"routers": {"core": BY_KEY, "second": second}})
    assert set(router.attachments) == {"a", "b", "c"}
    assert sorted(router.attachments["a"].flow_logs.values(), key=lambda one: one.key) == [
        LastFlowLog("group/stream", "core"),
        LastFlowLog("group/other", "second"),
    ]
    assert router.stale_names == {"vpc-old": "", "vpc-older": ""}


@pytest.mark.parametrize(
    "foreign",
    [
        {"routers": None},
        {"routers": []},
        {"routers": "core"},
        {"routers": {"core": None}},
        {"routers": {"core": 5}},
        {"routers": {"core": {}}},
        {"routers": {"core": {"id": "er-1"}}},
        {"routers": {"core": {**ROUTER, "id": 5}}},
        {"routers": {"core": {**ROUTER, "name": None}}},
        {"routers": {"core": {**ROUTER, "attachments": ["a"]}}},
        {"routers": {"core": {**ROUTER, "attachments": {"a": "name"}}}},
        {"routers": {"core": {**ROUTER, "attachments": {"a": {"name": "x", "flow_logs": {"n": {}}}}}}},
        {"routers": {"core": {**ROUTER, "called": {"vpc-shop": None}}}},
        {"routers": {"core": {**ROUTER, "selections": None}}},
        {"routers": {"core": {**ROUTER, "selections": "all"}}},
        {"routers": {"core": {"router": "er-1"}}},
        {"routers": {"core": {"router": {"id": "er-1"}}}},
        {"routers": {"core": {**BY_KEY, "attachments": ["a"]}}},
        {"routers": {"core": {**BY_KEY, "attachments": {"a": {}}}}},
    ],
)
def test_outputs_of_another_form_are_refused_in_a_sentence(foreign: dict[str, Any]) -> None:
    with pytest.raises(OutputsError, match="do not have the form that this version writes"):
        read_last_run(foreign)

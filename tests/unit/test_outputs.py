"""The stack's outputs, and what the next run reads from them."""

import json
from typing import Any

import pytest

from stacks import program
from stacks.planning.naming import logical_name
from stacks.state.last_run import LastAttachment, LastFlowLog, LastRouter
from tests.unit.plans import Stack, attachment

SHOP = attachment("id-shop", "vpc-shop", tags={"env": "prod", "team": "shop"})
DATA, UNNAMED = attachment("id-data", "vpc-data"), attachment("id-x")
FIREWALL, FIREWALL_2 = attachment("id-fw", "fw", "cfw"), attachment("id-fw-2", "fw", "cfw")
FROZEN = attachment("id-frozen", "vpc-frozen", state="freezed")
SHOP_LOG = logical_name("id-shop", "group/stream", readable="vpc-shop")
DATA_LOG = logical_name("id-data", "group/stream", readable="vpc-data")
LOGGED = {"logs_to": "group/stream", "key": "core"}
TAGGED = {"attachments": {"tags": {"env": "prod"}, "include": ["vpc-data"]}}


def make_outputs(stack: Stack, routers: Any = None) -> dict[str, Any]:
    stack.up(routers)
    return stack.outputs


def test_outputs_name_every_attachment_with_its_flow_logs_or_a_reason() -> None:
    stack = Stack(SHOP, DATA, FIREWALL, FIREWALL_2, FROZEN)
    outputs = make_outputs(stack, {"core": {"attachments": ["vpc-shop", "id-fw", "id-fw-2", "vpc-frozen"]}})
    assert outputs == {
        "routers": {
            "er-core": {
                "id": "er-1",
                "name": "er-core",
                "attachments": {
                    "id-shop": {"name": "vpc-shop", "flow_logs": {SHOP_LOG: LOGGED}},
                    "id-data": {"name": "vpc-data", "not_logged": "is not selected"},
                    "id-fw": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
                    "id-fw-2": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
                    "id-frozen": {"name": "vpc-frozen", "not_logged": "is frozen, so it cannot have a new flow log"},
                },
                "selections": {"core": ["vpc-shop", "id-fw", "id-fw-2", "vpc-frozen"]},
            }
        },
        "coverage": {"logged": 1, "loggable": 2, "skipped": 3},
        "deletions": {},
    }
    assert set(outputs) == set(program.OUTPUT_NAMES)


def test_two_keys_of_a_router_share_an_entry() -> None:
    two = {"core": {"protect": True}, "copy": {"log_stream": "other", "attachments": {"names": ["vpc-s*"]}}}
    outputs = make_outputs(Stack(SHOP, DATA), two)
    (router,) = outputs["routers"].values()
    assert router["selections"] == {"core": "all", "copy": {"names": ["vpc-s*"]}}
    assert list(router["attachments"]["id-shop"]["flow_logs"].values()) == [
        {**LOGGED, "is_protected": True},
        {"logs_to": "group/other", "key": "copy"},
    ]
    assert outputs["coverage"] == {"logged": 3, "loggable": 3, "skipped": 0}


@pytest.mark.parametrize(
    ("routers", "logged"),
    [
        ({"a": {"attachments": ["vpc-shop"]}, "b": {"attachments": ["vpc-data"]}}, 2),
        ({"core": {"overrides": {"vpc-shop": {"enabled": False}}}}, 1),
    ],
    ids=["selected by two keys", "one is disabled"],
)
def test_coverage_counts_what_any_key_logs(routers: Any, logged: int) -> None:
    coverage = make_outputs(Stack(SHOP, DATA), routers)["coverage"]
    assert coverage == {"logged": logged, "loggable": 2, "skipped": 0}


def test_deletions_have_their_reasons_once() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    stack.change(DATA)
    assert make_outputs(stack)["deletions"] == {SHOP_LOG: "the attachment is gone"}
    assert make_outputs(stack)["deletions"] == {}


def test_next_run_reads_what_one_run_leaves() -> None:
    stack = Stack(SHOP, DATA, UNNAMED, FIREWALL)
    stack.up({"core": TAGGED})
    stack.change(SHOP, attachment("id-data", "renamed"))
    outputs = make_outputs(stack, {"core": TAGGED})
    assert json.loads(json.dumps(outputs)) == outputs
    flow_log = LastFlowLog("group/stream", "core")
    assert stack.last == {
        "er-1": LastRouter(
            id="er-1",
            name="er-core",
            first_name="er-core",
            attachments={
                "id-shop": LastAttachment(
                    name="vpc-shop", first_name="vpc-shop", tags={"env": "prod"}, flow_logs={SHOP_LOG: flow_log}
                ),
                "id-data": LastAttachment(name="renamed", first_name="vpc-data", flow_logs={DATA_LOG: flow_log}),
            },
            stale_names={"vpc-data": "id-data"},
            selections={"core": TAGGED["attachments"]},
        )
    }

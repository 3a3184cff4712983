"""The stack's outputs, and what the next run reads from them."""

import json
from typing import Any

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
                    "id-shop": {
                        "name": "vpc-shop",
                        "flow_logs": {SHOP_LOG: {"logs_to": "group/stream", "key": "core"}},
                    },
                    "id-data": {"name": "vpc-data", "not_logged": "is not selected"},
                    "id-fw": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
                    "id-fw-2": {"name": "fw", "not_logged": "is of type cfw, which cannot be logged"},
                    "id-frozen": {
                        "name": "vpc-frozen",
                        "not_logged": "is frozen, so it cannot have a new flow log",
                    },
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
        {"logs_to": "group/stream", "key": "core", "is_protected": True},
        {"logs_to": "group/other", "key": "copy"},
    ]
    assert outputs["coverage"] == {"logged": 3, "loggable": 3, "skipped": 0}


def test_attachment_that_another_key_selects_is_not_left_out() -> None:
    split = {"a": {"attachments": ["vpc-shop"]}, "b": {"attachments": ["vpc-data"]}}
    assert make_outputs(Stack(SHOP, DATA), split)["coverage"] == {"logged": 2, "loggable": 2, "skipped": 0}


def test_disabled_flow_log_does_not_count_as_logged() -> None:
    disabled = {"core": {"overrides": {"vpc-shop": {"enabled": False}}}}
    assert make_outputs(Stack(SHOP, DATA), disabled)["coverage"] == {"logged": 1, "loggable": 2, "skipped": 0}


def test_deletions_have_their_reasons_once() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    stack.change(DATA)
    assert make_outputs(stack)["deletions"] == {SHOP_LOG: "the attachment is gone"}
    assert make_outputs(stack)["deletions"] == {}


def test_first_names_are_kept_after_a_rename() -> None:
    stack = Stack(SHOP)
    stack.up()
    stack.change(attachment("id-shop", "renamed"))
    stack.routers["er-1"] = "er-renamed"
    for _ in range(2):
        (router,) = make_outputs(stack, {"core": {"router": "er-1"}})["routers"].values()
        assert (router["name"], router["first_name"]) == ("er-renamed", "er-core")
        shop = router["attachments"]["id-shop"]
        assert (shop["name"], shop["first_name"]) == ("renamed", "vpc-shop")


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


def test_outputs_of_version_0_1_change_no_flow_log() -> None:
    stack = Stack(SHOP, DATA)
    before = stack.up({"old": {}})
    stack.outputs = {
        "routers": {
            "old": {
                "router": {"id": "er-1", "name": "er-core"},
                "attachments": {
                    "id-shop": {"name": "vpc-shop", "logs_to": "group/stream"},
                    "id-data": {"name": "vpc-data", "logs_to": "group/stream"},
                },
                "flow_logs": {"id-shop": "x", "id-data": "y"},
            }
        }
    }
    after = stack.up({"new": {}})
    assert (after.deletions, after.names, after.logical_names) == ([], before.names, before.logical_names)

"""The stack's outputs, and that the next run reads back from them what it has to know."""

import json
from typing import Any

from stacks import program
from stacks.planning.naming import logical_name
from stacks.state.last_run import LastAttachment, LastFlowLog, LastRouter
from tests.unit.plans import Stack, attachment

SHOP = attachment("id-shop", "vpc-shop", tags={"env": "prod", "team": "shop"})
DATA, UNNAMED = attachment("id-data", "vpc-data"), attachment("id-x")
FIREWALL = attachment("id-fw", "fw", "cfw")
SHOP_LOG = logical_name("id-shop", "group/stream", readable="vpc-shop")


def outputs_of(stack: Stack, routers: Any = None) -> dict[str, Any]:
    stack.up(routers)
    return stack.outputs


def test_outputs_tell_of_every_attachment_whether_and_where_it_is_logged() -> None:
    wanted = {"core": {"attachments": ["vpc-shop", "fw"]}}
    assert outputs_of(Stack(SHOP, DATA, FIREWALL), wanted) == {
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
                },
                "selections": {"core": ["vpc-shop", "fw"]},
            }
        },
        "coverage": {"logged": 1, "loggable": 2, "skipped": 1},
        "deletions": {},
    }


def test_two_keys_of_one_router_stand_in_one_entry() -> None:
    two = {"core": {}, "copy": {"log_stream": "other", "attachments": {"names": ["vpc-s*"]}}}
    found = outputs_of(Stack(SHOP, DATA), two)
    (router,) = found["routers"].values()
    assert router["selections"] == {"core": "all", "copy": {"names": ["vpc-s*"]}}
    assert {one["logs_to"]: one["key"] for one in router["attachments"]["id-shop"]["flow_logs"].values()} == {
        "group/stream": "core",
        "group/other": "copy",
    }
    assert found["coverage"] == {"logged": 3, "loggable": 3, "skipped": 0}


def test_what_another_key_selects_is_not_left_out() -> None:
    split = {"a": {"attachments": ["vpc-shop"]}, "b": {"attachments": ["vpc-data"]}}
    assert outputs_of(Stack(SHOP, DATA), split)["coverage"] == {"logged": 2, "loggable": 2, "skipped": 0}


def test_a_disabled_flow_log_does_not_count_as_logged() -> None:
    wanted = {"core": {"overrides": {"vpc-shop": {"enabled": False}}}}
    assert outputs_of(Stack(SHOP, DATA), wanted)["coverage"] == {"logged": 1, "loggable": 2, "skipped": 0}


def test_two_skipped_attachments_of_one_name_both_count() -> None:
    found = outputs_of(Stack(FIREWALL, attachment("id-fw-2", "fw", "cfw")))
    assert found["coverage"]["skipped"] == 2


def test_a_frozen_attachment_is_told_with_its_reason() -> None:
    found = outputs_of(Stack(attachment("id-shop", "vpc-shop", state="freezed")))
    assert found["routers"]["er-core"]["attachments"]["id-shop"] == {
        "name": "vpc-shop",
        "not_logged": "is frozen, so no flow log of it can be created",
    }


def test_only_tags_that_a_selector_asks_for_are_remembered() -> None:
    found = outputs_of(Stack(SHOP), {"core": {"attachments": {"tags": {"env": "prod"}}}})
    assert found["routers"]["er-core"]["attachments"]["id-shop"]["tags"] == {"env": "prod"}


def test_deletions_are_told_with_their_reasons() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    stack.now(DATA)
    assert outputs_of(stack)["deletions"] == {SHOP_LOG: "the attachment is gone"}
    assert outputs_of(stack)["deletions"] == {}


def test_first_names_are_told_where_they_differ() -> None:
    stack = Stack(SHOP)
    stack.up()
    stack.now(attachment("id-shop", "renamed"))
    stack.routers["er-1"] = "er-renamed"
    for _ in range(2):
        (router,) = outputs_of(stack, {"core": {"router": "er-1"}})["routers"].values()
        assert (router["name"], router["first_name"]) == ("er-renamed", "er-core")
        shop = router["attachments"]["id-shop"]
        assert (shop["name"], shop["first_name"]) == ("renamed", "vpc-shop")


def test_outputs_are_plain_json() -> None:
    found = outputs_of(Stack(SHOP, UNNAMED, FIREWALL))
    assert json.loads(json.dumps(found)) == found


def test_what_one_run_leaves_the_next_reads_back() -> None:
    stack = Stack(SHOP, DATA)
    wanted = {"core": {"attachments": {"tags": {"env": "prod"}, "include": ["vpc-data"]}}}
    stack.up(wanted)
    stack.now(SHOP, attachment("id-data", "renamed"))
    stack.up(wanted)
    data_log = logical_name("id-data", "group/stream", readable="vpc-data")
    assert stack.last == {
        "er-1": LastRouter(
            id="er-1",
            name="er-core",
            first_name="er-core",
            attachments={
                "id-shop": LastAttachment(
                    name="vpc-shop",
                    first_name="vpc-shop",
                    tags={"env": "prod"},
                    flow_logs={SHOP_LOG: LastFlowLog("group/stream", "core")},
                ),
                "id-data": LastAttachment(
                    name="renamed",
                    first_name="vpc-data",
                    flow_logs={data_log: LastFlowLog("group/stream", "core")},
                ),
            },
            stale_names={"vpc-data": "id-data"},
            selections={"core": wanted["core"]["attachments"]},
        )
    }


def test_outputs_of_the_version_before_change_no_flow_log() -> None:
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


def test_a_failed_run_exports_what_outputs_are_made_of() -> None:
    assert set(outputs_of(Stack(SHOP))) == set(program.OUTPUT_NAMES)

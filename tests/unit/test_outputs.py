"""The stack's outputs, and what the next run reads from them."""

import json
from typing import Any

import pytest

from stacks.planning.naming import logical_name
from stacks.state.last_run import LastAttachment, LastRouter
from stacks.state.outputs import list_flow_logs
from tests.unit.plans import Stack, attachment

SHOP = attachment("id-shop", "vpc-shop", tags={"env": "prod", "team": "shop"})
DATA, UNNAMED = attachment("id-data", "vpc-data"), attachment("id-x")
FIREWALL = attachment("id-fw", "fw", "cfw")
PEERING = attachment("id-p", "er-x", "peering")
FROZEN = attachment("id-frozen", "vpc-frozen", state="freezed")
SHOP_LOG = logical_name("id-shop", "group/stream", readable="vpc-shop")
TAGGED = {"attachments": {"tags": {"env": "prod"}, "include": ["vpc-data"]}}
OTHER = {"log_stream": "other"}


def test_outputs_of_a_run_are_counts_and_what_the_next_run_must_know() -> None:
    stack = Stack(SHOP, DATA, FIREWALL, FROZEN)
    stack.up({"core": {"attachments": ["vpc-shop", "id-fw", "vpc-frozen"]}})
    assert json.loads(json.dumps(stack.outputs)) == stack.outputs
    assert stack.outputs == {
        "coverage": {"logged": 1, "loggable": 2, "skipped": 2},
        "last_run": {
            "about": "for the next run of this stack, not for people or other programs: its form may change",
            "routers": {
                "er-1": {
                    "name": "er-core",
                    "attachments": {there.id: there.name for there in (SHOP, DATA, FIREWALL, FROZEN)},
                    "logs_to": {"s": "group/stream"},
                    "first_key": "core",
                    "selections": {"core": ["vpc-shop", "id-fw", "vpc-frozen"]},
                }
            },
        },
    }


@pytest.mark.parametrize(
    ("routers", "counts"),
    [
        ({"a": {"attachments": ["vpc-shop"]}, "b": {"attachments": ["vpc-data"]}}, (2, 2, 0)),
        ({"a": {"attachments": ["vpc-shop"]}, "b": {"attachments": ["vpc-shop", "vpc-data"], **OTHER}}, (2, 2, 0)),
        ({"a": {"attachments": {"names": ["vpc-s*"]}}, "b": {"attachments": ["vpc-shop"], **OTHER}}, (1, 2, 0)),
        ({"a": {"attachments": {"names": ["vpc-s*"]}}, "b": {"attachments": ["vpc-data"]}}, (2, 2, 0)),
        ({"a": {"attachments": {"exclude": ["id-fw"]}}, "b": OTHER}, (2, 2, 1)),
        ({"a": {}, "b": OTHER}, (2, 2, 1)),
        ({"a": {}, "b": {"attachments": [], **OTHER}}, (2, 2, 1)),
        ({"a": {"attachments": []}}, (0, 2, 0)),
        ({"a": {"overrides": {"vpc-shop": {"enabled": False}}}}, (1, 2, 1)),
        ({"a": {"overrides": {"vpc-shop": {"enabled": False}}}, "b": OTHER}, (2, 2, 1)),
        ({"a": {"attachments": {"types": ["peering"]}}, "b": OTHER}, (3, 3, 1)),
        ({"a": {"attachments": ["vpc-frozen"]}, "b": {"attachments": ["vpc-shop"]}}, (1, 2, 1)),
    ],
    ids=[
        *("disjoint lists", "overlapping lists", "selector over list", "selector beside list", "selector in all"),
        *("two streams of each", "all and none", "none", "disabled", "disabled by one key of two"),
        *("type that only one key tries", "frozen"),
    ],
)
def test_coverage_counts_attachments_whatever_the_keys(routers: Any, counts: tuple[int, int, int]) -> None:
    """An attachment counts once, in `loggable` or in `skipped`; no count depends on the order of the keys."""
    others = [FROZEN] if "frozen" in str(routers) else [PEERING] if "peering" in str(routers) else []
    for keys in (routers, dict(reversed(routers.items()))):
        stack = Stack(SHOP, DATA, FIREWALL, *others)
        stack.up(keys)
        assert tuple(stack.outputs["coverage"][key] for key in ("logged", "loggable", "skipped")) == counts


def test_flow_logs_are_listed_by_names_of_attachments() -> None:
    stack = Stack(SHOP, DATA, attachment("id-data-2", "vpc-data"), UNNAMED, attachment("id-unknown", "vpc-unknown"))
    stack.routers["er-2"] = "er-edge"
    stack.attachments["er-2"] = [attachment("id-shop-2", "vpc-shop")]
    run = stack.up({"core": {}, "edge": {"router": "er-edge"}, "copy": {"router": "er-edge", **OTHER}})

    unknown = run.plan.by_attachment["er-1", "id-unknown"][0].logical_name
    ids = {name: f"id of {name}" if name != unknown else None for name in run.logical_names}
    listed = list_flow_logs(run.plan, ids)

    assert listed.keys() == {"er-core/vpc-shop", "er-edge/vpc-shop", "id-data", "id-data-2", "id-x"}
    assert listed["er-core/vpc-shop"] == [
        {"id": f"id of {SHOP_LOG}", "name": run.names["id-shop"], "logs_to": "group/stream"}
    ]
    assert [flow_log["logs_to"] for flow_log in listed["er-edge/vpc-shop"]] == ["group/stream", "group/other"]


def test_next_run_reads_what_one_run_leaves() -> None:
    stack = Stack(SHOP, DATA, UNNAMED, FIREWALL)
    stack.up({"core": TAGGED})
    stack.change(SHOP, attachment("id-data", "renamed"))
    copy = {"attachments": ["vpc-shop"], "protect": True, **OTHER}
    stack.up({"renamed-key": TAGGED, "copy": copy})
    copied = logical_name("id-shop", "group/other", readable="vpc-shop")
    assert stack.last == {
        "er-1": LastRouter(
            id="er-1",
            name="er-core",
            first_name="er-core",
            attachments={
                "id-shop": LastAttachment(name="vpc-shop", first_name="vpc-shop", tags={"env": "prod"}),
                "id-data": LastAttachment(name="renamed", first_name="vpc-data"),
            },
            stale_names={"vpc-data": "id-data"},
            selections={"renamed-key": TAGGED["attachments"], "copy": ["vpc-shop"]},
            logs_to={"s": "group/stream", "t": "group/other"},
            first_key="core",
            other_first_keys={copied: "copy"},
            protected={copied},
        )
    }

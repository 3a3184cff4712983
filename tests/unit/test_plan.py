"""From the stack file to flow logs, and what stays the same from run to run."""

from dataclasses import replace
from typing import Any

import pytest

from providers.er.flow_logs import FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.naming import logical_name
from stacks.planning.plan import Plan, ResolvedRouter, make_plan
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import LastRun
from stacks.state.managed import ManagedFlowLog
from tests.unit.plans import Stack, attachment, flow_log, managed, router, target, urn

INVENTORY = Inventory(
    routers=[router("er-1", "core"), router("er-2", "edge")],
    groups=[LogGroup(id="g-1", name="network"), LogGroup(id="g-2", name="other")],
    streams={
        "g-1": [LogStream(id="s-1", name="er"), LogStream(id="s-2", name="second")],
        "g-2": [LogStream(id="s-3", name="er")],
    },
    attachments={
        "er-1": [attachment("att-1", "vpc-shop"), attachment("att-2", "vpc-shop"), attachment("att-3", type_="vpn")],
        "er-2": [attachment("att-4", "fw", "cfw")],
    },
    flow_logs={"er-1": [], "er-2": []},
)
CORE = {"router": "core", "log_group": "network", "log_stream": "er"}
NO_LAST_RUN: LastRun = {}


def plan(routers: dict[str, Any], inventory: Inventory = INVENTORY, *, last_run: LastRun | None = NO_LAST_RUN) -> Plan:
    config = StackConfig.model_validate({"routers": routers})
    return make_plan(config, inventory, stack="local", last_run=last_run, managed={})


def resolve(config: dict[str, Any], inventory: Inventory = INVENTORY) -> ResolvedRouter:
    """The only router, under the key `main`, without problems."""
    made = plan({"main": {**CORE, **config}}, inventory)
    assert made.problems == []
    return made.routers[0]


def keys(problems: list[Problem]) -> list[str]:
    return [problem.key for problem in problems]


# What the stack file says


def test_router_gets_a_flow_log_for_each_attachment() -> None:
    resolved = resolve({"protect": True, "description": "d"})
    assert list(resolved.selections) == ["main"]
    assert (resolved.component, resolved.router.id) == ("core", "er-1")
    assert resolved.attachments == INVENTORY.attachments["er-1"]
    assert [flow_log.target for flow_log in resolved.flow_logs] == [
        FlowLogTarget(er_id="er-1", resource_id=id_, log_group_id="g-1", log_stream_id="s-1")
        for id_ in ("att-1", "att-2", "att-3")
    ]
    first = resolved.flow_logs[0]
    assert (first.logs_to, first.description, first.enabled, first.protect) == ("network/er", "d", True, True)
    assert first.logical_name == logical_name("att-1", "network/er", readable="vpc-shop")
    assert [flow_log.name for flow_log in resolved.flow_logs] == ["main-vpc-shop", "main-vpc-shop", "main-att-3"]


def test_router_group_and_stream_may_be_named_by_id() -> None:
    resolved = resolve({"router": "er-1", "log_group": "g-1", "log_stream": "s-2"})
    assert resolved.flow_logs[0].target == FlowLogTarget(
        er_id="er-1", resource_id="att-1", log_group_id="g-1", log_stream_id="s-2"
    )
    assert resolved.flow_logs[0].logs_to == "network/second"


def test_routers_keep_the_order_of_the_stack_file() -> None:
    made = plan({"z": {**CORE, "router": "edge"}, "a": CORE})
    assert [list(resolved.selections) for resolved in made.routers] == [["z"], ["a"]]
    assert plan({"main": CORE}).other_routers == [INVENTORY.routers[1]]


def test_stream_is_looked_up_in_its_own_group() -> None:
    assert resolve({"log_group": "other"}).flow_logs[0].target.log_stream_id == "s-3"
    what = "there is no log stream in group 'other' with id or name 'second'; known: er"
    problems = plan({"main": {**CORE, "log_group": "other", "log_stream": "second"}}).problems
    assert problems == [Problem("routers.main.log_stream", what)]


@pytest.mark.parametrize(
    ("inventory", "routers", "groups"),
    [(INVENTORY, "core, edge", "network, other"), (Inventory(routers=[], groups=[]), "none", "none")],
)
def test_unknown_name_is_reported_with_the_known_ones(inventory: Inventory, routers: str, groups: str) -> None:
    assert plan({"main": {**CORE, "router": "cor", "log_group": "net"}}, inventory).problems == [
        Problem("routers.main.router", f"there is no router with id or name 'cor'; known: {routers}"),
        Problem("routers.main.log_group", f"there is no log group with id or name 'net'; known: {groups}"),
    ]


def test_mistakes_of_all_routers_are_reported_once_each() -> None:
    wrong_stream = {"log_stream": "x"}
    problems = plan(
        {
            "a": {**CORE, "router": "x"},
            "b": {**CORE, "log_group": "x", "attachments": ["nope"]},
            "c": {**CORE, **wrong_stream},
            "d": {**CORE, "attachments": [], **wrong_stream},
            "e": {**CORE, "attachments": [], "overrides": {"att-1": wrong_stream, "nope": {}}},
            "f": {
                **CORE,
                "attachments": [],
                "streams": {"x": "all", "second": {"types": ["cfw"], "include": ["nope"]}},
            },
        }
    ).problems
    assert sorted(keys(problems)) == [
        "routers.a.router",
        "routers.b.attachments[0]",
        "routers.b.log_group",
        "routers.c.log_stream",
        "routers.d.log_stream",
        "routers.e.overrides.att-1.log_stream",
        "routers.e.overrides.nope",
        "routers.f.streams.second.include[0]",
        "routers.f.streams.second.types[0]",
        "routers.f.streams.x",
    ]


VPNS: dict[str, Any] = {"types": ["vpn"]}


@pytest.mark.parametrize(
    ("config", "vpc", "vpn"),
    [
        ({"streams": {"second": VPNS}}, ["er"], ["second"]),
        ({"streams": {"second": ["att-3"]}}, ["er"], ["second"]),
        ({"streams": {"er": "all", "second": VPNS}}, ["er"], ["er", "second"]),
        ({"streams": {"second": "all", "s-2": VPNS}}, ["second"], ["second"]),
        ({"streams": {"er": "all", "second": "all"}, "attachments": ["att-3"]}, [], ["er", "second"]),
        ({"streams": {"second": "all"}, "overrides": {"att-3": {"log_stream": "er"}}}, ["second"], ["er"]),
        ({"streams": {}}, ["er"], ["er"]),
    ],
)
def test_attachment_logs_to_all_streams_that_select_it(config: dict[str, Any], vpc: list[str], vpn: list[str]) -> None:
    flow_logs = resolve(config).flow_logs
    assert [log.logs_to for log in flow_logs if log.attachment.id == "att-1"] == [f"network/{name}" for name in vpc]
    assert [log.logs_to for log in flow_logs if log.attachment.id == "att-3"] == [f"network/{name}" for name in vpn]


def test_attachment_moves_to_the_stream_that_selects_it() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    both: dict[str, Any] = {"core": {"streams": {"stream": "all", "other": ["vpc-shop"]}}}
    assert stack.up(both).reasons == []
    assert stack.up({"core": {"streams": {"other": ["vpc-shop"]}}}).reasons == [
        "the stack file declares only a flow log to group/other"
    ]
    assert stack.up().reasons == ["moves from group/other to group/stream"]


def test_override_changes_only_its_attachment() -> None:
    override = {"name": "own", "description": "o", "log_stream": "second", "enabled": True}
    first, second, _ = resolve({"enabled": False, "description": "d", "overrides": {"att-1": override}}).flow_logs
    assert (first.name, first.description, first.logs_to, first.enabled) == ("own", "o", "network/second", True)
    assert (second.description, second.logs_to, second.enabled) == ("d", "network/er", False)


def test_two_keys_with_the_same_targets_are_reported() -> None:
    inventory = replace(INVENTORY, attachments={"er-1": [attachment("att-1", "vpc-shop"), attachment("att-2")]})
    assert plan({"a": CORE, "b": {**CORE, "router": "er-1", "log_group": "g-1"}}, inventory).problems == [
        Problem(
            "routers.b",
            f"attachment {name!r} already logs to network/er because of routers.a;"
            " deselect it in one of the two, or use another log stream",
        )
        for name in ("vpc-shop", "att-2")
    ]


def test_name_does_not_depend_on_other_attachments() -> None:
    before = {flow_log.attachment.id: flow_log.name for flow_log in resolve({}).flow_logs}
    there = [attachment("att-9", "vpc-shop"), *reversed(INVENTORY.attachments["er-1"])]
    resolved = resolve({}, replace(INVENTORY, attachments={"er-1": there}))
    assert before.items() <= {flow_log.attachment.id: flow_log.name for flow_log in resolved.flow_logs}.items()


def test_unknown_attachment_counts_as_gone_without_a_last_run() -> None:
    made = plan({"main": {**CORE, "attachments": ["vpc-old", "att-1"]}}, last_run=None)
    assert (made.problems, made.routers[0].selections["main"].gone) == ([], {"vpc-old"})


# From run to run


SHOP, DATA = attachment("a", "vpc-shop"), attachment("b", "vpc-data")
RENAMED = attachment("a", "renamed")
SHOP_BY_NAME: dict[str, Any] = {"core": {"attachments": ["vpc-shop"]}}
OTHER_STREAM = {"log_stream": "other"}
BY_TWO_KEYS = {"shop": {"attachments": ["vpc-shop"]}, "data": {"attachments": ["vpc-data"]}}
KEYS: dict[str, dict[str, dict[str, Any]]] = {
    "renamed": {"network": {}},
    "merged": {"one": {}},
    "split": {"x": {"attachments": ["vpc-shop"]}, "y": {"attachments": ["vpc-data"]}},
    "swapped": {"shop": {"attachments": ["vpc-data"]}, "data": {"attachments": ["vpc-shop"]}},
}


@pytest.mark.parametrize("then", list(KEYS))
@pytest.mark.parametrize("first", [{"core": {}}, BY_TWO_KEYS])
def test_changed_router_keys_change_no_flow_log(first: dict[str, Any], then: str) -> None:
    stack = Stack(SHOP, DATA)
    before = stack.up(first)
    for _ in range(2):  # the outputs of the second run must have the same effect
        after = stack.up(KEYS[then])
        assert (after.deletions, after.names, after.logical_names) == ([], before.names, before.logical_names)


def test_only_new_flow_logs_are_named_after_a_changed_key() -> None:
    stack = Stack(SHOP)
    stack.up({"core": {}})
    stack.change(SHOP, DATA)
    names = stack.up({"network": {}}).names
    assert (names["a"], names["b"]) == ("core-vpc-shop", "network-vpc-data")
    assert stack.preview({"network": OTHER_STREAM}).names["a"] == "network-vpc-shop"


def test_rename_in_the_console_changes_no_logical_name() -> None:
    stack = Stack(SHOP)
    before = stack.up()
    stack.change(RENAMED)
    stack.routers["er-1"] = "er-renamed"
    for _ in range(2):
        after = stack.up({"core": {"router": "er-1"}})
        assert (after.logical_names, after.deletions) == (before.logical_names, [])
        assert after.plan.routers[0].component == "er-core"


def test_move_after_a_rename_keeps_the_first_name_in_another_logical_name() -> None:
    stack = Stack(SHOP)
    before = stack.up()
    stack.change(RENAMED)
    after = stack.up({"core": OTHER_STREAM})
    assert after.logical_names != before.logical_names
    assert after.logical_names[0].startswith("vpc-shop-")


@pytest.mark.parametrize(
    "config",
    [
        {"attachments": ["vpc-shop"]},
        {"attachments": {"types": [], "include": ["vpc-shop"]}},
        {"attachments": {"exclude": ["vpc-data"]}},
        {"overrides": {"vpc-shop": {"description": "d"}}},
    ],
)
def test_attachment_renamed_twice_is_still_found_by_its_first_name(config: dict[str, Any]) -> None:
    stack = Stack(SHOP, DATA)
    before = stack.up({"core": config})
    is_excluded = "vpc-data" in str(config)
    for name in ("renamed", "renamed-again"):
        names = ("vpc-shop", name) if is_excluded else (name, "vpc-data")
        stack.change(attachment("a", names[0]), attachment("b", names[1]))
        after = stack.up({"core": config})
        assert (after.logical_names, after.deletions) == (before.logical_names, [])
        (warning,) = after.plan.warnings
        assert f"is now named {name!r} and keeps its flow log" in warning.what
        descriptions = [[flow_log.description for flow_log in run.plan.desired.values()] for run in (before, after)]
        assert descriptions[0] == descriptions[1]


@pytest.mark.parametrize("text", ["vpc-shop", "a"])
def test_listed_attachment_that_is_gone_ends_no_run(text: str) -> None:
    config = {"core": {"attachments": [text, "vpc-data"]}}
    stack = Stack(SHOP, DATA)
    stack.up(config)
    stack.change(DATA)
    for _ in range(3):
        assert stack.up(config).plan.routers[0].skipped == {text: "is gone from the router"}
    stack.change(DATA, attachment("new", "vpc-shop"))
    assert set(stack.up({"core": {"attachments": ["vpc-shop", "vpc-data"]}}).names) == {"b", "new"}


@pytest.mark.parametrize("name", ["core-a", "core-0123abcd", "vpc-shop", "a-former-name-0123abcd"])
def test_flow_log_keeps_its_logical_name_in_the_state(name: str) -> None:
    stack = Stack(SHOP)
    stack.managed = {target("a"): ManagedFlowLog(urn(name), target("a"))}
    assert stack.preview().logical_names == [name]


@pytest.mark.parametrize("parent", [None, "my:own:Component"])
def test_flow_log_that_a_program_declares_gives_no_logical_name(parent: str | None) -> None:
    stack = Stack(SHOP)
    stack.managed = managed(target("a"), parent=parent)
    assert stack.preview().logical_names == [logical_name("a", "group/stream", readable="vpc-shop")]


def test_stream_with_the_former_name_of_another_gives_another_name() -> None:
    stack = Stack(SHOP)
    taken = logical_name("a", "group/stream", readable="vpc-shop")
    stack.managed = {target("a", stream="t"): ManagedFlowLog(urn(taken), target("a", stream="t"))}
    names = stack.preview({"core": {}, "other": OTHER_STREAM}).logical_names
    assert taken in names
    assert len(set(names)) == len(names) == 2


# Frozen attachments


FROZEN = attachment("a", "vpc-shop", state="freezed")


@pytest.fixture
def frozen() -> Stack:
    """A stack of which one attachment was frozen after the last run."""
    stack = Stack(SHOP, DATA)
    stack.up()
    stack.change(FROZEN, DATA)
    return stack


def test_frozen_attachment_keeps_its_flow_log(frozen: Stack) -> None:
    run = frozen.preview(max_deletes=0)
    assert (set(run.names), run.deletions, run.refusals) == ({"a", "b"}, [], [])


def test_failed_flow_log_of_a_frozen_attachment_is_deleted_with_a_reason(frozen: Stack) -> None:
    frozen.existing = [flow_log("a", "core-vpc-shop", state="failed")]
    run = frozen.preview(max_deletes=0)
    reason = "the attachment is frozen, so it cannot have a new flow log"
    assert (run.reasons, run.refusals) == ([reason], [])


def test_frozen_router_gets_no_new_flow_log(frozen: Stack) -> None:
    frozen.router_state = "freezed"
    frozen.change(FROZEN, DATA, attachment("new", "vpc-new"))
    run = frozen.preview()
    assert (run.deletions, run.refusals) == ([], [])
    assert run.plan.routers[0].skipped == {"new": "is frozen with its router, so it cannot have a new flow log"}


def test_frozen_attachment_cannot_move(frozen: Stack) -> None:
    what = (
        "attachment 'vpc-shop' is frozen, so it cannot have a new flow log to group/other: keep its log group and"
        " log stream, with a router key of its own"
    )
    assert frozen.preview({"core": OTHER_STREAM}).refusals == [Problem("routers.core", what)]
    stays = {**OTHER_STREAM, "overrides": {"vpc-shop": {"log_stream": "stream"}}}
    assert [deletion.attachment for deletion in frozen.preview({"core": stays}).deletions] == ["vpc-data"]


def test_frozen_attachment_gets_no_second_flow_log(frozen: Stack) -> None:
    run = frozen.preview({"core": {}, "copy": OTHER_STREAM})
    assert (run.refusals, run.deletions) == ([], [])
    copied = [desired.attachment.id for desired in run.plan.desired.values() if desired.key == "copy"]
    assert copied == ["b"]


def test_flow_log_of_a_frozen_attachment_is_not_disabled_without_another(frozen: Stack) -> None:
    run = frozen.preview({"core": {"enabled": False}, "copy": OTHER_STREAM})
    assert keys(list(run.refusals)) == ["routers.copy"]

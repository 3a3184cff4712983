"""From the stack file to flow logs, and what stays from run to run whatever the stack file says."""

from dataclasses import replace
from typing import Any

import pytest

from providers.er.flow_logs import FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.naming import logical_name
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter, resolve
from stacks.stackfile.model import StackConfig
from stacks.state.managed import ManagedFlowLog
from tests.unit.plans import Stack, attachment, managed, router, target, urn

WORLD = Inventory(
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


def resolved(routers: dict[str, Any], world: Inventory = WORLD) -> Plan:
    config = StackConfig.model_validate({"routers": routers})
    return resolve(config, world, stack="local", last={}, managed={})


def plans(routers: dict[str, Any], world: Inventory = WORLD) -> list[ResolvedRouter]:
    found = resolved(routers, world)
    assert found.problems == []
    return found.routers


def problems(routers: dict[str, Any], world: Inventory = WORLD) -> list[Problem]:
    found = resolved(routers, world).problems
    assert found
    return found


# What the stack file says


def test_a_router_found_by_name_gets_a_flow_log_for_each_attachment() -> None:
    (plan,) = plans({"main": CORE})
    assert plan.key == "main"
    assert plan.component == "core"
    assert plan.router.id == "er-1"
    assert plan.attachments == WORLD.attachments["er-1"]
    assert [one.target for one in plan.flow_logs] == [
        FlowLogTarget(er_id="er-1", resource_id=id_, log_group_id="g-1", log_stream_id="s-1")
        for id_ in ("att-1", "att-2", "att-3")
    ]
    first = plan.flow_logs[0]
    assert first.logs_to == "network/er"
    assert (first.description, first.enabled, first.protect) == ("", True, False)
    assert first.name.startswith("main-vpc-shop-")
    assert first.logical_name == logical_name("att-1", "network/er", readable="vpc-shop")
    assert len({one.name for one in plan.flow_logs}) == 3


def test_ids_name_routers_groups_and_streams_as_well_as_names() -> None:
    (plan,) = plans({"main": {"router": "er-1", "log_group": "g-1", "log_stream": "s-2"}})
    assert {one.target.log_stream_id for one in plan.flow_logs} == {"s-2"}
    assert plan.flow_logs[0].logs_to == "network/second"


def test_an_id_wins_over_a_name_that_looks_like_it() -> None:
    world = replace(WORLD, routers=[*WORLD.routers, router("er-3", "er-1")])
    (plan,) = plans({"main": {**CORE, "router": "er-1"}}, world)
    assert plan.router.name == "core"


def test_routers_come_in_the_order_of_the_stack_file() -> None:
    assert [plan.key for plan in plans({"z": {**CORE, "router": "edge"}, "a": CORE})] == ["z", "a"]


def test_routers_that_the_stack_file_does_not_name_are_the_others() -> None:
    assert resolved({"main": CORE}).other_routers == [WORLD.routers[1]]


def test_a_stream_is_looked_for_in_its_own_group_only() -> None:
    (plan,) = plans({"main": {**CORE, "log_group": "other"}})
    assert plan.flow_logs[0].target.log_stream_id == "s-3"
    assert problems({"main": {**CORE, "log_group": "other", "log_stream": "second"}}) == [
        Problem(
            "routers.main.log_stream",
            "there is no log stream in group 'other' with id or name 'second'; there are: er",
        )
    ]


def test_what_does_not_exist_is_told_with_what_does() -> None:
    assert problems({"main": {**CORE, "router": "cor", "log_group": "net"}}) == [
        Problem("routers.main.router", "there is no router with id or name 'cor'; there are: core, edge"),
        Problem("routers.main.log_group", "there is no log group with id or name 'net'; there are: network, other"),
    ]


def test_where_nothing_exists_at_all_it_says_none() -> None:
    assert [one.what for one in problems({"main": CORE}, Inventory(routers=[], groups=[]))] == [
        "there is no router with id or name 'core'; there are: none",
        "there is no log group with id or name 'network'; there are: none",
    ]


def test_a_name_that_two_routers_have_is_no_way_to_choose_one() -> None:
    world = replace(WORLD, routers=[*WORLD.routers, router("er-3", "core")])
    assert problems({"main": CORE}, world) == [
        Problem("routers.main.router", "the name 'core' fits 2 of them; use an id: er-1, er-3")
    ]


def test_mistakes_of_all_routers_are_told_at_once() -> None:
    found = problems(
        {
            "a": {**CORE, "router": "x"},
            "b": {**CORE, "log_group": "x", "attachments": ["nope"]},
            "c": {**CORE, "log_stream": "x"},
            "d": {**CORE, "overrides": {"att-1": {"log_stream": "x"}, "nope": {}}},
        }
    )
    assert {problem.key for problem in found} == {
        "routers.a.router",
        "routers.b.log_group",
        "routers.b.attachments[0]",
        "routers.c.log_stream",
        "routers.d.overrides.att-1.log_stream",
        "routers.d.overrides.nope",
    }


def test_a_stream_that_does_not_exist_is_told_once_and_not_per_attachment() -> None:
    assert len(problems({"main": {**CORE, "log_stream": "x"}})) == 1


def test_a_stream_that_does_not_exist_is_told_even_where_nothing_is_logged() -> None:
    assert [one.key for one in problems({"main": {**CORE, "log_stream": "x", "attachments": []}})] == [
        "routers.main.log_stream"
    ]


def test_a_mistake_in_an_override_is_told_even_if_nothing_is_logged() -> None:
    wanted = {**CORE, "attachments": [], "overrides": {"att-1": {"log_stream": "x"}}}
    assert [one.key for one in problems({"main": wanted})] == ["routers.main.overrides.att-1.log_stream"]


def test_an_override_by_id_changes_that_attachment_only() -> None:
    override = {"name": "mine", "log_stream": "second", "enabled": False}
    (plan,) = plans({"main": {**CORE, "overrides": {"att-1": override}}})
    first, second, _ = plan.flow_logs
    assert (first.name, first.target.log_stream_id, first.logs_to, first.enabled) == (
        "mine",
        "s-2",
        "network/second",
        False,
    )
    assert (second.target.log_stream_id, second.enabled) == ("s-1", True)


def test_an_override_by_name_works_where_the_name_is_one_attachments() -> None:
    there = [attachment("att-1", "vpc-shop"), attachment("att-2", "vpc-data")]
    world = replace(WORLD, attachments={"er-1": there})
    (plan,) = plans({"main": {**CORE, "overrides": {"vpc-data": {"enabled": False}}}}, world)
    assert [one.enabled for one in plan.flow_logs] == [True, False]


def test_an_override_can_enable_what_the_router_disables() -> None:
    wanted = {**CORE, "enabled": False, "description": "d", "overrides": {"att-1": {"enabled": True}}}
    (plan,) = plans({"main": wanted})
    assert [one.enabled for one in plan.flow_logs] == [True, False, False]
    assert {one.description for one in plan.flow_logs} == {"d"}


def test_an_empty_override_changes_nothing() -> None:
    (overridden,) = plans({"main": {**CORE, "overrides": {"att-1": {}}}})
    (plain,) = plans({"main": CORE})
    assert overridden.flow_logs == plain.flow_logs


def test_an_override_for_an_id_that_is_another_attachments_name_is_for_the_id() -> None:
    world = replace(WORLD, attachments={"er-1": [attachment("att-1", "one"), attachment("att-2", "att-1")]})
    (plan,) = plans({"main": {**CORE, "overrides": {"att-1": {"enabled": False}}}}, world)
    assert [one.enabled for one in plan.flow_logs] == [False, True]


def test_protection_of_a_router_is_that_of_its_flow_logs() -> None:
    (plan,) = plans({"main": {**CORE, "protect": True}})
    assert all(one.protect for one in plan.flow_logs)


def test_two_keys_that_log_one_attachment_to_one_stream_are_a_mistake() -> None:
    world = replace(WORLD, attachments={"er-1": [attachment("att-1", "vpc-shop"), attachment("att-2")]})
    assert problems({"a": CORE, "b": {**CORE, "router": "er-1", "log_group": "g-1"}}, world) == [
        Problem(
            "routers.b",
            f"attachment {name!r} already logs to network/er by routers.a;"
            " leave it out of one of them or use another stream",
        )
        for name in ("vpc-shop", "att-2")
    ]


def test_an_override_that_makes_a_target_twice_is_a_mistake() -> None:
    override = {"att-1": {"log_stream": "s-1"}}
    second = {**CORE, "log_stream": "second", "attachments": ["att-1"], "overrides": override}
    assert [one.key for one in problems({"a": CORE, "b": second})] == ["routers.b"]


def test_one_attachment_may_log_to_two_streams_and_both_share_a_component() -> None:
    both = plans({"a": CORE, "b": {**CORE, "log_stream": "second"}})
    assert [len(plan.flow_logs) for plan in both] == [3, 3]
    assert {plan.component for plan in both} == {"core"}
    assert len({one.logical_name for plan in both for one in plan.flow_logs}) == 6


def test_a_router_of_firewalls_only_has_no_flow_logs() -> None:
    (plan,) = plans({"main": {**CORE, "router": "edge"}})
    assert plan.flow_logs == []
    assert plan.selection.skipped == {"att-4": "is of type cfw, which cannot be logged"}


def test_the_name_of_a_flow_log_does_not_depend_on_the_other_attachments() -> None:
    before = {one.attachment.id: one.name for one in plans({"main": CORE})[0].flow_logs}
    there = [attachment("att-9", "vpc-shop"), *reversed(WORLD.attachments["er-1"])]
    (plan,) = plans({"main": CORE}, replace(WORLD, attachments={"er-1": there}))
    after = {one.attachment.id: one.name for one in plan.flow_logs}
    assert {id_: after[id_] for id_ in before} == before


def test_without_a_history_every_unknown_attachment_counts_as_gone() -> None:
    config = StackConfig.model_validate({"routers": {"main": {**CORE, "attachments": ["vpc-old", "att-1"]}}})
    found = resolve(config, WORLD, stack="local", last=None, managed={})
    assert found.problems == []
    assert found.routers[0].selection.gone == {"vpc-old"}


# From run to run


SHOP, DATA = attachment("a", "vpc-shop"), attachment("b", "vpc-data")
KEYS: dict[str, dict[str, dict[str, Any]]] = {
    "renamed": {"network": {}},
    "merged": {"one": {}},
    "split": {"x": {"attachments": ["vpc-shop"]}, "y": {"attachments": ["vpc-data"]}},
    "swapped": {"shop": {"attachments": ["vpc-data"]}, "data": {"attachments": ["vpc-shop"]}},
}
BY_TWO_KEYS = {"shop": {"attachments": ["vpc-shop"]}, "data": {"attachments": ["vpc-data"]}}


@pytest.mark.parametrize("then", list(KEYS))
@pytest.mark.parametrize("first", [{"core": {}}, BY_TWO_KEYS])
def test_keys_of_the_stack_file_change_no_name_of_a_flow_log(first: dict[str, Any], then: str) -> None:
    stack = Stack(SHOP, DATA)
    before = stack.up(first)
    for _ in range(2):  # what the second run leaves must do, too
        after = stack.up(KEYS[then])
        assert after.deletions == []
        assert after.logical_names == before.logical_names
        assert after.names == before.names


def test_a_new_flow_log_is_named_after_the_key_that_it_has() -> None:
    stack = Stack(SHOP)
    stack.up({"core": {}})
    stack.now(SHOP, DATA)
    names = stack.up({"network": {}}).names
    assert (names["a"][:13], names["b"][:16]) == ("core-vpc-shop", "network-vpc-data")


def test_a_flow_log_that_moves_is_named_after_the_key_that_it_has() -> None:
    stack = Stack(SHOP)
    stack.up({"core": {}})
    assert stack.preview({"network": {"log_stream": "other"}}).names["a"].startswith("network-vpc-shop-")


def test_a_move_is_another_flow_log() -> None:
    stack = Stack(SHOP)
    before = stack.up()
    after = stack.preview({"core": {"log_stream": "other"}})
    assert after.logical_names != before.logical_names


def test_a_rename_in_the_console_changes_no_logical_name() -> None:
    stack = Stack(SHOP)
    before = stack.up()
    stack.now(attachment("a", "renamed"))
    stack.routers["er-1"] = "er-renamed"
    for _ in range(2):
        after = stack.up({"core": {"router": "er-1"}})
        assert (after.logical_names, after.deletions) == (before.logical_names, [])
        assert after.plan.routers[0].component == "er-core"


def test_a_move_after_a_rename_keeps_the_first_name_readable() -> None:
    stack = Stack(SHOP)
    stack.up()
    stack.now(attachment("a", "renamed"))
    (name,) = stack.up({"core": {"log_stream": "other"}}).logical_names
    assert name.startswith("vpc-shop-")


@pytest.mark.parametrize(
    "wanted",
    [
        {"attachments": ["vpc-shop"]},
        {"attachments": {"types": [], "include": ["vpc-shop"]}},
        {"attachments": {"exclude": ["vpc-data"]}},
        {"overrides": {"vpc-shop": {"description": "d"}}},
    ],
)
def test_attachments_renamed_twice_in_a_row_keep_being_meant(wanted: dict[str, Any]) -> None:
    stack = Stack(SHOP, DATA)
    before = stack.up({"core": wanted})
    for name in ("renamed", "renamed-again"):
        excluded = "vpc-data" in str(wanted)
        stack.now(attachment("a", "vpc-shop" if excluded else name), attachment("b", name if excluded else "vpc-data"))
        after = stack.up({"core": wanted})
        assert after.logical_names == before.logical_names
        assert after.deletions == []
        assert len(after.plan.warnings) == 1
        assert f"is named {name!r} now" in after.plan.warnings[0]
        assert [one.description for one in after.plan.desired.values()] == [
            one.description for one in before.plan.desired.values()
        ]


def test_the_new_name_in_the_stack_file_ends_the_warning() -> None:
    stack = Stack(SHOP)
    stack.up({"core": {"attachments": ["vpc-shop"]}})
    stack.now(attachment("a", "renamed"))
    assert stack.up({"core": {"attachments": ["vpc-shop"]}}).plan.warnings != []
    assert stack.up({"core": {"attachments": ["renamed"]}}).plan.warnings == []


@pytest.mark.parametrize("after", [("vpc-data", "vpc-shop"), ("renamed", "vpc-shop")])
def test_a_name_that_passed_to_another_attachment_ends_the_run(after: tuple[str, str]) -> None:
    stack = Stack(SHOP, DATA)
    stack.up({"core": {"attachments": ["vpc-shop"]}})
    stack.now(attachment("a", after[0]), attachment("b", after[1]))
    run = stack.preview({"core": {"attachments": ["vpc-shop"]}})
    assert [one.key for one in run.refusals] == ["routers.core.attachments[0]"]
    assert "write the id of the one that you mean" in run.refusals[0].what
    assert stack.up({"core": {"attachments": ["a"]}}).deletions == []


@pytest.mark.parametrize("called", ["vpc-shop", "a"])
def test_what_is_listed_and_gone_ends_no_run_however_often(called: str) -> None:
    wanted = {"core": {"attachments": [called, "vpc-data"]}}
    stack = Stack(SHOP, DATA)
    stack.up(wanted)
    stack.now(DATA)
    for _ in range(3):
        run = stack.up(wanted)
        assert run.plan.routers[0].selection.skipped == {called: "is gone from the router"}


def test_an_attachment_that_was_never_there_is_a_mistake() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    run = stack.preview({"core": {"attachments": ["vpc-nope"]}})
    assert [one.key for one in run.refusals] == ["routers.core.attachments[0]"]


def test_a_new_attachment_takes_the_name_of_one_that_is_gone() -> None:
    wanted = {"core": {"attachments": ["vpc-shop"]}}
    stack = Stack(SHOP)
    stack.up(wanted)
    stack.now(attachment("new", "vpc-shop"))
    run = stack.up(wanted)
    assert run.reasons == ["the attachment is gone"]
    assert (list(run.names), run.plan.warnings) == (["new"], [])
    assert stack.preview(wanted).deletions == []


def test_what_two_runs_ago_was_gone_may_come_back_as_another_attachment() -> None:
    wanted = {"core": {"attachments": ["vpc-shop", "vpc-data"]}}
    stack = Stack(SHOP, DATA)
    stack.up(wanted)
    stack.now(DATA)
    stack.up(wanted)
    stack.now(DATA, attachment("new", "vpc-shop"))
    assert set(stack.up(wanted).names) == {"b", "new"}


# Where the state has it


def desired(stack: Stack) -> DesiredFlowLog:
    (one,) = stack.preview().plan.desired.values()
    return one


@pytest.mark.parametrize("name", ["core-a", "core-0123abcd", "vpc-shop", "what-it-was-called-0123abcd"])
def test_a_flow_log_keeps_the_name_that_the_state_has_for_it(name: str) -> None:
    stack = Stack(SHOP)
    stack.managed = {target("a"): ManagedFlowLog(urn(name), target("a"))}
    assert desired(stack).logical_name == name


@pytest.mark.parametrize("parent", [None, "my:own:Component"])
def test_a_flow_log_that_a_program_declares_itself_is_not_taken_for_ours(parent: str | None) -> None:
    stack = Stack(SHOP)
    stack.managed = managed(target("a"), parent=parent)
    assert desired(stack).logical_name == logical_name("a", "group/stream", readable="vpc-shop")


def test_streams_that_had_each_others_names_give_different_names() -> None:
    stack = Stack(SHOP)
    taken = logical_name("a", "group/stream", readable="vpc-shop")
    stack.managed = {target("a", stream="t"): ManagedFlowLog(urn(taken), target("a", stream="t"))}
    names = stack.preview({"core": {}, "other": {"log_stream": "other"}}).logical_names
    assert taken in names
    assert len(set(names)) == len(names) == 2


# Frozen attachments


FROZEN = attachment("a", "vpc-shop", state="freezed")


def test_a_frozen_attachment_without_a_flow_log_is_skipped() -> None:
    run = Stack(FROZEN, DATA).preview()
    assert run.refusals == []
    assert list(run.names) == ["b"]
    assert run.plan.routers[0].selection.skipped == {"a": "is frozen, so no flow log of it can be made"}


def test_a_frozen_attachment_keeps_what_it_has() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    stack.now(FROZEN, DATA)
    run = stack.preview(max_deletes=0)
    assert (set(run.names), run.deletions, run.refusals) == ({"a", "b"}, [], [])


def test_a_frozen_attachment_that_would_have_to_move_ends_the_run() -> None:
    stack = Stack(SHOP, DATA)
    stack.up()
    stack.now(FROZEN, DATA)
    other = {"log_stream": "other"}
    assert stack.preview({"core": other}).refusals == [
        Problem(
            "routers.core",
            "attachment 'vpc-shop' is frozen, so no flow log of it can be made to group/other: give it a router key"
            " of its own, with log group and stream as they were",
        )
    ]
    stays = {**other, "overrides": {"vpc-shop": {"log_stream": "stream"}}}
    assert [one.attachment for one in stack.preview({"core": stays}).deletions] == ["vpc-data"]


def test_a_frozen_attachment_gets_no_second_flow_log_and_keeps_its_first() -> None:
    stack = Stack(SHOP)
    stack.up()
    stack.now(FROZEN)
    run = stack.preview({"core": {}, "copy": {"log_stream": "other"}})
    assert (run.refusals, run.deletions) == ([], [])
    assert [len(one.flow_logs) for one in run.plan.routers] == [1, 0]


def test_a_frozen_attachment_is_not_silenced_for_what_cannot_be_made() -> None:
    stack = Stack(SHOP)
    stack.up()
    stack.now(FROZEN)
    run = stack.preview({"core": {"enabled": False}, "copy": {"log_stream": "other"}})
    assert [problem.key for problem in run.refusals] == ["routers.copy"]

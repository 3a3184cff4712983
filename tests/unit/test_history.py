"""What the stack file called things earlier: renamed, swapped, split and merged router keys."""

from __future__ import annotations

import pulumi
import pytest

from providers.er.flow_logs import FlowLogTarget
from stacks.discovery import RouterPlan
from stacks.history import component_aliases, flow_log_aliases, former_keys
from stacks.outputs import PreviousRouter
from tests.unit.plans import router_plan


def plan(key: str, router_id: str = "er-1", *, wanted: tuple[str, ...] = ()) -> RouterPlan:
    return router_plan(key, [(id_, id_) for id_ in wanted], router_id=router_id)


def before(router_id: str = "er-1", *former: str) -> PreviousRouter:
    return PreviousRouter(router_id=router_id, former_keys=frozenset(former))


def former(previous: dict[str, PreviousRouter], *plans: RouterPlan) -> dict[str, set[str]]:
    return {key: set(keys) for key, keys in former_keys(plans, previous).items()}


def test_a_router_under_a_new_key_is_told_by_its_id() -> None:
    assert former({"old": before()}, plan("new")) == {"new": {"old"}}


def test_former_keys_are_kept_from_run_to_run() -> None:
    assert former({"new": before("er-1", "old")}, plan("new")) == {"new": {"old"}}
    assert former({"new": before("er-1", "old")}, plan("newest")) == {"newest": {"new", "old"}}


def test_a_former_key_that_another_router_has_now_is_a_former_key_still_but_no_name_of_the_component() -> None:
    plans = plan("new"), plan("old", "er-2")
    keys = former_keys(plans, {"new": before("er-1", "old")})
    assert keys == {"new": {"old"}, "old": set()}
    assert component_aliases(plans[0], plans, keys["new"]) == []
    assert [one.name for one in component_aliases(plans[0], plans[:1], keys["new"])] == ["old"]


def test_a_key_that_stays_has_no_former_key_even_if_its_router_changes() -> None:
    assert former({"core": before()}, plan("core", "er-2")) == {"core": set()}


def test_another_router_under_a_new_key_is_no_rename() -> None:
    assert former({"old": before()}, plan("new", "er-2")) == {"new": set()}


def test_routers_that_swap_their_keys_had_that_of_each_other() -> None:
    previous = {"a": before("er-1"), "b": before("er-2")}
    assert former(previous, plan("a", "er-2"), plan("b", "er-1")) == {"a": {"b"}, "b": {"a"}}


def test_a_router_that_takes_the_key_of_one_that_goes_had_another() -> None:
    assert former({"a": before("er-1"), "b": before("er-2")}, plan("b", "er-1")) == {"b": {"a"}}


def places(
    *plans: RouterPlan,
    former: dict[str, frozenset[str]] | None = None,
    in_state: dict[FlowLogTarget, str] | None = None,
) -> dict[str, dict[str, list[object]]]:
    known = {one.key: frozenset[str]() for one in plans} | (former or {})
    aliases = flow_log_aliases(plans, known, in_state or {})
    return {
        key: {id_: [one if isinstance(one, str) else one.name for one in many] for id_, many in by_id.items()}
        for key, by_id in aliases.items()
    }


def test_a_router_alone_with_its_first_key_has_nothing_to_look_for() -> None:
    assert places(plan("core", wanted=("a",)), plan("edge", "er-2", wanted=("b",))) == {
        "core": {"a": []},
        "edge": {"b": []},
    }


def test_an_attachment_may_have_been_under_another_key_of_its_router_that_does_not_want_it() -> None:
    assert places(plan("core", wanted=("a",)), plan("shop", wanted=("b",))) == {
        "core": {"a": ["shop-a"]},
        "shop": {"b": ["core-b"]},
    }


def test_an_attachment_that_two_keys_log_was_in_neither_of_the_others_places() -> None:
    assert places(plan("core", wanted=("a",)), plan("copy", wanted=("a",))) == {"core": {"a": []}, "copy": {"a": []}}


def test_no_place_is_looked_for_by_two() -> None:
    both = {"x": frozenset({"old"}), "y": frozenset({"old"})}
    assert places(plan("x", wanted=("a",)), plan("y", wanted=("a",)), former=both) == {
        "x": {"a": ["old-a"]},
        "y": {"a": []},
    }


def urn(name: str, parent: str = "otc-flow-logs:index:RouterFlowLogs$") -> str:
    stack, project = pulumi.get_stack(), pulumi.get_project()
    return f"urn:pulumi:{stack}::{project}::{parent}pulumi-python:dynamic/er:FlowLog::{name}"


@pytest.mark.parametrize("stands_at", [urn("old-a"), urn("core-a", parent="")])
def test_where_the_state_has_its_target_is_looked_for_too(stands_at: str) -> None:
    wanted = plan("core", wanted=("a",))
    assert places(wanted, in_state={wanted.flow_logs[0].target: stands_at}) == {"core": {"a": [stands_at]}}


def test_its_own_place_and_those_known_anyway_are_not_looked_for_twice() -> None:
    wanted = plan("core", wanted=("a",))
    target = wanted.flow_logs[0].target
    assert places(wanted, in_state={target: urn("core-a")}) == {"core": {"a": []}}
    former = {"core": frozenset({"old"})}
    assert places(wanted, former=former, in_state={target: urn("old-a")}) == {"core": {"a": ["old-a"]}}


def test_a_place_that_another_flow_log_of_the_program_has_now_is_not_taken() -> None:
    first, second = plan("core", wanted=("a",)), plan("copy", wanted=("a",))
    target = first.flow_logs[0].target
    assert places(first, second, in_state={target: urn("copy-a")})["core"] == {"a": []}

"""Targets that somebody else's flow logs have, told before anything changes, and which are taken over."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from providers.er.flow_logs import FlowLog, FlowLogTarget
from stacks.checks.conflicts import Conflicts, check_conflicts
from stacks.errors import Problem
from stacks.planning.plan import ResolvedRouter
from stacks.stackfile.model import StackConfig
from stacks.state.managed import ManagedFlowLog
from tests.unit.plans import flow_log, managed, plan, resolved_router, target

HERE = [("a", "vpc-shop"), ("b", "vpc-data"), ("c", "vpc-lab")]
NOTHING: Mapping[FlowLogTarget, ManagedFlowLog] = {}


def conflicts(
    existing: Sequence[FlowLog] = (),
    *,
    adopt: bool = False,
    state: Mapping[FlowLogTarget, ManagedFlowLog] = NOTHING,
    has_key: bool = True,
    routers: Sequence[ResolvedRouter] = (),
) -> Conflicts:
    values: dict[str, Any] = {"router": "r", "log_group": "g", "log_stream": "s", "adopt": adopt}
    config = StackConfig.model_validate({"routers": dict.fromkeys(("core", "second"), values)})
    found = plan(*(routers or [resolved_router("core", HERE, existing=existing)]))
    return check_conflicts(config, found, state, has_key=has_key)


def test_free_targets_are_no_conflict() -> None:
    assert conflicts() == Conflicts()


def test_targets_that_others_have_are_told_at_once_and_how_to_take_them_over() -> None:
    found = conflicts([flow_log("a", "by-hand", id_="1"), flow_log("b", "by-hand-too", id_="2")])
    (problem,) = found.problems
    assert problem.key == "routers.core"
    assert problem.what == (
        "wants flow logs that are on er-1-name already and not this stack's: vpc-shop (by-hand, 1), vpc-data"
        " (by-hand-too, 2); to take them over, if they are no other stack's, set adopt: true here"
    )
    assert (found.warnings, found.adopted) == ([], {})


def test_what_the_state_has_is_the_stacks_own_whatever_its_name() -> None:
    assert conflicts([flow_log("a", "renamed-by-hand")], state=managed(target("a"))) == Conflicts()


def test_a_flow_log_of_the_very_name_is_a_warning_after_an_interrupted_run() -> None:
    found = conflicts([flow_log("a", "vpc-shop", id_="1")])
    assert found.problems == []
    (warning,) = found.warnings
    assert "vpc-shop (vpc-shop, 1)" in warning.what
    assert "set adopt: true here" in warning.what


def test_a_stack_without_idempotency_keys_has_made_nothing_whatever_the_name() -> None:
    found = conflicts([flow_log("a", "vpc-shop", id_="1")], has_key=False)
    assert found.warnings == []
    (problem,) = found.problems
    assert "vpc-shop (vpc-shop, 1); to take them over, if they are no other stack's" in problem.what


def test_to_adopt_takes_over_what_has_a_wanted_target_and_is_not_in_the_state() -> None:
    mine, theirs = flow_log("a", "mine"), flow_log("b", "by-hand")
    state = managed(target("a"))
    found = conflicts([mine, theirs, flow_log("other", "not-wanted")], adopt=True, state=state)
    assert found == Conflicts(adopted={target("b"): theirs})


def test_where_nothing_is_left_to_take_over_it_says_so() -> None:
    found = conflicts([flow_log("a", "mine")], adopt=True, state=managed(target("a")))
    assert found.warnings == [Problem("routers.core.adopt", "nothing is left to take over, remove it")]


def test_what_is_on_its_way_out_holds_nothing() -> None:
    leaving = [flow_log("a", "going", state="deleting"), flow_log("b", "gone", state="deleted")]
    assert conflicts(leaving) == Conflicts()


@pytest.mark.parametrize("adopt", [True, False])
def test_what_is_somebody_elses_and_has_failed_is_to_be_deleted(adopt: bool) -> None:
    found = conflicts([flow_log("a", "broken", id_="1", state="failed")], adopt=adopt)
    assert found.adopted == {}
    (problem,) = found.problems
    assert problem.key == "routers.core"
    assert problem.what == (
        "flow logs on er-1-name that are not this stack's have failed, delete them: vpc-shop (broken, 1)"
    )


def test_what_was_made_after_the_stacks_own_was_deleted_is_somebody_elses() -> None:
    theirs = flow_log("a", "by-hand", created_at="2030-01-02T03:04:05Z")
    assert conflicts([theirs], state=managed(target("a"), created_at="2030-01-01T00:00:00Z")).problems
    for same in ("2030-01-02T03:04:05Z", "2030-01-02T04:04:05.123+01:00", "", "whenever"):
        assert conflicts([theirs], state=managed(target("a"), created_at=same)) == Conflicts()


@pytest.mark.parametrize("name", ["theirs", "vpc-shop"])
def test_the_target_of_a_move_that_somebody_else_has_is_told(name: str) -> None:
    # The stack logs this attachment to another stream, and to the wanted one somebody else does.
    existing = [flow_log("a", "mine", stream="other"), flow_log("a", name, id_="2")]
    found = conflicts(existing, state=managed(target("a", stream="other")))
    said = [*(problem.what for problem in found.problems), *(warning.what for warning in found.warnings)]
    assert len(said) == 1
    assert f"vpc-shop ({name}, 2)" in said[0]


def test_what_another_key_has_of_the_same_attachment_is_no_reason_not_to_adopt() -> None:
    existing = [flow_log("a", "mine"), flow_log("a", "theirs", id_="2", stream="t")]
    routers = [
        resolved_router("core", HERE[:1], existing=existing),
        resolved_router("second", HERE[:1], existing=existing, stream="t"),
    ]
    found = conflicts(adopt=True, state=managed(target("a")), routers=routers)
    assert found.problems == []
    assert found.adopted == {target("a", stream="t"): existing[1]}


def test_conflicts_of_all_keys_are_told() -> None:
    existing = [flow_log("a", "x"), flow_log("a", "y", id_="2", stream="t")]
    routers = [
        resolved_router("core", HERE[:1], existing=existing),
        resolved_router("second", HERE[:1], existing=existing, stream="t"),
    ]
    assert [one.key for one in conflicts(routers=routers).problems] == ["routers.core", "routers.second"]

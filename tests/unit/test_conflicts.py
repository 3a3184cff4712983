"""Targets that flow logs of other stacks or people occupy, and which of those are adopted."""

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

ATTACHMENTS = [("a", "vpc-shop"), ("b", "vpc-data"), ("c", "vpc-lab")]
SHOP_ONLY = managed(target("a"))


def check(
    existing: Sequence[FlowLog] = (),
    *,
    adopt: bool = False,
    state: Mapping[FlowLogTarget, ManagedFlowLog] | None = None,
    has_key: bool = True,
    routers: Sequence[ResolvedRouter] = (),
) -> Conflicts:
    values: dict[str, Any] = {"router": "r", "log_group": "g", "log_stream": "s", "adopt": adopt}
    config = StackConfig.model_validate({"routers": dict.fromkeys(("core", "second"), values)})
    wanted = plan(*(routers or [resolved_router("core", ATTACHMENTS, existing=existing)]))
    return check_conflicts(config, wanted, state or {}, stack="local", has_key=has_key)


def two_keys(*existing: FlowLog) -> list[ResolvedRouter]:
    """Two keys of one router, which log one attachment to two streams."""
    return [
        resolved_router("core", ATTACHMENTS[:1], existing=existing),
        resolved_router("second", ATTACHMENTS[:1], existing=existing, stream="t"),
    ]


@pytest.mark.parametrize(
    ("existing", "state"),
    [
        ([], {}),
        ([flow_log("a", "renamed-by-hand")], SHOP_ONLY),
        ([flow_log("a", "x", state="deleting"), flow_log("b", "y", state="deleted")], {}),
    ],
    ids=["free", "own", "being deleted"],
)
def test_target_is_free(existing: Sequence[FlowLog], state: Mapping[FlowLogTarget, ManagedFlowLog]) -> None:
    assert check(existing, state=state) == Conflicts()


def test_occupied_targets_are_reported_with_the_way_to_adopt_them() -> None:
    what = (
        "these flow logs on er-1-name already exist and do not belong to this stack: vpc-shop (by-hand, 1), vpc-data"
        " (by-hand-too, 2); unless they belong to another stack, set adopt: true here to import them"
    )
    conflicts = check([flow_log("a", "by-hand", id_="1"), flow_log("b", "by-hand-too", id_="2")])
    assert conflicts == Conflicts(problems=[Problem("routers.core", what)])


def test_flow_log_with_the_wanted_name_may_be_of_an_interrupted_run() -> None:
    existing = [flow_log("a", "vpc-shop", id_="1")]
    conflicts = check(existing)
    assert conflicts.problems == []
    (warning,) = conflicts.warnings
    assert "vpc-shop (vpc-shop, 1); unless an interrupted run of this stack created them, set adopt" in warning.what

    # Without an idempotency key, no interrupted run has created anything.
    conflicts = check(existing, has_key=False)
    assert conflicts.warnings == []
    assert "vpc-shop (vpc-shop, 1); unless they belong to another stack" in conflicts.problems[0].what


def test_adopt_imports_what_the_state_does_not_have() -> None:
    by_hand = flow_log("b", "by-hand")
    existing = [flow_log("a", "own"), by_hand, flow_log("other", "not-wanted")]
    assert check(existing, adopt=True, state=SHOP_ONLY) == Conflicts(adopted={target("b"): by_hand})


def test_adopt_without_anything_to_adopt_is_a_warning() -> None:
    warning = Problem("routers.core.adopt", "nothing is left to import: remove this key")
    assert check([flow_log("a", "own")], adopt=True, state=SHOP_ONLY) == Conflicts(warnings=[warning])


@pytest.mark.parametrize("adopt", [True, False])
def test_failed_flow_log_of_somebody_else_must_be_deleted(adopt: bool) -> None:
    what = "these flow logs on er-1-name do not belong to this stack and have failed: vpc-shop (broken, 1); delete them"
    conflicts = check([flow_log("a", "broken", id_="1", state="failed")], adopt=adopt)
    assert conflicts == Conflicts(problems=[Problem("routers.core", what)])


@pytest.mark.parametrize(
    ("created_at", "is_own"),
    [
        *((time, False) for time in ("2030-01-01T00:00:00Z", "2030-01-01 00:00:00")),
        *((time, True) for time in ("2030-01-02T03:04:05Z", "2030-01-02 03:04:05")),
        *((time, True) for time in ("2030-01-02T04:04:05.123+01:00", "", "whenever")),
    ],
)
def test_flow_log_created_at_another_time_is_not_the_stacks_own(created_at: str, is_own: bool) -> None:
    state = managed(target("a"), created_at=created_at)
    conflicts = check([flow_log("a", "by-hand", created_at="2030-01-02T03:04:05Z")], state=state)
    assert (conflicts == Conflicts()) is is_own


@pytest.mark.parametrize("name", ["by-hand", "vpc-shop"])
def test_occupied_target_of_a_move_is_reported(name: str) -> None:
    existing = [flow_log("a", "own", stream="other"), flow_log("a", name, id_="2")]
    conflicts = check(existing, state=managed(target("a", stream="other")))
    (problem,) = [*conflicts.problems, *conflicts.warnings]
    assert f"vpc-shop ({name}, 2)" in problem.what


def test_conflicts_of_all_keys_are_reported() -> None:
    conflicts = check(routers=two_keys(flow_log("a", "x"), flow_log("a", "y", id_="2", stream="t")))
    assert [problem.key for problem in conflicts.problems] == ["routers.core", "routers.second"]


def test_adopt_ignores_the_same_attachments_flow_log_of_another_key() -> None:
    by_hand = flow_log("a", "by-hand", id_="2", stream="t")
    conflicts = check(adopt=True, state=SHOP_ONLY, routers=two_keys(flow_log("a", "own"), by_hand))
    assert (conflicts.problems, conflicts.adopted) == ([], {target("a", stream="t"): by_hand})

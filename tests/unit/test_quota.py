"""Whether the quota has room for what a run creates: it deletes last, so that makes none."""

from collections.abc import Sequence

import pytest

from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.quotas import UNLIMITED, Quota
from stacks.checks.deletions import find_deletions
from stacks.checks.quota import check_quota, find_creates
from stacks.planning.plan import ResolvedRouter
from tests.unit.plans import flow_log, managed, plan, resolved_router, target

HERE = [("a", "vpc-shop"), ("b", "vpc-data"), ("c", "vpc-lab")]
IDS = [id_ for id_, _ in HERE]


def told(
    quota: Quota | None,
    *,
    existing: Sequence[FlowLog] = (),
    state: Sequence[FlowLogTarget] = (),
    routers: Sequence[ResolvedRouter] = (),
) -> tuple[list[str], list[str]]:
    """What will fail, and what may fail."""
    found = plan(*(routers or [resolved_router("core", HERE, existing=existing)]))
    have = managed(*state)
    problems, warnings = check_quota(found, len(find_creates(found, have)), find_deletions(found, have, {}), quota)
    assert {one.key for one in problems} <= {"routers"}
    return [one.what for one in problems], [one.what for one in warnings]


@pytest.mark.parametrize("quota", [None, Quota(limit=UNLIMITED, used=99), Quota(limit=3, used=0)])
def test_a_quota_with_room_for_all_says_nothing(quota: Quota | None) -> None:
    assert told(quota) == ([], [])


def test_a_quota_without_room_for_all_is_a_warning_with_its_numbers() -> None:
    assert told(Quota(limit=20, used=18)) == (
        [],
        [
            "flow logs to be created: 3; but the quota has room for 2: 18 of 20 are in use; ask for a higher quota with"
            " a service ticket, delete flow logs nobody needs"
        ],
    )


@pytest.mark.parametrize("used", [20, 25])
def test_a_quota_that_is_full_ends_the_run(used: int) -> None:
    problems, warnings = told(Quota(limit=20, used=used))
    assert len(problems) == 1
    assert f"flow logs to be created: 3; but the quota has room for 0: {used} of 20 are in use" in problems[0]
    assert warnings == []


def test_moves_need_room_of_their_own_and_may_go_some_at_a_time() -> None:
    before = [target(id_, stream="other") for id_ in IDS]
    existing = [flow_log(id_, "x", id_=id_, stream="other") for id_ in IDS]
    problems, warnings = told(Quota(limit=5, used=3), existing=existing, state=before)
    assert problems == [
        "flow logs to be created: 3, 3 of them in place of others, which are deleted only when all new ones are there;"
        " but the quota has room for 2: 3 of 5 are in use; ask for a higher quota with a service ticket, delete flow"
        " logs nobody needs, or move 2 at a time, with overrides"
    ]
    assert warnings == []


def test_moves_with_a_full_quota_cannot_go_some_at_a_time() -> None:
    before = [target(id_, stream="other") for id_ in IDS]
    existing = [flow_log(id_, "x", id_=id_, stream="other") for id_ in IDS]
    problems, _ = told(Quota(limit=3, used=3), existing=existing, state=before)
    assert problems[0].endswith("delete flow logs nobody needs")


def test_moves_with_room_say_nothing() -> None:
    before = [target(id_, stream="other") for id_ in IDS]
    existing = [flow_log(id_, "x", id_=id_, stream="other") for id_ in IDS]
    assert told(Quota(limit=6, used=3), existing=existing, state=before) == ([], [])


def test_a_quota_that_counts_less_than_can_be_seen_only_warns() -> None:
    existing = [flow_log(f"other-{number}", "x") for number in range(2)]
    problems, warnings = told(Quota(limit=1, used=1), existing=existing)
    assert (len(problems), len(warnings)) == (0, 1)


def test_nothing_is_created_where_the_state_has_a_flow_log_or_somebody_else() -> None:
    router = resolved_router("core", HERE, existing=[flow_log("b", "by-hand")])
    found = plan(router)
    assert [one.attachment.id for one in find_creates(found, managed(target("a")))] == ["c"]


def test_what_is_on_its_way_out_is_created_again() -> None:
    found = plan(resolved_router("core", HERE[:1], existing=[flow_log("a", "x", state="deleting")]))
    assert [one.attachment.id for one in find_creates(found, {})] == ["a"]


def test_a_quota_that_is_full_matters_only_where_something_is_created() -> None:
    assert told(Quota(limit=0, used=0), state=[target(id_) for id_ in IDS]) == ([], [])


def test_a_second_key_of_a_router_needs_room_of_its_own() -> None:
    existing = [flow_log(id_, name) for id_, name in HERE]
    routers = [
        resolved_router("core", HERE, existing=existing),
        resolved_router("second", HERE, existing=existing, stream="t"),
    ]
    problems, warnings = told(Quota(limit=4, used=3), state=[target(id_) for id_ in IDS], routers=routers)
    assert problems == []
    assert len(warnings) == 1
    assert "flow logs to be created: 3; but the quota has room for 1" in warnings[0]


def test_what_is_on_its_way_out_makes_room() -> None:
    existing = [flow_log("x", "going", state="deleting")]
    assert told(Quota(limit=3, used=1), existing=existing) == ([], [])
    problems, warnings = told(Quota(limit=1, used=1), existing=existing)
    assert (len(problems), len(warnings)) == (0, 1)

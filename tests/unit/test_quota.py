"""The quota must have room for what a run creates. Deletions make no room, because they come last."""

from collections.abc import Sequence

import pytest

from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.quotas import UNLIMITED, Quota
from stacks.checks.deletions import find_deletions
from stacks.checks.quota import check_quota, find_creates
from stacks.planning.plan import ResolvedRouter
from tests.unit.plans import flow_log, managed, plan, resolved_router, target

ATTACHMENTS = [("a", "vpc-shop"), ("b", "vpc-data"), ("c", "vpc-lab")]
IDS = [id_ for id_, _ in ATTACHMENTS]
MOVES = [target(id_, stream="other") for id_ in IDS]
MOVING = [flow_log(id_, "x", id_=id_, stream="other") for id_ in IDS]
LEAVING = [flow_log("x", "y", state="deleting")]
WAY_OUT = "request a higher quota or delete unused flow logs"


def check(
    quota: Quota | ApiError | None,
    *,
    existing: Sequence[FlowLog] = (),
    state: Sequence[FlowLogTarget] = (),
    routers: Sequence[ResolvedRouter] = (),
) -> tuple[list[str], list[str]]:
    """What will fail, and what may fail."""
    desired = plan(*(routers or [resolved_router("core", ATTACHMENTS, existing=existing)]))
    have = managed(*state)
    creates = len(find_creates(desired, have))
    problems, warnings = check_quota(desired, creates, find_deletions(desired, have, {}), quota)
    assert {problem.key for problem in (*problems, *warnings)} <= {"routers"}
    return [problem.what for problem in problems], [problem.what for problem in warnings]


@pytest.mark.parametrize(
    ("quota", "existing", "state"),
    [
        (None, [], []),
        (Quota(limit=UNLIMITED, used=99), [], []),
        (Quota(limit=3, used=0), [], []),
        (Quota(limit=6, used=3), MOVING, MOVES),
        (Quota(limit=3, used=1), LEAVING, []),
        (Quota(limit=0, used=0), [], [target(id_) for id_ in IDS]),
    ],
    ids=["unknown", "unlimited", "enough", "enough for moves", "one is being deleted", "nothing is created"],
)
def test_quota_has_room(quota: Quota | None, existing: Sequence[FlowLog], state: Sequence[FlowLogTarget]) -> None:
    assert check(quota, existing=existing, state=state) == ([], [])


@pytest.mark.parametrize("used", [20, 25])
def test_full_quota_is_a_problem(used: int) -> None:
    sentence = f"this run creates 3 flow logs, but the quota has room for 0 ({used} of 20 in use): {WAY_OUT}"
    assert check(Quota(limit=20, used=used)) == ([sentence], [])


@pytest.mark.parametrize(
    ("limit", "room", "way_out"),
    [(5, 2, "request a higher quota, delete unused flow logs or move 2 at a time, with overrides"), (3, 0, WAY_OUT)],
)
def test_moves_need_room_before_the_old_flow_logs_are_deleted(limit: int, room: int, way_out: str) -> None:
    sentence = (
        "this run creates 3 flow logs, 3 of them to replace others, which are deleted last, but the quota has room for"
        f" {room} (3 of {limit} in use): {way_out}"
    )
    assert check(Quota(limit=limit, used=3), existing=MOVING, state=MOVES) == ([sentence], [])


@pytest.mark.parametrize(
    ("quota", "existing"),
    [
        (Quota(limit=20, used=18), []),
        (Quota(limit=1, used=1), [flow_log(f"other-{number}", "x") for number in range(2)]),
        (Quota(limit=1, used=1), LEAVING),
        (ApiError("no permission"), []),
    ],
    ids=["some room", "counts less than exists", "one is being deleted", "unreadable"],
)
def test_uncertain_quota_is_a_warning(quota: Quota | ApiError, existing: Sequence[FlowLog]) -> None:
    problems, warnings = check(quota, existing=existing)
    assert (len(problems), len(warnings)) == (0, 1)


def test_second_key_of_a_router_needs_room_of_its_own() -> None:
    existing = [flow_log(id_, name) for id_, name in ATTACHMENTS]
    routers = [resolved_router(key, ATTACHMENTS, existing=existing, stream=key) for key in ("s", "t")]
    _, (warning,) = check(Quota(limit=4, used=3), state=[target(id_) for id_ in IDS], routers=routers)
    assert "this run creates 3 flow logs, but the quota has room for 1" in warning


def test_creates_are_targets_that_neither_state_nor_router_has() -> None:
    existing = [flow_log("b", "by-hand"), flow_log("c", "x", state="deleting")]
    desired = plan(resolved_router("core", ATTACHMENTS, existing=existing))
    assert [create.attachment.id for create in find_creates(desired, managed(target("a")))] == ["c"]

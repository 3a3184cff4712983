"""What would go wrong, told before anything changes."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from stacks.discovery import RouterPlan
from stacks.outputs import PreviousRouter
from stacks.preflight import Findings, Held, InState, State, check

from providers.er import Client, Patience
from providers.er.errors import ApiError
from providers.er.flow_logs import FlowLog
from providers.er.quotas import UNLIMITED, Quota
from stacks.config import StackConfig
from tests.unit.plans import flow_log, router_plan, target

NOTHING: InState = {}
MINE = Held("urn", "")
HERE = [("a", "vpc-shop"), ("b", "vpc-data"), ("c", "vpc-lab")]


class Service:
    """The part of the client that is asked: the quota."""

    def __init__(self, answer: Quota | ApiError | None) -> None:
        self.answer = answer
        self.asked = 0
        self.quotas = self
        self.patience = Patience()

    def within(self, _patience: Patience) -> "Service":
        return self

    def flow_logs(self) -> Quota | None:
        self.asked += 1
        if isinstance(self.answer, ApiError):
            raise self.answer
        return self.answer


def findings(
    existing: Sequence[FlowLog] = (),
    *,
    adopt: bool = False,
    in_state: InState = NOTHING,
    has_keys: bool = True,
    previous: PreviousRouter | None = None,
    quota: Quota | ApiError | None = None,
    service: Service | None = None,
    plans: Sequence[RouterPlan] = (),
) -> Findings:
    values: dict[str, Any] = {"router": "r", "log_group": "g", "log_stream": "s", "adopt": adopt}
    return check(
        cast(Client, service or Service(quota)),
        StackConfig.model_validate({"routers": dict.fromkeys(("core", "second"), values)}),
        plans or [router_plan("core", HERE, existing=existing)],
        {"core": previous} if previous else {},
        lambda: State(in_state, has_keys=has_keys),
    )


def known(*ids: str) -> PreviousRouter:
    """The router as the last run left it, with flow logs on these attachments."""
    names = dict(HERE)
    return PreviousRouter(
        router_id="er-1",
        attachments=names,
        logged={id_: names[id_] for id_ in ids},
        logs_to=dict.fromkeys(ids, "group/stream"),
    )


def test_targets_that_somebody_elses_flow_logs_have_are_told_at_once_and_how_to_take_them_over() -> None:
    found = findings([flow_log("a", "by-hand", id_="1"), flow_log("b", "by-hand-too", id_="2")])
    (problem,) = found.problems
    assert problem.key == "routers.core"
    assert problem.what == (
        "wants flow logs that are on er-1-name already and not this stack's: vpc-shop (by-hand, 1), vpc-data"
        " (by-hand-too, 2); to take them over, if they are no other stack's, set adopt: true here"
    )
    assert found.adopted == {}


def test_what_the_state_has_is_the_stacks_own_whatever_its_name() -> None:
    found = findings([flow_log("a", "renamed-by-hand")], in_state={target("a"): MINE})
    assert found == Findings(in_state={target("a"): MINE})


def test_the_state_is_not_asked_for_where_the_outputs_of_the_last_run_tell() -> None:
    def refuse() -> State:
        raise AssertionError

    config = StackConfig.model_validate({"routers": {"core": {"router": "r", "log_group": "g", "log_stream": "s"}}})
    plan = router_plan("core", HERE, existing=[flow_log("a", "vpc-shop")])
    assert check(cast(Client, Service(None)), config, [plan], {"core": known("a")}, refuse) == Findings()


def test_a_flow_log_of_the_very_name_may_be_of_a_run_that_was_cut_off_so_it_is_a_warning() -> None:
    found = findings([flow_log("a", "vpc-shop", id_="1")])
    assert found.problems == []
    (warning,) = found.warnings
    assert "vpc-shop (vpc-shop, 1)" in warning
    assert "set adopt: true there" in warning


def test_a_stack_without_idempotency_keys_has_made_nothing_whatever_the_name() -> None:
    found = findings([flow_log("a", "vpc-shop", id_="1")], has_keys=False)
    assert found.warnings == []
    (problem,) = found.problems
    assert (
        "vpc-shop (vpc-shop, 1); to take them over, if they are no other stack's, set adopt: true here" in problem.what
    )


def test_to_adopt_takes_over_what_has_a_wanted_target_and_is_not_in_the_state() -> None:
    mine, theirs = flow_log("a", "mine"), flow_log("b", "by-hand")
    found = findings([mine, theirs, flow_log("other", "not-wanted")], adopt=True, in_state={target("a"): MINE})
    assert found == Findings(adopted={target("b"): theirs}, in_state={target("a"): MINE})


def test_to_adopt_asks_the_state_though_the_outputs_tell_otherwise() -> None:
    theirs = flow_log("a", "by-hand")
    assert findings([theirs], adopt=True, previous=known("a")).adopted == {target("a"): theirs}


def test_what_is_on_its_way_out_holds_nothing() -> None:
    assert findings([flow_log("a", "going", state="deleting"), flow_log("b", "gone", state="deleted")]) == Findings()


@pytest.mark.parametrize("adopt", [True, False])
def test_what_is_somebody_elses_and_has_failed_is_to_be_deleted(adopt: bool) -> None:
    found = findings([flow_log("a", "broken", id_="1", state="failed")], adopt=adopt)
    assert found.adopted == {}
    (problem,) = found.problems
    assert problem.key == "routers.core"
    assert problem.what == (
        "flow logs on er-1-name that are not this stack's have failed, delete them: vpc-shop (broken, 1)"
    )


@pytest.mark.parametrize("quota", [None, Quota(limit=UNLIMITED, used=99), Quota(limit=3, used=0)])
def test_a_quota_with_room_for_all_says_nothing(quota: Quota | None) -> None:
    assert findings(quota=quota) == Findings()


def test_a_quota_without_room_for_all_is_a_warning_with_what_is_wanted_used_and_allowed() -> None:
    found = findings(quota=Quota(limit=20, used=18))
    assert found.problems == []
    assert found.warnings == [
        "flow logs to be created: 3, but the quota has room for 2: 18 of 20 are in use; delete flow logs nobody needs"
        " (what a run deletes, it deletes last), or ask for a higher quota with a service ticket"
    ]


def test_a_quota_that_is_full_ends_the_run() -> None:
    found = findings(quota=Quota(limit=20, used=20))
    (problem,) = found.problems
    assert problem.key == "routers"
    assert "flow logs to be created: 3, but the quota has room for 0: 20 of 20 are in use" in problem.what
    assert found.warnings == []


def test_a_quota_that_counts_less_than_can_be_seen_is_not_the_projects_so_it_only_warns() -> None:
    existing = [flow_log(f"other-{number}", "x") for number in range(2)]
    found = findings(existing, quota=Quota(limit=1, used=1))
    assert found.problems == []
    assert len(found.warnings) == 1


def test_a_full_quota_is_only_a_warning_where_what_is_to_be_created_may_be_missing_in_a_list() -> None:
    existing = [flow_log(id_, name) for id_, name in HERE[:2]]
    found = findings(existing, previous=known("a", "b", "c"), quota=Quota(limit=3, used=3))
    assert found.problems == []
    assert len(found.warnings) == 1


def test_the_quota_is_not_asked_for_where_nothing_is_created() -> None:
    service = Service(Quota(limit=0, used=0))
    existing = [flow_log(id_, name) for id_, name in HERE]
    assert findings(existing, previous=known("a", "b", "c"), service=service) == Findings()
    assert service.asked == 0


def test_a_replacement_needs_no_room() -> None:
    # On another stream: it is deleted before the wanted one is created.
    existing = [flow_log("a", "vpc-shop", stream="other")]
    found = findings(existing, previous=known("a"), quota=Quota(limit=3, used=1))
    assert found == Findings()


def test_a_quota_that_cannot_be_had_is_a_warning() -> None:
    found = findings(quota=ApiError("no permission"))
    assert found.problems == []
    assert found.warnings == ["whether the quota has room for all flow logs to be created is not known: no permission"]


def test_what_was_made_after_the_stacks_own_was_deleted_is_somebody_elses() -> None:
    theirs = flow_log("a", "by-hand", created_at="2030-01-02T03:04:05Z")
    assert findings([theirs], in_state={target("a"): Held("urn", "2030-01-01T00:00:00Z")}).problems
    for same in ("2030-01-02T03:04:05Z", "2030-01-02T04:04:05.123+01:00", "", "whenever"):
        assert findings([theirs], in_state={target("a"): Held("urn", same)}).problems == []


@pytest.mark.parametrize("adopt", [True, False])
@pytest.mark.parametrize("name", ["theirs", "vpc-shop"])
def test_the_stacks_own_flow_log_is_not_given_up_for_a_target_that_somebody_else_has(adopt: bool, name: str) -> None:
    # The stack logs this attachment to another stream, and to the wanted one somebody else does.
    existing = [flow_log("a", "mine", stream="other"), flow_log("a", name, id_="2")]
    found = findings(existing, adopt=adopt, in_state={target("a", stream="other"): MINE})
    (refusal,) = found.refusals
    assert refusal.key == "routers.core"
    assert f"vpc-shop ({name}, 2); leave the log streams of these attachments as they were" in refusal.what
    assert found.adopted == {}


def test_a_replacement_that_was_cut_off_after_the_old_one_was_deleted_may_go_on() -> None:
    found = findings([flow_log("a", "vpc-shop")], in_state={target("a", stream="other"): MINE})
    assert found.refusals == []
    assert len(found.warnings) == 1


def test_what_another_key_has_of_the_same_attachment_is_no_reason_not_to_adopt() -> None:
    existing = [flow_log("a", "mine"), flow_log("a", "theirs", id_="2", stream="t")]
    plans = [
        router_plan("core", HERE[:1], existing=existing),
        router_plan("second", HERE[:1], existing=existing, stream="t"),
    ]
    found = findings(adopt=True, in_state={target("a"): MINE}, plans=plans)
    assert found.problems == []
    assert found.adopted == {target("a", stream="t"): existing[1]}


def test_where_nothing_is_left_to_take_over_it_says_so() -> None:
    found = findings([flow_log("a", "mine")], adopt=True, in_state={target("a"): MINE})
    assert found.warnings == ["routers.core.adopt: nothing is left to take over, remove it"]


def test_another_name_than_the_last_run_left_is_looked_up_in_the_state() -> None:
    assert findings([flow_log("a", "by-hand")], previous=known("a")).problems
    assert findings([flow_log("a", "by-hand")], previous=known("a"), in_state={target("a"): MINE}).problems == []


def test_a_second_key_of_a_router_needs_room_of_its_own() -> None:
    existing = [flow_log(id_, name) for id_, name in HERE]
    plans = [router_plan("core", HERE, existing=existing), router_plan("second", HERE, existing=existing, stream="t")]
    found = findings(previous=known("a", "b", "c"), plans=plans, quota=Quota(limit=4, used=3))
    assert len(found.warnings) == 1
    assert "flow logs to be created: 3, but the quota has room for 1" in found.warnings[0]


def test_a_flow_log_that_was_renamed_by_hand_is_replaced_in_its_own_room() -> None:
    existing = [flow_log("a", "renamed", stream="other"), *(flow_log(id_, name) for id_, name in HERE[1:])]
    assert findings(existing, previous=known("a", "b", "c"), quota=Quota(limit=3, used=3)) == Findings()


def test_what_is_on_its_way_out_makes_room() -> None:
    existing = [flow_log("x", "going", state="deleting")]
    assert findings(existing, quota=Quota(limit=3, used=1)) == Findings()
    found = findings(existing, quota=Quota(limit=1, used=1))
    assert (len(found.warnings), found.problems) == (1, [])

"""The guard against taking away more flow logs than was meant."""

import pytest
from stacks.discovery import RouterPlan
from stacks.guard import check_deletes, losses
from stacks.outputs import Loss, PreviousRouter

from stacks.config import StackConfig
from stacks.errors import Problem
from tests.unit.plans import router_plan


def plan(key: str, wanted: int, *, first: int = 0, router_id: str = "er-1") -> RouterPlan:
    attachments = [(f"att-{n:03}", f"vpc-{n:03}") for n in range(first, first + wanted)]
    return router_plan(key, attachments, router_id=router_id)


def config(*keys: str, max_deletes: int | None = None, attachments: object = "all") -> StackConfig:
    router = {"router": "r", "log_group": "g", "log_stream": "s", "attachments": attachments}
    return StackConfig.model_validate({"routers": dict.fromkeys(keys, router), "max_deletes": max_deletes})


def before(logged: int, router_id: str = "er-1") -> PreviousRouter:
    names = {f"att-{n:03}": f"vpc-{n:03}" for n in range(logged)}
    return PreviousRouter(router_id=router_id, attachments=names, logged=dict(names))


def check(config: StackConfig, plans: list[RouterPlan], previous: dict[str, PreviousRouter]) -> list[Problem]:
    return check_deletes(config, plans, previous, losses(plans, previous, []))


@pytest.mark.parametrize(
    ("logged", "limit"), [(6, 5), (10, 5), (50, 5), (59, 5), (60, 6), (69, 6), (99, 9), (100, 10), (1000, 100)]
)
def test_the_larger_of_five_and_ten_per_cent_may_go(logged: int, limit: int) -> None:
    at_the_limit = check(config("core"), [plan("core", logged - limit)], {"core": before(logged)})
    beyond = check(config("core"), [plan("core", logged - limit - 1)], {"core": before(logged)})
    assert at_the_limit == []
    if logged - limit - 1 > 0:
        assert [problem.key for problem in beyond] == ["max_deletes"]
    else:
        assert [problem.key for problem in beyond] == ["routers.core.attachments", "max_deletes"]


def test_the_message_names_those_that_would_lose_their_flow_log_and_what_to_do() -> None:
    problems = check(config("core", max_deletes=1), [plan("core", 3)], {"core": before(5)})
    assert problems == [
        Problem(
            "max_deletes",
            "2 of 5 attachments would lose their flow log, but at most 1 may: core: vpc-003, core: vpc-004;"
            " if that is meant, set max_deletes to 2 for this run",
        )
    ]


def test_max_deletes_of_none_lets_none_go_and_that_is_all_it_does() -> None:
    assert check(config("core", max_deletes=0), [plan("core", 5)], {"core": before(5)}) == []
    (problem,) = check(config("core", max_deletes=0), [plan("core", 4)], {"core": before(5)})
    assert problem.what.startswith("1 of 5 attachments would lose their flow log, but at most 0 may: core: vpc-004;")


def test_max_deletes_outranks_the_default_in_both_directions() -> None:
    assert check(config("core", max_deletes=99), [plan("core", 1)], {"core": before(100)}) == []
    assert check(config("core", max_deletes=4), [plan("core", 95)], {"core": before(100)})


def test_a_long_list_is_cut_after_twenty() -> None:
    (problem,) = check(config("core"), [plan("core", 70)], {"core": before(100)})
    assert problem.what.count("core: vpc-") == 20
    assert " and 10 more; if that is meant, set max_deletes to 30 for this run" in problem.what
    (problem,) = check(config("core"), [plan("core", 80)], {"core": before(100)})
    assert problem.what.count("core: vpc-") == 20
    assert "more" not in problem.what.replace("if that is meant", "")


def test_attachments_without_a_name_are_listed_by_id() -> None:
    unnamed = PreviousRouter(router_id="er-1", attachments={"att-x": ""}, logged={"att-x": "x", "att-y": "y"})
    (problem,) = check(config("core", max_deletes=0), [plan("core", 1)], {"core": unnamed})
    assert "core: att-x, core: att-y" in problem.what


def test_a_router_that_left_the_stack_file_counts_whole() -> None:
    (problem,) = check(config("edge"), [plan("edge", 2)], {"core": before(6, "er-2"), "edge": before(2)})
    assert problem.what.startswith("6 of 8 attachments would lose their flow log, but at most 5 may: core: vpc-000,")


def test_deletions_of_all_routers_are_added_up() -> None:
    plans = [plan("core", 7), plan("edge", 7)]
    (problem,) = check(config("core", "edge"), plans, {"core": before(10), "edge": before(10)})
    assert problem.what.startswith("6 of 20 attachments would lose their flow log, but at most 5 may: ")


def test_new_attachments_do_not_make_up_for_lost_ones() -> None:
    (problem,) = check(config("core"), [plan("core", 20, first=6)], {"core": before(6)})
    assert problem.key == "max_deletes"


@pytest.mark.parametrize("previous", [{}, {"core": PreviousRouter(router_id="er-1")}])
def test_a_first_run_has_nothing_to_lose(previous: dict[str, PreviousRouter]) -> None:
    assert check(config("core", max_deletes=0), [plan("core", 0)], previous) == []


def test_all_that_finds_nothing_where_something_was_is_refused_however_high_max_deletes_is() -> None:
    (problem,) = check(config("core", max_deletes=1000), [plan("core", 0)], {"core": before(3)})
    assert problem.key == "routers.core.attachments"
    assert "er-1-name" in problem.what
    assert "but 3 were" in problem.what
    assert problem.what.endswith("; if that is meant, write [] here")


def test_an_empty_list_in_place_of_all_takes_all_away_within_the_limit() -> None:
    nothing = config("core", attachments=[])
    assert check(nothing, [plan("core", 0)], {"core": before(5)}) == []
    assert [problem.key for problem in check(nothing, [plan("core", 0)], {"core": before(6)})] == ["max_deletes"]


def test_what_another_key_of_the_same_router_takes_over_is_not_lost() -> None:
    assert losses([plan("core", 3), plan("shop", 2, first=3)], {"core": before(5)}, []) == []
    elsewhere = losses([plan("shop", 2, router_id="er-2")], {"core": before(2)}, [])
    assert [loss.attachment_id for loss in elsewhere] == ["att-000", "att-001"]


def test_an_attachment_logged_twice_and_then_once_loses_one() -> None:
    lost = losses([plan("core", 1)], {"core": before(1), "copy": before(1)}, [])
    assert [loss.attachment_id for loss in lost] == ["att-000"]


def test_what_an_earlier_run_did_not_delete_counts_until_it_is_wanted_again() -> None:
    left = Loss("core: vpc-004", "er-1", "att-004", "vpc-004")
    assert losses([plan("core", 4)], {"core": before(4)}, [left]) == [left]
    assert losses([plan("core", 5)], {"core": before(4)}, [left]) == []

"""What a run would delete, why, and the guard against deleting more than was meant."""

from typing import Any

import pytest

from providers.er.attachments import Attachment
from stacks.errors import Problem
from tests.unit.plans import Stack, attachment, managed, target

SHOP, DATA = attachment("a", "vpc-shop"), attachment("b", "vpc-data")
PROD = {"attachments": {"tags": {"env": "prod"}}}


def fleet(size: int, *, first: int = 0) -> list[Attachment]:
    return [attachment(f"att-{n:03}", f"vpc-{n:03}") for n in range(first, first + size)]


def logged(*attachments: Attachment, routers: Any = None) -> Stack:
    """A stack whose last run logged these attachments."""
    stack = Stack(*attachments)
    stack.up(routers)
    return stack


def listing(attachments: list[Attachment]) -> dict[str, Any]:
    return {"core": {"attachments": [one.id for one in attachments]}}


# Reasons


def test_what_is_still_wanted_is_not_deleted() -> None:
    stack = logged(SHOP, DATA)
    assert stack.preview().deletions == []


def test_a_first_run_deletes_nothing() -> None:
    assert Stack(SHOP).preview(max_deletes=0).refusals == []


def test_an_attachment_that_is_gone_is_the_reason() -> None:
    stack = logged(SHOP, DATA)
    stack.now(DATA)
    run = stack.preview(max_deletes=0)
    assert run.sentences == ["er-core: vpc-shop loses its flow log to group/stream: the attachment is gone"]
    assert run.refusals == []


def test_a_router_that_is_gone_is_the_reason() -> None:
    stack = logged(SHOP, routers={"core": {}})
    stack.routers["er-2"] = "er-edge"
    stack.now(DATA, router_id="er-2")
    del stack.routers["er-1"], stack.attachments["er-1"]
    run = stack.preview({"edge": {"router": "er-edge"}}, max_deletes=0)
    assert run.sentences == ["er-core: vpc-shop loses its flow log to group/stream: its router is gone"]
    assert run.refusals == []


def test_a_router_that_left_the_stack_file_is_the_reason() -> None:
    stack = logged(SHOP)
    stack.routers["er-2"] = "er-edge"
    stack.now(router_id="er-2")
    run = stack.preview({"edge": {"router": "er-edge"}})
    assert run.sentences == ["er-core: vpc-shop loses its flow log to group/stream: its router left the stack file"]


def test_a_key_that_left_the_stack_file_is_the_reason() -> None:
    both = {"core": {"attachments": ["vpc-data"]}, "shop": {"attachments": ["vpc-shop"]}}
    stack = logged(SHOP, DATA, routers=both)
    assert stack.preview({"core": both["core"]}).reasons == [
        "it is no longer selected since routers.shop left the stack file"
    ]


@pytest.mark.parametrize(
    ("tags", "told"),
    [({"env": "dev"}, "is now 'dev' (was 'prod')"), ({"ENV": "prod"}, "is gone (was 'prod')")],
)
def test_a_tag_that_changed_is_the_reason(tags: dict[str, str], told: str) -> None:
    stack = logged(attachment("a", "vpc-shop", tags={"env": "prod"}), DATA, routers={"core": PROD})
    stack.now(attachment("a", "vpc-shop", tags=tags), DATA)
    run = stack.preview({"core": PROD})
    assert run.sentences == [
        f"er-core: vpc-shop loses its flow log to group/stream: it is no longer selected because its tag 'env' {told}"
    ]


def test_a_name_that_no_glob_fits_any_more_is_the_reason() -> None:
    routers = {"core": {"attachments": {"names": ["vpc-*"]}}}
    stack = logged(SHOP, DATA, routers=routers)
    stack.now(attachment("a", "shop"), DATA)
    assert stack.preview(routers).reasons == ["it is no longer selected because its name is now 'shop' (was 'vpc-shop')"]


@pytest.mark.parametrize(
    ("selection", "shown"),
    [
        (["vpc-data"], '["vpc-data"]'),
        ([], "[]"),
        ({"tags": {"env": "prod"}}, '{"tags": {"env": "prod"}}'),
    ],
)
def test_another_selection_in_the_stack_file_is_the_reason(selection: Any, shown: str) -> None:
    stack = logged(SHOP, attachment("b", "vpc-data", tags={"env": "prod"}))
    run = stack.preview({"core": {"attachments": selection}})
    assert run.reasons[-1] == f"it is no longer selected since the stack file says routers.core.attachments: {shown}"


def test_what_another_key_never_selected_is_not_its_reason() -> None:
    lab = attachment("c", "vpc-lab", tags={"env": "dev"})
    prod = attachment("a", "vpc-shop", tags={"env": "prod"})
    stack = logged(prod, lab, routers={"core": PROD, "lab": {"attachments": ["vpc-lab"]}})
    run = stack.preview({"core": PROD, "lab": {"attachments": []}})
    assert run.reasons == ["it is no longer selected since the stack file says routers.lab.attachments: []"]


@pytest.mark.parametrize("selector", [{"tags": {"env": "prod"}}, {"names": ["vpc-s*"]}])
def test_a_key_that_left_is_the_reason_beside_a_selector_that_never_fit(selector: Any) -> None:
    prod = attachment("a", "vpc-shop", tags={"env": "prod"})
    lab = attachment("c", "vpc-lab", tags={"env": "dev"})
    core = {"attachments": selector}
    stack = logged(prod, lab, routers={"core": core, "lab": {"attachments": ["vpc-lab"]}})
    assert stack.preview({"core": core}).reasons == ["it is no longer selected since routers.lab left the stack file"]


def test_an_attachment_that_cannot_be_logged_any_more_is_told_with_its_state() -> None:
    stack = logged(SHOP, DATA)
    stack.now(attachment("a", "vpc-shop", state="failed"), DATA)
    assert stack.preview().reasons == ["the attachment has failed"]


def test_an_unknown_history_leaves_a_general_reason() -> None:
    stack = Stack(SHOP, DATA)
    stack.managed = managed(target("a"), target("b"))
    run = stack.preview({"core": {"attachments": ["vpc-data"]}})
    assert run.sentences == [
        "er-core: vpc-shop loses its flow log to group/stream:"
        " it is no longer selected: nothing in the stack file asks for it"
    ]


def test_another_log_stream_is_a_move_that_makes_the_new_one_first() -> None:
    stack = logged(SHOP)
    run = stack.preview({"core": {"log_stream": "other"}}, max_deletes=0)
    assert run.sentences == [
        "er-core: vpc-shop moves from group/stream to group/other;"
        " the new flow log is created first, so the record has no gap"
    ]
    assert [one.moves_to for one in run.deletions] == ["group/other"]
    assert run.refusals == []


def test_another_log_group_is_a_move() -> None:
    stack = logged(SHOP)
    run = stack.preview({"core": {"log_group": "audit", "log_stream": "all"}}, max_deletes=0)
    assert run.reasons == ["moves from group/stream to audit/all"]
    assert run.refusals == []


def test_what_is_wanted_elsewhere_only_is_told_and_keeps_its_record() -> None:
    both = {"core": {}, "copy": {"log_stream": "other"}}
    stack = logged(SHOP, routers=both)
    run = stack.preview({"core": {}}, max_deletes=0)
    assert run.sentences == [
        "er-core: vpc-shop loses its flow log to group/other: the stack file wants it in group/stream only"
    ]
    assert run.refusals == []


def test_a_move_from_a_stream_that_nobody_knows_is_told_without_its_name() -> None:
    stack = Stack(SHOP)
    stack.managed = managed(target("a", group="g-unknown"))
    assert stack.preview().reasons == ["moves from another log stream to group/stream"]


def test_what_ends_a_record_comes_before_what_is_gone_and_moves_last() -> None:
    stack = logged(attachment("m", "a-mover"), attachment("g", "b-gone"), attachment("l", "c-lost"))
    stack.now(attachment("m", "a-mover"), attachment("l", "c-lost"))
    override = {"a-mover": {"log_stream": "other"}}
    run = stack.preview({"core": {"attachments": ["a-mover"], "overrides": override}})
    assert [one.attachment for one in run.deletions] == ["c-lost", "b-gone", "a-mover"]
    assert [one.is_last for one in run.deletions] == [True, False, False]


def test_control_characters_of_names_do_not_reach_the_sentence() -> None:
    stack = logged(attachment("a", "evil\x1b[31m"), DATA)
    stack.now(DATA)
    (sentence,) = stack.preview().sentences
    assert "\x1b" not in sentence


# What counts


@pytest.mark.parametrize("parent", [None, "my:own:Component"])
def test_a_flow_log_that_a_program_declares_itself_is_never_counted(parent: str | None) -> None:
    stack = logged(SHOP)
    stack.managed |= managed(target("b"), target("x"), parent=parent)
    run = stack.preview(max_deletes=0)
    assert (run.deletions, run.refusals) == ([], [])


def test_attachments_that_are_gone_do_not_count() -> None:
    stack = logged(*fleet(20))
    stack.now(*fleet(2))
    run = stack.preview(max_deletes=0)
    assert len(run.deletions) == 18
    assert run.refusals == []


def test_moves_do_not_count() -> None:
    stack = logged(*fleet(20))
    run = stack.preview({"core": {"log_stream": "other"}}, max_deletes=0)
    assert len(run.deletions) == 20
    assert run.refusals == []


def test_attachments_that_keep_another_flow_log_do_not_count() -> None:
    stack = logged(*fleet(20), routers={"core": {}, "copy": {"log_stream": "other"}})
    run = stack.preview({"copy": {"log_stream": "other"}}, max_deletes=0)
    assert len(run.deletions) == 20
    assert run.refusals == []


def test_an_attachment_that_loses_both_its_flow_logs_counts_once() -> None:
    stack = logged(SHOP, DATA, routers={"core": {}, "copy": {"log_stream": "other"}})
    one = {"attachments": ["vpc-data"]}
    run = stack.preview({"core": one, "copy": {"log_stream": "other", **one}}, max_deletes=0)
    assert len(run.deletions) == 2
    (refusal,) = run.refusals
    assert refusal.what.startswith("1 of 2 attachments would lose their flow log, but at most 0 may: ")


def test_the_same_attachment_id_on_another_router_is_another_attachment() -> None:
    stack = Stack(SHOP)
    stack.routers["er-2"] = "er-edge"
    stack.now(SHOP, router_id="er-2")
    stack.up()
    (refusal,) = stack.preview({"edge": {"router": "er-edge"}}, max_deletes=0).refusals
    assert refusal.what.startswith("1 of 1 attachments would lose their flow log")


def test_a_router_that_left_the_stack_file_counts_whole() -> None:
    stack = Stack(*fleet(6))
    stack.routers["er-2"] = "er-edge"
    stack.now(*fleet(2), router_id="er-2")
    edge = {"router": "er-edge"}
    stack.up({"core": {}, "edge": edge})
    (refusal,) = stack.preview({"edge": edge}).refusals
    assert refusal.key == "max_deletes"
    assert refusal.what.startswith("6 of 8 attachments would lose their flow log, but at most 1 may: er-core: vpc-000")


def test_deletions_of_all_routers_are_added_up() -> None:
    stack = Stack(*fleet(10))
    stack.routers["er-2"] = "er-edge"
    stack.now(*fleet(10), router_id="er-2")
    edge = {"router": "er-edge"}
    stack.up({"core": {}, "edge": edge})
    ids = {"attachments": [one.id for one in fleet(8)]}
    (refusal,) = stack.preview({"core": ids, "edge": {**edge, **ids}}).refusals
    assert refusal.what.startswith("4 of 20 attachments would lose their flow log, but at most 2 may: ")


def test_new_attachments_do_not_make_up_for_lost_ones() -> None:
    stack = logged(*fleet(6))
    stack.now(*fleet(20))
    (refusal,) = stack.preview(listing(fleet(14, first=6))).refusals
    assert refusal.key == "max_deletes"


def test_what_a_failed_run_did_not_delete_counts_again() -> None:
    stack = logged(*fleet(5))
    state = stack.managed
    stack.up(listing(fleet(4)))
    stack.managed = state  # nothing of it was deleted
    (refusal,) = stack.preview(listing(fleet(4)), max_deletes=0).refusals
    assert refusal.what.startswith("1 of 5 attachments would lose their flow log")
    assert stack.preview(listing(fleet(5)), max_deletes=0).refusals == []


# The limit


@pytest.mark.parametrize(
    ("size", "limit"), [(2, 1), (5, 1), (10, 1), (19, 1), (20, 2), (59, 5), (99, 9), (100, 10), (1000, 100)]
)
def test_a_tenth_may_go_and_one_always_may(size: int, limit: int) -> None:
    stack = logged(*fleet(size))
    assert stack.preview(listing(fleet(size - limit))).refusals == []
    beyond = stack.preview(listing(fleet(max(1, size - limit - 1)))).refusals
    assert [one.key for one in beyond] == ([] if size == 2 else ["max_deletes"])


def test_the_refusal_names_each_attachment_with_its_reason_and_what_to_do() -> None:
    stack = logged(*fleet(5))
    refusals = stack.preview({"core": {"attachments": {"names": ["vpc-000", "vpc-001", "vpc-002"]}}}).refusals
    reason = (
        'it is no longer selected since the stack file says routers.core.attachments: {"names": ["vpc-000", "vpc-001",'
        ' "vpc-002"]}'
    )
    assert refusals == [
        Problem(
            "max_deletes",
            f"2 of 5 attachments would lose their flow log, but at most 1 may: er-core: vpc-003 ({reason}),"
            f" er-core: vpc-004 ({reason}); if that is meant, set max_deletes to 2 for this run",
        )
    ]


def test_max_deletes_of_none_lets_none_go_and_that_is_all_it_does() -> None:
    stack = logged(*fleet(5))
    assert stack.preview(listing(fleet(5)), max_deletes=0).refusals == []
    (refusal,) = stack.preview(listing(fleet(4)), max_deletes=0).refusals
    assert refusal.what.startswith("1 of 5 attachments would lose their flow log, but at most 0 may: er-core: vpc-004")


def test_max_deletes_outranks_the_default_in_both_directions() -> None:
    stack = logged(*fleet(100))
    assert stack.preview(listing(fleet(1)), max_deletes=99).refusals == []
    assert stack.preview(listing(fleet(95)), max_deletes=4).refusals


def test_a_long_list_of_attachments_ends_after_twenty() -> None:
    stack = logged(*fleet(100))
    (refusal,) = stack.preview({"core": {"attachments": {"names": ["vpc-0[0-6]*"]}}}).refusals
    assert refusal.what.count("er-core: vpc-") == 20
    assert " and 10 more; if that is meant, set max_deletes to 30 for this run" in refusal.what


def test_attachments_without_a_name_are_told_by_id() -> None:
    stack = logged(attachment("att-x"), DATA)
    (refusal,) = stack.preview({"core": {"attachments": ["vpc-data"]}}, max_deletes=0).refusals
    assert "er-core: att-x (" in refusal.what


def test_a_selection_that_finds_nothing_any_more_is_refused_at_any_limit() -> None:
    stack = logged(*fleet(3))
    (refusal,) = stack.preview({"core": {"attachments": {"names": ["nope"]}}}, max_deletes=1000).refusals
    assert refusal == Problem(
        "routers.core.attachments",
        "router 'er-core' has no attachment left that fits and can be logged, but 3 were; if that is meant, write []"
        " here",
    )


def test_a_router_whose_attachments_are_all_gone_is_no_mistake() -> None:
    stack = logged(*fleet(3))
    stack.now()
    assert stack.preview(max_deletes=0).refusals == []


def test_an_empty_list_takes_all_away_within_the_limit() -> None:
    assert logged(*fleet(1)).preview({"core": {"attachments": []}}).refusals == []
    refusals = logged(*fleet(2)).preview({"core": {"attachments": []}}).refusals
    assert [one.key for one in refusals] == ["max_deletes"]


def test_what_another_key_of_the_same_router_selects_is_not_lost() -> None:
    stack = logged(*fleet(5))
    split = {
        "core": {"attachments": [one.id for one in fleet(3)]},
        "shop": {"attachments": [one.id for one in fleet(2, first=3)]},
    }
    run = stack.preview(split, max_deletes=0)
    assert (run.deletions, run.refusals) == ([], [])

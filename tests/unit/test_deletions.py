"""What a run would delete and why, and the guard against deleting more than intended."""

from typing import Any

import pytest

from providers.er.attachments import Attachment
from stacks.errors import Problem
from tests.unit.plans import Stack, attachment, managed, target

SHOP, DATA = attachment("a", "vpc-shop"), attachment("b", "vpc-data")
PROD = {"attachments": {"tags": {"env": "prod"}}}
COPY = {"log_stream": "other"}
EDGE = {"router": "er-edge"}
LOST = "er-core: vpc-shop loses its flow log to group/stream: "


def fleet(size: int, *, first: int = 0) -> list[Attachment]:
    return [attachment(f"att-{n:03}", f"vpc-{n:03}") for n in range(first, first + size)]


def logged(*attachments: Attachment, routers: Any = None) -> Stack:
    """A stack whose last run logged these attachments."""
    stack = Stack(*attachments)
    stack.up(routers)
    return stack


def select(attachments: list[Attachment]) -> dict[str, Any]:
    return {"core": {"attachments": [selected.id for selected in attachments]}}


def two_routers(first: list[Attachment], second: list[Attachment]) -> Stack:
    """A stack whose last run logged er-core and er-edge."""
    stack = Stack(*first)
    stack.routers["er-2"] = "er-edge"
    stack.change(*second, router_id="er-2")
    stack.up({"core": {}, "edge": EDGE})
    return stack


# Reasons


def test_first_run_and_unchanged_run_delete_nothing() -> None:
    stack = Stack(SHOP, DATA)
    assert stack.preview(max_deletes=0).refusals == []
    stack.up()
    assert stack.preview().deletions == []


@pytest.mark.parametrize(
    ("left", "reason"),
    [([], "the attachment is gone"), ([attachment("a", "vpc-shop", state="failed")], "the attachment has failed")],
)
def test_reason_is_that_the_attachment_is_gone_or_has_failed(left: list[Attachment], reason: str) -> None:
    stack = logged(SHOP, DATA)
    stack.change(*left, DATA)
    assert stack.preview().sentences == [LOST + reason]


def test_reason_is_that_the_router_is_gone() -> None:
    stack = two_routers([SHOP], [DATA])
    del stack.routers["er-1"], stack.attachments["er-1"]
    run = stack.preview({"edge": EDGE}, max_deletes=0)
    assert (run.sentences, run.refusals) == ([f"{LOST}its router is gone"], [])


def test_reason_is_that_the_router_left_the_stack_file() -> None:
    run = two_routers([SHOP], []).preview({"edge": EDGE})
    assert run.sentences == [f"{LOST}its router is no longer in the stack file"]


@pytest.mark.parametrize("core", [{"attachments": ["vpc-data"]}, PROD, {"attachments": {"names": ["vpc-d*"]}}])
def test_reason_is_that_the_key_left_the_stack_file(core: dict[str, Any]) -> None:
    data = attachment("b", "vpc-data", tags={"env": "prod"})
    stack = logged(SHOP, data, routers={"core": core, "shop": {"attachments": ["vpc-shop"]}})
    assert stack.preview({"core": core}).reasons == [
        "it is no longer selected because routers.shop was removed from the stack file"
    ]


@pytest.mark.parametrize(
    ("core", "changed", "reason"),
    [
        (PROD, attachment("a", "vpc-shop", tags={"env": "dev"}), "its tag 'env' is now 'dev' (was 'prod')"),
        (PROD, attachment("a", "vpc-shop", tags={"ENV": "prod"}), "its tag 'env' is gone (was 'prod')"),
        ({"attachments": {"names": ["vpc-*"]}}, attachment("a", "shop"), "its name is now 'shop' (was 'vpc-shop')"),
    ],
)
def test_reason_is_what_changed_of_the_attachment(core: Any, changed: Attachment, reason: str) -> None:
    routers = {"core": core}
    stack = logged(attachment("a", "vpc-shop", tags={"env": "prod"}), DATA, routers=routers)
    stack.change(changed, DATA)
    assert stack.preview(routers).reasons == [f"it is no longer selected because {reason}"]


@pytest.mark.parametrize(
    ("selection", "shown"),
    [(["vpc-data"], '["vpc-data"]'), ([], "[]"), ({"tags": {"env": "prod"}}, '{"tags": {"env": "prod"}}')],
)
def test_reason_is_the_changed_selection(selection: Any, shown: str) -> None:
    stack = logged(SHOP, attachment("b", "vpc-data", tags={"env": "prod"}))
    run = stack.preview({"core": {"attachments": selection}})
    assert run.reasons[-1] == f"it is no longer selected because the stack file has routers.core.attachments: {shown}"


def test_reason_is_not_a_key_that_never_selected_the_attachment() -> None:
    stack = logged(SHOP, DATA, routers={"core": PROD, "lab": {"attachments": ["vpc-data"]}})
    run = stack.preview({"core": PROD, "lab": {"attachments": []}})
    assert run.reasons == ["it is no longer selected because the stack file has routers.lab.attachments: []"]


def test_reason_is_general_without_outputs_of_a_last_run() -> None:
    stack = Stack(SHOP, DATA)
    stack.managed = managed(target("a"), target("b"))
    run = stack.preview({"core": {"attachments": ["vpc-data"]}})
    assert run.sentences == [f"{LOST}it is no longer selected: nothing in the stack file selects it"]


@pytest.mark.parametrize(
    ("core", "destination"), [(COPY, "group/other"), ({"log_group": "audit", "log_stream": "all"}, "audit/all")]
)
def test_changed_stream_or_group_is_a_move(core: dict[str, Any], destination: str) -> None:
    run = logged(SHOP).preview({"core": core}, max_deletes=0)
    assert run.sentences == [
        f"er-core: vpc-shop moves from group/stream to {destination};"
        " the new flow log is created first, so the record has no gap"
    ]
    assert [deletion.moves_to for deletion in run.deletions] == [destination]
    assert run.refusals == []


def test_move_to_a_disabled_flow_log_promises_no_record() -> None:
    (sentence,) = logged(SHOP).preview({"core": {**COPY, "enabled": False}}).sentences
    assert sentence.endswith("; the new flow log is disabled, so nothing is written")


def test_move_from_an_unknown_stream_has_no_name() -> None:
    stack = Stack(SHOP)
    stack.managed = managed(target("a", group="g-unknown"))
    assert stack.preview().reasons == ["moves from another log stream to group/stream"]


def test_loss_of_one_of_two_flow_logs_names_the_other() -> None:
    run = logged(SHOP, routers={"core": {}, "copy": COPY}).preview({"core": {}}, max_deletes=0)
    reason = "the stack file declares only a flow log to group/stream"
    assert run.sentences == [f"er-core: vpc-shop loses its flow log to group/other: {reason}"]
    assert run.refusals == []


def test_lost_attachments_are_listed_first_and_moves_last() -> None:
    stack = logged(attachment("m", "a-mover"), attachment("g", "b-gone"), attachment("l", "c-lost"))
    stack.change(attachment("m", "a-mover"), attachment("l", "c-lost"))
    run = stack.preview({"core": {"attachments": ["a-mover"], "overrides": {"a-mover": COPY}}})
    assert [deletion.attachment for deletion in run.deletions] == ["c-lost", "b-gone", "a-mover"]
    assert [deletion.is_last for deletion in run.deletions] == [True, False, False]


def test_sentence_has_no_control_characters_of_names() -> None:
    stack = logged(attachment("a", "evil\x1b[31m"), DATA)
    stack.change(DATA)
    assert "\x1b" not in stack.preview().sentences[0]


# The guard


@pytest.mark.parametrize("parent", [None, "my:own:Component"])
def test_flow_logs_that_a_program_declares_do_not_count(parent: str | None) -> None:
    stack = logged(SHOP)
    stack.managed |= managed(target("b"), target("x"), parent=parent)
    run = stack.preview(max_deletes=0)
    assert (run.deletions, run.refusals) == ([], [])


@pytest.mark.parametrize("left", [2, 0])
def test_attachments_that_are_gone_do_not_count(left: int) -> None:
    stack = logged(*fleet(20))
    stack.change(*fleet(left))
    run = stack.preview(max_deletes=0)
    assert (len(run.deletions), run.refusals) == (20 - left, [])


@pytest.mark.parametrize("before", [{"core": {}}, {"core": {}, "copy": COPY}], ids=["moved", "kept"])
def test_attachments_with_another_flow_log_do_not_count(before: dict[str, Any]) -> None:
    run = logged(*fleet(20), routers=before).preview({"copy": COPY}, max_deletes=0)
    assert (len(run.deletions), run.refusals) == (20, [])


def test_attachment_that_loses_two_flow_logs_counts_once() -> None:
    stack = logged(SHOP, DATA, routers={"core": {}, "copy": COPY})
    rest = {"attachments": ["vpc-data"]}
    run = stack.preview({"core": rest, "copy": {**COPY, **rest}}, max_deletes=0)
    assert len(run.deletions) == 2
    (refusal,) = run.refusals
    assert refusal.what.startswith("1 of 2 attachments would lose their flow log, but at most 0 may: ")


@pytest.mark.parametrize(("first", "second", "counted"), [(1, 1, "1 of 2"), (6, 2, "6 of 8")])
def test_all_attachments_of_a_removed_router_count(first: int, second: int, counted: str) -> None:
    (refusal,) = two_routers(fleet(first), fleet(second)).preview({"edge": EDGE}, max_deletes=0).refusals
    assert refusal.key == "max_deletes"
    assert refusal.what.startswith(f"{counted} attachments would lose their flow log, but at most 0 may: er-core: vpc-")


def test_deletions_of_all_routers_are_added_up() -> None:
    stack = two_routers(fleet(10), fleet(10))
    selected = select(fleet(8))["core"]
    (refusal,) = stack.preview({"core": selected, "edge": {**EDGE, **selected}}).refusals
    assert refusal.what.startswith("4 of 20 attachments would lose their flow log, but at most 2 may: ")


def test_new_attachments_do_not_compensate_for_lost_ones() -> None:
    stack = logged(*fleet(6))
    stack.change(*fleet(20))
    (refusal,) = stack.preview(select(fleet(14, first=6))).refusals
    assert refusal.key == "max_deletes"


def test_deletions_that_a_failed_run_left_undone_count_again() -> None:
    stack = logged(*fleet(5))
    state = stack.managed
    stack.up(select(fleet(4)))
    stack.managed = state
    (refusal,) = stack.preview(select(fleet(4)), max_deletes=0).refusals
    assert refusal.what.startswith("1 of 5 attachments would lose their flow log")
    assert stack.preview(select(fleet(5)), max_deletes=0).refusals == []


@pytest.mark.parametrize(("size", "limit"), [(5, 1), (19, 1), (20, 2), (59, 5), (200, 20)])
def test_tenth_of_the_attachments_may_go_and_one_always_may(size: int, limit: int) -> None:
    stack = logged(*fleet(size))
    assert stack.preview(select(fleet(size - limit))).refusals == []
    assert [problem.key for problem in stack.preview(select(fleet(size - limit - 1))).refusals] == ["max_deletes"]


def test_refusal_names_each_attachment_and_its_reason() -> None:
    selector = {"names": ["vpc-000", "vpc-001", "vpc-002"]}
    refusals = logged(*fleet(5)).preview({"core": {"attachments": selector}}).refusals
    reason = (
        'it is no longer selected because the stack file has routers.core.attachments: {"names": ["vpc-000", "vpc-001",'
        ' "vpc-002"]}'
    )
    what = (
        f"2 of 5 attachments would lose their flow log, but at most 1 may: er-core: vpc-003 ({reason}),"
        f" er-core: vpc-004 ({reason}); if this is intended, set max_deletes to 2 for this run"
    )
    assert refusals == [Problem("max_deletes", what)]


def test_refusal_lists_at_most_twenty_attachments() -> None:
    (refusal,) = logged(*fleet(100)).preview({"core": {"attachments": {"names": ["vpc-0[0-6]*"]}}}).refusals
    assert refusal.what.count("er-core: vpc-") == 20
    assert " and 10 more; if this is intended, set max_deletes to 30 for this run" in refusal.what


def test_max_deletes_overrides_the_default_limit() -> None:
    stack = logged(*fleet(100))
    assert stack.preview(select(fleet(1)), max_deletes=99).refusals == []
    assert stack.preview(select(fleet(95)), max_deletes=4).refusals


def test_selection_that_matches_nothing_any_more_is_refused() -> None:
    (refusal,) = logged(*fleet(3)).preview({"core": {"attachments": {"names": ["x"]}}}, max_deletes=1000).refusals
    what = (
        "no attachment of router 'er-core' matches and can be logged any more, but 3 were logged; if this is intended,"
        " write [] here"
    )
    assert refusal == Problem("routers.core.attachments", what)


@pytest.mark.parametrize(("size", "refused"), [(1, []), (2, ["max_deletes"])])
def test_empty_list_removes_all_within_the_limit(size: int, refused: list[str]) -> None:
    refusals = logged(*fleet(size)).preview({"core": {"attachments": []}}).refusals
    assert [problem.key for problem in refusals] == refused


@pytest.mark.parametrize("protect", [True, False])
def test_protected_flow_logs_are_deleted_only_after_protection_ends(protect: bool) -> None:
    stack = logged(SHOP, DATA, routers={"core": {"protect": True}})
    refusals = stack.preview({"core": {"protect": protect, "attachments": ["vpc-data"]}}).refusals
    what = (
        "protected flow logs would be deleted: vpc-shop; first set protect: false here in a separate run (if the"
        " attachment is gone, also use `pulumi state unprotect`)"
    )
    assert refusals == ([Problem("routers.core.protect", what)] if protect else [])

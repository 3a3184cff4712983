"""The review as text for a terminal: what is lost comes first and is loud, and all is within 80 columns."""

from __future__ import annotations

import io
import itertools
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.commands.review.__main__ import main
from stacks.commands.review.changes import review
from stacks.commands.review.model import Difference, Kind, Row, StackReview
from stacks.commands.review.terminal import COLUMNS, text
from tests.unit.test_review import HOSTILE, PREVIEWS, recorded

RED = "\x1b[31m"


def shown(file: str, stack: str = "local") -> str:
    return text([review(stack, recorded(file))])


def row(number: int, **changes: object) -> Row:
    values = {"router": "er", "attachment": f"vpc-{number}", "flow_log": f"f-{number}", "logs_to": "g/s", **changes}
    return Row(**values)  # type: ignore[arg-type]


def width(line: str) -> int:
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in line
    )


def fits(line: str) -> bool:
    """Whether it is within the terminal, or is one name that is not."""
    return width(line) <= COLUMNS or len(line.split()) == 1


def test_everything_at_once_is_in_the_order_of_what_matters() -> None:
    lines = shown("mixed.jsonl").splitlines()

    assert lines[:11] == [
        "Stack local: 1 to delete, 1 to move, 3 to change, 2 to create, 1 to import, 4",
        "  unchanged",
        "",
        "1 TO DELETE: THE RECORD THAT IT WRITES ENDS",
        "  - er-core, vpc-shop-staging, core-vpc-shop-staging-4ce7dd7c",
        "    reason: the attachment is gone",
        "    logged to network/er-flow-logs",
        "",
        "1 TO MOVE: THE NEW FLOW LOG IS MADE FIRST, THEN THE OLD ONE IS DELETED",
        "  - er-core, vpc-payments, core-vpc-payments-8bd9e320",
        "    network/er-flow-logs -> network/er-flow-logs-archive, no gap",
    ]
    titles = [line for line in lines if re.match(r"\d", line)]
    assert titles[2:] == [
        "3 to change",
        "1 to import: it is there already and is taken over",
        "2 to create",
        "2 warnings",
    ]
    assert "    name: core-vpc-shop-e4ec9862 -> the-shop" in lines
    assert '    description: "" -> Everything that passes the core router' in lines
    assert lines[-2:] == ["  - not logged on er-edge: vpc-partner-lab waits for the router's owner to", "    accept it"]


@pytest.mark.parametrize("file", ["reasons.json", "reasons.jsonl"])
def test_each_deletion_is_shown_with_its_reason(file: str) -> None:
    told = " ".join(shown(file).split())

    assert "5 TO DELETE: THE RECORDS THAT THEY WRITE END" in told
    assert "reason: it is no longer selected because its tag 'env' is now 'retired' (was 'prod')" in told
    assert 'reason: it is no longer selected since the stack file says routers.edge.attachments: {"exclude": [' in told
    assert "core-archive-vpc-shop-e4ec9862 reason: the stack file wants it in network/er-flow-logs only" in told
    assert "lab-vpc-lab-8bf66aa7 reason: its router left the stack file logged to network/er-flow-logs" in told


def test_a_deletion_whose_reason_is_not_known_says_so() -> None:
    lost = StackReview(stack="dev", rows={Kind.DELETE: [row(1)]})
    assert "\n    reason: the preview does not say\n" in text([lost])


def test_a_move_to_a_disabled_flow_log_is_not_shown_as_without_a_gap() -> None:
    told = " ".join(shown("moved.jsonl").split())

    assert "2 TO MOVE: THE NEW FLOW LOGS ARE MADE FIRST, THEN THE OLD ONES ARE DELETED; 1 OF THEM DISABLED," in told
    archived = "network/er-flow-logs -> network/er-flow-logs-archive"
    assert f"core-vpc-payments-8bd9e320 {archived}, DISABLED: nothing is written" in told
    assert f"core-vpc-shop-e4ec9862 {archived}, no gap" in told


def test_a_failed_flow_log_is_shown_as_deleted_and_created_again() -> None:
    assert "\n1 TO REPLACE: DELETED, AND THEN CREATED AGAIN\n" in shown("failed.json")
    assert "core-vpc-shop-e4ec9862\n    it has failed\n" in shown("failed.json")


def test_changes_by_hand_are_marked() -> None:
    told = shown("mixed.json")
    assert "edge-vpc-edge-proxy-03a1ad25\n    was changed by hand\n    enabled: false -> true\n" in told
    assert "core-vpn-office-bonn-6d95ad29\n    was deleted by hand\n    logs to network/er-flow-logs\n" in told


def test_stacks_with_nothing_to_do_have_one_line_and_come_last() -> None:
    several = [review(stack, recorded(file)) for stack, file in (("a", "unchanged.json"), ("b", "dropped_router.json"))]

    told = text(several)

    assert told.startswith("Flow logs: 4 to delete\n\nStack b: 4 to delete, 6 unchanged\n\n4 TO DELETE: ")
    assert told.endswith("\n\nStack a: nothing to do, 10 unchanged")
    assert text(reversed(several)) == told


def test_a_preview_that_failed_is_loud_and_says_why() -> None:
    assert shown("wrong_stack_file.json").splitlines() == [
        "Stack local: THE PREVIEW FAILED, so nobody knows what would change.",
        "  - otc-flow-logs:routers.core.log_group in stacks/Pulumi.local.yaml: there is",
        "    no log group with id or name 'netwrk'; there are: network, security",
    ]
    assert text([review("dev", "")]).splitlines() == [
        "Stack dev: THE PREVIEW FAILED, so nobody knows what would change: it printed",
        "  nothing to standard output. Its standard error may say why.",
    ]


@pytest.mark.parametrize("kind", [Kind.CHANGE, Kind.IMPORT, Kind.CREATE])
def test_a_long_list_of_what_loses_nothing_stops_after_twenty(kind: Kind) -> None:
    told = text([StackReview(stack="dev", rows={kind: [row(n) for n in range(1234)]})])

    assert told.count("  - er, vpc-") == 20
    assert f"1,234 {kind.value}" in told
    assert told.endswith("\n  ... and 1,214 more")
    assert "more" not in text([StackReview(stack="dev", rows={kind: [row(n) for n in range(20)]})])


@pytest.mark.parametrize("kind", [Kind.DELETE, Kind.MOVE, Kind.REPLACE])
def test_what_is_lost_or_moved_is_always_listed_in_full(kind: Kind) -> None:
    told = text([StackReview(stack="dev", rows={kind: [row(n) for n in range(1234)]})])
    assert told.count("  - er, vpc-") == 1234
    assert f"1,234 {kind.value.upper()}: " in told


def test_flow_logs_that_are_disabled_are_always_listed() -> None:
    rows = [row(n, is_silenced=n < 30) for n in range(40)]

    told = text([StackReview(stack="dev", rows={Kind.CHANGE: rows})])

    assert "40 to change; 30 OF THEM DISABLED, SO THAT NOTHING IS WRITTEN\n" in told
    assert told.count("  - er, vpc-") == 30
    assert told.endswith("  ... and 10 more")


def test_a_long_list_of_warnings_stops_after_twenty() -> None:
    told = text([StackReview(stack="dev", rows={Kind.CREATE: [row(1)]}, warnings=[f"w {n}" for n in range(25)])])
    assert "\n25 warnings\n  - w 0\n" in told
    assert told.endswith("  - w 19\n  ... and 5 more")


def test_only_what_is_loud_is_red_and_only_where_colour_is_wanted() -> None:
    reviews = [review("local", recorded("mixed.jsonl")), review("dev", "")]

    red = text(reviews, in_colour=True)

    titles = re.findall(r"\x1b\[31m(.*?)\x1b\[0m\n", red)
    assert [title[:11] for title in titles] == ["Stack dev: ", "  nothing t", "1 TO DELETE", "1 TO MOVE: "]
    assert re.sub(r"\x1b\[\d+m", "", red) == text(reviews)
    assert "\x1b" not in text(reviews)


@pytest.mark.parametrize("file", [one.name for one in sorted(PREVIEWS.glob("*.json*"))])
def test_recorded_previews_fit_into_eighty_columns(file: str) -> None:
    assert [line for line in shown(file).splitlines() if len(line) > COLUMNS] == []


_texts = st.sampled_from([*HOSTILE, "vpc-shop", "x" * 79, "x" * 64, "名前" * 20, "e\u0301" * 70, "two words " * 30])
_rows = st.builds(
    Row,
    router=_texts,
    attachment=_texts,
    flow_log=_texts,
    logs_to=_texts,
    note=_texts,
    is_silenced=st.booleans(),
    differences=st.lists(st.builds(Difference, what=_texts, old=_texts, new=_texts), max_size=3).map(tuple),
)
_reviews = st.builds(
    StackReview,
    stack=_texts,
    is_failed=st.booleans(),
    failure=_texts,
    errors=st.lists(_texts, max_size=3),
    warnings=st.lists(_texts, max_size=3),
    rows=st.dictionaries(st.sampled_from(Kind), st.lists(_rows, min_size=1, max_size=3)),
    unchanged=st.integers(0, 10**6),
)


@given(st.lists(_reviews, min_size=1, max_size=3))
def test_no_name_breaks_the_lines_or_reaches_the_terminal_as_control(reviews: list[StackReview]) -> None:
    told = text(reviews)

    assert told.encode()
    lines = told.split("\n")
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if not fits(line)] == []


def test_a_name_is_indented_less_rather_than_broken() -> None:
    names = "x" * 77, "y" * 64
    told = text([StackReview(stack="dev", rows={Kind.CREATE: [row(1, router=names[0], attachment=names[1])]})])
    assert told.splitlines()[3:5] == [f"  {names[0]},", f"    {names[1]}, f-1"]


# The command.


@pytest.mark.parametrize("arguments", list(itertools.permutations(["--text", "dev=FILE"])))
def test_the_command_prints_text_wherever_the_option_stands(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(PREVIEWS / "mixed.json")
    assert main([argument.replace("FILE", file) for argument in arguments]) == 0
    assert capsys.readouterr().out == shown("mixed.json", "dev") + "\n"


def test_the_command_has_the_same_exit_codes_for_text(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    failed = f"dev={PREVIEWS / 'wrong_stack_file.json'}"
    assert [main(["--text", failed]), main([failed])] == [1, 1]
    for arguments in ([], ["dev"], ["dev=-", "prod=-"], [f"dev={tmp_path / 'none'}"]):
        assert [main(["--text", *arguments]), main(arguments)] == [2, 2]
    capsys.readouterr()


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "is_red"), [(None, True), ("", True), ("1", False)])
def test_colour_is_for_terminals_and_no_color_turns_it_off(
    monkeypatch: pytest.MonkeyPatch, no_color: str | None, *, is_red: bool
) -> None:
    terminal = _Terminal(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)

    main(["--text", f"dev={PREVIEWS / 'mixed.json'}"])

    terminal.flush()
    assert (RED.encode() in terminal.buffer.getvalue()) is is_red  # type: ignore[attr-defined]

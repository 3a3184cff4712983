"""The review as text for a terminal: deletions come first and are loud, and all lines are within 80 columns."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.commands import question
from stacks.commands.review.__main__ import main
from stacks.commands.review.changes import review_stack
from stacks.commands.review.model import Kind, LogStoreRow, Row, StackReview
from stacks.commands.review.terminal import COLUMNS, text
from tests.unit.review_samples import HOSTILE, PREVIEWS, read_recorded, reviews

RED = "\x1b[31m"


def review(file: str, stack: str = "local") -> str:
    return text([review_stack(stack, read_recorded(file))])


def review_of(kind: Kind, rows: list[Row], **more: list[str]) -> str:
    return text([StackReview(stack="dev", rows={kind: rows}, **more)])  # type: ignore[arg-type]


def row(number: int, **changes: object) -> Row:
    values = {"router": "er", "attachment": f"vpc-{number}", "flow_log": f"f-{number}", "logs_to": "g/s", **changes}
    return Row(**values)  # type: ignore[arg-type]


def width(line: str) -> int:
    widths = {"W": 2, "F": 2}
    return sum(0 if unicodedata.combining(char) else widths.get(unicodedata.east_asian_width(char), 1) for char in line)


def test_changes_are_sorted_by_how_much_they_matter() -> None:
    lines = review("mixed.jsonl").splitlines()

    assert lines[:11] == [
        "Stack local: 1 to delete, 1 to move, 3 to change, 2 to create, 1 to import, 4",
        "  unchanged",
        "",
        "1 TO DELETE: THE RECORD THAT IT WRITES ENDS",
        "  - er-core, vpc-shop-staging, core-vpc-shop-staging",
        "    reason: the attachment is gone",
        "    logged to network/er-flow-logs",
        "",
        "1 TO MOVE: THE NEW FLOW LOG IS CREATED FIRST, THEN THE OLD ONE IS DELETED",
        "  - er-core, vpc-payments, core-vpc-payments",
        "    network/er-flow-logs -> network/er-flow-logs-archive, no gap",
    ]
    titles = [line for line in lines if re.match(r"\d", line)]
    assert titles[2:] == [
        "3 to change",
        "1 to import: it already exists and will be managed by this stack",
        "2 to create",
        "2 attachments selected, but not logged",
    ]
    assert lines[-2:] == [
        "  - er-core, cfw-perimeter: is of type cfw, which cannot be logged",
        "  - er-edge, vpc-partner-lab: waits for the router's owner to accept it",
    ]
    assert "    name: core-vpc-shop -> the-shop" in lines
    assert '    description: "" -> Everything that passes the core router' in lines


ARCHIVED = "network/er-flow-logs -> network/er-flow-logs-archive"


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("reasons.jsonl", "5 TO DELETE: THE RECORDS THAT THEY WRITE END"),
        (
            "reasons.jsonl",
            "core-archive-vpc-shop reason: the stack file declares only a flow log to network/er-flow-logs",
        ),
        (
            "reasons.jsonl",
            "reason: its router is no longer in the stack file logged to network/er-flow-logs",
        ),
        ("gone.jsonl", "core-vpc-shop reason: no longer exists; it is no longer selected because the stack file has"),
        ("moved.jsonl", "2 TO MOVE: THE NEW FLOW LOGS ARE CREATED FIRST, THEN THE OLD ONES ARE DELETED; 1 OF THEM"),
        ("moved.jsonl", f"{ARCHIVED}, disabled: nothing is written enabled: true -> false"),
        ("moved.jsonl", f"{ARCHIVED}, no gap"),
        ("failed.jsonl", "1 TO REPLACE: DELETED, AND THEN CREATED AGAIN"),
        ("failed.jsonl", "core-vpc-shop it has failed"),
        ("mixed.jsonl", "edge-vpc-edge-proxy was changed by hand enabled: true -> false -> true"),
        ("mixed.jsonl", "core-vpn-office-bonn was deleted by hand logs to network/er-flow-logs"),
    ],
)
def test_changes_have_their_reasons(file: str, part: str) -> None:
    assert part in " ".join(review(file).split())


def test_deleted_records_of_log_streams_are_loud() -> None:
    shown = review("log_groups.jsonl")

    loud = "LOG GROUPS AND STREAMS WHOSE RECORDS ARE DELETED\n  - network/deleted: is deleted, with its records"
    assert f"\n\n{loud}\n\nlog groups and streams\n" in shown
    assert "  - network: changed\n    was changed by hand\n    when it is no longer declared: stays -> " in shown
    assert f"{RED}LOG GROUPS" in text([review_stack("local", read_recorded("log_groups.jsonl"))], in_colour=True)
    several = [LogStoreRow(name=f"g{number}", kind=Kind.DELETE, stays=number > 30) for number in range(60)]
    long = text([StackReview(stack="dev", log_stores=several)])
    assert long.count("is deleted, with its records") == 31
    assert long.endswith("  ... and 9 more")


def test_destroyed_stack_is_called_that_once() -> None:
    rows = {Kind.DELETE: [row(1)]}
    shown = text([StackReview(stack="dev", rows=rows, is_destroyed=True)])
    assert shown.startswith("Stack dev: to be destroyed; 1 to delete\n\n1 TO DELETE: ")
    assert shown.endswith("\n  - er, vpc-1, f-1\n    logged to g/s")


def test_stacks_with_nothing_to_do_have_one_line_and_come_last() -> None:
    files = {"a": "unchanged.jsonl", "b": "dropped_router.jsonl"}
    several = [review_stack(stack, read_recorded(file)) for stack, file in files.items()]

    shown = text(several)

    assert shown.startswith("Flow logs: 4 to delete\n\nStack b: 4 to delete, 6 unchanged\n\n4 TO DELETE: ")
    assert shown.endswith("\n\nStack a: nothing to do, 10 unchanged")
    assert text(reversed(several)) == shown


def test_failed_preview_is_loud_and_shows_why() -> None:
    assert review("wrong_stack_file.jsonl").splitlines() == [
        "Stack local: THE PREVIEW FAILED, so the changes are unknown.",
        "  - otc-flow-logs:routers.core.log_group in stacks/Pulumi.local.yaml: there is",
        "    no log group with id or name 'netwrk'; known: network, security",
    ]
    assert text([review_stack("dev", "")]).splitlines() == [
        "Stack dev: THE PREVIEW FAILED, so the changes are unknown: it printed nothing to",
        "  standard output. Its standard error may say why.",
    ]


@pytest.mark.parametrize("kind", Kind)
def test_only_loud_lists_are_longer_than_twenty(kind: Kind) -> None:
    shown = review_of(kind, [row(n) for n in range(1234)])
    if kind in (Kind.DELETE, Kind.MOVE, Kind.REPLACE):
        assert f"1,234 {kind.value.upper()}: " in shown
        assert shown.count("  - er, vpc-") == 1234
    else:
        assert f"1,234 {kind.value}" in shown
        assert shown.count("  - er, vpc-") == 20
        assert shown.endswith("\n  ... and 1,214 more")
    assert "more" not in review_of(kind, [row(n) for n in range(20)])


def test_disabled_flow_logs_are_always_listed() -> None:
    shown = review_of(Kind.CHANGE, [row(n, is_disabled=n < 30) for n in range(40)])
    assert "40 TO CHANGE; 30 OF THEM DISABLED, SO THAT NOTHING IS WRITTEN\n" in shown
    assert shown.count("  - er, vpc-") == 30
    assert shown.endswith("  ... and 10 more")


def test_long_list_of_warnings_is_shortened() -> None:
    shown = review_of(Kind.CREATE, [row(1)], warnings=[f"w {n}" for n in range(25)])
    assert "\n25 warnings\n  - w 0\n" in shown
    assert shown.endswith("  - w 19\n  ... and 5 more")


def test_only_loud_titles_are_red() -> None:
    several = [review_stack("local", read_recorded("mixed.jsonl")), review_stack("dev", "")]

    red = text(several, in_colour=True)

    titles = re.findall(r"\x1b\[31m(.*?)\x1b\[0m\n", red)
    assert [title[:11] for title in titles] == ["Stack dev: ", "  standard ", "1 TO DELETE", "1 TO MOVE: "]
    assert re.sub(r"\x1b\[\d+m", "", red) == text(several)
    assert "\x1b" not in text(several)


TEXTS = [*HOSTILE, "vpc-shop", "x" * 79, "x" * 64, "名前" * 20, "e\u0301" * 70, "two words " * 30]


@settings(max_examples=25)
@given(reviews(TEXTS, stacks=st.sampled_from(TEXTS), longest=3))
def test_hostile_names_do_not_break_lines_or_control_the_terminal(several: list[StackReview]) -> None:
    shown = text(several)

    assert shown.encode()
    lines = shown.split("\n")
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if width(line) > COLUMNS] == []


@pytest.mark.parametrize(
    ("logs_to", "shown"),
    [
        ("g" * 64 + "/" + "s" * 64, ["    logs to " + "g" * 64 + "/", "      " + "s" * 64]),
        ("名" * 50, ["    logs to", "      " + "名" * 37, "      " + "名" * 13]),
        ("x" * 64, ["    logs to " + "x" * 64]),
    ],
)
def test_only_names_that_need_more_than_a_line_are_broken(logs_to: str, shown: list[str]) -> None:
    assert review_of(Kind.CREATE, [row(1, logs_to=logs_to)]).splitlines()[4:] == shown


# The command.


@pytest.mark.parametrize("position", [0, 1])
def test_command_prints_text_wherever_the_option_stands(position: int, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [f"dev={PREVIEWS / 'mixed.jsonl'}"]
    arguments.insert(position, "--text")
    assert main(arguments) == 0
    assert capsys.readouterr().out == review("mixed.jsonl", "dev") + "\n"
    assert main(["--text", f"dev={PREVIEWS / 'wrong_stack_file.jsonl'}"]) == 1
    file = "otc-flow-logs:routers.core.log_group in stacks/Pulumi.local.yaml"
    assert capsys.readouterr().err.startswith(f"error: the preview of stack dev failed: {file}: there is no log group")


@pytest.mark.parametrize(("no_color", "is_red"), [(None, True), ("", True), ("1", False)])
def test_command_uses_colour_on_terminals_unless_no_color_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], no_color: str | None, *, is_red: bool
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)

    main(["--text", f"dev={PREVIEWS / 'mixed.jsonl'}"])

    assert (RED in capsys.readouterr().out) is is_red


@pytest.mark.parametrize(("answer", "is_yes"), [("yes", True), ("no", False), ("", False)])
def test_only_what_is_typed_after_the_question_is_an_answer(
    answer: str, is_yes: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    controller, terminal = os.openpty()
    monkeypatch.setattr(question, "TERMINAL", Path(os.ttyname(terminal)))
    os.write(controller, b"no\n" if answer == "yes" else b"yes\n")

    with ThreadPoolExecutor() as pool:
        asked = pool.submit(question.is_confirmed, "Make these changes?")
        shown = b""
        while b"Make these changes?" not in shown:
            shown += os.read(controller, 1000)
        os.write(controller, f"{answer}\n".encode())
        assert asked.result(timeout=60) is is_yes

    assert ("Nothing was changed." in capsys.readouterr().err) is not is_yes
    os.close(terminal)
    os.close(controller)

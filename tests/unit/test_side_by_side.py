"""Runs of several stacks: what their events say, and how they are shown."""

import subprocess

import pytest

from providers.preview_notes import PREFIX
from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE
from stacks.commands.coverage import __main__ as coverage_command
from stacks.commands.coverage.model import Coverage
from stacks.commands.run import __main__ as run_command
from stacks.commands.run.progress import format_lines, format_table
from stacks.commands.run.side_by_side import exit_code, report
from stacks.commands.run.stack_run import StackRun


def event(kind: str, op: str, type_token: str = FLOW_LOG_TYPE) -> dict[str, object]:
    return {"sequence": 1, kind: {"metadata": {"op": op, "type": type_token}}}


def message(severity: str, text: str) -> dict[str, object]:
    return {"sequence": 1, "diagnosticEvent": {"severity": severity, "message": text}}


def run_of(*events: dict[str, object], stack: str = "a", planned: int = 0, is_preview: bool = False) -> StackRun:
    run = StackRun(stack, planned=planned, is_preview=is_preview)
    for found in events:
        run.read(found)
    return run


def test_coverage_names_the_stack_when_it_alone_of_several_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run_command, "_run", lambda *_: [0, 1])
    monkeypatch.setattr(
        coverage_command, "_survey", lambda stack, *_, **__: Coverage(stack=stack, seen_at="", routers=())
    )
    run_command._up([StackRun("one"), StackRun("two")], ())
    assert capsys.readouterr().out.startswith("Stack one:\n0 of 0 loggable attachments are logged.\n")


BEGUN, DONE, FAILED = "resourcePreEvent", "resOutputsEvent", "resOpFailedEvent"


@pytest.mark.parametrize(
    ("op", "what"),
    [
        *(("create", "created"), ("create-replacement", "created"), ("import", "imported"), ("update", "changed")),
        *(("delete", "deleted"), ("delete-replaced", "deleted")),
    ],
)
def test_changes_are_counted_by_what_became_of_flow_logs(op: str, what: str) -> None:
    run = run_of(event(BEGUN, op), event(BEGUN, op), event(DONE, op), event(FAILED, op))
    assert (run.total, run.done) == (2, {what: 1, "failed": 1})


@pytest.mark.parametrize(
    "found",
    [event(DONE, "same"), event(DONE, "refresh"), event(DONE, "replace"), event(DONE, "create", COMPONENT_TYPE)],
)
def test_what_changes_no_flow_log_is_not_counted(found: dict[str, object]) -> None:
    assert run_of(found).total == run_of(found).done.total() == 0


def test_preview_plans_changes_and_makes_none() -> None:
    run = run_of(event(BEGUN, "create"), event(DONE, "create"), is_preview=True)
    assert (run.begun, run.done.total()) == (1, 0)


def test_wait_is_shown_until_something_is_done() -> None:
    run = run_of(message("info", "waiting\x1b for the API"))
    assert run.waits_for == "waiting for the API"
    run.read(message("info", f"{PREFIX}{{}}"))
    assert run.waits_for == "waiting for the API"
    run.read(event(DONE, "create"))
    assert run.waits_for == ""


def test_lines_fit_the_terminal_however_many_stacks_there_are() -> None:
    runs = [run_of(stack=f"production-{number:02}-{'x' * 90}") for number in range(40)]
    assert format_lines(runs, "updating", columns=80, height=24) == ["40 waiting"]
    lines = format_lines(runs, "updating", columns=80, height=50)
    assert len(lines) == 40
    assert max(map(len, lines)) < 80


def test_table_says_what_was_done_and_of_how_many() -> None:
    runs = [
        run_of(event(BEGUN, "create"), event(DONE, "create"), stack="core", planned=1),
        run_of(event(DONE, "delete"), event(DONE, "update"), stack="edge", planned=1200),
        run_of(stack="lab"),
    ]
    runs[2].is_interrupted = True
    assert format_table(runs).splitlines() == [
        "STACK  RESULT       FLOW LOGS                         TIME",
        "core   waiting      1 created                         0:00",
        "edge   waiting      2 of 1,200: 1 changed, 1 deleted  0:00",
        "lab    not started  -                                 0:00",
    ]


def test_stack_whose_pulumi_was_killed_is_to_be_recovered(capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(stack="core")
    run.process = subprocess.Popen(["sh", "-c", "kill -KILL $$"], stderr=subprocess.PIPE)
    assert exit_code([run]) == 137
    report([run], "up")
    shown = capsys.readouterr()
    assert "core   killed" in shown.out
    assert "error: stack core is locked: if no run of it is in progress, run `make recover STACK=core`" in shown.err

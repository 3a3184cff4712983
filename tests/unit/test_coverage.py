"""Coverage: every attachment with its flow logs, and the table for the terminal."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import cast

import pytest

from providers.er import Client
from providers.er.flow_logs import FlowLog
from providers.er.log_groups import LogGroup
from stacks.commands import cli, command_line
from stacks.commands.coverage.model import Coverage, Status
from stacks.commands.coverage.report import describe
from stacks.commands.coverage.survey import survey
from stacks.commands.coverage.table import format_brief, format_table
from stacks.errors import Problem
from stacks.planning.plan import Plan, ResolvedRouter
from stacks.state.last_run import LastRun
from stacks.state.managed import ManagedFlowLogs
from tests.unit.plans import (
    STREAMS,
    FakeClient,
    Stack,
    attachment,
    flow_log,
    managed,
    plan,
    resolved_router,
    router,
    target,
)

NOW = datetime(2030, 1, 2, 4, 4, 5, tzinfo=timezone(timedelta(hours=1)))
GROUPS = [LogGroup(id="g", name="group"), LogGroup(id="g2", name="audit"), LogGroup(id="g3", name="secret")]


def survey_of(
    routers: Sequence[ResolvedRouter], client: FakeClient | None = None, others: Sequence[str] = ()
) -> Coverage:
    client = client or FakeClient()
    client.streams_of = {**STREAMS, "g3": []}
    client.refused = "streams of g3"
    found = plan(*routers, other_routers=[router(name, name) for name in others], groups=GROUPS)
    return survey_plan(found, client)


def survey_plan(
    found: Plan,
    client: FakeClient | None = None,
    *,
    last_run: LastRun | None = None,
    managed: ManagedFlowLogs | None = None,
) -> Coverage:
    er = cast(Client, client or FakeClient())
    return survey(er, found, stack="prod", now=NOW, last_run=last_run or {}, managed=managed or {})


CORE = resolved_router(
    "core",
    [("a", "vpc-shop"), ("b", "vpc-data"), ("c", "vpc-new")],
    others=[attachment("d", "fw", "cfw"), attachment("e", "vpc-lab"), attachment("f", "vpc-old")],
    existing=[
        flow_log("a", "core-shop"),
        flow_log("b", "core-data", enabled=False),
        flow_log("f", "by-hand", group="g2", stream="s2"),
        flow_log("f", "by-hand-2", id_="2", group="g3", stream="s3"),
        flow_log("z", "orphan"),
    ],
)


def test_table_shows_every_attachment_with_its_flow_logs_or_a_reason() -> None:
    assert format_table(survey_of([CORE], others=["er-lab"])).splitlines() == [
        "ROUTER     ATTACHMENT  TYPE  STATE      FLOW LOG   LOGS TO, OR WHY NOT",
        "er-1-name  fw          cfw   available  -          is of type cfw, which cannot be logged",
        "er-1-name  vpc-data    vpc   available  core-data  NOT LOGGED: is disabled",
        "er-1-name  vpc-lab     vpc   available  -          is not selected in the stack file",
        "er-1-name  vpc-new     vpc   available  -          NOT LOGGED: has no flow log to group/stream yet",
        "er-1-name  vpc-old     vpc   available  by-hand    audit/all (not this stack's)",
        "er-1-name  vpc-old     vpc   available  by-hand-2  secret/s3 (not this stack's)",
        "er-1-name  vpc-shop    vpc   available  core-shop  group/stream",
        "er-1-name  z           -     -          orphan     its attachment is gone",
        "",
        "2 of 5 loggable attachments are logged, 2 are not, 1 is deselected, 2 cannot be.",
        "Not in this stack: router er-lab.",
    ]


def test_table_has_a_column_for_delivery_if_asked_for() -> None:
    coverage = survey_of([resolved_router("core", [("a", "vpc")], existing=[flow_log("a", "x")])])
    (found,) = coverage.routers
    shown = replace(coverage, routers=[replace(found, entries=[replace(found.entries[0], delivery="quiet")])])
    assert [line.split() for line in format_table(shown).splitlines()[:2]] == [
        ["ROUTER", "ATTACHMENT", "TYPE", "STATE", "FLOW", "LOG", "DELIVERY", "LOGS", "TO,", "OR", "WHY", "NOT"],
        ["er-1-name", "vpc", "vpc", "available", "x", "quiet", "group/stream"],
    ]


def test_only_enabled_flow_logs_of_the_stack_are_expected_to_deliver() -> None:
    core = resolved_router(
        "core",
        [("a", "on"), ("b", "off"), ("c", "missing")],
        disabled=["b"],
        existing=[flow_log("a", "x"), flow_log("b", "y", enabled=False), flow_log("a", "z", id_="2", stream="t")],
    )
    assert [(entry.attachment, entry.flow_log, entry.is_expected) for entry in survey_of([core]).entries] == [
        *(("missing", "", True), ("off", "y", False), ("on", "x", True), ("on", "z", False)),
    ]


def test_narrow_terminal_gets_a_table_without_some_columns() -> None:
    narrow, wide = (format_table(survey_of([CORE]), columns=columns).splitlines() for columns in (62, 200))
    assert wide == format_table(survey_of([CORE])).splitlines()
    assert narrow[0] == "ROUTER     ATTACHMENT  LOGS TO, OR WHY NOT"
    assert narrow[9] == "Without STATE, TYPE, FLOW LOG: the terminal is too narrow."
    assert narrow[10:] == wide[9:]


def test_brief_form_has_what_is_not_logged_and_the_counts() -> None:
    assert format_brief(survey_of([CORE], others=["er-lab"])).splitlines() == [
        "er-1-name/vpc-data NOT LOGGED: is disabled",
        "er-1-name/vpc-new NOT LOGGED: has no flow log to group/stream yet",
        "2 of 5 loggable attachments are logged, 2 are not, 1 is deselected, 2 cannot be.",
        "Not in this stack: router er-lab.",
    ]


def test_narrowest_terminal_gets_cells_without_their_middle() -> None:
    lines = format_table(survey_of([CORE]), columns=46).splitlines()
    assert max(map(len, lines[:9])) == 46
    assert lines[5] == "er-1-name  vpc-old     audit/all (…is stack's)"


def test_attachments_that_are_not_logged_are_coloured() -> None:
    plain, coloured = (format_table(survey_of([CORE]), in_colour=colour).splitlines() for colour in (False, True))
    assert coloured[2] == f"\x1b[31m{plain[2]}\x1b[0m"
    assert coloured[1] == f"\x1b[2m{plain[1]}\x1b[0m"
    assert coloured[7] == plain[7]


def test_stack_without_attachments_has_headings_and_a_count() -> None:
    assert format_table(survey_of([resolved_router("core", [])])).splitlines() == [
        "ROUTER  ATTACHMENT  TYPE  STATE  FLOW LOG  LOGS TO, OR WHY NOT",
        "",
        "0 of 0 loggable attachments are logged.",
    ]


def test_states_in_which_nothing_is_written_are_reasons() -> None:
    states = {"a": "pending", "b": "failed", "c": "modifying"}
    names = [(id_, f"vpc-{id_}") for id_ in states]
    core = resolved_router("core", names, existing=[flow_log(id_, "x", state=state) for id_, state in states.items()])
    assert [(entry.status, entry.reason) for entry in survey_of([core]).routers[0].entries] == [
        (Status.NOT_LOGGED, "is still being created"),
        (Status.NOT_LOGGED, "has failed"),
        (Status.LOGGED, ""),
    ]


def test_attachment_with_several_flow_logs_counts_once() -> None:
    core = resolved_router(
        "core", [("a", "vpc")], existing=[flow_log("a", "x", enabled=False), flow_log("a", "y", id_="2", stream="t")]
    )
    coverage = survey_of([core])
    assert len(coverage.routers[0].entries) == 2
    assert coverage.counts.logged == 1
    assert coverage.counts.not_logged == 0


def test_flow_log_that_is_missing_beside_another_is_said_and_fails() -> None:
    core = resolved_router("core", [("a", "vpc")], existing=[flow_log("a", "by-hand", stream="t")])
    coverage = survey_of([core])
    assert coverage.exit_code == 1
    assert format_brief(coverage).splitlines() == [
        "er-1-name/vpc NOT LOGGED: has no flow log to group/stream yet",
        "1 of 1 loggable attachments are logged.",
        "1 logged attachment lacks a flow log to another log stream that the stack file names.",
    ]
    existing = [flow_log("a", "x", stream="t"), flow_log("b", "y", stream="t")]
    both = survey_of([resolved_router("core", [("a", "vpc"), ("b", "vpc-b")], existing=existing)])
    assert format_brief(both).splitlines()[-1] == (
        "2 logged attachments lack a flow log to another log stream that the stack file names."
    )


@pytest.mark.parametrize(
    ("existing", "disabled", "problems", "code"),
    [
        (flow_log("a", "x"), [], [], 0),
        (flow_log("a", "x", enabled=False), [], [], 1),
        (flow_log("a", "x", enabled=False), ["a"], [], 0),
        (flow_log("a", "x"), [], [Problem("rules", "x")], 2),
        (flow_log("a", "x", state="failed"), [], [Problem("rules", "x")], 1),
    ],
)
def test_exit_code_says_whether_all_is_logged_that_should_be(
    existing: FlowLog, disabled: Sequence[str], problems: Sequence[Problem], code: int
) -> None:
    others = [attachment("b", "vpc-deselected"), attachment("c", "fw", "cfw")]
    core = resolved_router("core", [("a", "vpc")], existing=[existing], disabled=disabled, others=others)
    assert survey_plan(plan(core, problems=problems)).exit_code == code


def test_exit_code_differs_if_delivery_is_unknown() -> None:
    coverage = survey_of([resolved_router("core", [("a", "vpc")], existing=[flow_log("a", "x")])])
    (found,) = coverage.routers

    def with_delivery(delivery: str) -> Coverage:
        entry = replace(found.entries[0], status=Status.NOT_LOGGED, delivery=delivery)
        return replace(coverage, routers=[replace(found, entries=[entry])])

    assert [with_delivery(delivery).exit_code for delivery in ("overdue", "unknown")] == [1, 2]


def test_flow_log_that_the_state_has_is_the_stacks_and_keeps_its_names() -> None:
    stack = Stack(attachment("a", "vpc"))
    stack.up()
    existing = [flow_log("a", "old"), flow_log("a", "by-hand", id_="2", stream="t")]
    moved = plan(resolved_router("core", [("a", "vpc")], stream="new", existing=existing))
    nameless = replace(moved, inventory=replace(moved.inventory, groups=[], streams={}))
    entries = survey_plan(nameless, last_run=stack.last, managed=stack.managed).entries
    assert [(entry.flow_log, entry.logs_to, entry.is_in_stack) for entry in entries] == [
        *(("", "", True), ("old", "group/stream", True), ("by-hand", "group/t", False)),
    ]


def test_renamed_router_of_the_stack_is_not_called_another() -> None:
    found = plan(other_routers=[router("er-1", "er-renamed"), router("er-2", "er-lab")])
    assert survey_plan(found, managed=managed(target("a"))).other_routers == ["er-lab"]


def test_json_has_counts_names_ids_and_reasons() -> None:
    document = describe(survey_of([CORE], others=["er-lab"]))
    counts = {"logged": 2, "not_logged": 2, "deselected": 1, "cannot_be_logged": 2}
    assert document["counts"] == counts
    assert document["routers"] == [{"router": "er-1-name", "router_id": "er-1", "counts": counts}]
    assert document["other_routers"] == ["er-lab"]
    assert document["attachments"][1] == {
        "router": "er-1-name",
        "router_id": "er-1",
        "attachment": "vpc-data",
        "attachment_id": "b",
        "flow_log": "core-data",
        "flow_log_id": "flow-log-of-b",
        "logs_to": "group/stream",
        "is_in_stack": True,
        "type": "vpc",
        "attachment_state": "available",
        "flow_log_state": "available",
        "is_expected": True,
        "status": "not logged",
        "reason": "is disabled",
    }
    assert [found["status"] for found in document["attachments"][:3]] == [
        "cannot be logged",
        "not logged",
        "deselected",
    ]


def test_two_keys_of_one_router_are_shown_as_one_router() -> None:
    existing = [flow_log("a", "x"), flow_log("b", "y")]
    second = resolved_router("second", [("b", "vpc-b")], existing=existing, others=[attachment("a", "vpc-a")])
    first = resolved_router("first", [("a", "vpc-a")], existing=existing, others=[attachment("b", "vpc-b")])
    (found,) = survey_of([first, second]).routers
    assert found.key == "first, second"
    assert [(entry.attachment, entry.is_in_stack) for entry in found.entries] == [("vpc-a", True), ("vpc-b", True)]


def test_shared_names_are_followed_by_ids() -> None:
    core = resolved_router("core", [("a", "vpc"), ("b", "vpc"), ("c", "")])
    (found,) = survey_of([core], others=["er-1-name"]).routers
    assert found.name == "er-1-name (er-1)"
    assert [entry.attachment for entry in found.entries] == ["c", "vpc (a)", "vpc (b)"]


def test_mistake_in_the_stack_file_is_shown_and_hides_no_router() -> None:
    core = replace(resolved_router("core", [("a", "vpc")]), flow_logs=[])
    found = plan(core, problems=[Problem("routers.core.log_group", "x")])
    coverage = survey_plan(found)
    assert coverage.mistakes == ["otc-flow-logs:routers.core.log_group in stacks/Pulumi.prod.yaml: x"]
    (entry,) = coverage.routers[0].entries
    assert (entry.status, entry.reason) == (
        Status.NOT_LOGGED,
        "the log stream is unknown because of a mistake in the stack file",
    )


def test_headline_claims_nothing_complete_if_the_stack_file_has_mistakes() -> None:
    core = resolved_router("core", [("a", "vpc")], existing=[flow_log("a", "x")])
    coverage = survey_plan(plan(core, problems=[Problem("routers.edge.router", "there is no router er-croe")]))
    for shown in (format_table(coverage), format_brief(coverage)):
        assert shown.splitlines()[-1] == (
            "Incomplete, because of mistakes in the stack file: 1 of 1 loggable attachments are logged."
        )


def test_attachment_that_is_gone_but_in_the_stack_file_is_shown() -> None:
    core = resolved_router("core", [("a", "vpc")])
    core.selections["core"].stale_names["vpc-old"] = ""
    entries = {entry.attachment: entry for entry in survey_of([core]).routers[0].entries}
    assert entries["vpc-old"].reason == "is gone from the router"


def test_attachment_that_is_skipped_has_its_reason() -> None:
    others = [attachment("b", "vpc-b", state="freezed"), attachment("c", "peer-c", "peering")]
    existing = [flow_log("d", "x"), flow_log("e", "y")]
    logged = [attachment("d", "vpc-d", state="freezed"), attachment("e", "peer-e", "peering")]
    core = resolved_router("core", [], others=[*others, *logged], existing=existing)
    core.selections["core"].skipped["b"] = frozen = "is frozen, so it cannot have a new flow log"
    unknown = "is of type peering, which may not be loggable: to try it, select types: [peering]"
    assert [(entry.attachment_id, entry.status, entry.reason) for entry in survey_of([core]).routers[0].entries] == [
        ("c", Status.CANNOT_BE_LOGGED, unknown),
        ("e", Status.LOGGED, ""),
        ("b", Status.CANNOT_BE_LOGGED, frozen),
        ("d", Status.LOGGED, ""),
    ]


def test_streams_are_listed_only_for_groups_outside_the_stack_file() -> None:
    client = FakeClient()
    assert survey_of([CORE], client).seen_at == "2030-01-02T03:04:05Z"
    assert client.requests == {"streams of g2": 1, "streams of g3": 1}


def test_each_mistake_in_stack_file_is_an_error_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command_line.parse_values("dev", "config: {otc-flow-logs:reigon: eu-de, otc-flow-logs:max_delete: 1}")

    assert ended.value.code == cli.UNKNOWN
    assert capsys.readouterr().err.splitlines() == [
        "error: otc-flow-logs:reigon in stacks/Pulumi.dev.yaml: unknown key; did you mean region?",
        "error: otc-flow-logs:max_delete in stacks/Pulumi.dev.yaml: unknown key; did you mean max_deletes?",
    ]

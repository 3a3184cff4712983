"""Delivery: when a flow log counts as delivering, quiet or overdue, and how that is shown."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest

from providers.er import Record
from stacks.commands import command_line
from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.commands.delivery.model import Delivery, State, Tally, default_limit, format_age, judge
from stacks.commands.delivery.report import MAX_ROWS, format_json, format_markdown
from stacks.commands.delivery.table import format_bytes, format_table
from stacks.commands.records import format_table as format_records
from tests.unit.plans import flow_log
from tests.unit.test_records import PING

NOW = datetime(2030, 1, 2, 12, tzinfo=timezone.utc)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def ago(minutes: float) -> str:
    return f"{NOW - minutes * MINUTE:%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("enabled", "last", "state", "reason"),
    [
        (5, None, State.QUIET, "no record yet: overdue only 30 min after it was enabled"),
        (30, None, State.QUIET, "no record yet: overdue only 30 min after it was enabled"),
        (31, None, State.OVERDUE, "no record was found: check that traffic passes the attachment"),
        (600, 30, State.DELIVERING, ""),
        (5, 4, State.DELIVERING, ""),
        (5, 6, State.QUIET, "no record yet: overdue only 30 min after it was enabled"),
        (5, 60, State.QUIET, "no record yet: overdue only 30 min after it was enabled"),
        (600, 31, State.OVERDUE, "the newest record is 31 min old"),
        (None, None, State.OVERDUE, "no record was found: check that traffic passes the attachment"),
        (600, -1, State.DELIVERING, ""),
    ],
)
def test_flow_log_is_overdue_after_two_intervals_and_ten_minutes(
    enabled: float | None, last: float | None, state: State, reason: str
) -> None:
    log = flow_log("a", "shop", created_at="long ago" if enabled is None else ago(enabled))
    tally = Tally(last=None if last is None else NOW - last * MINUTE)
    found = judge(entry("a"), log, tally, now=NOW, overdue_after=default_limit(log))
    assert (found.state, found.reason) == (state, reason)


def entry(name: str, **changes: object) -> Entry:
    values = {"status": Status.LOGGED, "is_expected": True, "logs_to": "group/stream", "flow_log": name, **changes}
    return Entry(attachment_id=f"id-{name}", attachment=name, type="vpc", state="available", **values)  # type: ignore[arg-type]


def record(direct: str = "ingress", minutes: float = 10) -> Record:
    end = int((NOW - minutes * MINUTE).timestamp())
    return Record.parse(" ".join([*PING.split()[:11], str(end - 600), str(end), direct]))


def tally_of(*records: Record, is_complete: bool = True) -> Tally:
    tally = Tally(is_complete=is_complete)
    for found in records:
        tally.add(found, since=NOW - HOUR)
    return tally


CANNOT = {"status": Status.CANNOT_BE_LOGGED, "is_expected": True}
DELIVERIES = [
    Delivery(entry=entry("busy"), state=State.DELIVERING, tally=tally_of(record(), record(), is_complete=False)),
    Delivery(entry=entry("fw", **CANNOT), state=State.NOT_LOGGED, reason="is of type cfw"),
    Delivery(entry=entry("new"), state=State.QUIET, reason="no record yet"),
    Delivery(entry=entry("off", status=Status.NOT_LOGGED), state=State.NOT_LOGGED, reason="is disabled"),
    Delivery(
        entry=entry("old"), state=State.OVERDUE, reason="it stopped", tally=tally_of(record("egress", 61), record())
    ),
    Delivery(
        entry=entry("theirs", is_expected=False, is_in_stack=False), state=State.OVERDUE, reason="no record was found"
    ),
]


def with_router(deliveries: Sequence[Delivery]) -> list[tuple[RouterCoverage, Delivery]]:
    router = RouterCoverage(key="core", id="er-1", name="er-core", entries=[found.entry for found in deliveries])
    return [(router, found) for found in deliveries]


def test_table_counts_each_direction_and_shouts_what_should_deliver() -> None:
    lines = format_table(with_router(DELIVERIES), span=HOUR).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "ROUTER ATTACHMENT DELIVERY LAST RECORD INGRESS EGRESS LOGS TO, OR WHAT IS WRONG",
        "er-core busy delivering 2030-01-02T11:50:00Z 2+ records, 44.9 kB+ - group/stream",
        "er-core fw - - - - is of type cfw",
        "er-core new quiet - - - group/stream: no record yet",
        "er-core off NOT LOGGED - - - is disabled",
        "er-core old OVERDUE 2030-01-02T11:50:00Z 1 record, 22.4 kB - group/stream: it stopped",
        "er-core theirs overdue - - - group/stream (not this stack's): no record was found",
        "",
        "1 of 4 flow logs of this stack deliver, 1 quiet, 1 overdue, 1 not logged."
        " Ingress and egress are those of the last 1 h.",
    ]


def test_what_fails_is_coloured_and_what_nobody_expects_is_faint() -> None:
    lines = format_table(with_router(DELIVERIES), span=HOUR, in_colour=True).splitlines()
    assert [line[:5] for line in lines[1:7]] == [
        *("er-co", "\x1b[2me", "er-co", "\x1b[31m", "\x1b[31m", "\x1b[2me"),
    ]


def test_narrow_terminal_keeps_who_delivers_and_what_is_wrong() -> None:
    narrow, wide = (
        format_table(with_router(DELIVERIES), span=HOUR, columns=columns).splitlines() for columns in (60, 200)
    )
    assert narrow[0] == "ROUTER   ATTACHMENT  DELIVERY    LOGS TO, OR WHAT IS WRONG"
    assert narrow[7] == "Without LAST RECORD, EGRESS, INGRESS: the terminal is too narrow."
    assert narrow[8:] == wide[7:]


def test_json_has_ids_and_numbers() -> None:
    coverage = Coverage(stack="prod", seen_at="2030-01-02T12:00:00Z", routers=(), mistakes=["a mistake"])
    document = json.loads(format_json(coverage, with_router(DELIVERIES), span=HOUR))
    assert (document["stack"], document["span_seconds"], document["mistakes"]) == ("prod", 3600, ["a mistake"])
    busy = document["attachments"][0]
    assert (busy["router"], busy["attachment_id"], busy["state"]) == ("er-core", "id-busy", "delivering")
    assert (busy["ingress"], busy["is_complete"]) == ({"records": 2, "bytes": 44884}, False)
    assert busy["last_record"] == "2030-01-02T11:50:00Z"
    assert [found["is_expected"] for found in document["attachments"]] == [True, False, True, True, True, False]


def test_markdown_lists_what_should_deliver_and_does_not() -> None:
    coverage = Coverage(stack="prod", seen_at="", routers=())
    lines = format_markdown(coverage, with_router(DELIVERIES), span=HOUR).splitlines()
    assert lines[0] == "### Delivery of stack `prod`"
    assert [line.split(" | ")[1] for line in lines if line.startswith("| `")] == ["`off`", "`old`"]
    many = format_markdown(coverage, with_router(DELIVERIES[3:4] * (MAX_ROWS + 2)), span=HOUR)
    assert many.count("`off`") == MAX_ROWS
    assert many.endswith("\nAnd 2 more.")
    assert "|" not in format_markdown(coverage, with_router(DELIVERIES[:1]), span=HOUR)


def test_summary_is_incomplete_if_the_stack_file_has_mistakes() -> None:
    coverage = Coverage(stack="prod", seen_at="", routers=(), mistakes=["a mistake"])
    for text in (
        format_table(with_router(DELIVERIES), span=HOUR, caveat=coverage.caveat),
        format_markdown(coverage, with_router(DELIVERIES), span=HOUR),
    ):
        assert "\nIncomplete, because of mistakes in the stack file: 1 of 4 flow logs of this stack deliver" in text


def test_usual_records_fit_eighty_columns() -> None:
    wide = "1 p 5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6 er 192.168.100.100 10.200.100.20 65535 65535 {} 9999 9999999"
    lines = [f"{wide.format(protocol)} {int(NOW.timestamp())} {int(NOW.timestamp())} egress" for protocol in (6, 99)]
    table = format_records([Record.parse(line) for line in lines], with_date=False).splitlines()
    assert table[1] == "12:00:00  out  192.168.100.100:65535  10.200.100.20:65535  tcp    9999  9999999"
    assert table[2].split()[4] == "99"
    assert max(map(len, table)) <= 80


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (123_456, "123 kB"), (999_500, "1.0 MB")],
)
def test_bytes_have_decimal_units(number: int, text: str) -> None:
    assert format_bytes(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0 s"), (119, "119 s"), (60, "1 min"), (5400, "90 min"), (3600, "1 h"), (200_000, "2 d")]
)
def test_ages_have_one_unit(seconds: float, text: str) -> None:
    assert format_age(timedelta(seconds=seconds)) == text


def test_durations_have_a_unit_and_spans_an_end() -> None:
    assert command_line.parse_span("90s") == timedelta(seconds=90)
    assert command_line.parse_span("180d") == timedelta(days=180)
    for wrong in ("", "0s", "10", "1y", "-1h", "1.5h"):
        with pytest.raises(argparse.ArgumentTypeError, match="is not a duration such as 90s, 30m, 1h or 7d"):
            command_line.parse_span(wrong)
    with pytest.raises(argparse.ArgumentTypeError, match="180 days at most"):
        command_line.parse_span("181d")

"""The survey of delivery over HTTP: what flow logs have written for hours, and each way in which they can fail."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from emulator import Server
from emulator.delivery import Line
from emulator.faults.plan import Fault
from providers.er import Client, records
from stacks.commands.coverage.model import Coverage, Status
from stacks.commands.coverage.survey import survey as survey_coverage
from stacks.commands.delivery import __main__ as command
from stacks.commands.delivery import survey
from stacks.commands.delivery.model import Delivery, State
from stacks.commands.delivery.survey import Question, add_delivery, measure
from stacks.commands.records import find_flow_logs, find_logs_to, read
from stacks.planning.inventory import take_inventory
from stacks.planning.plan import make_plan
from stacks.stackfile.model import StackConfig
from tests.emulator.timeline import START, Timeline

QUERY = "POST /v2/{project_id}/groups/{log_group_id}/streams/{log_stream_id}/content/query"
QUERIES = "POST */content/query"
HOUR = timedelta(hours=1)
CONFIG = StackConfig.model_validate(
    {
        "routers": {
            "main": {
                "router": "er-main",
                "log_group": "network",
                "log_stream": "flow",
                "attachments": ["vpc-a", "vpc-b", "vpn-a"],
                "overrides": {"vpn-a": {"log_stream": "archive"}},
            }
        }
    }
)


def hours_ago(timeline: Timeline, hours: float) -> Timeline:
    return timeline.at(time.time() - START / 1_000_000 - hours * HOUR.total_seconds())


@pytest.fixture(autouse=True)
def written(timeline: Timeline) -> Timeline:
    """Three flow logs have written for three hours, two of them into the same stream."""
    hours_ago(timeline, 3)
    for attachment, stream in (("vpc-a", "flow"), ("vpc-b", "flow"), ("vpn-a", "archive")):
        timeline.create(attachment, stream=stream)
    return timeline


def coverage_of(er: Client) -> Coverage:
    plan = make_plan(CONFIG, take_inventory(er, CONFIG, {}), stack="local", last_run=None, managed={})
    return survey_coverage(er, plan, stack="local", now=datetime.now(timezone.utc), last_run={}, managed={})


def question() -> Question:
    return Question(now=datetime.now(timezone.utc))


def deliveries(er: Client) -> dict[str, Delivery]:
    """By attachment; of those that the stack file selects, and of those that have a flow log."""
    found = measure(er, coverage_of(er).entries, question())
    return {one.entry.attachment: one for one in found if one.entry.is_expected or one.entry.record}


def test_each_stream_is_queried_once_and_each_record_counted(er: Client, server: Server) -> None:
    found = deliveries(er)
    assert server.requests.read()[QUERY] == 2
    assert {name: one.state for name, one in found.items()} == dict.fromkeys(
        ("vpc-a", "vpc-b", "vpn-a"), State.DELIVERING
    )
    _, flow_logs = find_flow_logs(er, "er-main/vpc-a")
    now = datetime.now(timezone.utc)
    listed = read(er, flow_logs[0], since=now - 2 * HOUR, until=now, limit=1000)
    recent = [record for record in listed if record.end > now - HOUR]
    tally = found["vpc-a"].tally
    assert tally.last == max(record.end for record in recent)
    assert tally.ingress.records + tally.egress.records == len(recent)
    assert tally.egress.bytes == sum(record.bytes for record in recent if record.direct == "egress")


def stop(timeline: Timeline) -> None:
    hours_ago(timeline, 2).store.stop_delivery("vpc-a-flow")


def stop_at_once(timeline: Timeline) -> None:
    hours_ago(timeline, 3).store.stop_delivery("vpc-a-flow")


def delay(timeline: Timeline) -> None:
    timeline.store.delay_delivery("vpc-a-flow", 50 * 60)


def delay_a_little(timeline: Timeline) -> None:
    timeline.store.delay_delivery("vpc-a-flow", 15 * 60)


def disable(timeline: Timeline) -> None:
    hours_ago(timeline, 1).store.disable_flow_log("vpc-a-flow")


def rename(timeline: Timeline) -> None:
    stop(timeline)
    hours_ago(timeline, 0.1).store.rename_flow_log("vpc-a-flow", "other")


def delete(timeline: Timeline) -> None:
    timeline.store.delete_flow_log("vpc-a-flow")


@pytest.mark.parametrize(
    ("spoil", "state", "reason"),
    [
        (stop, State.OVERDUE, r"the newest record is (2 h|1\d\d min) old"),
        (stop_at_once, State.OVERDUE, "no record was found: check that traffic passes the attachment"),
        (delay, State.OVERDUE, r"the newest record is \d\d min old"),
        (delay_a_little, State.DELIVERING, ""),
        (disable, State.NOT_LOGGED, "is disabled"),
        (rename, State.QUIET, "no record yet: overdue only 30 min after it was enabled"),
        (delete, State.NOT_LOGGED, "has no flow log to network/flow yet"),
    ],
)
def test_flow_log_that_does_not_deliver_shows_what_is_wrong(
    er: Client, written: Timeline, spoil: Callable[[Timeline], None], state: State, reason: str
) -> None:
    spoil(written)
    found = deliveries(er)
    assert (found["vpc-a"].state, found["vpc-b"].state) == (state, State.DELIVERING)
    assert re.fullmatch(reason, found["vpc-a"].reason)
    assert found["vpc-a"].is_failing == (state in (State.OVERDUE, State.NOT_LOGGED))


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault("incomplete", calls=QUERIES), "gave up after 0 s of waiting for the query of the log stream to be"),
        (Fault("error", status=403, calls=QUERIES), r"lts:logs:list is not permitted in project \w+ \("),
    ],
)
def test_stream_that_cannot_be_read_leaves_delivery_unknown(
    er: Client, server: Server, fault: Fault, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "QUERY_SECONDS", 0.3)
    server.faults.use(0, [fault])
    for one in deliveries(er).values():
        assert (one.state, one.is_failing) == (State.UNKNOWN, True)
        assert re.match(f"its records cannot be read: {reason}", one.reason), one.reason


def test_deleted_stream_is_reported_with_its_flow_logs(er: Client, written: Timeline) -> None:
    written.store.lose_stream("vpn-a-archive")
    found = deliveries(er)
    assert (found["vpn-a"].state, found["vpn-a"].reason) == (State.OVERDUE, "its log stream has been deleted")
    assert found["vpc-a"].state is State.DELIVERING
    assert "there is no log stream in group 'network' with id or name 'archive'" in coverage_of(er).mistakes[0]


def test_stream_with_too_much_in_it_is_asked_for_each_attachment(
    er: Client, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "MAX_LINES", 2)
    monkeypatch.setattr(records, "PAGE_SIZE", 2)
    for one in deliveries(er).values():
        assert (one.state, one.tally.is_complete) == (State.DELIVERING, False)
        assert one.tally.ingress.records + one.tally.egress.records == 2
    assert server.requests.read()[QUERY] == 4


def test_newest_record_is_found_behind_lines_of_others(
    er: Client, server: Server, written: Timeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(written)
    delivery, (_, flow_logs) = server.store.delivery, find_flow_logs(er, "er-main/vpc-a")
    lines = delivery.lines

    def with_another(*args: Any, span: tuple[int, int], **kwargs: Any) -> Iterator[Line]:
        yield Line(span[1], f"somebody looked at {flow_logs[0].target.resource_id} by hand")
        yield from lines(*args, span=span, **kwargs)

    monkeypatch.setattr(delivery, "lines", with_another)
    assert re.fullmatch(r"the newest record is (2 h|1\d\d min) old", deliveries(er)["vpc-a"].reason)


def test_nothing_is_asked_of_streams_that_nothing_logs_to(er: Client, server: Server, written: Timeline) -> None:
    for name in ("vpc-a-flow", "vpc-b-flow", "vpn-a-archive"):
        written.store.disable_flow_log(name)
    assert {one.state for one in deliveries(er).values()} == {State.NOT_LOGGED}
    assert QUERY not in server.requests.read()


def test_coverage_with_delivery_logs_only_what_delivers(er: Client, written: Timeline) -> None:
    stop(written)
    written.store.add_attachment("er-main", "vpc-new")
    coverage = add_delivery(er, coverage_of(er), now=datetime.now(timezone.utc))
    shown = {entry.attachment: entry for entry in coverage.entries}
    assert (shown["vpc-a"].status, shown["vpc-a"].delivery) == (Status.NOT_LOGGED, "overdue")
    assert "the newest record is" in shown["vpc-a"].reason
    assert (shown["vpc-b"].status, shown["vpc-b"].delivery) == (Status.LOGGED, "delivering")
    assert (shown["vpc-new"].status, shown["vpc-new"].delivery) == (Status.DESELECTED, "")
    assert coverage.counts.logged == 2


@pytest.mark.parametrize("delivers", [True, False])
def test_wait_ends_with_the_first_record_or_at_its_bound(
    er: Client, written: Timeline, monkeypatch: pytest.MonkeyPatch, delivers: bool
) -> None:
    monkeypatch.setattr(command, "POLL", lambda _tries: 0.05)
    hours_ago(written, 0).store.delete_flow_log("vpc-a-flow")
    id_ = written.create("vpc-a")
    written.store.set_flow_log_state(id_, "available")
    found = measure(er, coverage_of(er).entries, question())
    assert [one.entry.attachment for one in found if one.state is State.QUIET] == ["vpc-a"]
    if delivers:
        written.store.set_delivery(1)
    bound = timedelta(seconds=20 if delivers else 0.2)
    newest, late = command.wait_for_first_records(er, found, question(), bound=bound)
    assert [one.entry.attachment for one in late] == ([] if delivers else ["vpc-a"])
    assert len(newest) == len(found)
    assert {one.state for one in newest if one.is_expected} == (
        {State.DELIVERING} if delivers else {State.DELIVERING, State.QUIET}
    )


def test_records_of_an_attachment_are_found_by_its_name(er: Client, written: Timeline) -> None:
    names, (flow_log,) = find_flow_logs(er, "er-main/vpn-a")
    assert names == ("er-main", "vpn-a")
    assert find_logs_to(er, flow_log) == "network/archive"
    now = datetime.now(timezone.utc)
    found = read(er, flow_log, since=now - HOUR, until=now, limit=3)
    assert len(found) == 3
    assert [record.end for record in found] == sorted(record.end for record in found)
    for text, sentence in {
        "er-main/vpc-x": "there is no attachment with id or name 'vpc-x'; known: ",
        "er-x/vpc-a": "there is no router with id or name 'er-x'; known: ",
        "er-main/vgw-a": "attachment 'vgw-a' has no flow log: see `make coverage`",
    }.items():
        with pytest.raises(ValueError, match=re.escape(sentence)):
            find_flow_logs(er, text)

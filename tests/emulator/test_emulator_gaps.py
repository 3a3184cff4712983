"""When attachments had no active flow log; and that the record of the past never changes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import EmulatorError
from emulator.clock import format_exact, parse, seconds
from emulator.errors import ApiError
from emulator.flow_logs import STATES, FlowLog
from emulator.gaps import Gap
from tests.emulator.timeline import START, Timeline


@pytest.fixture
def timeline(tmp_path: Path) -> Iterator[Timeline]:
    with closing(Timeline(tmp_path / "emulator.db")) as opened:
        yield opened


# What is a gap


def test_disabling_and_enabling_is_one_gap(timeline: Timeline) -> None:
    created = timeline.create()
    timeline.at(15).rename(created)
    timeline.at(20).switch(created, enabled=False)
    timeline.at(50).switch(created, enabled=True)
    assert timeline.gaps() == [(0, 10), (20, 60)]


def test_last_version_of_an_instant_counts(timeline: Timeline) -> None:
    created = timeline.create()
    for second, states in ((20, ("failed", "available", "failed")), (30, ("available", "failed", "available"))):
        for state in states:
            timeline.at(second).store.set_flow_log_state(created, state)
    assert timeline.gaps() == [(0, 10), (20, 30)]


# Where the search begins and ends


def test_gaps_are_limited_to_the_search(timeline: Timeline) -> None:
    created = timeline.create()
    timeline.at(20).switch(created, enabled=False)
    timeline.at(50).switch(created, enabled=True)
    assert timeline.gaps(since=5, until=55) == [(5, 10), (20, 55)]
    assert timeline.gaps(since=30, until=40) == [(30, 40)]
    assert timeline.gaps(since=10, until=20) == timeline.gaps(since=60, until=61) == []


def test_pending_changes_count_up_to_the_end_of_the_search(timeline: Timeline) -> None:
    created = timeline.create()
    timeline.at(20).delete(created)
    timeline.at(30).create()
    assert timeline.gaps(until=30) == [(0, 10), (20, 30)]
    assert timeline.gaps(until=50) == [(0, 10), (20, 40)]


def test_search_begins_with_first_flow_log_and_ends_now(timeline: Timeline) -> None:
    timeline.at(10).create()
    timeline.at(15)
    assert timeline.gaps(since=None, until=None) == [(0, 15)]
    timeline.at(50)
    assert timeline.gaps(since=None, until=None) == []
    assert timeline.gaps(since=None, until=None, attachment="vpc-b") == [(20, 50)]


def test_attachment_has_no_gap_before_it_was_created(timeline: Timeline) -> None:
    timeline.at(30).store.add_attachment("er-main", "vpc-new")
    assert timeline.gaps(attachment="vpc-new") == [(30, 100)]
    timeline.at(40).create("vpc-new")
    assert timeline.gaps(attachment="vpc-new") == [(30, 50)]
    assert timeline.gaps(until=20, attachment="vpc-new") == []


def test_attachment_has_no_gap_after_it_was_removed(tmp_path: Path) -> None:
    with closing(Timeline(tmp_path / "emulator.db", attachment_deleted="remove")) as timeline:
        id_ = timeline.store.attachment("vpc-a").id
        timeline.create()
        timeline.at(20).store.remove_attachment("vpc-a")
        assert timeline.gaps(attachment=id_) == [(0, 10)]


def test_gaps_of_all_existing_attachments_are_sorted_by_name(timeline: Timeline) -> None:
    store = timeline.store
    names = [attachment.name for attachment in store.network.all_attachments()]
    timeline.create("vpc-b")
    store.remove_attachment("vpc-a")
    found = store.gaps(since=START + seconds(10), until=START + seconds(100))
    assert [store.attachment(gap.attachment_id).name for gap in found] == [
        name for name in names if name not in ("vpc-a", "vpc-b")
    ]
    assert {(gap.begin, gap.end) for gap in found} == {(START + seconds(10), START + seconds(100))}


def test_attachments_can_be_named_by_name_or_id(timeline: Timeline) -> None:
    id_ = timeline.at(10).store.attachment("vpc-a").id
    assert timeline.store.gaps(attachments=[]) == []
    assert timeline.store.gaps(attachments=["vpc-a", id_]) == [Gap(id_, START, START + seconds(10))]
    timeline.store.remove_attachment("vpc-a")
    assert timeline.gaps(attachment=id_) == [(0, 10)]
    for name in ("vpc-x", "vpc-a"):
        with pytest.raises(EmulatorError, match=f"There is no attachment '{name}'; known: cfw-a, "):
            timeline.gaps(attachment=name)


@pytest.mark.parametrize("until", [20, 10])
def test_search_that_ends_before_it_begins_is_refused(timeline: Timeline, until: int) -> None:
    with pytest.raises(EmulatorError) as caught:
        timeline.gaps(since=20, until=until)
    assert str(caught.value) == (
        f"The beginning, 2027-01-15T08:00:20.000000Z, is not before the end, 2027-01-15T08:00:{until}.000000Z: "
        "choose an earlier beginning or a later end."
    )


# The record itself

Act = Callable[[Timeline, str, str], object]
"""On the flow log of this id, which logs this attachment."""


def set_state(state: str) -> Act:
    return lambda timeline, id_, _: timeline.store.set_flow_log_state(id_, state)


ACTS: dict[str, Act] = {
    "create": lambda timeline, _, attachment: timeline.create(attachment),
    "create another": lambda timeline, _, attachment: timeline.create(attachment, stream="archive"),
    "rename": lambda timeline, id_, _: timeline.rename(id_),
    "enable": lambda timeline, id_, _: timeline.switch(id_, enabled=True),
    "disable": lambda timeline, id_, _: timeline.switch(id_, enabled=False),
    "delete": lambda timeline, id_, _: timeline.delete(id_),
    "rename by hand": lambda timeline, id_, _: timeline.store.rename_flow_log(id_, "by-hand"),
    "enable by hand": lambda timeline, id_, _: timeline.store.enable_flow_log(id_),
    "disable by hand": lambda timeline, id_, _: timeline.store.disable_flow_log(id_),
    "delete by hand": lambda timeline, id_, _: timeline.store.delete_flow_log(id_),
    "remove": lambda timeline, _, attachment: timeline.store.remove_attachment(attachment),
    **{state: set_state(state) for state in STATES},
}
NAMES = ("vpc-a", "vpc-b")
STEP = st.tuples(st.integers(0, 12), st.sampled_from(sorted(ACTS)), st.sampled_from(NAMES), st.integers(0, 3))
"""Seconds to wait, what to do then, to which attachment, and to which of its flow logs."""


def valid_versions(timeline: Timeline) -> set[tuple[object, ...]]:
    """All versions that are valid now or were so before, in full."""
    connection = timeline.store._database.connection()
    return set(connection.execute("SELECT * FROM flow_log_version WHERE valid_from <= ?", (timeline.now(),)))


def flow_logs_of(timeline: Timeline, attachment_id: str) -> list[FlowLog]:
    return [flow_log for flow_log in timeline.store.flow_logs.live() if flow_log.resource_id == attachment_id]


@settings(max_examples=30)
@given(removal=st.sampled_from(["leave", "remove"]), steps=st.lists(STEP, max_size=20))
def test_record_keeps_each_second_as_it_was(removal: str, steps: list[tuple[int, str, str, int]]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(Timeline(Path(folder) / "emulator.db", attachment_deleted=removal)) as timeline,
    ):
        present = {name: timeline.store.attachment(name).id for name in NAMES}
        inactive: dict[str, set[float]] = {id_: set() for id_ in present.values()}

        def wait(duration: int) -> None:
            for _ in range(duration):
                live = timeline.store.flow_logs.live()
                active = {log.resource_id for log in live if log.state == "available" and log.enabled}
                for id_ in {*present.values()} - active:
                    inactive[id_].add(timeline.second)
                timeline.wait(1)

        for duration, act, name, index in steps:
            wait(duration)
            if name not in present:
                continue
            before = valid_versions(timeline)
            ids = [flow_log.id for flow_log in flow_logs_of(timeline, present[name])] or ["none"]
            with suppress(ApiError, EmulatorError):  # not everything is possible in every state
                ACTS[act](timeline, ids[index % len(ids)], name)
            assert before <= valid_versions(timeline)
            if act == "remove":
                del present[name]
        wait(1)

        for id_, expected in inactive.items():
            gaps = timeline.gaps(until=int(timeline.second), attachment=id_)
            assert {second for begin, end in gaps for second in range(begin, end)} == expected
            assert all(first[1] < second[0] for first, second in pairwise(gaps))


# Times on the command line


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-01-15T08:00:00Z", START),
        ("2027-01-15T08:00:00.5Z", START + 500_000),
        ("90s", START - seconds(90)),
        ("1.5s", START - seconds(1.5)),
        ("10m", START - seconds(600)),
        ("2h", START - seconds(7200)),
        ("999999999h", 0),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_time_is_in_utc_or_a_duration_back_from_now(text: str, instant: int) -> None:
    assert parse(text, START) == instant


@given(st.integers(0, 4_000_000_000_000_000))
def test_exact_time_is_parsed_as_itself(instant: int) -> None:
    assert parse(format_exact(instant), START) == instant


@pytest.mark.parametrize(
    "text",
    [
        *("", "10", "10d", "-10m", "1e3s", "9999999999h", "٣s", "now", "2027-01-15", "2027-01-15T08:00:00"),
        *("2027-01-15 08:00:00Z", "2027-01-15T08:00:00+01:00", "2027-02-30T08:00:00Z", "2027-01-15T24:00:01Z"),
        "2027-01-15T08:00:00.1234567Z",
    ],
)
def test_other_text_is_not_a_time(text: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        parse(text, START)
    assert str(caught.value) == (
        f"{text!r} is not a time: write it in UTC, as 2026-11-23T10:00:00Z, or as a duration back from now, as 90s, "
        "10m or 2h."
    )

"""When attachments had no flow log at work, read from the record; and that the record of the past never changes."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator import Behaviour, EmulatorError
from emulator.clock import exact, parse, seconds
from emulator.errors import ApiError
from emulator.flow_logs import STATES, FlowLog, FlowLogChange, NewFlowLog
from emulator.gaps import Gap
from emulator.store import Store
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import body

START = 1_800_000_000_000_000
LATENCY = 10
STREAMS = {"flow": "00000000-0000-4000-b000-000000000011", "archive": "00000000-0000-4000-b000-000000000012"}


class History:
    """A world that began at second 0, on a clock that the test turns. Spans are in seconds since then."""

    def __init__(self, path: Path, *, removal: str = "leave") -> None:
        self.second = 0
        behaviour = Behaviour(latency=LATENCY, attachment_deleted=removal)
        self.store = Store(path, seed_file=SEED, behaviour=behaviour, clock=self.now)
        self.project_id, self.er_id = self.store.identity.projects()[0].id, self.store.router("er-main").id
        self.router = (self.project_id, self.er_id)

    def now(self) -> int:
        return START + seconds(self.second)

    def close(self) -> None:
        self.store.close()

    def at(self, second: int) -> History:
        self.second = second
        return self

    def create(self, attachment: str = "vpc-a", *, stream: str = "flow") -> str:
        new = body(f"{attachment}-{stream}", self.store.attachment(attachment).id, stream=STREAMS[stream])
        return self.store.flow_logs.create(*self.router, NewFlowLog.parse({"flow_log": new})).id

    def switch(self, flow_log: str, *, enabled: bool) -> None:
        self.store.flow_logs.switch(*self.router, flow_log, enabled=enabled)

    def delete(self, flow_log: str) -> None:
        self.store.flow_logs.delete(*self.router, flow_log)

    def gaps(self, since: int | None = 0, until: int | None = 100, attachment: str = "vpc-a") -> list[tuple[int, int]]:
        begin, end = (None if second is None else START + seconds(second) for second in (since, until))
        found = self.store.gaps(since=begin, until=end, attachments=[attachment])
        return [(self._second(gap.begin), self._second(gap.end)) for gap in found]

    def _second(self, instant: int) -> int:
        second, rest = divmod(instant - START, seconds(1))
        assert rest == 0
        return second


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path / "emulator.db")
    yield made
    made.close()


# What is a gap


def test_an_attachment_without_a_flow_log_is_one_gap(history: History) -> None:
    assert history.gaps() == [(0, 100)]


def test_a_gap_ends_once_a_flow_log_is_available(history: History) -> None:
    history.at(20).create()
    assert history.gaps() == [(0, 30)]


def test_a_gap_begins_when_a_flow_log_is_being_deleted(history: History) -> None:
    one = history.at(20).create()
    history.at(40).delete(one)
    assert history.gaps() == [(0, 30), (40, 100)]


def test_switching_a_flow_log_off_and_on_is_one_gap(history: History) -> None:
    one = history.create()
    history.at(20).switch(one, enabled=False)
    history.at(50).switch(one, enabled=True)
    assert history.gaps() == [(0, 10), (20, 60)]


def test_a_new_name_makes_no_gap(history: History) -> None:
    one = history.create()
    history.at(20).store.flow_logs.update(*history.router, one, FlowLogChange(name="other"))
    assert history.gaps() == [(0, 10)]


@pytest.mark.parametrize("state", [state for state in STATES if state != "available"])
def test_only_a_flow_log_in_state_available_logs(history: History, state: str) -> None:
    one = history.create()
    history.at(20).store.set_flow_log_state(one, state)
    assert history.gaps() == [(0, 10), (20, 100)]


def test_one_flow_log_at_work_is_enough(history: History) -> None:
    first = history.create()
    second = history.at(20).create(stream="archive")
    history.at(40).delete(first)
    history.at(60).store.disable_flow_log(second)
    assert history.gaps() == [(0, 10), (60, 100)]


def test_a_replacement_at_the_same_instant_leaves_no_gap(history: History) -> None:
    first = history.create()
    second = history.at(20).create(stream="archive")
    history.at(25).store.set_flow_log_state(second, "failed")
    history.at(30).store.delete_flow_log(first)
    history.store.set_flow_log_state(second, "available")
    assert history.gaps() == [(0, 10)]


def test_of_versions_of_one_instant_the_last_one_counts(history: History) -> None:
    one = history.create()
    history.at(20)
    for state in ("failed", "available", "failed"):
        history.store.set_flow_log_state(one, state)
    history.at(30)
    for state in ("available", "failed", "available"):
        history.store.set_flow_log_state(one, state)
    assert history.gaps() == [(0, 10), (20, 30)]


def test_what_was_cancelled_is_no_part_of_the_record(history: History) -> None:
    one = history.create()
    history.at(5).store.set_flow_log_state(one, "pending")
    assert history.gaps() == [(0, 100)]


# Where it is looked for


def test_gaps_are_cut_where_the_search_begins_and_ends(history: History) -> None:
    one = history.create()
    history.at(20).switch(one, enabled=False)
    history.at(50).switch(one, enabled=True)
    assert history.gaps(since=5, until=55) == [(5, 10), (20, 55)]
    assert history.gaps(since=30, until=40) == [(30, 40)]
    assert history.gaps(since=10, until=20) == []
    assert history.gaps(since=60, until=61) == []


def test_the_future_counts_as_far_as_the_search_goes(history: History) -> None:
    one = history.create()
    history.at(20).delete(one)
    history.at(30).create()
    assert history.gaps(until=30) == [(0, 10), (20, 30)]
    assert history.gaps(until=35) == [(0, 10), (20, 35)]
    assert history.gaps(until=50) == [(0, 10), (20, 40)]


def test_the_search_begins_with_the_first_flow_log_and_ends_now(history: History) -> None:
    history.at(10).create()
    history.at(50)
    assert history.gaps(since=None, until=None) == []
    assert history.gaps(since=None, until=None, attachment="vpc-b") == [(20, 50)]


def test_before_the_first_flow_log_the_search_begins_with_the_attachment(history: History) -> None:
    history.at(45).create()
    history.at(50)
    assert history.gaps(since=None, until=None) == [(0, 50)]


def test_there_is_no_gap_before_an_attachment_was_created(history: History) -> None:
    history.at(30).store.add_attachment("er-main", "vpc-new")
    assert history.gaps(attachment="vpc-new") == [(30, 100)]
    history.at(40).create("vpc-new")
    assert history.gaps(attachment="vpc-new") == [(30, 50)]
    assert history.gaps(until=20, attachment="vpc-new") == []


def test_there_is_no_gap_after_an_attachment_was_removed(tmp_path: Path) -> None:
    with closing(History(tmp_path / "emulator.db", removal="remove")) as history:
        id_ = history.store.attachment("vpc-a").id
        history.create()
        history.at(20).store.remove_attachment("vpc-a")
        assert history.gaps(attachment=id_) == [(0, 10)]


def test_all_attachments_that_exist_are_looked_at_by_name(history: History) -> None:
    store = history.store
    everything = [one.name for one in store.network.all_attachments()]
    history.create("vpc-b")
    store.remove_attachment("vpc-a")
    found = store.gaps(since=START + seconds(10), until=START + seconds(100))
    assert [store.attachment(gap.attachment_id).name for gap in found] == [
        name for name in everything if name not in ("vpc-a", "vpc-b")
    ]
    assert {(gap.begin, gap.end) for gap in found} == {(START + seconds(10), START + seconds(100))}


def test_no_attachments_have_no_gaps(history: History) -> None:
    history.at(10)
    assert history.store.gaps(attachments=[]) == []


def test_an_attachment_named_twice_is_looked_at_once(history: History) -> None:
    id_ = history.at(10).store.attachment("vpc-a").id
    assert history.store.gaps(attachments=["vpc-a", id_]) == [Gap(id_, START, START + seconds(10))]


def test_an_attachment_that_never_was_is_told(history: History) -> None:
    removed = history.at(10).store.attachment("vpc-a").id
    history.store.remove_attachment("vpc-a")
    assert history.gaps(attachment=removed) == [(0, 10)]
    for name in ("vpc-x", "vpc-a"):
        with pytest.raises(EmulatorError, match=f"There is no attachment '{name}'; there are: cfw-a, "):
            history.gaps(attachment=name)


@pytest.mark.parametrize(("since", "until"), [(20, 20), (20, 10)])
def test_a_search_that_ends_before_it_begins_is_refused(history: History, since: int, until: int) -> None:
    with pytest.raises(EmulatorError) as caught:
        history.gaps(since=since, until=until)
    assert str(caught.value) == (
        f"The beginning, 2027-01-15T08:00:20.000000Z, is not before the end, 2027-01-15T08:00:{until}.000000Z: "
        "choose an earlier beginning or a later end."
    )


# The record itself

Act = Callable[[History, str, str], object]
"""On the flow log of this id, which logs this attachment."""


def put_into(state: str) -> Act:
    return lambda history, one, _: history.store.set_flow_log_state(one, state)


ACTS: dict[str, Act] = {
    "create": lambda history, _, attachment: history.create(attachment),
    "create another": lambda history, _, attachment: history.create(attachment, stream="archive"),
    "rename": lambda history, one, _: history.store.flow_logs.update(*history.router, one, FlowLogChange(name="other")),
    "enable": lambda history, one, _: history.switch(one, enabled=True),
    "disable": lambda history, one, _: history.switch(one, enabled=False),
    "delete": lambda history, one, _: history.delete(one),
    "rename by hand": lambda history, one, _: history.store.rename_flow_log(one, "by-hand"),
    "enable by hand": lambda history, one, _: history.store.enable_flow_log(one),
    "disable by hand": lambda history, one, _: history.store.disable_flow_log(one),
    "delete by hand": lambda history, one, _: history.store.delete_flow_log(one),
    "remove": lambda history, _, attachment: history.store.remove_attachment(attachment),
    **{state: put_into(state) for state in STATES},
}
NAMES = ("vpc-a", "vpc-b")
STEP = st.tuples(st.integers(0, 12), st.sampled_from(sorted(ACTS)), st.sampled_from(NAMES), st.integers(0, 3))
"""Seconds to wait, what to do then, to which attachment, and to which of its flow logs."""


def valid(history: History) -> set[tuple[object, ...]]:
    """All versions that are valid now or were so before, in full."""
    connection = history.store._database.connection()
    return set(connection.execute("SELECT * FROM flow_log_version WHERE valid_from <= ?", (history.now(),)))


def flow_logs_of(history: History, attachment_id: str) -> list[FlowLog]:
    return [one for one in history.store.flow_logs.live() if one.resource_id == attachment_id]


@settings(max_examples=60)
@given(removal=st.sampled_from(["leave", "remove"]), steps=st.lists(STEP, max_size=20))
def test_the_record_keeps_each_second_as_it_was_seen(removal: str, steps: list[tuple[int, str, str, int]]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(History(Path(folder) / "emulator.db", removal=removal)) as all_,
    ):
        present = {name: all_.store.attachment(name).id for name in NAMES}
        seen: dict[str, set[int]] = {id_: set() for id_ in present.values()}

        def wait(duration: int) -> None:
            for _ in range(duration):
                for id_ in present.values():
                    if not any(one.state == "available" and one.enabled for one in flow_logs_of(all_, id_)):
                        seen[id_].add(all_.second)
                all_.second += 1

        for pause, act, name, which in steps:
            wait(pause)
            if name not in present:
                continue
            before = valid(all_)
            ids = [one.id for one in flow_logs_of(all_, present[name])] or ["none"]
            with suppress(ApiError, EmulatorError):  # many a thing cannot be done in every state
                ACTS[act](all_, ids[which % len(ids)], name)
            assert before <= valid(all_)
            if act == "remove":
                del present[name]
        wait(1)

        for id_, seconds_without in seen.items():
            gaps = all_.gaps(until=all_.second, attachment=id_)
            assert {second for begin, end in gaps for second in range(begin, end)} == seconds_without
            assert all(first[1] < second[0] for first, second in pairwise(gaps))


# Times that people write


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-01-15T08:00:00Z", START),
        ("2027-01-15T08:00:00.5Z", START + 500_000),
        ("2027-01-15T08:00:00.000001Z", START + 1),
        ("90s", START - seconds(90)),
        ("1.5s", START - seconds(1.5)),
        ("10m", START - seconds(600)),
        ("2h", START - seconds(7200)),
        ("0s", START),
        ("999999999h", 0),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_a_time_is_one_in_utc_or_a_duration_back_from_now(text: str, instant: int) -> None:
    assert parse(text, START) == instant


@given(st.integers(0, 4_000_000_000_000_000))
def test_an_instant_in_full_is_read_as_itself(instant: int) -> None:
    assert parse(exact(instant), START) == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10",
        "10d",
        "-10m",
        "1e3s",
        "9999999999h",
        "٣s",
        "now",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-01-15 08:00:00Z",
        "2027-01-15T08:00:00+01:00",
        "2027-02-30T08:00:00Z",
        "2027-01-15T24:00:01Z",
        "2027-01-15T08:00:00.1234567Z",
    ],
)
def test_what_is_no_time_is_told_with_what_is_one(text: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        parse(text, START)
    assert str(caught.value) == (
        f"{text!r} is not a time: write it in UTC, as 2026-11-23T10:00:00Z, or as a duration back from now, as 90s, "
        "10m or 2h."
    )

"""Lists that many share: when they are made, what is believed of them, and who is told what."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from providers.er import Deadline, waiter
from providers.er.exceptions import ApiError, NotFoundError, OperationCancelledError, TemporaryError
from providers.er.flow_logs import FlowLog, FlowLogs, FlowLogTarget
from providers.er.waiter import BatchPoller, Poller, Verdict

ER = "er-1"
TARGET = FlowLogTarget(er_id=ER, resource_id="a-0", log_group_id="g", log_stream_id="s")
PENDING = FlowLog(
    id="f-0",
    name="shop",
    description="",
    project_id="p",
    target=TARGET,
    log_aggregation_interval=600,
    created_at="",
    updated_at="",
    state="pending",
    enabled=True,
)


def numbered(number: int, **changes: Any) -> FlowLog:
    target = replace(TARGET, resource_id=f"a-{number}")
    return replace(PENDING, id=f"f-{number}", target=target, **changes)


class Service:
    """What a client would call: it counts, and answers with what `world` holds at that moment."""

    def __init__(self) -> None:
        self.world: dict[str, FlowLog] = {}
        self.listed: list[Sequence[str]] = []
        self.shown: list[str] = []
        self.list_error: Exception | None = None
        self.while_listing: Callable[[], None] = lambda: None
        self.deadline = Deadline(seconds=60)
        self.interval = 0.02
        self.flow_logs = self
        self.shared = BatchPoller(cast(FlowLogs, self), lambda polls: self.poll(polls))

    def poll(self, _tries: int) -> float:
        return self.interval

    def with_deadline(self, _patience: Deadline) -> Service:
        return self

    def list(self, _er_id: str, *, resource_ids: Sequence[str]) -> list[FlowLog]:
        self.listed.append(resource_ids)
        if self.list_error:
            raise self.list_error
        found = [one for one in self.world.values() if not resource_ids or one.target.resource_id in resource_ids]
        self.while_listing()
        return found

    def get(self, _er_id: str, flow_log_id: str) -> FlowLog:
        self.shown.append(flow_log_id)
        if flow_log_id not in self.world:
            raise NotFoundError(flow_log_id)
        return self.world[flow_log_id]

    @property
    def poller(self) -> Poller:
        return Poller(cast(FlowLogs, self), self.shared, lambda polls: self.poll(polls))

    def now(self, number: int, believable: Callable[[FlowLog], bool] = lambda _any: True) -> FlowLog:
        return self.poller.read(ER, f"f-{number}", resource_id=f"a-{number}", is_expected=believable)

    def waits(self, number: int, deadline: Deadline | None = None) -> FlowLog:
        """Wait until it is available, as lifecycle does."""
        bound = copy.copy(self)
        bound.deadline = deadline or self.deadline
        wait = bound.poller.begin_wait(
            ER,
            f"f-{number}",
            resource_id=f"a-{number}",
            waiting_for="available",
            judge=lambda one: Verdict.DONE if one.state == "available" else Verdict.NOT_YET,
        )
        flow_log = numbered(number)
        while flow_log.state not in ("available", *waiter.FINAL_STATES):
            flow_log = wait.poll(flow_log)
        return flow_log


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as pool:
        yield pool


def together(threads: ThreadPoolExecutor, count: int, call: Callable[[int], Any]) -> list[Any]:
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        barrier.wait(30)
        try:
            return call(number)
        except ApiError as error:
            return error

    return list(threads.map(run, range(count)))


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even on a busy machine, those who ask together are asked for together."""
    monkeypatch.setattr(waiter, "SINGLE_DELAY", 0.5)
    monkeypatch.setattr(waiter, "QUIET_DELAY", 0.5)


def test_one_that_asks_alone_is_shown(service: Service) -> None:
    service.world["f-0"] = numbered(0)
    assert service.now(0) == numbered(0)
    assert (service.listed, service.shown) == ([], ["f-0"])


@pytest.mark.usefixtures("unhurried")
def test_those_who_ask_together_are_served_by_one_list(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number, state="available") for number in range(40)}
    assert together(threads, 40, service.now) == list(service.world.values())
    assert service.shown == []
    assert [len(ids) for ids in service.listed] == [40]


@pytest.mark.usefixtures("unhurried")
def test_more_than_fit_into_an_address_are_served_by_a_list_of_the_whole_router(
    service: Service, threads: ThreadPoolExecutor
) -> None:
    count = waiter.MAX_FILTERED + 1
    service.world = {f"f-{number}": numbered(number) for number in range(count)}
    assert together(threads, count, service.now) == list(service.world.values())
    assert service.listed == [()]


@pytest.mark.usefixtures("unhurried")
def test_what_a_list_shows_otherwise_than_expected_is_shown_too(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number) for number in range(4)}
    found = together(threads, 4, lambda number: service.now(number, lambda one: one.id != "f-2"))
    assert found == list(service.world.values())
    assert (len(service.listed), service.shown) == (1, ["f-2"])


@pytest.mark.usefixtures("unhurried")
def test_missing_from_a_list_is_gone_only_if_a_show_says_so(service: Service, threads: ThreadPoolExecutor) -> None:
    hidden = numbered(1)
    service.world = {"f-0": numbered(0)}
    # The list lags: a show finds one that was made meanwhile.
    service.while_listing = lambda: service.world.update({"f-1": hidden})
    found = together(threads, 3, service.now)
    assert found[:2] == [numbered(0), hidden]
    assert isinstance(found[2], NotFoundError)
    assert sorted(service.shown) == ["f-1", "f-2"]


@pytest.mark.usefixtures("unhurried")
def test_no_answer_is_older_than_its_question(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number, name="old") for number in range(4)}
    later: list[Future[FlowLog]] = []
    asked = threading.Semaphore(0)

    def reads(number: int) -> FlowLog:
        asked.release()
        return service.now(number)

    def changes_once_the_list_is_made() -> None:
        service.while_listing = lambda: None
        service.world = {id_: replace(one, name="new") for id_, one in service.world.items()}
        later.extend(threads.submit(reads, number) for number in (2, 3))
        for _ in later:
            assert asked.acquire(timeout=30)

    service.while_listing = changes_once_the_list_is_made
    first = together(threads, 2, service.now)

    assert {one.name for one in first} <= {"old", "new"}
    assert [future.result(timeout=30).name for future in later] == ["new", "new"]


def test_all_who_wait_for_a_change_are_served_by_the_same_lists(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number) for number in range(40)}

    def becomes_available_at_the_third_list() -> None:
        if len(service.listed) == 3:
            service.world = {id_: replace(one, state="available") for id_, one in service.world.items()}

    service.while_listing = becomes_available_at_the_third_list
    found = together(threads, 40, service.waits)

    assert {one.state for one in found} == {"available"}
    assert len(service.listed) + len(service.shown) < 40


@pytest.mark.parametrize("state", waiter.FINAL_STATES)
def test_a_list_is_not_believed_that_all_is_over(service: Service, threads: ThreadPoolExecutor, state: str) -> None:
    service.world = {"f-0": numbered(0, state=state), "f-1": numbered(1, state="available")}
    stale = dict(service.world)
    service.list = lambda _er_id, *, resource_ids: list(stale.values())  # type: ignore[method-assign]
    service.world["f-0"] = numbered(0, state="available")

    assert [one.state for one in together(threads, 2, service.waits)] == ["available", "available"]
    assert "f-0" in service.shown


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("error", [ApiError("no permission", status=403), TemporaryError("an outage", status=503)])
def test_where_there_is_no_list_each_is_shown(service: Service, threads: ThreadPoolExecutor, error: ApiError) -> None:
    service.world = {f"f-{number}": numbered(number) for number in range(4)}
    service.list_error = error
    assert together(threads, 4, service.now) == list(service.world.values())
    assert sorted(service.shown) == list(service.world)


@pytest.mark.usefixtures("unhurried")
def test_a_mistake_in_the_thread_that_lists_leaves_nobody_waiting(
    service: Service, threads: ThreadPoolExecutor
) -> None:
    service.world = {f"f-{number}": numbered(number) for number in range(2)}
    service.list_error = RuntimeError("a mistake")
    with pytest.raises(RuntimeError, match="a mistake"):
        together(threads, 2, service.now)
    service.list_error = None

    def mistaken(_one: FlowLog) -> bool:
        raise ValueError("another")

    with pytest.raises(ValueError, match="another"):
        together(threads, 2, lambda number: service.now(number, mistaken))
    service.world["f-0"] = numbered(0)
    assert service.now(0) == numbered(0)


def test_one_who_is_cancelled_leaves_and_the_others_go_on(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number) for number in range(2)}
    cancelled = threading.Event()
    listed = threading.Event()
    service.while_listing = listed.set
    other = threads.submit(service.waits, 1)
    leaves = threads.submit(service.waits, 0, Deadline(seconds=60, cancelled=cancelled))
    assert listed.wait(30)
    cancelled.set()

    with pytest.raises(OperationCancelledError, match="cancelled while waiting for available: pending"):
        leaves.result(timeout=30)
    service.world["f-1"] = numbered(1, state="available")
    assert other.result(timeout=30).state == "available"


def test_a_list_counts_as_a_look_of_all_who_wait(
    service: Service, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiter, "LIST_INTERVAL", 0)
    polls: list[int] = []

    def poll(looks_so_far: int) -> float:
        polls.append(looks_so_far)
        return 0.02

    service.poll = poll  # type: ignore[method-assign, assignment]
    service.world = {f"f-{number}": numbered(number) for number in range(20)}

    def becomes_available_at_the_tenth_list() -> None:
        if len(service.listed) == 10:
            service.world = {id_: replace(one, state="available") for id_, one in service.world.items()}

    service.while_listing = becomes_available_at_the_tenth_list
    together(threads, 20, service.waits)

    # So that the waits grow for all of them alike, and with them the time between two lists.
    assert max(polls) >= 9


def test_a_list_that_always_says_not_yet_is_checked_by_a_show(
    service: Service, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiter, "LIST_INTERVAL", 0)
    service.world = {f"f-{number}": numbered(number, state="available") for number in range(2)}
    stale = [numbered(0), numbered(1)]
    service.list = lambda _er_id, *, resource_ids: stale  # type: ignore[method-assign]
    assert {one.state for one in together(threads, 2, service.waits)} == {"available"}


def test_where_a_list_cannot_decide_a_show_does_at_the_next_look(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number, state="available") for number in range(2)}

    def looks_once(number: int) -> FlowLog:
        wait = service.poller.begin_wait(
            ER, f"f-{number}", resource_id=f"a-{number}", waiting_for="available", judge=lambda _listed: Verdict.SHOW
        )
        return wait.poll(numbered(number))

    assert {one.state for one in together(threads, 2, looks_once)} == {"available"}
    assert sorted(service.shown) == ["f-0", "f-1"]
    assert len(service.listed) <= 2


def test_what_a_list_has_of_before_is_not_taken_for_news(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number, updated_at="2026-01-01T00:00:01Z") for number in range(2)}
    cancelled = threading.Event()
    service.deadline = Deadline(seconds=60, cancelled=cancelled)
    service.interval = 0.5  # even on a busy machine, both are asked for together, and not each shown

    def is_cancelled_before_the_next_look() -> None:
        cancelled.set()
        service.interval = 60

    service.while_listing = is_cancelled_before_the_next_look
    newer = numbered(0, updated_at="2026-01-01T00:00:02Z", name="newer")
    wait = service.poller.begin_wait(
        ER, "f-0", resource_id="a-0", waiting_for="available", judge=lambda _listed: Verdict.NOT_YET
    )

    together(threads, 2, lambda number: wait.poll(newer) if number == 0 else service.waits(1))

    assert wait.last_seen == newer


def test_a_thread_that_cannot_be_started_is_an_error_and_the_next_question_is_answered(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.world["f-0"] = numbered(0)

    def cannot(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", cannot)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            service.now(0)
    assert service.now(0) == numbered(0)


def test_no_thread_stays_when_nobody_asks(service: Service, threads: ThreadPoolExecutor) -> None:
    service.world = {f"f-{number}": numbered(number) for number in range(8)}
    together(threads, 8, service.now)
    for thread in threading.enumerate():
        if thread.name == f"lists of {ER}":
            thread.join(30)
            assert not thread.is_alive()

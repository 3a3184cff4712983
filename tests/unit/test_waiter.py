"""Lists shared by operations: when they are requested, and when a show decides instead."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import pytest

from providers.er import Deadline, waiter
from providers.er.exceptions import ApiError, NotFoundError, OperationCancelledError, TemporaryError
from providers.er.flow_logs import FlowLog, FlowLogs
from providers.er.waiter import BatchPoller, Poller, Verdict, Wait
from tests.unit.plans import flow_log

ER = "er-1"
Together = Callable[[int, Callable[[int], Any]], list[Any]]


def numbered(number: int, **changes: Any) -> FlowLog:
    return replace(flow_log(f"a-{number}", "shop", id_=f"f-{number}", state="pending"), **changes)


class Service:
    """The calls on flow logs: it counts them, and answers with what `stored` holds at that moment."""

    def __init__(self) -> None:
        self.stored: dict[str, FlowLog] = {}
        self.listed: list[Sequence[str]] = []
        self.shown: list[str] = []
        self.list_error: Exception | None = None
        self.while_listing: Callable[[], None] = lambda: None
        self.deadline = Deadline(seconds=60)
        self.interval = 0.02
        self.flow_logs = self
        self.shared = BatchPoller(cast(FlowLogs, self), lambda polls: self.poll(polls))

    def store(self, count: int, **changes: Any) -> list[FlowLog]:
        self.stored = {f"f-{number}": numbered(number, **changes) for number in range(count)}
        return list(self.stored.values())

    def become_available_after(self, *, lists: int) -> None:
        def change() -> None:
            if len(self.listed) == lists:
                self.store(len(self.stored), state="available")

        self.while_listing = change

    def poll(self, _polls: int) -> float:
        return self.interval

    def with_deadline(self, _deadline: Deadline) -> Service:
        return self

    def list(self, _er_id: str, *, resource_ids: Sequence[str]) -> list[FlowLog]:
        self.listed.append(resource_ids)
        if self.list_error:
            raise self.list_error
        found = [each for each in self.stored.values() if not resource_ids or each.target.resource_id in resource_ids]
        self.while_listing()
        return found

    def get(self, _er_id: str, flow_log_id: str) -> FlowLog:
        self.shown.append(flow_log_id)
        if flow_log_id not in self.stored:
            raise NotFoundError(flow_log_id)
        return self.stored[flow_log_id]

    @property
    def poller(self) -> Poller:
        return Poller(cast(FlowLogs, self), self.shared, lambda polls: self.poll(polls))

    def read(self, number: int, is_expected: Callable[[FlowLog], bool] = lambda _any: True) -> FlowLog:
        return self.poller.read(ER, f"f-{number}", resource_id=f"a-{number}", is_expected=is_expected)

    def begin_wait(self, number: int, judge: Callable[[FlowLog], Verdict]) -> Wait:
        return self.poller.begin_wait(
            ER, f"f-{number}", resource_id=f"a-{number}", waiting_for="available", judge=judge
        )

    def wait_until_available(self, number: int, deadline: Deadline | None = None) -> FlowLog:
        """Wait as `lifecycle` does."""
        bound = copy.copy(self)
        bound.deadline = deadline or self.deadline
        wait = bound.begin_wait(number, lambda listed: Verdict.DONE if listed.state == "available" else Verdict.NOT_YET)
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


@pytest.fixture
def together(threads: ThreadPoolExecutor) -> Together:
    """Call something for each of so many numbers, in threads that start together."""

    def call_all(count: int, call: Callable[[int], Any]) -> list[Any]:
        barrier = threading.Barrier(count)

        def run(number: int) -> Any:
            barrier.wait(30)
            try:
                return call(number)
            except ApiError as error:
                return error

        return list(threads.map(run, range(count)))

    return call_all


@pytest.fixture
def gathered(together: Together, monkeypatch: pytest.MonkeyPatch) -> Together:
    """The same, but requests at the same time are gathered even on a busy machine."""
    monkeypatch.setattr(waiter, "QUIET_DELAY", 0.5)
    return together


def test_single_read_is_a_show(service: Service) -> None:
    service.stored["f-0"] = numbered(0)
    assert service.read(0) == numbered(0)
    assert (service.listed, service.shown) == ([], ["f-0"])


def test_first_read_of_a_run_lists_the_router_for_those_that_follow(service: Service) -> None:
    service.store(3)
    service.deadline = Deadline(seconds=60, run_began=time.monotonic())
    assert [service.read(number) for number in range(3)] == list(service.stored.values())
    assert (service.listed, service.shown) == ([()], [])


def test_reads_at_the_same_time_share_one_list(service: Service, gathered: Together) -> None:
    service.store(40, state="available")
    assert gathered(40, service.read) == list(service.stored.values())
    assert service.shown == []
    assert [len(ids) for ids in service.listed] == [40]


def test_too_many_reads_for_a_filter_list_the_whole_router(service: Service, gathered: Together) -> None:
    count = waiter.MAX_FILTERED + 1
    service.store(count)
    assert gathered(count, service.read) == list(service.stored.values())
    assert service.listed == [()]


def test_unexpected_record_of_a_list_is_checked_by_a_show(service: Service, gathered: Together) -> None:
    service.store(4)
    found = gathered(4, lambda number: service.read(number, lambda flow_log: flow_log.id != "f-2"))
    assert found == list(service.stored.values())
    assert (len(service.listed), service.shown) == (1, ["f-2"])


def test_missing_from_a_list_is_gone_only_if_a_show_confirms_it(service: Service, gathered: Together) -> None:
    hidden = numbered(1)
    service.stored = {"f-0": numbered(0)}
    # The list lags: a show finds a flow log that was created meanwhile.
    service.while_listing = lambda: service.stored.update({"f-1": hidden})
    found = gathered(3, service.read)
    assert found[:2] == [numbered(0), hidden]
    assert isinstance(found[2], NotFoundError)
    assert sorted(service.shown) == ["f-1", "f-2"]


@pytest.mark.parametrize(
    ("is_expected", "is_new_run", "lists", "shown"),
    [(True, False, 1, []), (False, False, 2, ["f-2"]), (True, True, 2, [])],
)
def test_list_confirms_what_the_same_run_reads_later(
    service: Service, is_expected: bool, is_new_run: bool, lists: int, shown: Sequence[str]
) -> None:
    service.store(4)
    service.deadline = Deadline(seconds=60, run_began=time.monotonic())
    service.read(0)

    if is_new_run:
        service.deadline = Deadline(seconds=60, run_began=time.monotonic())
    assert service.read(2, lambda _: is_expected) == numbered(2)

    assert (len(service.listed), service.shown) == (lists, shown)


@pytest.mark.parametrize(("is_in_run", "names"), [(False, ["new", "new"]), (True, ["old", "new"])])
def test_answer_is_older_than_its_request_only_in_a_run(
    service: Service, threads: ThreadPoolExecutor, gathered: Together, is_in_run: bool, names: Sequence[str]
) -> None:
    service.store(4, name="old")
    later: list[Future[FlowLog]] = []
    requested = threading.Semaphore(0)
    if is_in_run:
        service.deadline = Deadline(seconds=60, run_began=time.monotonic())

    def read(number: int) -> FlowLog:
        requested.release()
        return service.read(number, lambda flow_log: number != 3 or flow_log.name == "new")

    def change_once_listed() -> None:
        service.while_listing = lambda: None
        service.stored = {id_: replace(flow_log, name="new") for id_, flow_log in service.stored.items()}
        later.extend(threads.submit(read, number) for number in (2, 3))
        for _ in later:
            assert requested.acquire(timeout=30)

    service.while_listing = change_once_listed
    gathered(2, service.read)

    assert [future.result(timeout=30).name for future in later] == names


def test_operations_that_wait_share_lists(service: Service, together: Together) -> None:
    service.store(40)

    service.become_available_after(lists=3)
    found = together(40, service.wait_until_available)

    assert {flow_log.state for flow_log in found} == {"available"}
    assert len(service.listed) + len(service.shown) < 40


@pytest.mark.parametrize("state", waiter.FINAL_STATES)
def test_final_state_in_a_list_is_checked_by_a_show(service: Service, together: Together, state: str) -> None:
    service.stored = {"f-0": numbered(0, state=state), "f-1": numbered(1, state="available")}
    stale = dict(service.stored)
    service.list = lambda _er_id, *, resource_ids: list(stale.values())  # type: ignore[method-assign]
    service.stored["f-0"] = numbered(0, state="available")

    assert [found.state for found in together(2, service.wait_until_available)] == ["available"] * 2
    assert "f-0" in service.shown


@pytest.mark.parametrize("error", [ApiError("no permission", status=403), TemporaryError("an outage", status=503)])
def test_each_flow_log_is_shown_if_the_list_fails(service: Service, gathered: Together, error: ApiError) -> None:
    service.store(4)
    service.list_error = error
    assert gathered(4, service.read) == list(service.stored.values())
    assert sorted(service.shown) == list(service.stored)


def test_programming_error_in_the_list_thread_is_raised_to_callers(service: Service, gathered: Together) -> None:
    service.store(2)
    service.list_error = RuntimeError("a mistake")
    with pytest.raises(RuntimeError, match="a mistake"):
        gathered(2, service.read)
    service.list_error = None

    def fail(_listed: FlowLog) -> bool:
        raise ValueError("another")

    with pytest.raises(ValueError, match="another"):
        gathered(2, lambda number: service.read(number, fail))
    service.stored["f-0"] = numbered(0)
    assert service.read(0) == numbered(0)


def test_cancelled_operation_leaves_and_others_go_on(service: Service, threads: ThreadPoolExecutor) -> None:
    service.store(2)
    cancelled = threading.Event()
    listed = threading.Event()
    service.while_listing = listed.set
    other = threads.submit(service.wait_until_available, 1)
    leaves = threads.submit(service.wait_until_available, 0, Deadline(seconds=60, cancelled=cancelled))
    assert listed.wait(30)
    cancelled.set()

    with pytest.raises(OperationCancelledError, match="cancelled while waiting for available: pending"):
        leaves.result(timeout=30)
    service.stored["f-1"] = numbered(1, state="available")
    assert other.result(timeout=30).state == "available"


def test_a_list_counts_as_a_poll_of_all_operations_that_wait(
    service: Service, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiter, "LIST_INTERVAL", 0)
    polls: list[int] = []

    def poll(polls_so_far: int) -> float:
        polls.append(polls_so_far)
        return 0.02

    service.poll = poll  # type: ignore[method-assign, assignment]
    service.store(20)

    service.become_available_after(lists=10)
    together(20, service.wait_until_available)

    # The waits grow for all of them alike, and with them the time between two lists.
    assert max(polls) >= 9


def test_list_that_never_changes_is_checked_by_a_show(
    service: Service, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiter, "LIST_INTERVAL", 0)
    service.store(2, state="available")
    stale = [numbered(0), numbered(1)]
    service.list = lambda _er_id, *, resource_ids: stale  # type: ignore[method-assign]
    assert {flow_log.state for flow_log in together(2, service.wait_until_available)} == {"available"}


def test_undecided_poll_is_answered_by_a_show(service: Service, together: Together) -> None:
    service.store(2, state="available")

    def poll_once(number: int) -> FlowLog:
        return service.begin_wait(number, lambda _listed: Verdict.SHOW).poll(numbered(number))

    assert {flow_log.state for flow_log in together(2, poll_once)} == {"available"}
    assert sorted(service.shown) == ["f-0", "f-1"]
    assert len(service.listed) <= 2


def test_older_record_does_not_replace_a_newer_one(service: Service, together: Together) -> None:
    service.store(2, updated_at="2026-01-01T00:00:01Z")
    cancelled = threading.Event()
    service.deadline = Deadline(seconds=60, cancelled=cancelled)
    service.interval = 0.5  # even on a busy machine, both share a list

    def cancel_before_the_next_poll() -> None:
        cancelled.set()
        service.interval = 60

    service.while_listing = cancel_before_the_next_poll
    newer = numbered(0, updated_at="2026-01-01 00:00:02", name="newer")
    wait = service.begin_wait(0, lambda _listed: Verdict.NOT_YET)

    together(2, lambda number: wait.poll(newer) if number == 0 else service.wait_until_available(1))

    assert wait.last_seen == newer


def test_failed_thread_start_is_raised_and_the_next_read_works(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.stored["f-0"] = numbered(0)

    def cannot(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", cannot)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            service.read(0)
    assert service.read(0) == numbered(0)


def test_list_thread_ends_when_nothing_is_polled(service: Service, together: Together) -> None:
    service.store(8)
    together(8, service.read)
    for thread in threading.enumerate():
        if thread.name == f"lists of {ER}":
            thread.join(30)
            assert not thread.is_alive()

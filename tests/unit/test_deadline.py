"""How long an operation waits, and how it is stopped."""

import threading

import pytest

from providers.er.deadline import Deadline
from providers.er.exceptions import DeadlineExceededError, OperationCancelledError


class Clock(threading.Event):
    """Waiting for this event moves its clock instead of taking time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.now += timeout
        return self.is_set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_sleep_lasts_as_asked_and_reports_what_for(clock: Clock) -> None:
    reports: list[str] = []
    deadline = Deadline(cancelled=clock, report=reports.append, clock=clock)
    deadline.sleep(20, waiting_for="the list")
    deadline.sleep(1.5, waiting_for="the list")
    assert clock.waits == [20, 1.5]
    assert reports == ["the list", "the list"]


@pytest.mark.parametrize(("seconds", "waits"), [(30, [20, 10]), (0, [])])
def test_sleep_ends_with_the_deadline_and_the_next_one_raises(clock: Clock, seconds: float, waits: list[float]) -> None:
    deadline = Deadline(seconds=seconds, cancelled=clock, clock=clock)
    for _ in waits:
        deadline.sleep(20, waiting_for="it")
    with pytest.raises(DeadlineExceededError) as caught:
        deadline.sleep(20, waiting_for="it")
    assert str(caught.value) == f"gave up after {seconds} s of waiting for it"
    assert clock.waits == waits


def test_deadline_starts_when_it_is_created(clock: Clock) -> None:
    deadline = Deadline(seconds=5, clock=clock)
    clock.now += 5
    assert (deadline.elapsed, deadline.left) == (5, 0)
    with pytest.raises(DeadlineExceededError):
        deadline.sleep(1, waiting_for="it")


def test_cancelled_operation_does_not_sleep(clock: Clock) -> None:
    clock.set()
    with pytest.raises(OperationCancelledError) as caught:
        Deadline(cancelled=clock, clock=clock).sleep(20, waiting_for="flow log x")
    assert str(caught.value) == "cancelled while waiting for flow log x"
    assert clock.waits == []


def test_cancelling_wakes_a_sleeping_thread() -> None:
    cancelled = threading.Event()
    deadline = Deadline(seconds=3600, cancelled=cancelled, report=lambda _text: cancelled.set())
    with pytest.raises(OperationCancelledError):
        deadline.sleep(3600, waiting_for="it")


def test_operations_are_cancelled_one_by_one() -> None:
    first, second = Deadline(), Deadline()
    first.cancelled.set()
    assert not second.cancelled.is_set()

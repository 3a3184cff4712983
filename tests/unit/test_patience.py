"""How long a caller waits, and how it is stopped."""

import threading

import pytest

from providers.er.deadline import Deadline
from providers.er.exceptions import DeadlineExceededError
from providers.er.retry import exponential_backoff


class Clock:
    """A clock that stands still between waits."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Waits(threading.Event):
    """An event that nobody sets; waiting for it moves the clock instead of taking time."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.waits: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self.clock.now += timeout
        return self.is_set()


def deadline(seconds: float) -> tuple[Deadline, Waits, list[str]]:
    clock = Clock()
    waits, reports = Waits(clock), list[str]()
    return Deadline(seconds=seconds, cancelled=waits, report=reports.append, clock=clock), waits, reports


def test_a_pause_lasts_as_long_as_asked_and_says_what_for() -> None:
    some, waits, reports = deadline(600)
    some.sleep(20, waiting_for="the list")
    some.sleep(1.5, waiting_for="the list")
    assert waits.waits == [20, 1.5]
    assert reports == ["the list", "the list"]


def test_the_last_pause_ends_with_the_operation_and_the_next_gives_up() -> None:
    some, waits, reports = deadline(30)
    some.sleep(20, waiting_for="it")
    some.sleep(20, waiting_for="it")
    assert waits.waits == [20, 10]
    with pytest.raises(DeadlineExceededError) as caught:
        some.sleep(20, waiting_for="it")
    assert str(caught.value) == "gave up after 30 s of waiting for it"
    assert len(reports) == 2


def test_time_counts_from_the_making_and_not_from_the_first_pause() -> None:
    clock = Clock()
    some = Deadline(seconds=5, clock=clock)
    clock.now += 5
    assert some.elapsed == 5
    with pytest.raises(DeadlineExceededError):
        some.sleep(1, waiting_for="it")


def test_patience_of_no_time_at_all_never_waits() -> None:
    some, waits, _ = deadline(0)
    with pytest.raises(DeadlineExceededError) as caught:
        some.sleep(1, waiting_for="it")
    assert str(caught.value) == "gave up after 0 s of waiting for it"
    assert waits.waits == []


def test_cancelling_ends_a_pause_at_once() -> None:
    some, waits, _ = deadline(600)
    waits.set()
    with pytest.raises(DeadlineExceededError) as caught:
        some.sleep(20, waiting_for="flow log x to be gone")
    assert str(caught.value) == "cancelled while waiting for flow log x to be gone"


def test_cancelling_wakes_a_pause_of_another_thread() -> None:
    cancelled = threading.Event()
    some = Deadline(seconds=3600, cancelled=cancelled, report=lambda _text: cancelled.set())
    with pytest.raises(DeadlineExceededError):
        some.sleep(3600, waiting_for="it")


def test_two_operations_are_cancelled_each_on_its_own() -> None:
    first, second = Deadline(), Deadline()
    first.cancelled.set()
    assert not second.cancelled.is_set()


def test_waits_grow_by_the_factor_up_to_the_cap() -> None:
    backoff = exponential_backoff(first=0.5, factor=2, cap=20, jitter=0)
    assert [backoff(tries) for tries in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 20, 20]


def test_no_number_of_tries_is_too_many() -> None:
    assert exponential_backoff(first=0.5, factor=2, cap=20, jitter=0)(10**9) == 20


def test_a_wait_is_shortened_by_its_random_part_at_most_and_never_lengthened() -> None:
    backoff = exponential_backoff(first=8, factor=2, cap=20, jitter=0.25)
    for _ in range(200):
        assert 6 <= backoff(1) <= 8
        assert 15 <= backoff(5) <= 20


def test_waits_with_a_random_part_differ() -> None:
    backoff = exponential_backoff(first=8, factor=2, cap=20)
    assert len({backoff(1) for _ in range(20)}) > 1

"""How long a caller is willing to wait, how it is told to stop, and whom it tells what it waits for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from providers.er.exceptions import DeadlineExceededError

CHECK_INTERVAL = 0.5  # seconds until a wait for something else notices that it is cancelled

Backoff = Callable[[int], float]
"""From the number of tries so far (1, 2, …) to the seconds to wait before the next."""


def exponential_backoff(*, first: float, factor: float, cap: float, jitter: float = 0.5) -> Backoff:
    """Waits of `first` seconds, then `factor` times as long each time, at most `cap` seconds.

    Each wait is shortened by a random part of up to `jitter` (0..1) of it, so that many clients that were
    refused together don't come back together.
    """

    def backoff(tries: int) -> float:
        # The exponent is bounded because a long outage would overflow a float.
        longest = min(cap, first * factor ** min(tries - 1, 64))
        return longest * (1 - jitter * random.random())

    return backoff


def _silent(_text: str) -> None:
    """For callers that have no screen."""


@dataclass(frozen=True)
class Deadline:
    """The time left for one operation, from its making on.

    Attributes:
        seconds: How long the whole operation may take.
        cancelled: Set by whoever wants the operation to stop waiting.
        report: Called whenever a wait begins, with a few words on what for: a person reads `waiting for` before them.
        clock: Seconds that only go forward.
    """

    seconds: float = 600.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    report: Callable[[str], None] = _silent
    clock: Callable[[], float] = time.monotonic
    started: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", self.clock())

    @property
    def elapsed(self) -> float:
        """Seconds since the operation began."""
        return self.clock() - self.started

    @property
    def left(self) -> float:
        """Seconds until the operation's end, 0 once it is past."""
        return max(self.seconds - self.elapsed, 0.0)

    def pause(self, seconds: float, *, waiting_for: str) -> None:
        """Wait `seconds`, but not beyond the operation's end.

        Raises:
            DeadlineExceededError: The time is over, or the operation was cancelled.
        """
        self.check(waiting_for)
        self.report(waiting_for)
        if self.cancelled.wait(min(seconds, self.left)):
            self.check(waiting_for)

    def until(self, done: threading.Event, *, waiting_for: Callable[[], str], grace: float = 0.0) -> None:
        """Wait for `done`, and report what for every half second.

        Args:
            done: Set by another thread.
            waiting_for: The words for it.
            grace: Seconds that are given to `done` when all else says to stop.

        Raises:
            DeadlineExceededError: The time is over, or the operation was cancelled.
        """
        while not done.wait(min(self.left, CHECK_INTERVAL)):
            try:
                self.check(waiting_for())
            except DeadlineExceededError:
                if grace and done.wait(grace):
                    return
                raise
            self.report(waiting_for())

    def check(self, waiting_for: str) -> None:
        """Go on if there is time left.

        Raises:
            DeadlineExceededError: The time is over, or the operation was cancelled.
        """
        if self.cancelled.is_set():
            raise DeadlineExceededError(f"cancelled while waiting for {waiting_for}")
        if not self.left:
            raise DeadlineExceededError(f"gave up after {self.seconds:.0f} s of waiting for {waiting_for}")

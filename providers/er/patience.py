"""How long a caller is willing to wait, how it is told to stop, and whom it tells what it waits for."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from providers.er.errors import PatienceError

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
class Patience:
    """The time left for one operation, from its making on.

    Attributes:
        seconds: How long the whole operation may take.
        cancelled: Set by whoever wants the operation to stop waiting.
        report: Called with a short text whenever a wait begins, for a person to read.
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

    def pause(self, seconds: float, *, waiting_for: str) -> None:
        """Wait `seconds`, but not beyond the operation's end.

        Raises:
            PatienceError: The time is over, or the operation was cancelled.
        """
        left = self.seconds - self.elapsed
        if left <= 0:
            raise PatienceError(f"gave up after {self.seconds:.0f} s of waiting for {waiting_for}")
        self.report(f"waiting for {waiting_for}, {self.elapsed:.0f} s")
        if self.cancelled.wait(min(seconds, left)):
            raise PatienceError(f"cancelled while waiting for {waiting_for}")

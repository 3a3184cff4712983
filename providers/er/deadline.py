"""How long one operation may take, how it is cancelled, and where it reports what it waits for."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from providers.er.exceptions import DeadlineExceededError, OperationCancelledError, OperationStoppedError

CHECK_INTERVAL = 0.5  # seconds until a wait for another thread notices a cancellation


@dataclass(frozen=True)
class Deadline:
    """The time left for one operation. It starts when the object is created.

    Attributes:
        seconds: How long the whole operation may take.
        cancelled: Set it to cancel the operation.
        report: Called whenever a wait begins, with what is waited for; a person reads "waiting for" before it.
        clock: Seconds that only go forward.
        run_began: When the run began of which the operation is a part, by `time.monotonic`; infinity if of none. What
            operations of one run read may be as old as the run.
    """

    seconds: float = 600.0
    cancelled: threading.Event = field(default_factory=threading.Event)
    report: Callable[[str], None] = lambda _text: None
    clock: Callable[[], float] = time.monotonic
    run_began: float = math.inf
    started: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "started", self.clock())

    @property
    def elapsed(self) -> float:
        """Seconds since the operation began."""
        return self.clock() - self.started

    @property
    def left(self) -> float:
        """Seconds until the deadline, 0 once it is over."""
        return max(self.seconds - self.elapsed, 0.0)

    def sleep(self, seconds: float, *, waiting_for: str) -> None:
        """Wait `seconds`, but not beyond the deadline.

        Raises:
            OperationStoppedError: The deadline is over, or the operation was cancelled.
        """
        self.check(waiting_for)
        self.report(waiting_for)
        if self.cancelled.wait(min(seconds, self.left)):
            self.check(waiting_for)

    def wait_for(self, event: threading.Event, *, waiting_for: Callable[[], str], grace: float = 0.0) -> None:
        """Wait for `event`, and report what for every half second.

        Args:
            event: Set by another thread.
            waiting_for: What is waited for, in words.
            grace: Seconds that `event` is given after the operation is to stop.

        Raises:
            OperationStoppedError: The deadline is over, or the operation was cancelled.
        """
        while not event.wait(min(self.left, CHECK_INTERVAL)):
            try:
                self.check(waiting_for())
            except OperationStoppedError:
                if grace and event.wait(grace):
                    return
                raise
            self.report(waiting_for())

    def check(self, waiting_for: str) -> None:
        """Return if the operation may go on.

        Raises:
            OperationCancelledError: The operation was cancelled.
            DeadlineExceededError: The deadline is over.
        """
        if self.cancelled.is_set():
            raise OperationCancelledError(f"cancelled while waiting for {waiting_for}")
        if not self.left:
            raise DeadlineExceededError(f"gave up after {self.seconds:.0f} s of waiting for {waiting_for}")

"""When a call is repeated, and how long the client waits before that.

No call does anything twice when it is repeated: reads, updates, deletes, enable and disable by their nature, a create
because it carries an X-Client-Token or, of a log group or log stream, because its name can be taken only once. So each
call is repeated

- on a lost, refused or timed-out connection, on 502, 503 and 504, on ER.05039006 and on an answer that is not what the
  reference promises: for 120 s of nothing else, but only for 10 s if the endpoint has never answered;
- on 429: until the deadline, and not before Retry-After allows it (120 s at most);
- on "being operated" (ER.04008502, ER.04004003, ER.04001003): until the deadline;
- on 401: once, with renewed credentials.

Any other refusal is raised at once as an `ApiError`: what is frozen (`FrozenError`) is not busy.

Between two tries the client waits 0.5 s, then twice as long each time up to 20 s, each wait shortened by a random part
of up to half. While something is being operated, it waits 0.1 s, then a quarter longer each time up to 5 s. At most 64
calls are under way at once, unless `Client` was given another number. Connecting may take 5 s, and 30 s may pass
between two pieces of an answer.

No wait outlasts the deadline of the operation (10 min unless `Client.with_deadline` sets another). A call under way at
that moment has 0.75 s more to be answered. After a cancellation no call is begun.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from providers.er.background import BackgroundCalls
from providers.er.deadline import Deadline
from providers.er.exceptions import THROTTLED, ApiError, BusyError, OperationStoppedError, TemporaryError

FIRST_CONTACT_BUDGET = 10.0  # seconds of failures after which an endpoint that never answered is given up
OUTAGE_BUDGET = 120.0  # seconds of failures after which an endpoint that did answer is given up

T = TypeVar("T")

Backoff = Callable[[int], float]
"""From the number of tries so far (1, 2, …) to the seconds to wait before the next."""


def exponential_backoff(*, first: float, factor: float, cap: float, jitter: float = 0.5) -> Backoff:
    """Waits of `first` seconds, then `factor` times as long each time, at most `cap` seconds.

    Each wait is shortened by a random part of up to `jitter` (0..1) of it, so that many clients that were refused
    together don't come back together.
    """

    def backoff(tries: int) -> float:
        # The exponent is bounded because a long outage would overflow a float.
        longest = min(cap, first * factor ** min(tries - 1, 64))
        return longest * (1 - jitter * random.random())

    return backoff


@dataclass
class _Failures:
    """What went wrong with one call so far."""

    busy: int = 0
    temporary: int = 0
    since: float | None = None
    may_have_applied: bool = False
    waiting_for: str = "the service to answer"

    def add_busy(self, error: BusyError) -> None:
        self.busy += 1
        self.temporary, self.since = 0, None
        self.waiting_for = _service(error)

    def add_temporary(self, error: TemporaryError, now: float) -> float:
        """Count it; how many seconds there has been nothing else."""
        self.temporary += 1
        self.may_have_applied |= error.may_have_applied
        self.waiting_for = _service(error)
        if self.since is None or error.status == THROTTLED:
            self.since = now
        return now - self.since


class Retry:
    """Repeats calls by the policy above.

    Args:
        backoff: The waits after failures.
        poll: The waits while something is being operated.
        max_calls: How many calls are made at once.
    """

    def __init__(self, *, backoff: Backoff, poll: Backoff, max_calls: int) -> None:
        self._backoff = backoff
        self._poll = poll
        self._calls = BackgroundCalls(max_calls)

    def repeat(
        self,
        call: Callable[[], T],
        *,
        deadline: Deadline,
        has_answered: Callable[[], bool] = lambda: False,
        while_busy: Callable[[], None] | None = None,
    ) -> T:
        """Make the call until it succeeds or fails for good.

        Args:
            call: What to repeat.
            deadline: Bounds all tries together.
            has_answered: Whether the endpoint has ever answered, so that an outage is worth waiting for.
            while_busy: Called after each wait for something that is being operated. What it raises ends the tries.

        Raises:
            ApiError: What the last try raised, or the deadline is over.
        """
        failures = _Failures()
        try:
            while True:
                try:
                    return self._calls.run(call, deadline, failures.waiting_for)
                except BusyError as error:
                    failures.add_busy(error)
                    _sleep(self._poll(failures.busy), error, deadline)
                    if while_busy:
                        while_busy()
                except TemporaryError as error:
                    seconds = failures.add_temporary(error, deadline.elapsed)
                    _check_budget(seconds, error, has_answered=has_answered)
                    _sleep(max(self._backoff(failures.temporary), error.retry_after or 0.0), error, deadline)
        except ApiError as error:
            error.may_have_applied |= failures.may_have_applied
            raise


def _check_budget(seconds: float, error: TemporaryError, *, has_answered: Callable[[], bool]) -> None:
    if seconds > OUTAGE_BUDGET:
        message = f"gave up after {seconds:.0f} s of waiting for {_service(error)}"
        raise TemporaryError(message, **error.details) from error
    if seconds > FIRST_CONTACT_BUDGET and not has_answered():
        raise error


def _sleep(seconds: float, error: ApiError, deadline: Deadline) -> None:
    try:
        deadline.sleep(seconds, waiting_for=_service(error))
    except OperationStoppedError as stopped:
        raise type(stopped)(str(stopped), **error.details) from error


def _service(error: ApiError) -> str:
    return f"the service ({error.message})"

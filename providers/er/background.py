"""Calls in threads of their own, so that a caller who waits for an answer can stop waiting at any moment."""

from __future__ import annotations

import concurrent.futures
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from providers.er.deadline import Deadline
from providers.er.exceptions import OperationStoppedError
from providers.er.session import POOL_SIZE

MAX_CONCURRENT_CALLS = POOL_SIZE  # however many operations there are: more would only be throttled
ANSWER_GRACE = 0.75  # seconds that a call under way has left to be answered when its operation is to stop

T = TypeVar("T")


class BackgroundCalls:
    """Runs a bounded number of calls at once."""

    def __init__(self, most: int) -> None:
        self._slots = threading.Semaphore(most)

    def run(self, call: Callable[[], T], deadline: Deadline, waiting_for: str) -> T:
        """Run the call and return what it returns. It is not begun once the operation is to stop.

        Raises:
            OperationStoppedError: The deadline is over, or the operation was cancelled.
            Exception: What the call raised.
        """
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        begun, done, abandoned = threading.Event(), threading.Event(), threading.Event()
        slot = contextlib.ExitStack()

        def send() -> None:
            try:
                slot.enter_context(self._slots)
                with slot:
                    # The first call may be sent even if there is no time to wait at all.
                    if deadline.cancelled.is_set() or deadline.elapsed > deadline.seconds + ANSWER_GRACE:
                        deadline.check(waiting_for)
                    begun.set()
                    if not abandoned.is_set():
                        answer.set_result(call())
            except BaseException as error:
                answer.set_exception(error)
            done.set()

        threading.Thread(target=send, name="call", daemon=True).start()
        try:
            deadline.wait_for(done, waiting_for=lambda: waiting_for, grace=ANSWER_GRACE)
        except OperationStoppedError as error:
            abandoned.set()
            error.may_have_applied = begun.is_set()
            if begun.is_set():
                slot.close()  # A call that hangs must not take a slot from others.
            raise
        return answer.result()

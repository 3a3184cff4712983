"""Waiting for flow logs together: one list answers all operations that wait for flow logs of the same router.

A list is requested after the polls that it answers, so no answer is older than its poll; but for reads of one run, as
in a refresh, it is enough that it was requested in that run. Lists may lag behind, so a list only confirms: what it
does not show, or shows otherwise than expected, is decided by a show.
"""

from __future__ import annotations

import enum
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from providers.er.deadline import Deadline
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog, FlowLogs
from providers.er.retry import Backoff
from providers.er.sanitizing import sanitize
from providers.er.validation import instant

QUIET_DELAY = 0.05  # seconds without a new read, after which those that came together are listed
MAX_DELAY = 1.0  # seconds that the first of them waits at most
LIST_INTERVAL = 0.7  # seconds between two lists for operations that wait for a change: fewer would find it later
DELETION_INTERVAL = 0.25  # the same for those that wait for a deletion, which a show confirms after that
LIST_DEADLINE = 30.0  # seconds after which an unanswered list is given up in favour of shows
SHOW_EVERY = 30  # of so many polls that lists answer with "not yet", the last is answered by a show
MAX_FILTERED = 50  # attachments that fit into an address; for more, the whole router is listed

FINAL_STATES = ("failed", "deleted")
"""States that end a wait: too much depends on them to believe a list."""


class Verdict(enum.Enum):
    """What a list's record means for the operation that waits."""

    DONE = enum.auto()  # the wait is over
    NOT_YET = enum.auto()  # wait for the next list
    SHOW = enum.auto()  # a show is to decide


Judge = Callable[[FlowLog], Verdict]


@dataclass(eq=False)
class _Poll:
    flow_log_id: str
    resource_id: str | None
    judge: Judge
    deadline: Deadline
    list_interval: float  # seconds from the list before; 0 for a read
    is_wait: bool  # is repeated while lists show "not yet"; otherwise the first list decides
    requested_at: float = 0.0  # as all times here, by the monotonic clock
    due: float = 0.0
    polls: int = 0
    last_seen: FlowLog | None = None
    answer: FlowLog | Exception | None = None  # None: a show is to decide
    answered: threading.Event = field(default_factory=threading.Event)

    @property
    def listed_since(self) -> float:
        """Lists that were requested later confirm it, even if they were requested before it."""
        return math.inf if self.is_wait else self.deadline.run_began

    def keep_newest(self, flow_log: FlowLog | None) -> None:
        """Remember the record, unless it is older than what is known already."""
        if flow_log and not (self.last_seen and _is_older(flow_log, self.last_seen)):
            self.last_seen = flow_log

    def resolve(self, answer: FlowLog | Exception | None) -> None:
        self.answer = answer
        self.answered.set()


def _is_older(flow_log: FlowLog, other: FlowLog) -> bool:
    time, other_time = instant(flow_log.updated_at), instant(other.updated_at)
    return time is not None and other_time is not None and time < other_time


class Poller:
    """Reads flow logs, and waits for them, for one operation; the lists behind it are those of the whole process."""

    def __init__(self, flow_logs: FlowLogs, batches: BatchPoller, interval: Backoff) -> None:
        self.flow_logs = flow_logs
        self.batches = batches
        self.interval = interval

    def read(
        self, er_id: str, flow_log_id: str, *, resource_id: str | None, is_expected: Callable[[FlowLog], bool]
    ) -> FlowLog:
        """The flow log as it is: listed if the list has what is expected, otherwise shown.

        Args:
            er_id: The router.
            flow_log_id: The flow log.
            resource_id: Its attachment, if that is known.
            is_expected: Whether a list's record is what the caller knows already.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: It could not be read.
        """

        def judge(listed: FlowLog) -> Verdict:
            return Verdict.DONE if is_expected(listed) else Verdict.SHOW

        poll = _Poll(flow_log_id, resource_id, judge, self.flow_logs.deadline, list_interval=0.0, is_wait=False)
        listed = self.batches.answer(er_id, poll, lambda: "the list of flow logs")
        return listed or self.flow_logs.get(er_id, flow_log_id)

    def begin_wait(
        self,
        er_id: str,
        flow_log_id: str,
        *,
        resource_id: str | None,
        waiting_for: str,
        judge: Judge,
        list_interval: float | None = None,
    ) -> Wait:
        """Begin to wait for a flow log to change.

        Args:
            er_id: The router.
            flow_log_id: The flow log.
            resource_id: Its attachment, if that is known.
            waiting_for: What is waited for; a person reads "waiting for" before it, and the state after it.
            judge: What a list's record means; not called for those in one of `FINAL_STATES`.
            list_interval: Seconds between two lists at least; `LIST_INTERVAL` by default.
        """
        interval = LIST_INTERVAL if list_interval is None else list_interval
        poll = _Poll(flow_log_id, resource_id, judge, self.flow_logs.deadline, list_interval=interval, is_wait=True)
        return Wait(self, er_id, poll, waiting_for)


class Wait:
    """One operation's wait for one flow log to change."""

    def __init__(self, poller: Poller, er_id: str, poll: _Poll, waiting_for: str) -> None:
        self._poller = poller
        self._er_id, self._poll, self._waiting_for = er_id, poll, waiting_for
        self._began = time.monotonic()

    @property
    def last_seen(self) -> FlowLog | None:
        """The newest record of it."""
        return self._poll.last_seen

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._began

    def poll(self, last: FlowLog | None) -> FlowLog:
        """The flow log, as a list has it if the wait is over by that, or as a show has it.

        Args:
            last: What is known of it so far.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: It could not be read, or the deadline is over.
        """
        poll = self._poll
        poll.keep_newest(last)
        poll.polls += 1
        poll.due = time.monotonic() + self._poller.interval(poll.polls)
        listed = self._poller.batches.answer(self._er_id, poll, self._describe)
        if listed:
            return listed
        flow_log = self._poller.flow_logs.get(self._er_id, poll.flow_log_id)
        poll.last_seen = flow_log
        return flow_log

    def _describe(self) -> str:
        return f"{self._waiting_for}: {sanitize(self.last_seen.state) if self.last_seen else 'accepted'}"


class BatchPoller:
    """The lists that all operations of a process share, with one thread for each router while it is polled."""

    def __init__(self, flow_logs: FlowLogs, interval: Backoff) -> None:
        self._flow_logs = flow_logs
        self._interval = interval
        self._lock = threading.Lock()
        self._routers: dict[str, _RouterPoller] = {}

    def answer(self, er_id: str, poll: _Poll, waiting_for: Callable[[], str]) -> FlowLog | None:
        """The record of a list that ends the wait; None if a show is to decide.

        Raises:
            OperationStoppedError: The deadline is over, or the operation was cancelled.
        """
        with self._lock:
            router = self._routers.setdefault(er_id, _RouterPoller(self._flow_logs, self._interval, er_id))
        if poll.is_wait:
            poll.deadline.report(waiting_for())
            poll.deadline.check(waiting_for())
        try:
            router.add(poll)
            poll.deadline.wait_for(poll.answered, waiting_for=lambda: waiting_for() + router.trouble)
        finally:
            router.remove(poll)
        if isinstance(poll.answer, Exception):
            raise poll.answer
        return poll.answer


class _RouterPoller:
    """The polls of one router's flow logs, and the thread that answers them while there are any."""

    def __init__(self, flow_logs: FlowLogs, interval: Backoff, er_id: str) -> None:
        self._flow_logs, self._interval, self._er_id = flow_logs, interval, er_id
        self._changed = threading.Condition()
        self._polls: list[_Poll] = []
        self._has_thread = False
        self._last_listed = 0.0
        self._last_list: tuple[float, Mapping[str, FlowLog]] = (0.0, {})  # with the time before its request
        self._abandoned = threading.Event()
        self.trouble = ""
        """What keeps the list under way from being answered, to be appended to a sentence."""

    def add(self, poll: _Poll) -> None:
        """Have a poll answered; its event is set then."""
        poll.answered.clear()
        poll.requested_at = time.monotonic()
        if self._confirm(poll):
            return
        with self._changed:
            self._polls.append(poll)
            self._changed.notify()
            if not self._has_thread:
                threading.Thread(target=self._run, name=f"lists of {self._er_id}", daemon=True).start()
                self._has_thread = True

    def _confirm(self, poll: _Poll) -> bool:
        """Answer a read with the last list, if that is of the same run and has what is expected."""
        listed_at, records = self._last_list
        listed = records.get(poll.flow_log_id)
        if listed_at < poll.listed_since or _verdict(poll, listed) is not Verdict.DONE:
            return False
        poll.resolve(listed)
        return True

    def remove(self, poll: _Poll) -> None:
        """Forget a poll, answered or not."""
        with self._changed:
            if poll in self._polls:
                self._polls.remove(poll)
            if not self._polls:
                self._abandoned.set()
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._polls and (delay := self._next_start() - time.monotonic()) > 0:
                    self._changed.wait(delay)
                if not self._polls:
                    self._has_thread = False
                    return
                polls = list(self._polls)
                self._abandoned = threading.Event()
            self._answer(polls)
            with self._changed:
                self._polls = [poll for poll in self._polls if not poll.answered.is_set()]

    def _next_start(self) -> float:
        """When to answer the polls that are waiting."""
        is_shared = len(self._polls) > 1
        starts = []
        if reads := [poll.requested_at for poll in self._polls if not poll.is_wait]:
            starts.append(min(max(reads) + QUIET_DELAY, min(reads) + MAX_DELAY))
        starts += [
            max(poll.due, self._last_listed + poll.list_interval if is_shared else 0.0)
            for poll in self._polls
            if poll.is_wait
        ]
        return min(starts)

    def _answer(self, polls: list[_Poll]) -> None:
        polls = [poll for poll in polls if not self._confirm(poll)]  # Some were requested during the last list.
        if not polls:
            return
        if len(polls) == 1 and polls[0].listed_since == math.inf:
            polls[0].resolve(None)
            return
        now = time.monotonic()
        try:
            listed = self._list(polls)
            self._last_list, self._last_listed = (now, listed), time.monotonic()
            for poll in polls:
                self._judge(poll, listed.get(poll.flow_log_id), now=now)
        except Exception as error:
            # Whatever prevents the list (the router is gone, listing is not permitted, an outage), a show gives each
            # operation the answer that it needs. A programming error is raised in the operations.
            for poll in polls:
                if not poll.answered.is_set():
                    poll.resolve(None if isinstance(error, ApiError) else error)

    def _list(self, polls: list[_Poll]) -> dict[str, FlowLog]:
        resource_ids = {poll.resource_id for poll in polls}
        known = sorted(id_ for id_ in resource_ids if id_)
        # In a run, others of the router mostly follow: its list confirms them too.
        is_filtered = all(poll.listed_since == math.inf for poll in polls) and (
            len(known) == len(resource_ids) <= MAX_FILTERED
        )
        deadline = Deadline(
            seconds=min(LIST_DEADLINE, max(poll.deadline.left for poll in polls)),
            cancelled=self._abandoned,
            report=self._note_trouble,
        )
        try:
            flow_logs = self._flow_logs.with_deadline(deadline)
            found = flow_logs.list(self._er_id, resource_ids=known if is_filtered else ())
            return {flow_log.id: flow_log for flow_log in found}
        finally:
            self.trouble = ""

    def _note_trouble(self, text: str) -> None:
        self.trouble = f" (waiting for {text})"

    def _judge(self, poll: _Poll, listed: FlowLog | None, *, now: float) -> None:
        verdict = _verdict(poll, listed)
        if verdict is Verdict.DONE:
            poll.resolve(listed)
        elif verdict is Verdict.NOT_YET and (poll.polls + 1) % SHOW_EVERY:
            poll.keep_newest(listed)
            poll.polls += 1
            poll.due = max(poll.due, now + self._interval(poll.polls))
        elif not poll.is_wait or poll.due <= now:
            poll.resolve(None)


def _verdict(poll: _Poll, listed: FlowLog | None) -> Verdict:
    return poll.judge(listed) if listed and listed.state not in FINAL_STATES else Verdict.SHOW

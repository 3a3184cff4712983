"""Poller at flow logs, shared: one list answers all operations that wait for flow logs of the same router.

A list is begun when its questions have been put, so no answer is older than its question. Lists may lag behind, so a
list only confirms: what it does not show, or shows otherwise than is hoped for, is for a show to decide.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from providers.er.deadline import Deadline
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog
from providers.er.sanitizing import sanitize

if TYPE_CHECKING:
    from providers.er.client import Client

ALONE = 0.02  # seconds that a question waits for others to be asked with
QUIET = 0.05  # seconds without a new question, after which those there are are asked
GATHER = 1.0  # seconds that the first of them waits at the most
INTERVAL = 0.25  # seconds between two lists for those who wait for a change
LIST_DEADLINE = 30.0  # seconds after which a list that is not answered is left, and shows are tried
SHOW_EVERY = 30  # looks at lists that say "not yet", after which a show is to say so too
FILTER_AT_MOST = 50  # attachments that fit into an address; for more, the whole router is listed

ENDS = ("failed", "deleted")
"""States that end a wait: too much hangs on them to believe a list."""


Says = Callable[[FlowLog], "bool | None"]
"""What a list's record says: True, all is as hoped for; False, not yet; None, that is for a show to decide."""


@dataclass(eq=False)
class _Question:
    flow_log_id: str
    resource_id: str | None
    says: Says
    deadline: Deadline
    is_wait: bool  # is asked again while lists say "not yet"; else the first list decides
    asked_at: float = 0.0  # as all times here, by the monotonic clock
    due: float = 0.0
    looks: int = 0
    seen: FlowLog | None = None
    answer: FlowLog | Exception | None = None  # None: a show is to decide
    answered: threading.Event = field(default_factory=threading.Event)

    def see(self, flow_log: FlowLog | None) -> None:
        """Keep what was seen, unless it is older than what is known already."""
        if flow_log and not (self.seen and flow_log.updated_at < self.seen.updated_at):
            self.seen = flow_log

    def end(self, answer: FlowLog | Exception | None) -> None:
        self.answer = answer
        self.answered.set()


class Poller:
    """Ways to look at a flow log, for one operation; the lists behind them are those of the whole process."""

    def __init__(self, client: Client, lists: BatchPoller) -> None:
        self._client = client
        self._lists = lists

    def now(
        self, er_id: str, flow_log_id: str, *, resource_id: str | None, believable: Callable[[FlowLog], bool]
    ) -> FlowLog:
        """The flow log as it is: shown, or listed if others ask at the same time and the list is believable.

        Args:
            er_id: The router.
            flow_log_id: The flow log.
            resource_id: Its attachment, if that is known.
            believable: Whether this is what was to be expected.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: It could not be looked at.
        """
        question = _Question(
            flow_log_id, resource_id, lambda one: believable(one) or None, self._client.deadline, is_wait=False
        )
        listed = self._lists.ask(er_id, question, lambda: "the list of flow logs")
        return listed or self._client.flow_logs.get(er_id, flow_log_id)

    def begin_wait(
        self,
        er_id: str,
        flow_log_id: str,
        *,
        resource_id: str | None,
        words: str,
        says: Says,
    ) -> Wait:
        """Begin to wait for a flow log to change.

        Args:
            er_id: The router.
            flow_log_id: The flow log.
            resource_id: Its attachment, if that is known.
            words: What is waited for; a person reads `waiting for` before them, and the state behind.
            says: What a list's record says; not asked for the states of `ENDS`.
        """
        question = _Question(flow_log_id, resource_id, says, self._client.deadline, is_wait=True)
        return Wait(self._client, self._lists, er_id, question, words)


class Wait:
    """One operation's wait for one flow log to change."""

    def __init__(self, client: Client, lists: BatchPoller, er_id: str, question: _Question, words: str) -> None:
        self._client, self._lists = client, lists
        self._er_id, self._question, self._words = er_id, question, words
        self._began = time.monotonic()

    @property
    def seen(self) -> FlowLog | None:
        """What was last seen of it."""
        return self._question.seen

    @property
    def elapsed(self) -> float:
        """Seconds since the wait began."""
        return time.monotonic() - self._began

    def look(self, last: FlowLog | None) -> FlowLog:
        """The flow log, once a list says that all is as hoped for, or as a show has it.

        Args:
            last: What is known of it so far.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: It could not be looked at, or deadline is over.
        """
        question = self._question
        question.see(last)
        question.looks += 1
        question.due = time.monotonic() + self._client.poll(question.looks)
        listed = self._lists.ask(self._er_id, question, self._waiting_for)
        if listed:
            return listed
        flow_log = self._client.flow_logs.get(self._er_id, question.flow_log_id)
        question.seen = flow_log
        return flow_log

    def _waiting_for(self) -> str:
        return f"{self._words}: {sanitize(self.seen.state) if self.seen else 'accepted'}"


class BatchPoller:
    """The lists that all operations of a process share, one thread for each router that somebody asks about."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._routers: dict[str, _RouterLists] = {}

    def ask(self, er_id: str, question: _Question, waiting_for: Callable[[], str]) -> FlowLog | None:
        """What a list has, once it says that all is as hoped for; None if that is for a show to decide.

        Raises:
            DeadlineExceededError: Deadline is over.
        """
        with self._lock:
            router = self._routers.setdefault(er_id, _RouterLists(self._client, er_id))
        if question.is_wait:
            question.deadline.report(waiting_for())
            question.deadline.check(waiting_for())
        try:
            router.put(question)
            question.deadline.until(question.answered, waiting_for=lambda: waiting_for() + router.trouble)
        finally:
            router.withdraw(question)
        if isinstance(question.answer, Exception):
            raise question.answer
        return question.answer


class _RouterLists:
    """The questions about one router's flow logs, and the thread that asks them while there are any."""

    def __init__(self, client: Client, er_id: str) -> None:
        self._client, self._er_id = client, er_id
        self._changed = threading.Condition()
        self._questions: list[_Question] = []
        self._is_served = False
        self._listed = 0.0
        self._unwanted = threading.Event()
        self.trouble = ""
        """What keeps the list under way from being answered, as an addition to a sentence."""

    def put(self, question: _Question) -> None:
        """Have a question answered: it is told so by its event."""
        question.answered.clear()
        question.asked_at = time.monotonic()
        with self._changed:
            self._questions.append(question)
            self._changed.notify()
            if not self._is_served:
                threading.Thread(target=self._serve, name=f"lists of {self._er_id}", daemon=True).start()
                self._is_served = True

    def withdraw(self, question: _Question) -> None:
        """Forget a question, answered or not."""
        with self._changed:
            if question in self._questions:
                self._questions.remove(question)
            if not self._questions:
                self._unwanted.set()
                self._changed.notify()

    def _serve(self) -> None:
        while True:
            with self._changed:
                while self._questions and (rest := self._start() - time.monotonic()) > 0:
                    self._changed.wait(rest)
                if not self._questions:
                    self._is_served = False
                    return
                questions = list(self._questions)
                self._unwanted = threading.Event()
            self._answer(questions)
            with self._changed:
                self._questions = [one for one in self._questions if not one.answered.is_set()]

    def _start(self) -> float:
        """When to ask the questions there are."""
        starts = []
        at_once = [one.asked_at for one in self._questions if not one.is_wait]
        if at_once:
            quiet = max(at_once) + (QUIET if len(self._questions) > 1 else ALONE)
            starts.append(min(quiet, min(at_once) + GATHER))
        due = [one.due for one in self._questions if one.is_wait]
        if due:
            starts.append(max(min(due), self._listed + INTERVAL if len(self._questions) > 1 else 0.0))
        return min(starts)

    def _answer(self, questions: list[_Question]) -> None:
        if len(questions) == 1:
            questions[0].end(None)
            return
        now = time.monotonic()
        try:
            listed = self._list(questions)
            self._listed = time.monotonic()
            for question in questions:
                self._settle(question, listed.get(question.flow_log_id), now=now)
        except Exception as error:
            # Whatever the service has against this list (the router is gone, listing is not permitted, there is an
            # outage), a show gives each the answer that it needs. A mistake of ours is raised by those who asked.
            for question in questions:
                if not question.answered.is_set():
                    question.end(None if isinstance(error, ApiError) else error)

    def _list(self, questions: list[_Question]) -> dict[str, FlowLog]:
        resource_ids = {one.resource_id for one in questions}
        known = sorted(id_ for id_ in resource_ids if id_)
        is_filtered = len(known) == len(resource_ids) <= FILTER_AT_MOST
        deadline = Deadline(
            seconds=min(LIST_DEADLINE, max(one.deadline.left for one in questions)),
            cancelled=self._unwanted,
            report=self._note,
        )
        try:
            found = self._client.within(deadline).flow_logs.list(self._er_id, resource_ids=known if is_filtered else ())
            return {flow_log.id: flow_log for flow_log in found}
        finally:
            self.trouble = ""

    def _note(self, text: str) -> None:
        self.trouble = f" (waiting for {text})"

    def _settle(self, question: _Question, listed: FlowLog | None, *, now: float) -> None:
        says = question.says(listed) if listed and listed.state not in ENDS else None
        if says:
            question.end(listed)
        elif says is False and (question.looks + 1) % SHOW_EVERY:
            question.see(listed)
            question.looks += 1
            question.due = max(question.due, now + self._client.poll(question.looks))
        elif not question.is_wait or question.due <= now:
            question.end(None)

"""Looks at flow logs, shared: one list answers all operations that wait for flow logs of the same router.

A list is begun when its questions have been put, so no answer is older than its question. Lists may lag behind, so a
list only confirms: what it does not show, or shows otherwise than is hoped for, is for a show to decide.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from providers.er.errors import ApiError, PatienceError, TemporaryError
from providers.er.flow_logs import FlowLog
from providers.er.patience import Patience

if TYPE_CHECKING:
    from providers.er.client import Client

ALONE = 0.02  # seconds that a question waits for others to be asked with
QUIET = 0.05  # seconds without a new question, after which those there are are asked
GATHER = 1.0  # seconds that the first of them waits at the most
INTERVAL = 0.25  # seconds between two lists for those who wait for a change
FILTER_AT_MOST = 50  # attachments that fit into an address; for more, the whole router is listed

REMEMBERED = 16  # waits that the next one's first look is planned by
EARLY = 0.9  # the share of the shortest of them after which it is made

ENDS = ("failed", "deleted")
"""States that end a wait: too much hangs on them to believe a list."""


@dataclass(eq=False)
class _Question:
    flow_log_id: str
    resource_id: str | None
    believable: Callable[[FlowLog], bool]
    patience: Patience
    waits: bool  # until a list is believable; else the first one decides
    put: float = 0.0
    due: float = 0.0  # when to ask, by the monotonic clock
    tries: int = 0
    seen: FlowLog | None = None
    states: set[str] = field(default_factory=set)
    answer: FlowLog | Exception | None = None
    answered: threading.Event = field(default_factory=threading.Event)

    def see(self, flow_log: FlowLog | None) -> None:
        if flow_log:
            self.seen = flow_log
            self.states.add(flow_log.state)

    def end(self, answer: FlowLog | Exception | None) -> None:
        self.answer = answer
        self.answered.set()


class Looks:
    """Ways to look at a flow log, for one operation; the lists behind them are those of the whole process."""

    def __init__(self, client: Client, lists: SharedLists) -> None:
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
        """
        question = _Question(flow_log_id, resource_id, believable, self._client.patience, waits=False)
        listed = self._lists.ask(er_id, question, lambda: "the list of flow logs")
        return listed or self._client.flow_logs.get(er_id, flow_log_id)

    def begin_wait(
        self, er_id: str, flow_log_id: str, *, resource_id: str | None, change: str, done: Callable[[FlowLog], bool]
    ) -> Wait:
        """Begin to wait for a flow log to change.

        Args:
            er_id: The router.
            flow_log_id: The flow log.
            resource_id: Its attachment, if that is known.
            change: What is waited for, in a word; what took how long is remembered by it.
            done: Whether it has changed as hoped for; not asked about one whose state is one of `ENDS`.
        """
        question = _Question(flow_log_id, resource_id, done, self._client.patience, waits=True)
        return Wait(self._client, self._lists, er_id, question, change)


class Wait:
    """One operation's wait for one flow log to change."""

    def __init__(self, client: Client, lists: SharedLists, er_id: str, question: _Question, change: str) -> None:
        self._client, self._lists = client, lists
        self._er_id, self._question, self._change = er_id, question, change
        self._began = time.monotonic()

    @property
    def seen(self) -> FlowLog | None:
        """What was last seen of it."""
        return self._question.seen

    @property
    def looks(self) -> int:
        """How often it was looked at."""
        return self._question.tries

    @property
    def states(self) -> set[str]:
        """All states that it was seen in."""
        return self._question.states

    def look(self, last: FlowLog | None) -> FlowLog:
        """The flow log, once a list says that it has changed as hoped for, or as a show has it.

        Args:
            last: What is known of it so far.

        Raises:
            NotFoundError: There is none of this id.
            ApiError: It could not be looked at, or patience is over.
        """
        question = self._question
        question.see(last)
        question.tries += 1
        expected = self._lists.expected(self._change) if question.tries == 1 else 0.0
        question.due = time.monotonic() + max(expected, self._client.poll(question.tries))
        listed = self._lists.ask(self._er_id, question, self._words)
        flow_log = listed or self._client.flow_logs.get(self._er_id, question.flow_log_id)
        question.see(flow_log)
        return flow_log

    def over(self) -> None:
        """It has changed as hoped for: those who wait for the same change may profit from how long it took."""
        self._lists.remember(self._change, time.monotonic() - self._began)

    def _words(self) -> str:
        state = self._question.seen.state if self._question.seen else "accepted"
        return f"{self._change}: {state}"


class SharedLists:
    """The lists that all operations of a process share, one thread for each router that somebody asks about."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._routers: dict[str, _RouterLists] = {}
        self._took: dict[str, deque[float]] = {}

    def ask(self, er_id: str, question: _Question, waiting_for: Callable[[], str]) -> FlowLog | None:
        """What a list says, once it is believable; None if it is for a show to decide.

        Raises:
            ApiError: The list was not answered, or patience is over.
        """
        with self._lock:
            router = self._routers.setdefault(er_id, _RouterLists(self._client, er_id))
        if question.waits:
            question.patience.report(waiting_for())
            question.patience.check(waiting_for())
        router.put(question)
        try:
            question.patience.until(question.answered, waiting_for=lambda: waiting_for() + router.trouble)
        finally:
            router.withdraw(question)
        if isinstance(question.answer, Exception):
            raise copy.copy(question.answer) from question.answer
        return question.answer

    def expected(self, change: str) -> float:
        """Seconds before which this change is not worth a look; 0 if nothing is known."""
        with self._lock:
            return EARLY * min(self._took.get(change, ()), default=0.0)

    def remember(self, change: str, seconds: float) -> None:
        """Let it be known how long a change took."""
        with self._lock:
            self._took.setdefault(change, deque(maxlen=REMEMBERED)).append(seconds)


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
        question.answered.clear()
        question.put = time.monotonic()
        with self._changed:
            self._questions.append(question)
            self._changed.notify()
            if not self._is_served:
                self._is_served = True
                threading.Thread(target=self._serve, name=f"lists of {self._er_id}", daemon=True).start()

    def withdraw(self, question: _Question) -> None:
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
                self._unwanted.clear()
            self._answer(questions)
            with self._changed:
                self._questions = [one for one in self._questions if not one.answered.is_set()]

    def _start(self) -> float:
        """When to ask the questions there are, by the monotonic clock."""
        starts = []
        at_once = [one.put for one in self._questions if not one.waits]
        if at_once:
            quiet = max(at_once) + (QUIET if len(self._questions) > 1 else ALONE)
            starts.append(min(quiet, min(at_once) + GATHER))
        due = [one.due for one in self._questions if one.waits]
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
        except Exception as error:
            # Such as a router that is gone, or no permission to list: then a show gives each the answer that it needs.
            # All else, a mistake of ours too, is raised by those who asked.
            is_refusal = isinstance(error, ApiError) and not isinstance(error, (TemporaryError, PatienceError))
            for question in questions:
                question.end(None if is_refusal else error)
        else:
            for question in questions:
                self._settle(question, listed.get(question.flow_log_id), asked=now)
        self._listed = time.monotonic()

    def _list(self, questions: list[_Question]) -> dict[str, FlowLog]:
        resource_ids = {one.resource_id for one in questions}
        known = [id_ for id_ in resource_ids if id_] if len(resource_ids) <= FILTER_AT_MOST else []
        patience = Patience(
            seconds=max(one.patience.left for one in questions), cancelled=self._unwanted, report=self._note
        )
        try:
            found = self._client.within(patience).flow_logs.list(
                self._er_id, resource_ids=sorted(known) if len(known) == len(resource_ids) else ()
            )
            return {flow_log.id: flow_log for flow_log in found}
        finally:
            self.trouble = ""

    def _note(self, text: str) -> None:
        self.trouble = f" ({text})"

    def _settle(self, question: _Question, listed: FlowLog | None, *, asked: float) -> None:
        if listed and listed.state not in ENDS and question.believable(listed):
            question.end(listed)
        elif question.waits and listed and listed.state not in ENDS:
            question.see(listed)
            if question.due <= asked:
                question.tries += 1
                question.due = time.monotonic() + self._client.poll(question.tries)
        elif question.due <= asked:
            question.end(None)

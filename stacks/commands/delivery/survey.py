"""Reads the log streams of flow logs: as few queries as possible, side by side, each with an end."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeVar

from providers.er import Client
from providers.er.exceptions import ApiError, NotFoundError, OperationCancelledError
from providers.er.flow_logs import FlowLog
from providers.er.records import MAX_SPAN_DAYS, Line, parse_records
from providers.er.validation import instant
from stacks.commands.coverage.model import Coverage, Entry, Status
from stacks.commands.delivery.model import STREAM_DELETED, Delivery, State, Tally, default_limit, is_new, judge
from stacks.planning.inventory import MAX_PARALLEL

T = TypeVar("T")
R = TypeVar("R")

MAX_LINES = 5000  # to read of one flow log, or of a stream that several share
QUERY_SECONDS = 30.0  # for what is read of one flow log, or of one stream
REPORT_EVERY = 2.0  # seconds
SPAN = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to find out.

    Attributes:
        now: The time, with its zone.
        span: How far back records are counted, at most 180 days.
        overdue_after: How long a flow log may have no record; None: see `default_limit`.
    """

    now: datetime
    span: timedelta = SPAN
    overdue_after: timedelta | None = None

    def overdue_after_of(self, flow_log: FlowLog) -> timedelta:
        """How long this flow log may have no record."""
        return self.overdue_after or default_limit(flow_log)


def measure(client: Client, entries: Sequence[Entry], question: Question) -> list[Delivery]:
    """The delivery of each entry, in the same order. Only flow logs that are logging are asked about.

    Raises:
        OperationCancelledError: The user pressed Ctrl-C.
    """
    logging = [entry.record for entry in entries if entry.record and entry.status is Status.LOGGED]
    answers = _Reader(client, question).read(logging)
    return [_judge(entry, answers.get(entry.record.id) if entry.record else None, question) for entry in entries]


def add_delivery(client: Client, coverage: Coverage, *, now: datetime) -> Coverage:
    """The coverage in which only those flow logs are logged whose records arrive, or may still be on their way.

    Raises:
        OperationCancelledError: The user pressed Ctrl-C.
    """
    deliveries = iter(measure(client, coverage.entries, Question(now=now)))
    return replace(
        coverage,
        routers=[
            replace(router, entries=[_with_delivery(entry, next(deliveries)) for entry in router.entries])
            for router in coverage.routers
        ],
    )


def _with_delivery(entry: Entry, delivery: Delivery) -> Entry:
    if delivery.state is State.NOT_LOGGED:
        return entry
    entry = replace(entry, delivery=delivery.state.value)
    if delivery.state in (State.DELIVERING, State.QUIET):
        return entry
    status = Status.NOT_LOGGED if entry.is_expected else Status.DESELECTED
    return replace(entry, status=status, reason=delivery.reason)


def _judge(entry: Entry, answer: Tally | ApiError | None, question: Question) -> Delivery:
    if entry.record is None or answer is None:
        return Delivery(entry=entry, state=State.NOT_LOGGED, reason=entry.reason)
    if isinstance(answer, NotFoundError):
        return Delivery(entry=entry, state=State.OVERDUE, reason=STREAM_DELETED)
    if isinstance(answer, ApiError):
        return Delivery(entry=entry, state=State.UNKNOWN, reason=f"its records cannot be read: {answer}")
    overdue_after = question.overdue_after_of(entry.record)
    return judge(entry, entry.record, answer, now=question.now, overdue_after=overdue_after)


class _Reader:
    """Reads what flow logs have written."""

    def __init__(self, client: Client, question: Question) -> None:
        self._client = client
        self._question = question
        self._progress = _Progress(client.deadline.report, 0)

    def read(self, flow_logs: Sequence[FlowLog]) -> dict[str, Tally | ApiError]:
        """By id, what each flow log has written, or why that cannot be read."""
        by_stream: dict[tuple[str, str], list[FlowLog]] = defaultdict(list)
        for flow_log in flow_logs:
            by_stream[_stream(flow_log)].append(flow_log)
        answers: dict[str, Tally | ApiError] = {}
        shared = [sharing for sharing in by_stream.values() if len(sharing) > 1]
        for sharing, found in zip(shared, self._ask(self._read_stream, shared), strict=True):
            if isinstance(found, ApiError):
                answers |= {flow_log.id: found for flow_log in sharing}
            else:
                answers |= found
        # Those that are alone in their stream, or whose stream has more lines than one query should read.
        rest = [flow_log for flow_log in flow_logs if flow_log.id not in answers]
        answers |= self._ask_each(self._read_flow_log, rest)
        return answers | self._ask_each(self._find_newest, self._missing(flow_logs, answers))

    def _missing(self, flow_logs: Sequence[FlowLog], answers: Mapping[str, Tally | ApiError]) -> list[FlowLog]:
        """Those that are overdue, and whose newest record is older than all that was read."""
        return [
            flow_log
            for flow_log in flow_logs
            if answers[flow_log.id] == Tally()
            and not is_new(flow_log, now=self._question.now, age=self._question.overdue_after_of(flow_log))
        ]

    def _read_stream(self, flow_logs: Sequence[FlowLog]) -> dict[str, Tally | ApiError]:
        """What these flow logs have written into their stream; nothing if there is too much in it."""
        tallies, is_complete = self._count(flow_logs)
        return {flow_log.id: tallies[flow_log.target.resource_id] for flow_log in flow_logs} if is_complete else {}

    def _read_flow_log(self, flow_log: FlowLog) -> Tally:
        attachment_id = flow_log.target.resource_id
        tallies, is_complete = self._count([flow_log], keyword=attachment_id)
        return replace(tallies[attachment_id], is_complete=is_complete)

    def _count(self, flow_logs: Sequence[FlowLog], *, keyword: str | None = None) -> tuple[dict[str, Tally], bool]:
        """By attachment, the newest records in the stream of these flow logs; and whether these are all."""
        question = self._question
        begin = question.now - max(question.span, *map(question.overdue_after_of, flow_logs))
        tallies: dict[str, Tally] = defaultdict(Tally)
        lines = list(islice(self._lines(flow_logs[0], begin, keyword), MAX_LINES))
        for record in parse_records(lines):
            tallies[record.resource_id].add(record, since=question.now - question.span)
        return tallies, len(lines) < MAX_LINES

    def _find_newest(self, flow_log: FlowLog) -> Tally:
        """A tally of the newest record since the flow log was created, however old that is; of none if it has none."""
        earliest = self._question.now - timedelta(days=MAX_SPAN_DAYS)
        begin = max(instant(flow_log.created_at) or earliest, earliest)
        tally = Tally()
        lines = islice(self._lines(flow_log, begin, flow_log.target.resource_id), MAX_LINES)
        for record in islice(parse_records(lines), 1):
            tally.add(record, since=self._question.now)
        return tally

    def _lines(self, flow_log: FlowLog, begin: datetime, keyword: str | None) -> Iterator[Line]:
        deadline = replace(self._client.deadline, seconds=QUERY_SECONDS, report=self._progress.wait)
        group, stream = _stream(flow_log)
        records = self._client.with_deadline(deadline).records
        return records.lines(group, stream, since=begin, until=self._question.now, keyword=keyword)

    def _ask_each(self, read: Callable[[FlowLog], Tally], flow_logs: Sequence[FlowLog]) -> dict[str, Tally | ApiError]:
        answers = self._ask(read, flow_logs)
        return {flow_log.id: answer for flow_log, answer in zip(flow_logs, answers, strict=True)}

    def _ask(self, read: Callable[[T], R], things: Sequence[T]) -> list[R | ApiError]:
        """What is read of each thing, side by side, or the error."""
        self._progress = _Progress(self._client.deadline.report, len(things))

        def answer(thing: T) -> R | ApiError:
            try:
                return read(thing)
            except OperationCancelledError:
                raise
            except ApiError as error:
                return error
            finally:
                self._progress.answer()

        with ThreadPoolExecutor(MAX_PARALLEL) as pool:
            return list(pool.map(answer, things))


@dataclass
class _Progress:
    """Reports how many queries are answered: one line every two seconds, however many wait."""

    report: Callable[[str], None]
    total: int
    answered: int = 0
    reported_at: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, _what: str) -> None:
        with self.lock:
            if time.monotonic() - self.reported_at >= REPORT_EVERY:
                self.reported_at = time.monotonic()
                self.report(f"the records in log streams: {self.answered} of {self.total} queries are answered")

    def answer(self) -> None:
        with self.lock:
            self.answered += 1


def _stream(flow_log: FlowLog) -> tuple[str, str]:
    return flow_log.target.log_group_id, flow_log.target.log_stream_id

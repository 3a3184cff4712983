"""Delivery: the records that flow logs have written into a stream, computed from their history when somebody asks.

A flow log that is available and enabled writes once per interval, at its end, and nothing while it is not. What an
attachment's records say follows from its id and the number of the interval alone, so it is the same in every run.
"""

from __future__ import annotations

import heapq
import json
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from emulator import log_tank, rules
from emulator.clock import Clock, Instant, seconds
from emulator.database import Database
from emulator.errors import EmulatorError
from emulator.flow_logs import AVAILABLE

SETTING = "delivery"  # in the table of notes
DAY = 24 * 60 * 60
NANOSECONDS = 1_000  # of one microsecond, the unit of an Instant
MOST_PER_INTERVAL = 3  # records of a flow log

_DELIMITERS = re.compile(r"[\s,'\";=()\[\]{}@&<>/:]+")


@dataclass(frozen=True)
class Pace:
    """How often flow logs write, and how long a record then takes to be found; in seconds."""

    interval: float = rules.LOG_AGGREGATION_INTERVAL
    delay: float = 0.0

    def __post_init__(self) -> None:
        if not (0.01 <= self.interval <= DAY and 0 <= self.delay <= DAY):
            raise EmulatorError(
                f"The pace of delivery must be an interval of 0.01 to {DAY} s and a delay of 0 to {DAY} s, "
                f"not {self.interval:g} and {self.delay:g}."
            )


def save_pace(connection: sqlite3.Connection, pace: Pace) -> None:
    """Keep the pace; it is also that of the past."""
    connection.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (SETTING, json.dumps([pace.interval, pace.delay])))


@dataclass(frozen=True)
class Line:
    """A line of a stream. The number is the time of its delivery in nanoseconds, and unique in the stream."""

    number: int
    content: str

    def has(self, keyword: str) -> bool:
        """Whether the keyword is a word of the line: it stands between two delimiters."""
        return keyword in _DELIMITERS.split(self.content)


@dataclass(frozen=True)
class _Writer:
    """A flow log, while it writes without a break."""

    project_id: str
    er_id: str
    resource_id: str
    place: int  # among the flow logs of the stream
    begin: Instant
    end: Instant  # nothing is written or delivered after
    delay: Instant


_WRITERS = """
SELECT f.id, f.project_id, f.er_id, f.resource_id, coalesce(min(a.removed_at, :now), :now), a.is_quiet,
       coalesce(min(d.stops_at, :now), :now), coalesce(d.delay, 0)
FROM flow_log f
LEFT JOIN attachment a ON a.id = f.resource_id
LEFT JOIN delivery_fault d ON d.flow_log_id = f.id
WHERE f.log_stream_id = :stream
ORDER BY f.created_at, f.id
"""
_VERSIONS = """
SELECT valid_from, state = ? AND enabled FROM flow_log_version WHERE flow_log_id = ? ORDER BY valid_from, sequence
"""


class Delivery:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def lines(
        self, project_id: str, log_group_id: str, log_stream_id: str, *, span: tuple[int, int], descending: bool = False
    ) -> Iterator[Line]:
        """The lines of a stream with numbers in `span`, its ends included; computed as they are asked for."""
        now = self._clock()
        with self._database.reading() as connection:
            stream = log_tank.require_stream(connection, project_id, log_group_id, log_stream_id)
            pace = _load_pace(connection)
            writers = list(_find_writers(connection, now, log_stream_id))
        first = max(span[0], (now - seconds(stream.ttl_in_days * DAY)) * NANOSECONDS)
        last = min(span[1], now * NANOSECONDS + NANOSECONDS - 1)
        return heapq.merge(
            *(_write(writer, pace, first, last, descending) for writer in writers),
            key=lambda line: line.number,
            reverse=descending,
        )

    def set_pace(self, pace: Pace) -> None:
        """Change how often flow logs write, in the past as well."""
        with self._database.writing() as connection:
            save_pace(connection, pace)

    def spoil(self, flow_log_id: str, *, stops: bool = False, delay: float = 0.0) -> None:
        """Have a flow log deliver nothing from now on, or all of its records late, without a sign of it."""
        row = (flow_log_id, self._clock() if stops else None, seconds(delay))
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO delivery_fault VALUES (?, ?, ?)", row)


def _load_pace(connection: sqlite3.Connection) -> Pace:
    row = connection.execute("SELECT value FROM note WHERE key = ?", (SETTING,)).fetchone()
    return Pace(*json.loads(row[0])) if row else Pace()


def _find_writers(connection: sqlite3.Connection, now: Instant, log_stream_id: str) -> Iterator[_Writer]:
    rows = connection.execute(_WRITERS, {"now": now, "stream": log_stream_id}).fetchall()
    for place, (id_, project_id, er_id, resource_id, ends_at, is_quiet, stops_at, delay) in enumerate(rows):
        if is_quiet:
            continue
        for begin, end in _find_active(connection, id_, min(ends_at, stops_at)):
            yield _Writer(project_id, er_id, resource_id, place, begin, end, delay)


def _find_active(connection: sqlite3.Connection, flow_log_id: str, until: Instant) -> Iterator[tuple[Instant, Instant]]:
    begin: Instant | None = None
    for valid_from, is_active in connection.execute(_VERSIONS, (AVAILABLE, flow_log_id)).fetchall():
        if is_active and begin is None:
            begin = valid_from
        elif not is_active and begin is not None:
            yield begin, min(valid_from, until)
            begin = None
    if begin is not None:
        yield begin, until


def _write(writer: _Writer, pace: Pace, first: int, last: int, descending: bool) -> Iterator[Line]:
    """The lines of one writer, in the order of their numbers."""
    interval, delay = seconds(pace.interval), seconds(pace.delay) + writer.delay
    # Interval n ends at begin + (n + 1) * interval, and is delivered `delay` later.
    delivered_until = min(writer.end, last // NANOSECONDS - delay)
    count = (delivered_until - writer.begin) // interval
    skipped = max((first // NANOSECONDS - delay - writer.begin) // interval - 1, 0)
    intervals = range(skipped, count)
    for number in reversed(intervals) if descending else intervals:
        begin = writer.begin + number * interval
        contents = list(_describe(writer, number, begin, begin + interval))
        at = (begin + interval + delay) * NANOSECONDS + writer.place * MOST_PER_INTERVAL % NANOSECONDS
        lines = [Line(at + index, content) for index, content in enumerate(contents)]
        yield from (line for line in (reversed(lines) if descending else lines) if first <= line.number <= last)


def _describe(writer: _Writer, number: int, begin: Instant, end: Instant) -> Iterator[str]:
    """What passed through the attachment in an interval (Enterprise Router user guide: details about a flow log)."""
    random = Random(f"{writer.resource_id} {number}")
    inside = f"192.168.{random.randrange(256)}.{random.randrange(1, 255)}"
    for _ in range(random.randint(1, MOST_PER_INTERVAL)):
        outside = f"10.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(1, 255)}"
        is_ping = random.random() < 0.1
        ports = "8 0 1" if is_ping else f"{random.randrange(32768, 61000)} {random.choice((53, 443, 5432))} 6"
        packets = random.randint(1, 1000)
        direction = random.choice(("ingress", "egress"))
        addresses = f"{inside} {outside}" if direction == "egress" else f"{outside} {inside}"
        yield (
            f"1 {writer.project_id} {writer.resource_id} {writer.er_id} {addresses} {ports} {packets} "
            f"{packets * random.randint(64, 1500)} {begin // seconds(1)} {end // seconds(1)} {direction}"
        )

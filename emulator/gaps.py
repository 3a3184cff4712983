"""Gaps in the record: when an attachment had no active flow log. Read from the versions, which keep every instant."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from emulator.clock import Instant, format_exact
from emulator.errors import EmulatorError
from emulator.flow_logs import AVAILABLE


@dataclass(frozen=True)
class Gap:
    """A span from `begin` up to, but not including, `end` in which nothing logged an attachment."""

    attachment_id: str
    begin: Instant
    end: Instant

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.end - self.begin) / 1_000_000


@dataclass(frozen=True)
class _Version:
    valid_from: Instant
    flow_log_id: str
    is_active: bool


# An attachment without any version has one row, whose version is NULL.
_VERSIONS = """
SELECT a.id, a.created_at, a.removed_at, v.valid_from, v.flow_log_id, v.state = :available AND v.enabled
FROM attachment a
JOIN router r ON r.id = a.er_id
LEFT JOIN flow_log f ON f.resource_id = a.id
LEFT JOIN flow_log_version v ON v.flow_log_id = f.id AND v.valid_from < :until
WHERE {chosen}
ORDER BY r.name, a.name, a.id, v.valid_from, v.sequence
"""


def find_gaps(
    connection: sqlite3.Connection,
    *,
    since: Instant | None,
    until: Instant,
    attachment_ids: Sequence[str] | None,
) -> list[Gap]:
    """Each longest span in which an attachment had no flow log that was both `available` and enabled.

    An attachment has gaps only while it exists: not before it was created, nor after it was removed.

    Args:
        connection: To the database.
        since: Where to begin; None means when the first flow log of all became available, or, if none has by `until`,
            when each attachment was created.
        until: Where to end. What is still to come counts, too, up to here.
        attachment_ids: Which attachments, removed ones included; None means all that exist now, of any type and state.

    Returns:
        The gaps, by the names of router and attachment, and then in the order of time.

    Raises:
        EmulatorError: There is nothing between `since` and `until`.
    """
    if since is None:
        since = _first_available(connection, until)
    if since >= until:
        raise EmulatorError(
            f"The beginning, {format_exact(since)}, is not before the end, {format_exact(until)}: choose an earlier "
            "beginning or a later end."
        )
    chosen = "a.removed_at IS NULL" if attachment_ids is None else "a.id IN (SELECT value FROM json_each(:ids))"
    rows = connection.execute(
        _VERSIONS.format(chosen=chosen),
        {"available": AVAILABLE, "until": until, "ids": json.dumps(list(attachment_ids or ()))},
    )
    gaps: list[Gap] = []
    for (id_, created_at, removed_at), versions in groupby(rows, key=lambda row: row[:3]):
        begin, end = max(since, created_at), until if removed_at is None else min(until, removed_at)
        known = (_Version(at, flow_log, bool(is_active)) for *_, at, flow_log, is_active in versions if at is not None)
        gaps += [Gap(id_, *span) for span in _find_inactive(known, begin, end)]
    return gaps


def _first_available(connection: sqlite3.Connection, until: Instant) -> Instant:
    (first,) = connection.execute(
        "SELECT min(valid_from) FROM flow_log_version WHERE state = ? AND valid_from < ?", (AVAILABLE, until)
    ).fetchone()
    return 0 if first is None else int(first)


def _find_inactive(versions: Iterable[_Version], begin: Instant, end: Instant) -> Iterator[tuple[Instant, Instant]]:
    """The spans from `begin` to `end` in which no flow log is active. Versions come by instant, then sequence."""
    active: set[str] = set()
    gap_begin: Instant | None = begin
    for instant, changes in groupby(versions, key=lambda version: version.valid_from):
        if instant >= end:
            break
        # All of one instant together: what holds only between two of them was never visible.
        for change in changes:
            if change.is_active:
                active.add(change.flow_log_id)
            else:
                active.discard(change.flow_log_id)
        if active and gap_begin is not None:
            if gap_begin < instant:
                yield gap_begin, instant
            gap_begin = None
        elif not active and gap_begin is None:
            gap_begin = max(instant, begin)
    if gap_begin is not None and gap_begin < end:
        yield gap_begin, end

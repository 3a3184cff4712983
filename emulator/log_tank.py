"""The Log Tank Service: groups and streams, which must exist before a flow log can write to them.

LTS API reference: log group management, log stream management.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from emulator import rules
from emulator.clock import Clock, Instant
from emulator.database import Database
from emulator.errors import (
    LOG_GROUP_EXISTS,
    LOG_GROUP_MISSING,
    LOG_GROUP_QUOTA,
    LOG_STREAM_EXISTS,
    LOG_STREAM_MISSING,
    LOG_STREAM_QUOTA,
    ApiError,
    invalid,
)


@dataclass(frozen=True)
class LogGroup:
    id: str
    project_id: str
    name: str
    ttl_in_days: int
    tags: Mapping[str, str]
    created_at: Instant


@dataclass(frozen=True)
class LogStream:
    """A stream; `ttl_in_days` is that of its group unless it has its own."""

    id: str
    log_group_id: str
    name: str
    ttl_in_days: int
    tags: Mapping[str, str]
    created_at: Instant


@dataclass(frozen=True)
class Settings:
    """What a request sets beside the name; None keeps what there is."""

    ttl_in_days: int | None
    tags: Mapping[str, str] | None

    @classmethod
    def parse(cls, fields: Mapping[str, object], *, needs_ttl: bool) -> Settings:
        if needs_ttl and "ttl_in_days" not in fields:
            raise invalid("ttl_in_days is missing.")
        return cls(
            ttl_in_days=rules.check_number("ttl_in_days", fields["ttl_in_days"], 1, rules.MAX_TTL_IN_DAYS)
            if "ttl_in_days" in fields
            else None,
            tags=rules.check_tags(fields["tags"]) if "tags" in fields else None,
        )


T = TypeVar("T", LogGroup, LogStream)

_GROUPS = "SELECT id, project_id, name, ttl_in_days, tags, created_at FROM log_group"
_STREAMS = """
SELECT s.id, s.log_group_id, s.name, coalesce(s.ttl_in_days, g.ttl_in_days), s.tags, s.created_at
FROM log_stream s JOIN log_group g ON g.id = s.log_group_id
"""


class LogTank:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def groups(self, project_id: str | None = None) -> list[LogGroup]:
        """The groups of a project, or of all of them, in the order of creation."""
        rows = self._database.connection().execute(
            f"{_GROUPS} WHERE project_id = :project OR :project IS NULL ORDER BY position", {"project": project_id}
        )
        return [_read(LogGroup, row) for row in rows]

    def create_group(self, project_id: str, name: str, settings: Settings) -> str:
        """Create a group and return its id."""
        with self._database.writing() as connection:
            names = _names(connection, "SELECT name FROM log_group WHERE project_id = ?", project_id)
            if name in names:
                raise ApiError(LOG_GROUP_EXISTS, "Failed to create log group, the group name has been existed")
            if len(names) >= rules.MAX_LOG_GROUPS:
                raise ApiError(
                    LOG_GROUP_QUOTA, "Failed to create log group, the number of log groups exceeds the quota"
                )
            return _insert(connection, "log_group", project_id, name, settings, self._clock())

    def update_group(self, project_id: str, log_group_id: str, settings: Settings) -> LogGroup:
        with self._database.writing() as connection:
            require_group(connection, project_id, log_group_id)
            _update(connection, "log_group", log_group_id, settings)
            return require_group(connection, project_id, log_group_id)

    def delete_group(self, project_id: str, log_group_id: str) -> None:
        """Delete a group with its streams and their records."""
        with self._database.writing() as connection:
            require_group(connection, project_id, log_group_id)
            connection.execute("DELETE FROM log_stream WHERE log_group_id = ?", (log_group_id,))
            connection.execute("DELETE FROM log_group WHERE id = ?", (log_group_id,))

    def streams(self, project_id: str, log_group_id: str) -> list[LogStream]:
        with self._database.reading() as connection:
            require_group(connection, project_id, log_group_id)
            rows = connection.execute(f"{_STREAMS} WHERE g.id = ? ORDER BY s.position", (log_group_id,)).fetchall()
        return [_read(LogStream, row) for row in rows]

    def create_stream(self, project_id: str, log_group_id: str, name: str, settings: Settings) -> str:
        """Create a stream and return its id."""
        with self._database.writing() as connection:
            require_group(connection, project_id, log_group_id)
            names = _names(connection, "SELECT name FROM log_stream WHERE log_group_id = ?", log_group_id)
            if name in names:
                raise ApiError(LOG_STREAM_EXISTS, "The log stream name has been existed")
            if len(names) >= rules.MAX_LOG_STREAMS:
                raise ApiError(
                    LOG_STREAM_QUOTA, "Failed to create log stream, the number of log streams exceeds the quota"
                )
            return _insert(connection, "log_stream", log_group_id, name, settings, self._clock())

    def update_stream(self, project_id: str, log_group_id: str, log_stream_id: str, settings: Settings) -> LogStream:
        with self._database.writing() as connection:
            require_stream(connection, project_id, log_group_id, log_stream_id)
            _update(connection, "log_stream", log_stream_id, settings)
            return require_stream(connection, project_id, log_group_id, log_stream_id)

    def delete_stream(self, project_id: str, log_group_id: str, log_stream_id: str) -> None:
        """Delete a stream with its records. Flow logs that write to it stay, and deliver nowhere."""
        with self._database.writing() as connection:
            require_stream(connection, project_id, log_group_id, log_stream_id)
            connection.execute("DELETE FROM log_stream WHERE id = ?", (log_stream_id,))


def require_group(connection: sqlite3.Connection, project_id: str, log_group_id: str) -> LogGroup:
    row = connection.execute(f"{_GROUPS} WHERE id = ? AND project_id = ?", (log_group_id, project_id)).fetchone()
    if row is None:
        raise ApiError(LOG_GROUP_MISSING, f"The log group {log_group_id} is not existed")
    return _read(LogGroup, row)


def require_stream(connection: sqlite3.Connection, project_id: str, log_group_id: str, log_stream_id: str) -> LogStream:
    require_group(connection, project_id, log_group_id)
    row = connection.execute(f"{_STREAMS} WHERE s.id = ? AND g.id = ?", (log_stream_id, log_group_id)).fetchone()
    if row is None:
        raise ApiError(LOG_STREAM_MISSING, f"The log stream {log_stream_id} does not existed")
    return _read(LogStream, row)


def _insert(
    connection: sqlite3.Connection, table: str, owner_id: str, name: str, settings: Settings, now: Instant
) -> str:
    """Add a group of this project, or a stream of this group, and return its id."""
    id_ = str(uuid4())
    row = (id_, owner_id, name, settings.ttl_in_days, json.dumps(settings.tags or {}), now)
    connection.execute(f"INSERT INTO {table} VALUES (NULL, ?, ?, ?, ?, ?, ?)", row)
    return id_


def _update(connection: sqlite3.Connection, table: str, id_: str, settings: Settings) -> None:
    """Tags, where given, replace those that there are."""
    connection.execute(
        f"UPDATE {table} SET ttl_in_days = coalesce(?, ttl_in_days), tags = coalesce(?, tags) WHERE id = ?",
        (settings.ttl_in_days, None if settings.tags is None else json.dumps(settings.tags), id_),
    )


def _names(connection: sqlite3.Connection, query: str, owner: str) -> set[str]:
    return {name for (name,) in connection.execute(query, (owner,))}


def _read(kind: type[T], row: Sequence[Any]) -> T:
    *before, tags, created_at = row
    values = [*before, json.loads(tags), created_at]
    return kind(*values)

"""The Log Tank Service: groups and streams, which must exist before a flow log can write to them."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.clock import Instant
from emulator.database import Database
from emulator.errors import LOG_GROUP_MISSING, ApiError


@dataclass(frozen=True)
class LogGroup:
    id: str
    project_id: str
    name: str
    ttl_in_days: int
    created_at: Instant


@dataclass(frozen=True)
class LogStream:
    id: str
    log_group_id: str
    name: str
    created_at: Instant


class LogTank:
    def __init__(self, database: Database) -> None:
        self._database = database

    def groups(self, project_id: str | None = None) -> list[LogGroup]:
        """The groups of a project, or of all of them, in the order of creation."""
        rows = self._database.connection().execute(
            "SELECT id, project_id, name, ttl_in_days, created_at FROM log_group "
            "WHERE project_id = :project OR :project IS NULL ORDER BY position",
            {"project": project_id},
        )
        return [LogGroup(*row) for row in rows]

    def streams(self, project_id: str, log_group_id: str) -> list[LogStream]:
        with self._database.reading() as connection:
            if not connection.execute(
                "SELECT 1 FROM log_group WHERE id = ? AND project_id = ?", (log_group_id, project_id)
            ).fetchone():
                raise ApiError(LOG_GROUP_MISSING, f"Log group {log_group_id} does not exist.")
            rows = connection.execute(
                "SELECT id, log_group_id, name, created_at FROM log_stream WHERE log_group_id = ? ORDER BY position",
                (log_group_id,),
            ).fetchall()
        return [LogStream(*row) for row in rows]

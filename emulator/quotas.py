"""Quotas as a client reads them: the limit of the project, and how much of it is used."""

from __future__ import annotations

from dataclasses import dataclass

from emulator import flow_logs, network, rules
from emulator.clock import Clock
from emulator.database import Database


@dataclass(frozen=True)
class Quota:
    key: str
    limit: int
    used: int


class Quotas:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def of(self, project_id: str, *, er_id: str | None = None) -> Quota:
        """The quota of flow logs. With a router, `used` counts on that router alone; the limit is the same."""
        with self._database.reading() as connection:
            if er_id is not None:
                network.require_router(connection, project_id, er_id)
            return Quota(
                key=rules.FLOW_LOG_QUOTA,
                limit=network.quota_limit(connection, project_id),
                used=flow_logs.count_used(connection, self._clock(), project_id, er_id),
            )

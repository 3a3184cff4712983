"""Flow logs: the state machine. It knows nothing of HTTP: tests use it in process as well.

An accepted change is written as versions, each with the instant from which it is valid, future ones included. The state
at an instant is the newest version valid by then (API reference: flow logs are operated asynchronously).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from emulator import network, rules
from emulator.behaviour import Behaviour
from emulator.clock import Clock, Instant, seconds
from emulator.database import Database
from emulator.errors import (
    ATTACHMENT_BUSY,
    ATTACHMENT_FROZEN,
    ATTACHMENT_TYPE_REFUSED,
    FLOW_LOG_BUSY,
    FLOW_LOG_EXISTS,
    FLOW_LOG_MISSING_CODE,
    QUOTA_USED_UP,
    ApiError,
    ErrorKind,
    invalid,
)
from emulator.paging import Page, fetch_page

PENDING, AVAILABLE, MODIFYING = "pending", rules.AVAILABLE, "modifying"
DELETING, DELETED, FAILED = "deleting", "deleted", "failed"
STATES = (PENDING, AVAILABLE, MODIFYING, DELETING, DELETED, FAILED)
DELETABLE_STATES = (AVAILABLE, DELETING, FAILED)  # API reference: delete flow log


@dataclass(frozen=True)
class NewFlowLog:
    """A create request that has passed every check which does not need the database."""

    name: str
    description: str
    resource_id: str
    log_group_id: str
    log_stream_id: str
    fingerprint: bytes = b""
    """Hash of the body: creates with the same client token are the same if their hashes are."""

    @classmethod
    def parse(cls, body: object, *, strict: bool = True) -> NewFlowLog:
        """API reference: create flow log, request body."""
        wrapper = rules.require_object(body, "the body", ("flow_log",), strict=strict)
        if "flow_log" not in wrapper:
            raise invalid("flow_log is missing.")
        fields = rules.require_object(
            wrapper["flow_log"],
            "flow_log",
            (
                "name",
                "description",
                "resource_type",
                "resource_id",
                "log_group_id",
                "log_stream_id",
                "log_store_type",
            ),
            strict=strict,
        )
        rules.check_literal("resource_type", rules.require_text(fields, "resource_type"), rules.RESOURCE_TYPE)
        rules.check_literal("log_store_type", rules.require_text(fields, "log_store_type"), rules.LOG_STORE_TYPE)
        return cls(
            name=rules.check_name(rules.require_text(fields, "name")),
            description=rules.check_description(rules.require_text(fields, "description"))
            if "description" in fields
            else "",
            resource_id=rules.require_text(fields, "resource_id"),
            log_group_id=rules.require_text(fields, "log_group_id"),
            log_stream_id=rules.require_text(fields, "log_stream_id"),
            fingerprint=hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).digest(),
        )


@dataclass(frozen=True)
class FlowLogChange:
    """What can change in place (API reference: update flow log); None keeps a field."""

    name: str | None = None
    description: str | None = None

    @classmethod
    def parse(cls, body: object, *, strict: bool) -> FlowLogChange:
        fields = rules.require_object(body, "the body", ("name", "description"), strict=strict)
        if strict and not fields:
            raise invalid("the body must have at least one of name and description.")
        return cls(
            name=rules.check_name(rules.require_text(fields, "name")) if "name" in fields else None,
            description=rules.check_description(rules.require_text(fields, "description"))
            if "description" in fields
            else None,
        )


@dataclass(frozen=True)
class FlowLog:
    """A flow log at one instant. `updated_at` is the instant from which this version is valid."""

    id: str
    project_id: str
    er_id: str
    resource_id: str
    log_group_id: str
    log_stream_id: str
    created_at: Instant
    updated_at: Instant
    name: str
    description: str
    state: str
    enabled: bool


@dataclass(frozen=True)
class FlowLogPage:
    flow_logs: list[FlowLog]
    next_marker: str | None
    total: int


# Every flow log created by :instant, deleted ones included, as it was then. Columns in the order of FlowLog's fields.
_EVER = """
SELECT f.id AS id, f.project_id, f.er_id, f.resource_id, f.log_group_id, f.log_stream_id, f.created_at,
       v.valid_from, v.name AS name, v.description, v.state AS state, v.enabled
FROM flow_log f JOIN flow_log_version v ON v.sequence = (
    SELECT sequence FROM flow_log_version WHERE flow_log_id = f.id AND valid_from <= :instant
    ORDER BY valid_from DESC, sequence DESC LIMIT 1
)
"""
# A condition for which the index of deletions suffices: the versions of the flow log are not read.
_LIVE = """
NOT EXISTS (SELECT 1 FROM flow_log_version d
            WHERE d.flow_log_id = f.id AND d.state = 'deleted' AND d.valid_from <= :instant)
"""


class FlowLogs:
    def __init__(self, database: Database, behaviour: Behaviour, clock: Clock) -> None:
        self._database = database
        self._behaviour = behaviour
        self._clock = clock

    def create(self, project_id: str, er_id: str, new: NewFlowLog, *, client_token: str | None = None) -> FlowLog:
        """Accept a flow log, `pending` now and `available` later. All checks and the writing are one transaction."""
        if self._behaviour.client_tokens == "ignore":
            client_token = None
        with self._database.writing() as connection:
            now = self._clock()
            network.require_available_router(connection, project_id, er_id)
            if client_token is not None:
                first = _find_replayed(connection, now, project_id, er_id, client_token, new.fingerprint)
                if first is not None:
                    return first
            _require_loggable_attachment(connection, er_id, new.resource_id)
            _require_log_store(connection, project_id, new)
            _require_free_target(connection, now, new)
            _require_quota(connection, now, project_id)
            pending = _insert(connection, now, project_id, er_id, new)
            _write(connection, pending, replace(pending, state=AVAILABLE, updated_at=self._done_at(now)))
            if client_token is not None:
                connection.execute(
                    "INSERT INTO client_token VALUES (?, ?, ?, ?, ?)",
                    (project_id, er_id, client_token, new.fingerprint, pending.id),
                )
            return pending

    def show(self, project_id: str, er_id: str, flow_log_id: str) -> FlowLog:
        connection = self._database.connection()
        network.require_router(connection, project_id, er_id)
        return self._require_existing(connection, self._clock(), er_id, flow_log_id)

    def page(self, project_id: str, er_id: str, page: Page, *, resource_ids: Sequence[str] = ()) -> FlowLogPage:
        """The flow logs of a router, as they were `list_lag` ago."""
        values: dict[str, object] = {
            "instant": self._clock() - seconds(self._behaviour.list_lag),
            "er_id": er_id,
            "resource_ids": json.dumps(list(resource_ids)),
        }
        ever = f"{_EVER} WHERE f.er_id = :er_id"
        items = f"{ever} AND {_LIVE}"
        if resource_ids:
            items += " AND f.resource_id IN (SELECT value FROM json_each(:resource_ids))"
        with self._database.reading() as connection:
            network.require_router(connection, project_id, er_id)
            found = fetch_page(connection, page, items=items, ever=ever, values=values)
        return FlowLogPage([_flow_log(row) for row in found.rows], found.next_marker, found.total)

    def update(self, project_id: str, er_id: str, flow_log_id: str, change: FlowLogChange) -> FlowLog:
        """Change the name or the description; no other change takes effect at once."""
        with self._database.writing() as connection:
            now = self._clock()
            current = self._require_operable(connection, now, project_id, er_id, flow_log_id, (AVAILABLE,))
            changed = replace(
                current,
                name=current.name if change.name is None else change.name,
                description=current.description if change.description is None else change.description,
                updated_at=now,
            )
            _write(connection, changed)
            return changed

    def switch(self, project_id: str, er_id: str, flow_log_id: str, *, enabled: bool) -> FlowLog:
        """Enable or disable: `modifying` with the old setting, then `available` with the new one."""
        with self._database.writing() as connection:
            now = self._clock()
            current = self._require_operable(connection, now, project_id, er_id, flow_log_id, (AVAILABLE,))
            modifying = replace(current, state=MODIFYING, updated_at=now)
            done = replace(current, enabled=enabled, updated_at=self._done_at(now))
            _write(connection, modifying, done)
            return modifying

    def delete(self, project_id: str, er_id: str, flow_log_id: str) -> None:
        """`deleting` now, `deleted` later. A second delete has no effect."""
        with self._database.writing() as connection:
            now = self._clock()
            current = self._require_operable(connection, now, project_id, er_id, flow_log_id, DELETABLE_STATES)
            if current.state != DELETING:
                deleting = replace(current, state=DELETING, updated_at=now)
                _write(connection, deleting, replace(deleting, state=DELETED, updated_at=self._done_at(now)))

    def live(self, er_id: str | None = None) -> list[FlowLog]:
        """All flow logs that exist now, in all projects, oldest first; without lag."""
        where = _LIVE if er_id is None else f"f.er_id = :er_id AND {_LIVE}"
        rows = self._database.connection().execute(
            f"{_EVER} WHERE {where} ORDER BY f.created_at, f.id", {"instant": self._clock(), "er_id": er_id}
        )
        return [_flow_log(row) for row in rows]

    def resource_of(self, flow_log_id: str) -> str:
        """The attachment of a flow log, even of a deleted one; empty if the id is unknown."""
        rows = self._database.connection().execute("SELECT resource_id FROM flow_log WHERE id = ?", (flow_log_id,))
        row = rows.fetchone()
        return str(row[0]) if row else ""

    def overrule(self, flow_log_id: str, **changes: object) -> FlowLog:
        """Change a flow log without the API: at once, and in any state.

        A new state cancels pending changes of state; anything else is kept through them.
        """
        with self._database.writing() as connection:
            now = self._clock()
            current = self._require_existing(connection, now, None, flow_log_id)
            future = (flow_log_id, now)
            if "state" in changes:
                connection.execute("DELETE FROM flow_log_version WHERE flow_log_id = ? AND valid_from > ?", future)
            changed = replace(current, updated_at=now, **changes)  # type: ignore[arg-type]  # names are checked by it
            _write(connection, changed)
            for column in ("name", "description", "enabled"):
                if column in changes:
                    connection.execute(
                        f"UPDATE flow_log_version SET {column} = ? WHERE flow_log_id = ? AND valid_from > ?",
                        (changes[column], *future),
                    )
            return changed

    def _done_at(self, now: Instant) -> Instant:
        return now + seconds(self._behaviour.latency)

    def _require_existing(
        self, connection: sqlite3.Connection, now: Instant, er_id: str | None, flow_log_id: str
    ) -> FlowLog:
        found = _find_at(connection, now, flow_log_id)
        if found is None or found.state == DELETED or er_id not in (None, found.er_id):
            raise ApiError(
                ErrorKind(self._behaviour.missing_flow_log, FLOW_LOG_MISSING_CODE),
                f"Flow log {flow_log_id} does not exist.",
            )
        return found

    def _require_operable(
        self,
        connection: sqlite3.Connection,
        now: Instant,
        project_id: str,
        er_id: str,
        flow_log_id: str,
        states: tuple[str, ...],
    ) -> FlowLog:
        network.require_available_router(connection, project_id, er_id)
        found = self._require_existing(connection, now, er_id, flow_log_id)
        if found.state not in states:
            raise ApiError(FLOW_LOG_BUSY, f"Flow log {flow_log_id} is being operated: its state is {found.state}.")
        return found


def count_used(connection: sqlite3.Connection, now: Instant, project_id: str, er_id: str | None = None) -> int:
    """How many flow logs count against the quota: those of a project, or of one router of it."""
    router = "" if er_id is None else "AND f.er_id = :er_id"
    (count,) = connection.execute(
        f"SELECT count(*) FROM flow_log f WHERE f.project_id = :project_id {router} AND {_LIVE}",
        {"instant": now, "project_id": project_id, "er_id": er_id},
    ).fetchone()
    return int(count)


def find_by_attachment(connection: sqlite3.Connection, now: Instant, attachment_id: str) -> list[FlowLog]:
    rows = connection.execute(
        f"{_EVER} WHERE f.resource_id = :resource_id AND {_LIVE}", {"instant": now, "resource_id": attachment_id}
    )
    return [_flow_log(row) for row in rows]


def delete_at_once(connection: sqlite3.Connection, now: Instant, flow_log_ids: Sequence[str]) -> None:
    """Delete flow logs without the state `deleting`, and cancel pending changes."""
    for flow_log_id in flow_log_ids:
        connection.execute("DELETE FROM flow_log_version WHERE flow_log_id = ? AND valid_from > ?", (flow_log_id, now))
        connection.execute(
            "INSERT INTO flow_log_version (flow_log_id, valid_from, name, description, state, enabled) "
            "SELECT flow_log_id, ?, name, description, 'deleted', enabled FROM flow_log_version "
            "WHERE flow_log_id = ? ORDER BY valid_from DESC, sequence DESC LIMIT 1",
            (now, flow_log_id),
        )


def _insert(connection: sqlite3.Connection, now: Instant, project_id: str, er_id: str, new: NewFlowLog) -> FlowLog:
    """A new flow log, of which no version is written yet."""
    flow_log = FlowLog(
        id=str(uuid4()),
        project_id=project_id,
        er_id=er_id,
        resource_id=new.resource_id,
        log_group_id=new.log_group_id,
        log_stream_id=new.log_stream_id,
        created_at=now,
        updated_at=now,
        name=new.name,
        description=new.description,
        state=PENDING,
        enabled=True,
    )
    connection.execute(
        "INSERT INTO flow_log VALUES (?, ?, ?, ?, ?, ?, ?)",
        (flow_log.id, project_id, er_id, new.resource_id, new.log_group_id, new.log_stream_id, now),
    )
    return flow_log


def _write(connection: sqlite3.Connection, *versions: FlowLog) -> None:
    connection.executemany(
        "INSERT INTO flow_log_version (flow_log_id, valid_from, name, description, state, enabled) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [(v.id, v.updated_at, v.name, v.description, v.state, v.enabled) for v in versions],
    )


def _find_replayed(
    connection: sqlite3.Connection, now: Instant, project_id: str, er_id: str, client_token: str, fingerprint: bytes
) -> FlowLog | None:
    """The flow log that an earlier create with this client token has created."""
    first = connection.execute(
        "SELECT fingerprint, flow_log_id FROM client_token WHERE project_id = ? AND er_id = ? AND token = ?",
        (project_id, er_id, client_token),
    ).fetchone()
    if first is None:
        return None
    if first[0] != fingerprint:
        raise invalid("X-Client-Token was used before with another body.")
    return _find_at(connection, now, first[1])


def _find_at(connection: sqlite3.Connection, instant: Instant, flow_log_id: str) -> FlowLog | None:
    row = connection.execute(f"{_EVER} WHERE f.id = :id", {"instant": instant, "id": flow_log_id}).fetchone()
    return None if row is None else _flow_log(row)


def _flow_log(row: Sequence[Any]) -> FlowLog:
    values = [*row[:-1], bool(row[-1])]
    return FlowLog(*values)


def _require_loggable_attachment(connection: sqlite3.Connection, er_id: str, attachment_id: str) -> None:
    attachment = network.require_attachment(connection, er_id, attachment_id)
    if attachment.resource_type not in rules.LOGGABLE_TYPES:
        raise ApiError(
            ATTACHMENT_TYPE_REFUSED,
            f"Attachment {attachment_id} is of type {attachment.resource_type}, which cannot be logged.",
        )
    if attachment.state == rules.FROZEN:
        raise ApiError(ATTACHMENT_FROZEN, f"Attachment {attachment_id} is frozen.")
    if attachment.state != rules.AVAILABLE:
        raise ApiError(
            ATTACHMENT_BUSY,
            f"Attachment {attachment_id} is unavailable or being operated: its state is {attachment.state}.",
        )


def _require_log_store(connection: sqlite3.Connection, project_id: str, new: NewFlowLog) -> None:
    if not connection.execute(
        "SELECT 1 FROM log_group WHERE id = ? AND project_id = ?", (new.log_group_id, project_id)
    ).fetchone():
        raise invalid(f"log_group_id: log group {new.log_group_id} does not exist.")
    if not connection.execute(
        "SELECT 1 FROM log_stream WHERE id = ? AND log_group_id = ?", (new.log_stream_id, new.log_group_id)
    ).fetchone():
        raise invalid(f"log_stream_id: log stream {new.log_stream_id} does not exist in log group {new.log_group_id}.")


def _require_free_target(connection: sqlite3.Connection, now: Instant, new: NewFlowLog) -> None:
    """One flow log per attachment, group and stream; a flow log in state `deleting` counts."""
    if connection.execute(
        "SELECT 1 FROM flow_log f WHERE f.resource_id = :resource_id AND f.log_group_id = :log_group_id "
        f"AND f.log_stream_id = :log_stream_id AND {_LIVE}",
        {
            "instant": now,
            "resource_id": new.resource_id,
            "log_group_id": new.log_group_id,
            "log_stream_id": new.log_stream_id,
        },
    ).fetchone():
        raise ApiError(
            FLOW_LOG_EXISTS,
            f"A flow log of attachment {new.resource_id} to log group {new.log_group_id} and log stream "
            f"{new.log_stream_id} already exists.",
        )


def _require_quota(connection: sqlite3.Connection, now: Instant, project_id: str) -> None:
    limit = network.quota_limit(connection, project_id)
    if limit != rules.UNLIMITED and count_used(connection, now, project_id) >= limit:
        raise ApiError(QUOTA_USED_UP, f"The quota {rules.FLOW_LOG_QUOTA} of {limit} is used up.")

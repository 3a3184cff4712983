"""Routers, their attachments and the quotas: what flow logs are checked against."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from emulator import rules
from emulator.clock import Instant
from emulator.database import Database
from emulator.errors import ATTACHMENT_MISSING, NO_PERMISSION, ROUTER_BUSY, ROUTER_FROZEN, ROUTER_MISSING, ApiError
from emulator.paging import Page, fetch_page


@dataclass(frozen=True)
class Router:
    id: str
    project_id: str
    name: str
    description: str
    state: str
    asn: int
    created_at: Instant
    updated_at: Instant


@dataclass(frozen=True)
class Attachment:
    id: str
    er_id: str
    project_id: str
    name: str
    description: str
    state: str
    resource_type: str
    resource_id: str
    tags: Mapping[str, str]
    created_at: Instant
    updated_at: Instant

    @property
    def route_table_id(self) -> str:
        """Every attachment is associated with the default route table of its router."""
        return str(uuid5(NAMESPACE_OID, f"route table of {self.er_id}"))


@dataclass(frozen=True)
class RouterPage:
    routers: list[Router]
    next_marker: str | None


@dataclass(frozen=True)
class AttachmentPage:
    attachments: list[Attachment]
    next_marker: str | None


_ROUTERS = "SELECT id, project_id, name, description, state, asn, created_at, updated_at FROM router"
_OR_SHARED = " OR id IN (SELECT er_id FROM router_share WHERE project_id = :project_id)"
_ATTACHMENTS_EVER = """
SELECT a.id AS id, a.er_id AS er_id, r.project_id, a.name AS name, a.description, a.state AS state, a.resource_type,
       a.resource_id, a.tags, a.created_at, a.updated_at
FROM attachment a JOIN router r ON r.id = a.er_id
"""


class Network:
    def __init__(self, database: Database) -> None:
        self._database = database

    def routers(
        self,
        project_id: str,
        page: Page,
        *,
        ids: Sequence[str] = (),
        states: Sequence[str] = (),
        resource_ids: Sequence[str] = (),
        owned_by_self: bool = False,
    ) -> RouterPage:
        """API reference: query enterprise routers. Filters combine; several values of one filter are alternatives.

        Routers that others share with the project are left out on request.
        """
        ever = f"{_ROUTERS} WHERE (project_id = :project_id{'' if owned_by_self else _OR_SHARED})"
        values = {"project_id": project_id}
        items = f"{ever}{_filter('id', ids, values)}{_filter('state', states, values)}"
        if resource_ids:
            attached = (
                f"SELECT er_id FROM attachment WHERE removed_at IS NULL{_filter('resource_id', resource_ids, values)}"
            )
            items += f" AND id IN ({attached})"
        with self._database.reading() as connection:
            found = fetch_page(connection, page, items=items, ever=ever, values=values)
        return RouterPage([_router(row) for row in found.rows], found.next_marker)

    def router(self, project_id: str, er_id: str) -> Router:
        """API reference: query details about an enterprise router."""
        with self._database.reading() as connection:
            require_router(connection, project_id, er_id, or_shared=True)
            return _router(connection.execute(f"{_ROUTERS} WHERE id = ?", (er_id,)).fetchone())

    def attachments(
        self,
        project_id: str,
        er_id: str,
        page: Page,
        *,
        states: Sequence[str] = (),
        resource_types: Sequence[str] = (),
        resource_ids: Sequence[str] = (),
    ) -> AttachmentPage:
        """API reference: query attachments. Filters combine; several values of one filter are alternatives."""
        ever = f"{_ATTACHMENTS_EVER} WHERE a.er_id = :er_id"
        values = {"er_id": er_id}
        filters = {"a.state": states, "resource_type": resource_types, "resource_id": resource_ids}
        items = f"{ever} AND a.removed_at IS NULL" + "".join(
            _filter(column, allowed, values) for column, allowed in filters.items()
        )
        with self._database.reading() as connection:
            require_router(connection, project_id, er_id, or_shared=True)
            found = fetch_page(connection, page, items=items, ever=ever, values=values)
        return AttachmentPage([_attachment(row) for row in found.rows], found.next_marker)

    def attachment(self, project_id: str, er_id: str, attachment_id: str) -> Attachment:
        """API reference: query details about an attachment. A removed attachment does not exist."""
        with self._database.reading() as connection:
            require_router(connection, project_id, er_id, or_shared=True)
            return require_attachment(connection, er_id, attachment_id)

    def require_available(self, project_id: str, er_id: str) -> None:
        """Refuse unless this project has such a router and it is available."""
        require_available_router(self._database.connection(), project_id, er_id)

    def all_routers(self) -> list[Router]:
        return [_router(row) for row in self._database.connection().execute(f"{_ROUTERS} ORDER BY name, id")]

    def all_attachments(self) -> list[Attachment]:
        rows = self._database.connection().execute(
            f"{_ATTACHMENTS_EVER} WHERE a.removed_at IS NULL ORDER BY r.name, a.name, a.id"
        )
        return [_attachment(row) for row in rows]


def _filter(column: str, allowed: Sequence[str], values: dict[str, str]) -> str:
    """A condition for a query that has one already: the column has one of the values that are allowed, if any are."""
    if not allowed:
        return ""
    parameter = column.replace(".", "_")
    values[parameter] = json.dumps(list(allowed))
    return f" AND {column} IN (SELECT value FROM json_each(:{parameter}))"


def attachment_ids_ever(connection: sqlite3.Connection) -> set[str]:
    """The ids of all attachments, removed ones included."""
    return {str(id_) for (id_,) in connection.execute("SELECT id FROM attachment")}


def require_router(connection: sqlite3.Connection, project_id: str, er_id: str, *, or_shared: bool = False) -> str:
    """The state of a router of this project, or of one that is shared with it; refused if it has no such router."""
    row = connection.execute(
        f"SELECT state, project_id = :project_id FROM router WHERE id = :id AND (project_id = :project_id{_OR_SHARED})",
        {"id": er_id, "project_id": project_id},
    ).fetchone()
    if row is None:
        raise ApiError(ROUTER_MISSING, f"Enterprise router {er_id} does not exist.")
    state, is_own = row
    if not (is_own or or_shared):
        raise ApiError(NO_PERMISSION, f"Enterprise router {er_id} is shared: only its owner may do this.")
    return str(state)


def require_available_router(connection: sqlite3.Connection, project_id: str, er_id: str) -> None:
    """Whatever changes a flow log needs its router to be available; reading it does not."""
    state = require_router(connection, project_id, er_id)
    if state == rules.FROZEN:
        raise ApiError(ROUTER_FROZEN, f"Enterprise router {er_id} is frozen.")
    if state != rules.AVAILABLE:
        raise ApiError(
            ROUTER_BUSY, f"Enterprise router {er_id} is unavailable or being operated: its state is {state}."
        )


def require_attachment(connection: sqlite3.Connection, er_id: str, attachment_id: str) -> Attachment:
    row = connection.execute(
        f"{_ATTACHMENTS_EVER} WHERE a.id = ? AND a.er_id = ? AND a.removed_at IS NULL", (attachment_id, er_id)
    ).fetchone()
    if row is None:
        raise ApiError(ATTACHMENT_MISSING, f"Attachment {attachment_id} does not exist on router {er_id}.")
    return _attachment(row)


def quota_limit(connection: sqlite3.Connection, project_id: str) -> int:
    row = connection.execute(
        "SELECT quota_limit FROM quota WHERE project_id = ? AND quota_key = ?", (project_id, rules.FLOW_LOG_QUOTA)
    ).fetchone()
    return rules.DEFAULT_QUOTA if row is None else int(row[0])


def _router(row: Sequence[Any]) -> Router:
    return Router(*row)


def _attachment(row: Sequence[Any]) -> Attachment:
    *before, tags, created_at, updated_at = row
    values = [*before, json.loads(tags), created_at, updated_at]
    return Attachment(*values)

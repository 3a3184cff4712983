"""Stacks, their updates and their journals, in one SQLite file. A commit is on the disk before it is acknowledged."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tests.pulumi_service.replay import EMPTY, Deployment, replay

SCHEMA = """
CREATE TABLE IF NOT EXISTS stacks (
    id INTEGER PRIMARY KEY, org TEXT NOT NULL, project TEXT NOT NULL, name TEXT NOT NULL, key BLOB NOT NULL,
    tags TEXT NOT NULL, version INTEGER NOT NULL DEFAULT 0, deployment TEXT NOT NULL,
    UNIQUE (org, project, name));
CREATE TABLE IF NOT EXISTS updates (
    id TEXT PRIMARY KEY, stack INTEGER NOT NULL REFERENCES stacks ON DELETE CASCADE, kind TEXT NOT NULL,
    program TEXT NOT NULL, status TEXT NOT NULL, started INTEGER NOT NULL, ended INTEGER, version INTEGER,
    token TEXT, expires REAL, checkpoint TEXT);
CREATE TABLE IF NOT EXISTS journal (
    update_id TEXT NOT NULL REFERENCES updates ON DELETE CASCADE, sequence INTEGER NOT NULL, entry TEXT NOT NULL,
    PRIMARY KEY (update_id, sequence));
"""
PREVIEW = "preview"
IN_PROGRESS = "status = 'running' AND kind <> 'preview'"

Row = sqlite3.Row


@dataclass(frozen=True)
class Behaviour:
    """How the server differs from others with the same API."""

    journal: bool = True
    """Whether runs write a journal; otherwise each step writes a checkpoint."""

    delta_from: int | None = None
    """From how many bytes on a checkpoint is sent as the difference to the last one; None: never."""

    keeps_journal: bool = True
    """Whether what a cancelled run has written becomes part of the state. There are servers that drop it."""

    names_last_update: bool = False
    """Whether a stack's active update is its last one even after its end, as with the Pulumi Cloud. So `pulumi cancel`
    ends with another error when there is nothing to cancel."""

    lease_seconds: float = 300
    """How long after its last sign of life a run keeps others out."""


class ApiError(Exception):
    """A refusal."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(f"{status.phrase}: {message}")
        self.status = status


class Store:
    """The file. Calls are transactions, and one at a time."""

    def __init__(self, path: Path, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # Stacks.

    def stacks(self, project: str | None = None) -> list[Row]:
        found = self._db.execute("SELECT * FROM stacks WHERE project = coalesce(?, project)", [project])
        return found.fetchall()

    def stack(self, org: str, project: str, name: str) -> Row:
        found = self._db.execute("SELECT * FROM stacks WHERE (org, project, name) = (?, ?, ?)", [org, project, name])
        return _required(found.fetchone(), f"Stack '{org}/{project}/{name}' not found")

    def create_stack(self, org: str, project: str, name: str, tags: Mapping[str, str], state: Any) -> None:
        untyped = state or {"version": 3, "deployment": EMPTY}
        try:
            self._db.execute(
                "INSERT INTO stacks (org, project, name, key, tags, deployment) VALUES (?, ?, ?, ?, ?, ?)",
                [org, project, name, secrets.token_bytes(32), json.dumps(tags), json.dumps(untyped)],
            )
        except sqlite3.IntegrityError as error:
            raise ApiError(HTTPStatus.CONFLICT, f"Stack '{name}' already exists.") from error

    def delete_stack(self, stack: Row, *, force: bool) -> None:
        if self.deployment(stack)["deployment"].get("resources") and not force:
            raise ApiError(HTTPStatus.BAD_REQUEST, "Stack still contains resources.")
        self._at_rest(stack)
        self._db.execute("DELETE FROM stacks WHERE id = ?", [stack["id"]])

    def rename_stack(self, stack: Row, name: str, project: str) -> None:
        """Rename it, in its URNs too."""
        stack = self._at_rest(stack)
        old, text = (stack["name"], stack["project"]), stack["deployment"]
        for pattern in ('"urn:pulumi:{0}::{1}::', '::pulumi:pulumi:Stack::{1}-{0}"'):
            text = text.replace(pattern.format(*old), pattern.format(name, project))
        self._db.execute(
            "UPDATE stacks SET name = ?, project = ?, deployment = ? WHERE id = ?", [name, project, text, stack["id"]]
        )

    def set_tags(self, stack: Row, tags: Mapping[str, str]) -> None:
        self._db.execute("UPDATE stacks SET tags = ? WHERE id = ?", [json.dumps(tags), stack["id"]])

    def deployment(self, stack: Row) -> dict[str, Any]:
        """The stack's state, with what a run in progress has written so far."""
        running = self._running(stack)
        return self._written_by(running, stack) if running else dict(json.loads(stack["deployment"]))

    def import_deployment(self, stack: Row, deployment: Mapping[str, Any]) -> str:
        """Replace the state; the id of the update that has done so."""
        self._at_rest(stack)
        id_ = self.create_update(stack, "import", {})
        self._db.execute("UPDATE updates SET checkpoint = ? WHERE id = ?", [json.dumps(deployment), id_])
        self._end(self.update(id_), "succeeded")
        return id_

    # Updates.

    def updates(self, stack: Row) -> list[Row]:
        """All but previews, the newest first."""
        found = self._db.execute(
            "SELECT * FROM updates WHERE stack = ? AND kind <> ? ORDER BY rowid DESC", [stack["id"], PREVIEW]
        )
        return found.fetchall()

    def update(self, id_: str) -> Row:
        return _required(self._db.execute("SELECT * FROM updates WHERE id = ?", [id_]).fetchone(), "No such update")

    def active_update(self, stack: Row) -> str:
        """The id of the update that `pulumi cancel` cancels; empty if there is none."""
        if self.behaviour.names_last_update:
            return next((str(update["id"]) for update in self.updates(stack)), "")
        running = self._running(stack)
        return running["id"] if running else ""

    def create_update(self, stack: Row, kind: str, program: Mapping[str, Any]) -> str:
        id_ = str(uuid.uuid4())
        self._db.execute(
            "INSERT INTO updates (id, stack, kind, program, status, started) VALUES (?, ?, ?, ?, 'not started', ?)",
            [id_, stack["id"], kind, json.dumps(program), int(time.time())],
        )
        return id_

    def start_update(self, stack: Row, update: Row) -> str:
        """Start it; its token. Previews run beside others."""
        if update["kind"] != PREVIEW:
            self._at_rest(stack)
        self._db.execute("UPDATE updates SET status = 'running' WHERE id = ?", [update["id"]])
        return self.renew(update)

    def renew(self, update: Row) -> str:
        """A new token, in place of the last one."""
        token, expires = secrets.token_urlsafe(), time.time() + self.behaviour.lease_seconds
        self._db.execute("UPDATE updates SET token = ?, expires = ? WHERE id = ?", [token, expires, update["id"]])
        return token

    def write_journal(self, update: Row, entries: Sequence[Mapping[str, Any]]) -> None:
        """Add the entries; those of a repeated request are there already."""
        rows = [(update["id"], entry["sequenceID"], json.dumps(entry)) for entry in entries]
        self._db.executemany("INSERT OR IGNORE INTO journal VALUES (?, ?, ?)", rows)

    def write_checkpoint(self, update: Row, checkpoint: str) -> None:
        self._db.execute("UPDATE updates SET checkpoint = ? WHERE id = ?", [checkpoint, update["id"]])

    def write_delta(self, update: Row, edits: Sequence[Mapping[str, Any]], digest: str) -> None:
        """Apply edits, which name places in the last checkpoint by bytes."""
        text = (update["checkpoint"] or "").encode()
        for edit in reversed(edits):
            start, end = (edit["Span"][side]["offset"] for side in ("start", "end"))
            text = text[:start] + edit["NewText"].encode() + text[end:]
        if hashlib.sha256(text).hexdigest() != digest:
            raise ApiError(HTTPStatus.BAD_REQUEST, "the delta does not make the checkpoint with this hash")
        self.write_checkpoint(update, text.decode())

    def complete(self, update: Row, status: str) -> None:
        if update["status"] == "running":
            self._end(update, status)

    def cancel(self, update: Row) -> None:
        if update["status"] != "running":
            raise ApiError(HTTPStatus.CONFLICT, "The Update has already completed")
        if not self.behaviour.keeps_journal:
            self._db.execute("DELETE FROM journal WHERE update_id = ?", [update["id"]])
        self._abort(update, "cancelled")

    def _abort(self, update: Row, status: str) -> None:
        """End it without its knowledge."""
        self._end(update, status)
        self._db.execute("UPDATE updates SET token = NULL WHERE id = ?", [update["id"]])

    def _end(self, update: Row, status: str) -> None:
        """End it; its state becomes the stack's next version."""
        stack = self._by_id(update["stack"])
        version = stack["version"]
        if update["kind"] != PREVIEW:
            version += 1
            written = json.dumps(self._written_by(update, stack))
            self._db.execute(
                "UPDATE stacks SET version = ?, deployment = ? WHERE id = ?", [version, written, stack["id"]]
            )
        self._db.execute("DELETE FROM journal WHERE update_id = ?", [update["id"]])
        self._db.execute(
            "UPDATE updates SET status = ?, ended = ?, version = ?, checkpoint = NULL WHERE id = ?",
            [status, int(time.time()), version, update["id"]],
        )

    def _written_by(self, update: Row, stack: Row) -> dict[str, Any]:
        if update["checkpoint"]:
            return dict(json.loads(update["checkpoint"]))
        untyped: dict[str, Any] = json.loads(stack["deployment"])
        rows = self._db.execute("SELECT entry FROM journal WHERE update_id = ? ORDER BY sequence", [update["id"]])
        entries = [json.loads(entry) for (entry,) in rows]
        deployment: Deployment = untyped["deployment"]
        return {**untyped, "deployment": replay(deployment, entries) if entries else deployment}

    def _running(self, stack: Row) -> Row | None:
        found = self._db.execute(f"SELECT * FROM updates WHERE stack = ? AND {IN_PROGRESS}", [stack["id"]])
        row: Row | None = found.fetchone()
        return row

    def _at_rest(self, stack: Row) -> Row:
        """The stack, if no run is in progress; a run whose lease has expired is ended.

        Raises:
            ApiError: A run is in progress.
        """
        running = self._running(stack)
        if running is None:
            return stack
        if running["expires"] > time.time():
            raise ApiError(HTTPStatus.CONFLICT, "Another update is currently in progress.")
        self._abort(running, "failed")
        return self._by_id(stack["id"])

    def _by_id(self, id_: int) -> Row:
        row: Row = self._db.execute("SELECT * FROM stacks WHERE id = ?", [id_]).fetchone()
        return row


def _required(row: Row | None, message: str) -> Row:
    if row is None:
        raise ApiError(HTTPStatus.NOT_FOUND, message)
    return row

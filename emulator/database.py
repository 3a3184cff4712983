"""The SQLite file: created or recognised, one connection per thread, one writer at a time across all processes."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator import schema
from emulator.errors import EmulatorError

BUSY_SECONDS = 60  # how long one writer may keep another waiting


class Database:
    """Transactions on one file. `fill` runs inside the transaction that creates the tables of a new file, so a file is
    either empty or complete, even if the process is killed in between."""

    def __init__(self, path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
        self.path = path
        self.created = False
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()
        # Threads of one process queue here rather than poll SQLite's lock, which only processes then contend for.
        self._writer = threading.Lock()
        try:
            self._open(fill)
        except BaseException:
            self.close()
            raise

    def connection(self) -> sqlite3.Connection:
        """This thread's connection, for single statements: each of those sees one consistent state."""
        try:
            found: sqlite3.Connection = self._local.connection
        except AttributeError:
            found = self._local.connection = self._connect()
        return found

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several statements that all see the same state."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Statements that no other writer, in this process or another, comes between."""
        with self._writer, self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    def close(self) -> None:
        with self._connections_lock:
            connections, self._connections = self._connections, []
        for connection in connections:
            connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        connection = self.connection()
        connection.execute(begin)
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA synchronous = NORMAL")  # in WAL mode a killed process loses nothing by it
        with self._connections_lock:
            self._connections.append(connection)
        return connection

    def _open(self, fill: Callable[[sqlite3.Connection], None]) -> None:
        try:
            # SQLite gives its -wal and -shm files the mode of the main one: private to the user as well.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            connection = self.connection()
            self._is_empty(connection)
            _retry_while_locked(lambda: connection.execute("PRAGMA journal_mode = WAL"))
            with self.writing():
                # Another process may have created the tables while this one waited for its turn.
                if self._is_empty(connection):
                    for statement in schema.TABLES.split(";"):
                        connection.execute(statement)
                    fill(connection)
                    connection.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {schema.VERSION}")
                    self.created = True
            (report,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if report != "ok":
                raise sqlite3.DatabaseError(report)
        except sqlite3.OperationalError as error:
            raise EmulatorError(
                f"Cannot use {self.path} as the emulator's database ({error}): make it and its folder writable, "
                "or name another file."
            ) from error
        except sqlite3.DatabaseError as error:
            raise EmulatorError(
                f"{self.path} is damaged or not a SQLite database ({_first_line(error)}): delete it, "
                "or name another file."
            ) from error
        except OSError as error:
            raise EmulatorError(
                f"Cannot open {self.path} as the emulator's database ({error.strerror}): make its folder exist and "
                "writable, or name another file."
            ) from error

    def _is_empty(self, connection: sqlite3.Connection) -> bool:
        """Whether the file holds nothing yet; what is neither empty nor this version's own is refused."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application == 0 and version == 0 and tables == 0:
            return True
        if application != schema.APPLICATION_ID:
            raise EmulatorError(
                f"{self.path} is a SQLite database of another program: name another file for the emulator."
            )
        if version != schema.VERSION:
            raise EmulatorError(
                f"{self.path} was made by another version of the emulator (schema {version}, this one has "
                f"{schema.VERSION}): delete it, or name another file."
            )
        return False


def _retry_while_locked(action: Callable[[], object]) -> None:
    """SQLite does not wait for its lock when it changes the journal mode, so two processes starting at once collide."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            action()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]

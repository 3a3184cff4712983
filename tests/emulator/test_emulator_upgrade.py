"""Files of older versions: opened with everything in them, and only whole."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import emulator
from emulator import Behaviour, EmulatorError
from emulator.schema import VERSION
from emulator.store import Store
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient, Signing, body

# The tables of version 1, word for word as they were.
VERSION_1 = """
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE domain (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE) WITHOUT ROWID;
CREATE TABLE project (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    domain_id TEXT NOT NULL REFERENCES domain
);
CREATE TABLE user (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    domain_id TEXT NOT NULL REFERENCES domain, password_salt BLOB NOT NULL, password_hash BLOB NOT NULL
);
CREATE TABLE token (
    digest BLOB PRIMARY KEY, user_id TEXT NOT NULL, project_id TEXT NOT NULL,
    issued_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE router (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    state TEXT NOT NULL, asn INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE attachment (
    id TEXT PRIMARY KEY, er_id TEXT NOT NULL REFERENCES router, name TEXT NOT NULL, description TEXT NOT NULL,
    state TEXT NOT NULL, resource_type TEXT NOT NULL, resource_id TEXT NOT NULL, tags TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, removed_at INTEGER
) WITHOUT ROWID;
CREATE INDEX attachment_of_router ON attachment (er_id);
CREATE TABLE quota (
    project_id TEXT NOT NULL, quota_key TEXT NOT NULL, quota_limit INTEGER NOT NULL,
    PRIMARY KEY (project_id, quota_key)
) WITHOUT ROWID;

CREATE TABLE log_group (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, project_id TEXT NOT NULL, name TEXT NOT NULL,
    ttl_in_days INTEGER NOT NULL, created_at INTEGER NOT NULL
);
CREATE TABLE log_stream (
    position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, log_group_id TEXT NOT NULL, name TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX log_stream_of_group ON log_stream (log_group_id);

CREATE TABLE flow_log (
    id TEXT PRIMARY KEY, project_id TEXT NOT NULL, er_id TEXT NOT NULL, resource_id TEXT NOT NULL,
    log_group_id TEXT NOT NULL, log_stream_id TEXT NOT NULL, created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX flow_log_of_project ON flow_log (project_id, er_id);
CREATE INDEX flow_log_of_router ON flow_log (er_id);
CREATE INDEX flow_log_of_target ON flow_log (resource_id, log_group_id, log_stream_id);
CREATE TABLE flow_log_version (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, flow_log_id TEXT NOT NULL REFERENCES flow_log,
    valid_from INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL, state TEXT NOT NULL,
    enabled INTEGER NOT NULL
);
CREATE INDEX flow_log_version_in_time ON flow_log_version (flow_log_id, valid_from, sequence);
CREATE INDEX flow_log_deletion ON flow_log_version (flow_log_id, valid_from) WHERE state = 'deleted';
CREATE TABLE client_token (
    project_id TEXT NOT NULL, er_id TEXT NOT NULL, token TEXT NOT NULL, fingerprint BLOB NOT NULL,
    flow_log_id TEXT NOT NULL, PRIMARY KEY (project_id, er_id, token)
) WITHOUT ROWID;
"""

# What version 2 made of them, likewise.
VERSION_2 = """
ALTER TABLE user ADD COLUMN role TEXT NOT NULL DEFAULT 'writer';

CREATE TABLE access_key (
    access_key TEXT PRIMARY KEY, user_id TEXT NOT NULL, secret_key TEXT NOT NULL, security_token TEXT,
    expires_at INTEGER
) WITHOUT ROWID;
"""

PROJECT, OTHER_PROJECT = "0605767a9980d5762fbcc00b3537e757", "0605767a9980d5762fbcc00b3537e758"
ER, ATTACHMENT = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-a000-000000000001"
GROUP, STREAM = "00000000-0000-4000-b000-000000000001", "00000000-0000-4000-b000-000000000011"
FLOW_LOG, GONE = "00000000-0000-4000-f000-000000000001", "00000000-0000-4000-f000-000000000002"
TOKEN, PASSWORD = "a-token-of-before", "a-password-of-before"
YEAR_2100 = 4_102_444_800_000_000
NOW = time.time_ns() // 1_000


def of_version_1(tmp_path: Path) -> Path:
    """A file of version 1 with something in each of its tables."""
    path = tmp_path / "emulator.db"
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    salt = b"salt of 16 bytes"
    rows: dict[str, list[tuple[Any, ...]]] = {
        "note": [("seed", "/somewhere/seed.yaml")],
        "domain": [("d", "OTC-OLD")],
        "project": [(0, PROJECT, "eu-de", "d"), (1, OTHER_PROJECT, "eu-nl", "d")],
        "user": [(0, "u", "old", "d", salt, hashlib.scrypt(PASSWORD.encode(), salt=salt, n=2**12, r=8, p=1))],
        "token": [(hashlib.sha256(TOKEN.encode()).digest(), "u", PROJECT, NOW, YEAR_2100)],
        "router": [(ER, PROJECT, "er-main", "", "available", 64512, NOW, NOW)],
        "attachment": [(ATTACHMENT, ER, "vpc-a", "", "available", "vpc", "x", "{}", NOW, NOW, None)],
        "quota": [(PROJECT, "flow_log", 7)],
        "log_group": [(0, GROUP, PROJECT, "network", 30, NOW)],
        "log_stream": [(0, STREAM, GROUP, "flow", NOW)],
        "flow_log": [(id_, PROJECT, ER, ATTACHMENT, GROUP, STREAM, NOW) for id_ in (FLOW_LOG, GONE)],
        "flow_log_version": [
            (1, GONE, NOW - 4, "gone", "", "available", 1),
            (2, GONE, NOW - 3, "gone", "", "deleted", 1),
            (3, FLOW_LOG, NOW - 2, "one", "of before", "pending", 1),
            (4, FLOW_LOG, NOW - 1, "one", "of before", "available", 1),
        ],
        "client_token": [(PROJECT, ER, "t", b"fingerprint", FLOW_LOG)],
    }
    for table, values in rows.items():
        marks = ", ".join("?" * len(values[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA application_id = 0x4F544346")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    return path


def of_version_2(tmp_path: Path) -> Path:
    """A file of version 2 that had been one of version 1, with somebody who may only read, and an access key."""
    path = of_version_1(tmp_path)
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_2)
    connection.execute("INSERT INTO user VALUES (1, 'r', 'reader', 'd', x'', x'', 'reader')")
    connection.execute("INSERT INTO access_key VALUES ('READERS', 'r', 'SK', NULL, NULL)")
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    connection.close()
    return path


@pytest.fixture(params=[of_version_1, of_version_2])
def old(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A file of each version there has been."""
    made: Path = request.param(tmp_path)
    return made


def tables(path: Path) -> dict[str, str]:
    """What SQLite knows of each table and index of a file."""
    connection = sqlite3.connect(path)
    found = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    connection.close()
    return found


def version(path: Path) -> int:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    connection.close()
    return int(found)


def rows(path: Path) -> dict[str, list[Any]]:
    """Everything in a file, by table."""
    connection = sqlite3.connect(path)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}
    connection.close()
    return found


def test_an_old_file_is_served_with_everything_in_it(old: Path) -> None:
    with emulator.serve(old, behaviour=Behaviour(latency=0)) as server:
        assert not server.store.seeded
        assert server.store.seed_source == "/somewhere/seed.yaml"
        client = PlainClient(server.url, TOKEN, PROJECT, ER)
        (one,) = client.list()["flow_logs"]
        assert (one["id"], one["name"], one["description"], one["state"]) == (
            FLOW_LOG,
            "one",
            "of before",
            "available",
        )
        assert client.state(GONE) == "gone"
        assert server.store.quotas.of(PROJECT).limit == 7
        assert [project.id for project in server.store.identity.projects()] == [PROJECT, OTHER_PROJECT]
        sign_in = {
            "identity": {"methods": ["password"], "password": {"user": {"id": "u", "password": PASSWORD}}},
            "scope": {"project": {"id": PROJECT}},
        }
        assert client.session.post(f"{server.url}/v3/auth/tokens", json={"auth": sign_in}).status_code == 201
        assert client.session.put(f"{client.flow_logs}/{FLOW_LOG}", json={"name": "two"}).status_code == 200
        # The token is remembered, and this is not what was created with it.
        again = client.post_flow_log(body("other", ATTACHMENT, group=GROUP, stream=STREAM), client_token="t")
        assert (again.status_code, again.json()["error_code"]) == (400, "ER.04009005")


def test_whoever_was_there_before_roles_may_write_and_gets_access_keys_like_everybody(old: Path) -> None:
    with emulator.serve(old, behaviour=Behaviour(latency=0)) as server:
        user = server.store.identity.users()[0]
        assert user.role == "writer"
        server.store.add_access_key("old", "AK", "SK")
        client = PlainClient.signing(server, Signing("AK", "SK"))
        assert client.session.delete(f"{client.flow_logs}/{FLOW_LOG}").status_code == 202


def test_whoever_had_a_role_before_policies_keeps_it_and_gets_a_policy_like_everybody(tmp_path: Path) -> None:
    with emulator.serve(of_version_2(tmp_path), behaviour=Behaviour(latency=0)) as server:
        assert [user.role for user in server.store.identity.users()] == ["writer", "reader"]
        client = PlainClient.signing(server, Signing("READERS", "SK"))
        assert client.state(FLOW_LOG) == "available"
        delete = f"{client.flow_logs}/{FLOW_LOG}"
        assert client.session.delete(delete).status_code == 403
        statement = {"Effect": "Allow", "Action": ["er:flowlogs:delete"]}
        server.store.set_policy("reader", {"Version": "1.1", "Statement": [statement]})
        assert client.session.delete(delete).status_code == 202


def test_an_old_file_comes_out_like_a_new_one(old: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    for path in (old, new):
        Store(path, seed_file=SEED).close()
    assert tables(old) == tables(new)
    assert version(old) == version(new) == VERSION


def test_not_a_row_of_an_old_file_is_lost(old: Path) -> None:
    before = rows(old)
    brought = {1: ("writer", None), 2: (None,)}[version(old)]  # to each user: a role, since version 3 no policy
    Store(old).close()
    after = rows(old)
    assert after.pop("access_key") == before.pop("access_key", [])
    assert after.pop("user") == [(*user, *brought) for user in before.pop("user")]
    assert after == before


def test_a_file_is_brought_up_to_date_once_however_many_open_it(old: Path) -> None:
    stores: list[Store] = []
    threads = [threading.Thread(target=lambda: stores.append(Store(old))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 8
    for store in stores:
        assert [one.id for one in store.flow_logs.live()] == [FLOW_LOG]
        store.close()
    Store(old).close()
    assert version(old) == VERSION


@pytest.mark.parametrize(
    ("make", "in_the_way", "complaint"),
    [
        (of_version_1, "CREATE TABLE access_key (of_somebody_else TEXT)", "access_key already exists"),
        (of_version_1, "ALTER TABLE user ADD COLUMN policy BLOB", "duplicate column name: policy"),
        (of_version_2, "ALTER TABLE user ADD COLUMN policy BLOB", "duplicate column name: policy"),
    ],
)
def test_a_file_that_cannot_be_brought_up_to_date_stays_what_it_is(
    tmp_path: Path, make: Callable[[Path], Path], in_the_way: str, complaint: str
) -> None:
    old = make(tmp_path)
    connection = sqlite3.connect(old)
    connection.execute(in_the_way)
    connection.close()
    before = tables(old), rows(old), version(old)
    with pytest.raises(EmulatorError, match=complaint):
        Store(old)
    assert (tables(old), rows(old), version(old)) == before


def test_an_emulator_of_an_older_version_that_is_still_running_goes_on(old: Path) -> None:
    running = sqlite3.connect(old, isolation_level=None)
    assert ("old",) in running.execute("SELECT name FROM user").fetchall()
    store = Store(old)
    running.execute("INSERT INTO token VALUES (?, ?, ?, ?, ?)", (b"digest", "u", PROJECT, NOW, YEAR_2100))
    running.execute("UPDATE user SET password_salt = ? WHERE id = ?", (b"salt", "u"))
    assert running.execute("SELECT count(*) FROM token").fetchone() == (2,)
    running.close()
    store.close()

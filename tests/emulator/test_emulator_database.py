"""The file: made private, recognised, kept; and refused in one sentence when it is not the emulator's."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import emulator
from emulator import Behaviour, EmulatorError, Server
from emulator.store import Store
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient, body
from tests.waiting import eventually


def refusal(path: Path, seed: Path = SEED) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(EmulatorError) as caught:
        emulator.serve(path, seed=seed)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert str(path) in sentence
    return sentence


def test_the_file_and_its_companions_are_private(tmp_path: Path) -> None:
    with emulator.serve(tmp_path / "emulator.db", seed=SEED):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"emulator.db": 0o600, "emulator.db-wal": 0o600, "emulator.db-shm": 0o600}


def test_a_file_of_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "emulator.db"
    path.write_text("this is no database, only a few words that somebody wrote into the wrong file " * 20)
    assert "delete it to start afresh" in refusal(path)


def test_a_truncated_file_is_refused(db: Path) -> None:
    os.truncate(db, db.stat().st_size // 2)
    assert "delete it to start afresh" in refusal(db)


def test_a_file_with_damaged_pages_is_refused(db: Path) -> None:
    contents = bytearray(db.read_bytes())
    contents[4096:] = os.urandom(len(contents) - 4096)
    db.write_bytes(contents)
    assert "delete it to start afresh" in refusal(db)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE customer (name TEXT)")
    other.close()
    before = path.read_bytes()
    assert "another program" in refusal(path)
    assert path.read_bytes() == before


def test_a_database_of_another_version_is_refused(db: Path) -> None:
    other = sqlite3.connect(db)
    other.execute("PRAGMA user_version = 999")
    other.close()
    assert "schema 999" in refusal(db)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path / "missing" / "emulator.db")


def test_a_folder_for_a_file_is_refused(tmp_path: Path) -> None:
    assert "name another file" in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "writable" in refusal(tmp_path / "emulator.db")
    finally:
        tmp_path.chmod(0o700)


def test_a_bad_seed_leaves_a_file_that_a_good_one_can_fill(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("domain: {name: D}\nusers: [{name: u, password: p}]\nprojects: []\n")
    path = tmp_path / "emulator.db"
    with pytest.raises(EmulatorError, match="projects must not be empty"):
        emulator.serve(path, seed=bad)
    with emulator.serve(path, seed=SEED) as server:
        assert server.store.seeded


def test_a_seed_is_for_an_empty_file_only(server: Server, db: Path) -> None:
    server.store.add_router("er-new")
    with emulator.serve(db) as again:
        assert not again.store.seeded
        assert again.store.router("er-new").state == "available"


def test_what_was_accepted_is_done_though_the_server_was_closed_meanwhile(serve: Callable[..., Server]) -> None:
    slow = Behaviour(latency=0.6)
    server = serve(slow)
    created = PlainClient.of(server).create(body("one", server.store.attachment("vpc-a").id))
    assert created["state"] == "pending"
    one = created["id"]
    server.close()
    client = PlainClient.of(serve(slow))
    eventually(lambda: client.state(one) == "available")
    assert client.session.post(f"{client.flow_logs}/{one}/disable").status_code == 202


def test_many_stores_opened_at_once_on_a_new_file_agree_on_one_world(tmp_path: Path) -> None:
    path, stores, threads = tmp_path / "emulator.db", [], []
    for _ in range(8):
        thread = threading.Thread(target=lambda: stores.append(Store(path, seed_file=SEED)))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    assert [store.seeded for store in stores].count(True) == 1
    assert {store.router("er-main").id for store in stores} == {"00000000-0000-4000-8000-000000000001"}
    for store in stores:
        store.close()

"""The database file: private, recognised and kept; refused in one sentence if it is not the emulator's."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import emulator
from emulator import EmulatorError, schema
from emulator.store import Store
from tests.emulator.contract_cases import SEED


def refusal(path: Path) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(EmulatorError) as caught:
        emulator.serve(path, seed=SEED)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert str(path) in sentence
    return sentence


def test_database_files_are_private(tmp_path: Path) -> None:
    with emulator.serve(tmp_path / "emulator.db", seed=SEED):
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {"emulator.db": 0o600, "emulator.db-wal": 0o600, "emulator.db-shm": 0o600}


@pytest.mark.parametrize(
    "damage",
    [
        lambda contents: b"not a database, but text that somebody wrote into the wrong file " * 20,
        lambda contents: contents[: len(contents) // 2],
        lambda contents: contents[:4096] + os.urandom(len(contents) - 4096),
    ],
    ids=["text", "truncated", "damaged pages"],
)
def test_damaged_file_is_refused(db: Path, damage: Callable[[bytes], bytes]) -> None:
    db.write_bytes(damage(db.read_bytes()))
    assert "delete it, or name another file" in refusal(db)


def test_database_of_another_program_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE customer (name TEXT)")
    other.close()
    before = path.read_bytes()
    assert "another program" in refusal(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [0, 2, 999])
def test_database_of_another_version_is_refused(db: Path, version: int) -> None:
    other = sqlite3.connect(db)
    other.execute(f"PRAGMA user_version = {version}")
    other.close()
    assert refusal(db) == (
        f"{db} was made by another version of the emulator (schema {version}, this one has {schema.VERSION}):"
        " delete it, or name another file."
    )


def test_path_that_cannot_be_a_file_is_refused(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path / "missing" / "emulator.db")
    assert "name another file" in refusal(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        assert "writable" in refusal(tmp_path / "emulator.db")
    finally:
        tmp_path.chmod(0o700)


def test_seed_fills_only_an_empty_database(tmp_path: Path) -> None:
    path, invalid = tmp_path / "emulator.db", tmp_path / "invalid.yaml"
    invalid.write_text("domain: {name: D}\nusers: [{name: u, password: p}]\nprojects: []\n")
    with pytest.raises(EmulatorError, match="projects must have at least 1 item"):
        emulator.serve(path, seed=invalid)
    with emulator.serve(path, seed=SEED) as server:
        assert server.store.seeded
        server.store.add_router("er-new")
    with emulator.serve(path, seed=SEED) as server:
        assert not server.store.seeded
        assert server.store.router("er-new").state == "available"


def test_failed_creation_leaves_an_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "emulator.db"
    with monkeypatch.context() as patch:
        patch.setattr(schema, "TABLES", f"{schema.TABLES}; CREATE nonsense")
        assert "make it and its folder writable" in refusal(path)
    with emulator.serve(path, seed=SEED) as server:
        assert server.store.seeded


def test_many_stores_opened_at_once_fill_a_new_file_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(lambda _: Store(tmp_path / "emulator.db", seed_file=SEED), range(8)))
    assert [store.seeded for store in stores].count(True) == 1
    assert {store.router("er-main").id for store in stores} == {"00000000-0000-4000-8000-000000000001"}
    for store in stores:
        store.close()

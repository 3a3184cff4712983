"""The journal of creates under way, and what its readers see while others write."""

from __future__ import annotations

import fcntl
import json
import shutil
import stat
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from providers import journal

URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic/er:FlowLog::core-a"
INPUTS = {"name": "a"}
CREATE = {"urn": URN, "inputs": INPUTS}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stack's creates are recorded; it is not there yet."""
    monkeypatch.chdir(tmp_path)
    return journal.FOLDER / "local"


def interrupt(folder: Path) -> Path:
    """Leave the file of a create as a killed process does: complete, and not locked."""
    with journal.recorded("local", URN, INPUTS):
        (file,) = folder.iterdir()
        text = file.read_text()
    file.write_text(text)
    return file


def test_a_create_is_under_way_as_long_as_its_block_lasts(folder: Path) -> None:
    assert (journal.under_way("local"), journal.unfinished("local")) == (0, [])
    with journal.recorded("local", URN, INPUTS):
        assert (journal.under_way("local"), journal.unfinished("local")) == (1, [])
        assert journal.under_way("another") == 0
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert json.loads(file.read_text()) == CREATE
    assert (journal.under_way("local"), journal.unfinished("local")) == (0, [])
    assert list(folder.iterdir()) == []


def test_a_create_that_fails_has_ended_too(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), journal.recorded("local", URN, INPUTS):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []


def test_a_create_whose_process_is_gone_is_unfinished(folder: Path) -> None:
    interrupt(folder)
    assert (journal.under_way("local"), journal.unfinished("local")) == (0, [CREATE])
    assert journal.unfinished("another") == []


def test_the_same_create_of_a_new_run_takes_the_place_of_an_unfinished_one(folder: Path) -> None:
    file = interrupt(folder)
    with journal.recorded("local", URN, INPUTS):
        assert (journal.under_way("local"), journal.unfinished("local")) == (1, [])
        assert list(folder.iterdir()) == [file]
    assert list(folder.iterdir()) == []


def test_a_create_that_ends_leaves_the_record_of_its_twin_in_another_run(folder: Path) -> None:
    one, other = (journal.recorded("local", URN, INPUTS) for _ in range(2))
    with one:
        other.__enter__()
    assert (journal.under_way("local"), journal.unfinished("local")) == (1, [])
    other.__exit__(None, None, None)
    assert list(folder.iterdir()) == []


def test_a_file_that_was_never_completed_is_removed_by_the_next_reader(folder: Path) -> None:
    interrupt(folder)
    (folder / "half.part").write_text('{"urn": ')
    assert journal.unfinished("local") == [CREATE]
    assert not (folder / "half.part").exists()


def test_a_file_that_is_being_written_is_left_to_its_writer(folder: Path) -> None:
    folder.mkdir(parents=True)
    part = folder / "half.part"
    with part.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert (journal.under_way("local"), journal.unfinished("local")) == (0, [])
        assert part.exists()


@pytest.mark.parametrize("remove", [Path.unlink, lambda file: shutil.rmtree(file.parent)], ids=["file", "folder"])
def test_a_file_that_is_removed_before_it_is_locked_is_written_again(
    remove: Callable[[Path], None], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock
    removed: list[Path] = []

    def flock(stream: object, how: int) -> None:
        if not removed:
            removed.extend(folder.iterdir())
            remove(removed[0])
        lock(stream, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", flock)
    with journal.recorded("local", URN, INPUTS):
        assert [file.suffix for file in folder.iterdir()] == [".json"]
        assert journal.under_way("local") == 1
    assert removed


def test_a_create_that_ends_while_it_is_looked_at_is_not_unfinished(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = journal.recorded("local", URN, INPUTS)
    create.__enter__()
    lock = fcntl.flock

    def flock(stream: object, how: int) -> None:
        # The reader has opened the file.
        if folder.exists() and any(folder.iterdir()):
            create.__exit__(None, None, None)
        lock(stream, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", flock)
    assert journal.unfinished("local") == []
    assert list(folder.iterdir()) == []


def test_a_create_begun_again_while_it_is_looked_at_is_under_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(folder)
    again = journal.recorded("local", URN, INPUTS)
    lock = fcntl.flock

    def flock(stream: object, how: int) -> None:
        monkeypatch.setattr(fcntl, "flock", lock)
        again.__enter__()
        lock(stream, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", flock)
    assert journal.under_way("local") == 1
    again.__exit__(None, None, None)


def test_readers_and_writers_at_once_disturb_each_other_never() -> None:
    ended = threading.Event()

    def write(number: int) -> None:
        for _ in range(200):
            with journal.recorded("local", f"{URN}{number}", INPUTS):
                pass

    def read() -> list[object]:
        found: list[object] = []
        while not ended.is_set():
            found += journal.unfinished("local")
            assert journal.under_way("local") <= 4
        return found

    with ThreadPoolExecutor() as threads:
        readers = [threads.submit(read) for _ in range(3)]
        list(threads.map(write, range(4)))
        ended.set()
        assert [reader.result() for reader in readers] == [[], [], []]

"""The journal of running creates, and what its readers see while others write."""

from __future__ import annotations

import fcntl
import json
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from providers import journal

URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic/er:FlowLog::core-a"
INPUTS = {"name": "a"}
CREATE: dict[str, object] = {"urn": URN, "inputs": INPUTS}
Creates = tuple[int, list[dict[str, object]]]
RUNNING: Creates = (1, [])
INTERRUPTED: Creates = (0, [CREATE])
ENDED: Creates = (0, [])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stack's creates, which does not exist yet."""
    monkeypatch.chdir(tmp_path)
    return journal.FOLDER / "local"


def without_time(create: dict[str, object]) -> dict[str, object]:
    assert time.time() - 60 < cast("float", create.pop("time")) <= time.time()
    return create


def creates(stack: str = "local") -> Creates:
    """How many creates are running, and those that were interrupted."""
    return journal.under_way(stack), list(map(without_time, journal.unfinished(stack)))


def interrupt(folder: Path) -> Path:
    """Leave the file of a create as a killed process does: complete, and not locked."""
    with journal.recorded("local", URN, INPUTS):
        (file,) = folder.iterdir()
        text = file.read_text()
    file.write_text(text)
    return file


@pytest.fixture
def at_next_lock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something just before the next lock is taken."""
    lock = fcntl.flock

    def schedule(act: Callable[[], object]) -> None:
        def flock(stream: object, how: int) -> None:
            monkeypatch.setattr(fcntl, "flock", lock)
            act()
            lock(stream, how)  # type: ignore[arg-type]

        monkeypatch.setattr(fcntl, "flock", flock)

    return schedule


def test_create_is_running_until_its_block_ends(folder: Path) -> None:
    assert creates() == ENDED
    with journal.recorded("local", URN, INPUTS):
        assert creates() == RUNNING
        assert creates("another") == ENDED
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert without_time(json.loads(file.read_text())) == CREATE
    assert creates() == ENDED
    assert list(folder.iterdir()) == []


def test_failed_create_has_ended(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError), journal.recorded("local", URN, INPUTS):
        raise ZeroDivisionError
    assert list(folder.iterdir()) == []


def test_create_of_killed_process_is_unfinished(folder: Path) -> None:
    interrupt(folder)
    assert creates() == INTERRUPTED
    assert creates("another") == ENDED


def test_same_create_in_new_run_replaces_unfinished_create(folder: Path) -> None:
    file = interrupt(folder)
    with journal.recorded("local", URN, INPUTS):
        assert creates() == RUNNING
        assert list(folder.iterdir()) == [file]
    assert list(folder.iterdir()) == []


def test_create_leaves_the_file_of_the_same_create_in_another_run(folder: Path) -> None:
    first, second = (journal.recorded("local", URN, INPUTS) for _ in range(2))
    with first:
        second.__enter__()
    assert creates() == RUNNING
    second.__exit__(None, None, None)
    assert list(folder.iterdir()) == []


def test_reader_removes_partial_file(folder: Path) -> None:
    interrupt(folder)
    (folder / "half.part").write_text('{"urn": ')
    assert creates() == INTERRUPTED
    assert not (folder / "half.part").exists()


def test_reader_leaves_file_that_is_being_written(folder: Path) -> None:
    folder.mkdir(parents=True)
    part = folder / "half.part"
    with part.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        assert creates() == ENDED
        assert part.exists()


@pytest.mark.parametrize("remove", [Path.unlink, lambda file: shutil.rmtree(file.parent)], ids=["file", "folder"])
def test_file_that_is_removed_before_it_is_locked_is_written_again(
    remove: Callable[[Path], None], folder: Path, at_next_lock: Callable[[Callable[[], object]], None]
) -> None:
    at_next_lock(lambda: remove(next(folder.iterdir())))
    with journal.recorded("local", URN, INPUTS):
        assert [file.suffix for file in folder.iterdir()] == [".json"]
        assert creates() == RUNNING


def test_create_that_ends_while_it_is_read_is_not_unfinished(
    folder: Path, at_next_lock: Callable[[Callable[[], object]], None]
) -> None:
    create = journal.recorded("local", URN, INPUTS)
    create.__enter__()
    at_next_lock(lambda: create.__exit__(None, None, None))
    assert journal.unfinished("local") == []
    assert list(folder.iterdir()) == []


def test_create_that_begins_again_while_it_is_read_is_running(
    folder: Path, at_next_lock: Callable[[Callable[[], object]], None]
) -> None:
    interrupt(folder)
    again = journal.recorded("local", URN, INPUTS)
    at_next_lock(again.__enter__)
    assert journal.under_way("local") == 1
    again.__exit__(None, None, None)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> str:
    """The state is in a service."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "https://api.pulumi.com/")
    return "https://api.pulumi.com"


@pytest.mark.usefixtures("service")
def test_service_has_a_create_recorded_until_it_is_forgotten() -> None:
    with journal.recorded("local", URN, INPUTS):
        assert creates() == RUNNING
    with pytest.raises(TimeoutError), journal.recorded("local", "other", INPUTS, may_exist=OSError):
        raise TimeoutError
    journal.forget("local", URN, {"name": "another"})
    assert {str(create["urn"]) for create in journal.unfinished("local")} == {"other", URN}
    journal.forget("local", URN, INPUTS)
    assert [create["urn"] for create in journal.unfinished("local")] == ["other"]
    journal.forget("local")
    assert creates() == ENDED


@pytest.mark.usefixtures("service")
def test_service_has_no_record_of_a_refused_create() -> None:
    with pytest.raises(ZeroDivisionError), journal.recorded("local", URN, INPUTS, may_exist=OSError):
        raise ZeroDivisionError
    assert creates() == ENDED


def test_creates_of_another_service_are_left_alone(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with journal.recorded("local", URN, INPUTS):
        pass
    for other in ("", "https://pulumi.example.com"):
        monkeypatch.setenv("PULUMI_BACKEND_URL", other)
        assert creates() == ENDED
        journal.forget("local")
    monkeypatch.setenv("PULUMI_BACKEND_URL", service)
    assert [create["urn"] for create in journal.unfinished("local")] == [URN]


def test_running_create_is_not_forgotten() -> None:
    with journal.recorded("local", URN, INPUTS):
        journal.forget("local")
        assert creates() == RUNNING

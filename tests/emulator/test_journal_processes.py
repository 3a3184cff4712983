"""The journal of creates under way, with processes that are killed at any moment."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from providers import journal
from tests.waiting import eventually

CHECKOUT = Path(__file__).parents[2]

CREATES = """
import contextlib, sys, time
from providers import journal

with contextlib.ExitStack() as creates:
    for number in range(int(sys.argv[1])):
        creates.enter_context(journal.recorded("local", f"{sys.argv[2]}-{number}", {}))
    print("under way", flush=True)
    time.sleep(600)
"""
"""Creates that are under way until the process is killed: how many, and how they are called."""

ONE_BY_ONE = """
import pathlib, sys, time
from providers import journal

while not pathlib.Path("last").exists():
    with journal.recorded("local", sys.argv[1], {}):
        pass
with journal.recorded("local", sys.argv[1], {}):
    print("under way", flush=True)
    time.sleep(600)
"""
"""One create after the other, each of which ends at once; the last one, once a file says so, is under way for ever."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return journal.FOLDER / "local"


@contextlib.contextmanager
def running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the program here, and is killed in the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def creating(process: subprocess.Popen[str]) -> None:
    """Wait until all of its creates are under way."""
    assert process.stdout
    assert process.stdout.readline() == "under way\n"


def urns() -> set[str]:
    return {one["urn"] for one in journal.unfinished("local")}


def test_creates_are_under_way_until_their_process_is_killed() -> None:
    with running(CREATES, "128", "one") as one, running(CREATES, "3", "other") as other:
        creating(one)
        creating(other)
        assert (journal.under_way("local"), urns()) == (131, set())

        kill(other)

        assert (journal.under_way("local"), urns()) == (128, {"other-0", "other-1", "other-2"})


def test_creates_of_a_stopped_process_are_still_under_way() -> None:
    with running(CREATES, "1", "one") as process:
        creating(process)
        process.send_signal(signal.SIGSTOP)
        assert (journal.under_way("local"), urns()) == (1, set())


def test_readers_never_take_a_create_of_a_live_process_for_interrupted(folder: Path) -> None:
    with contextlib.ExitStack() as processes:
        for number in range(3):
            processes.enter_context(running(ONE_BY_ONE, str(number)))
        eventually(lambda: len({file.name for file in folder.glob("*.json")}) > 0)
        for _ in range(1500):
            assert urns() == set()


def test_processes_killed_at_any_moment_leave_no_file_that_disturbs(folder: Path) -> None:
    moments = random.Random(1)
    for number in range(8):
        with running(ONE_BY_ONE, str(number)) as process:
            eventually(folder.is_dir)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.2, 0.4))
        # The next one goes on beside what this one has left.
        assert journal.under_way("local") == 0
        assert urns() <= {str(one) for one in range(number + 1)}
        assert {file.suffix for file in folder.iterdir()} <= {".json"}


def test_a_create_is_recorded_after_the_folder_was_removed_at_any_moment(folder: Path) -> None:
    with running(ONE_BY_ONE, "one") as process:
        for _ in range(300):
            eventually(folder.is_dir)
            shutil.rmtree(folder, ignore_errors=True)
        Path("last").touch()
        creating(process)
        assert (journal.under_way("local"), urns()) == (1, set())


MANY = """
import resource, sys
from providers.host.__main__ import _raise_open_files_limit

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
_raise_open_files_limit()
"""


def test_the_host_has_more_creates_under_way_than_a_shell_allows_open_files() -> None:
    with running(MANY + CREATES, "128", "one") as process:
        creating(process)
        assert journal.under_way("local") == 128

"""The journal of running creates, with processes that are killed at any moment."""

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
    print("running", flush=True)
    time.sleep(600)
"""
"""Creates that run until the process is killed; the arguments are their number and their name."""

ONE_BY_ONE = """
import pathlib, sys, time
from providers import journal

while not pathlib.Path("last").exists():
    with journal.recorded("local", sys.argv[1], {}):
        pass
with journal.recorded("local", sys.argv[1], {}):
    print("running", flush=True)
    time.sleep(600)
"""
"""Creates that end at once, one after the other; the last, which begins when a file named `last` exists, never ends."""

LOW_LIMIT = """
import resource, sys
from providers.host.__main__ import _raise_open_files_limit

_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (64, most))
_raise_open_files_limit()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return journal.FOLDER / "local"


@contextlib.contextmanager
def started(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs the program here, and is killed at the end."""
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


@contextlib.contextmanager
def running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process as `started`, once all of its creates are running."""
    with started(program, *arguments) as process:
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        yield process


def interrupted() -> set[str]:
    return {create["urn"] for create in journal.unfinished("local")}


def test_creates_are_running_until_their_process_is_killed() -> None:
    with running(CREATES, "128", "first") as first, running(CREATES, "3", "second") as second:
        first.send_signal(signal.SIGSTOP)  # a stopped process still runs its creates
        assert (journal.under_way("local"), interrupted()) == (131, set())

        kill(second)

        assert (journal.under_way("local"), interrupted()) == (128, {"second-0", "second-1", "second-2"})


def test_creates_of_live_processes_are_never_interrupted(folder: Path) -> None:
    with contextlib.ExitStack() as processes:
        for number in range(3):
            processes.enter_context(started(ONE_BY_ONE, str(number)))
        eventually(lambda: list(folder.glob("*.json")))
        for _ in range(300):
            assert interrupted() == set()


def test_killed_process_leaves_no_partial_file(folder: Path) -> None:
    moments = random.Random(1)
    for number in range(4):
        with started(ONE_BY_ONE, str(number)) as process:
            eventually(folder.is_dir)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moments.uniform(0.2, 0.4))
        # The files of this process stay while the next one runs.
        assert journal.under_way("local") == 0
        assert interrupted() <= {str(earlier) for earlier in range(number + 1)}
        assert {file.suffix for file in folder.iterdir()} <= {".json"}


def test_create_is_recorded_although_folder_is_removed_at_any_moment(folder: Path) -> None:
    with started(ONE_BY_ONE, "create") as process:
        for _ in range(60):
            eventually(folder.is_dir)
            shutil.rmtree(folder, ignore_errors=True)
        Path("last").touch()
        assert process.stdout
        assert process.stdout.readline() == "running\n"
        assert (journal.under_way("local"), interrupted()) == (1, set())


def test_host_records_more_creates_than_a_shell_allows_open_files() -> None:
    with running(LOW_LIMIT + CREATES, "128", "create"):
        assert journal.under_way("local") == 128

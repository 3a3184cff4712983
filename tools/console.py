"""Messages to the user, and running other programs: with progress on screen, and never left running.

Messages go to stderr: stdout is for what a caller reads, such as `eval "$(make env)"`.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from providers.stderr import say

Describe = Callable[[str], str]


class ToolError(Exception):
    """Something that the user can fix, described in one sentence."""


def clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def run(
    command: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    doing: str = "",
    describe: Describe = str,
    every: float = 0,
) -> tuple[int, str]:
    """Run a command without stdin; return its exit code and all its output.

    With `doing`, a line reports every few seconds how long it has taken and its last line, as worded by `describe`.
    After `timeout` seconds, or when this process is interrupted or terminated, the command ends together with
    whatever it started.
    """
    lines: list[str] = []
    # From before it starts: a signal could come at any moment after that.
    with _terminated_as_interrupt(), _Progress(doing, describe, lines, every) as progress:
        try:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env=dict(env) if env is not None else None,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,  # a group of its own, to be ended as a whole
            )
        except OSError as error:
            return 127, f"{command[0]}: {error.strerror}"
        try:
            if _wait(process, lines, timeout, progress):
                return process.returncode, "".join(lines)
        finally:
            if process.returncode is None:
                _end_group(process)
    return 124, "".join(lines) + f"\ngave up after {timeout:.0f} s"


def _wait(process: subprocess.Popen[str], lines: list[str], timeout: float, progress: "_Progress") -> bool:
    """Collect the output until the process ends; whether it did in time."""
    assert process.stdout is not None
    reader = threading.Thread(target=_collect, args=(process.stdout, lines), daemon=True)
    reader.start()
    deadline = time.monotonic() + timeout
    while process.poll() is None:
        if time.monotonic() > deadline:
            return False
        if reader.is_alive():
            reader.join(0.5)  # returns at once when the output ends, which is when the command does
        else:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        progress.tick()
    reader.join(1)
    return True


def last_line(output: str) -> str:
    """The line to quote when a command failed: the last one that is not empty."""
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "it printed nothing")


def first_error(output: str, mark: str = "error:") -> str:
    """The reason to quote when a command failed: the text of the first line with this mark, or else the last line."""
    lines = (line.strip() for line in output.splitlines())
    errors = (line.removeprefix(mark).strip() for line in lines if line.startswith(mark))
    return next(filter(None, errors), last_line(output))


def exit_code(work: Callable[[], None], *, interrupted: str = "interrupted; the next run repeats that step") -> int:
    """Do the work; the exit code, after a sentence about what went wrong."""
    try:
        work()
    except ToolError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say(interrupted)
        return 130
    return 0


def _collect(stream: IO[str], lines: list[str]) -> None:
    for line in stream:
        lines.append(line)


def _end_group(process: subprocess.Popen[str]) -> None:
    for sign, deadline in ((signal.SIGTERM, 3.0), (signal.SIGKILL, 3.0)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(deadline)
            return


@contextlib.contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """A SIGTERM unwinds like Ctrl-C, so that what was started is ended and incomplete files are removed."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_WIDTH = 120  # columns of a progress line that goes to no terminal


class _Progress:
    """On a terminal one line that is rewritten, elsewhere a new line now and then."""

    def __init__(self, doing: str, describe: Describe, lines: Sequence[str], every: float) -> None:
        self._doing, self._describe, self._lines = doing, describe, lines
        self._live = sys.stderr.isatty()
        self._every = every or (1 if self._live else 10)
        self._start = self._reported = time.monotonic()

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._live and self._doing:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def tick(self) -> None:
        now = time.monotonic()
        if not self._doing or now - self._reported < self._every:
            return
        self._reported = now
        last = self._describe(self._lines[-1].strip()) if self._lines else ""
        text = f"  {clock(now - self._start):>5}  {self._doing}" + (f": {last}" if last else "")
        if self._live:
            with contextlib.suppress(OSError):
                text = text[: (os.get_terminal_size(sys.stderr.fileno()).columns or 80) - 1]
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        else:
            say(text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…")

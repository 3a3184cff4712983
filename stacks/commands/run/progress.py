"""How far the runs of several stacks are: a line for each, which changes in place at a terminal."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence

from stacks.commands.run import pulumi
from stacks.commands.run.stack_run import StackRun
from stacks.commands.screen import align, shorten

_EVERY = 10  # seconds between two lines about a stack, if there is no terminal
HEADINGS = ("STACK", "RESULT", "FLOW LOGS", "TIME")


def format_table(runs: Sequence[StackRun]) -> str:
    """How the runs ended."""
    rows = [(run.stack, run.status(), _outcome(run) or "-", _clock(run.seconds)) for run in runs]
    return "\n".join(align([HEADINGS, *rows]))


def format_lines(runs: Sequence[StackRun], doing: str, *, columns: int, height: int) -> list[str]:
    """A line for each run, none longer than the terminal is wide. If they are too many, only for those in progress."""
    shown = runs if len(runs) < height else [run for run in runs if run.is_running]
    lines = [shorten(line, columns - 1) for line in align([_cells(run, doing) for run in shown])]
    if len(shown) < len(runs):
        others = Counter(run.status() for run in runs if not run.is_running)
        lines = [*lines[: height - 2], ", ".join(f"{number:,} {status}" for status, number in others.items())]
    return lines


class Progress:
    """Shows how far the runs are, on standard error.

    Args:
        runs: The runs.
        doing: What they do.
    """

    def __init__(self, runs: Sequence[StackRun], doing: str) -> None:
        self._runs, self._doing = runs, doing
        self._is_live = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._shown: Sequence[str] = ()
        self._told: dict[str, tuple[float, str, str]] = {}

    def show(self) -> None:
        """Show how far they are now."""
        if self._is_live:
            columns, height = shutil.get_terminal_size()
            self._replace(format_lines(self._runs, self._doing, columns=columns, height=height))
        elif len(self._runs) > 1:
            for run in self._runs:
                self._tell(run)

    def clear(self) -> None:
        """Remove the lines from the terminal."""
        self._replace([])

    def _replace(self, lines: Sequence[str]) -> None:
        if lines != self._shown:
            begin = f"\r\x1b[{len(self._shown)}A\x1b[J" if self._shown else ""
            _print(begin + "".join(f"{line}\n" for line in lines))
            self._shown = lines

    def _tell(self, run: StackRun) -> None:
        """Print a line if there is news."""
        status, changes, now = run.status(self._doing), _count(run), time.monotonic()
        since, *last = self._told.get(run.stack, (0.0, "waiting", ""))
        if status != last[0] or (changes != last[1] and now - since > _EVERY):
            self._told[run.stack] = now, status, changes
            _print(f"{run.stack}: {', '.join(filter(None, [status, changes]))}\n")


def _print(text: str) -> None:
    pulumi.print_if_possible(sys.stderr, text.encode())


def _cells(run: StackRun, doing: str) -> tuple[str, ...]:
    clock = _clock(run.seconds) if run.process else ""
    return run.stack, run.status(doing), clock, _count(run), run.waits_for if run.is_running else ""


def _count(run: StackRun) -> str:
    return f"{run.done.total():,} of {run.total:,}" if run.total and not run.is_preview else ""


def _outcome(run: StackRun) -> str:
    words = ", ".join(f"{number:,} {what}" for what, number in sorted(run.done.items()))
    if run.done.total() == run.total:
        return words
    return ": ".join(filter(None, [f"{run.done.total():,} of {run.total:,}", words]))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"

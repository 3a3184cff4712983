"""Runs a command of Pulumi for several stacks side by side, each in a process of its own."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from threading import Event
from types import TracebackType

from providers.config_keys import STACKS_AT_ONCE
from providers.stderr import say
from stacks.commands.run import pulumi
from stacks.commands.run.progress import Progress, format_table
from stacks.commands.run.stack_run import StackRun
from stacks.stackfile.location import make_command

INTERRUPTED = 130  # the exit code after Ctrl-C, as of a shell

_LONGEST_LIST = 10  # messages of a stack that are printed
_TICK = 0.1  # seconds
_NEXT = {
    "failed": "failed: correct the errors above, then run",
    "interrupted": "was interrupted: run",
    "not started": "was not started: run",
}
"""By the status of a run, what follows the stack's name."""


class SideBySide:
    """Starts as many runs as may be in progress at once.

    Runs that change nothing can be started by a block, before `finish`. Its end ends those that are still running.

    Args:
        runs: What to run.
        arguments: The command's arguments, but for the stack.
        doing: What it does, in one word.
        environment: The command's environment variables.
    """

    def __init__(
        self, runs: Sequence[StackRun], *arguments: str, doing: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self._runs, self._arguments, self._doing = runs, arguments, doing
        self._environment = environment
        self._processes: list[pulumi.Process] = []

    def __enter__(self) -> SideBySide:
        self._start(Event())
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, trace: TracebackType | None) -> None:
        for process in self._processes:
            process.terminate()
        for run in self._runs:
            run.join()

    def finish(self) -> None:
        """Start the rest in turn, and wait until all have ended. After a signal, no other is started."""
        progress, failed = Progress(self._runs, self._doing), list[StackRun]()
        with pulumi.signals_passed_on(self._processes) as interrupted:
            while True:
                is_interrupted = interrupted.is_set()
                if not is_interrupted:
                    failed = [run for run in self._runs if run.status() in ("failed", "killed")]
                for run in self._runs:
                    run.is_interrupted = is_interrupted and run not in failed
                if not any(run.is_running or not (run.process or is_interrupted) for run in self._runs):
                    break
                self._start(interrupted)
                progress.show()
                time.sleep(_TICK)
        progress.show()
        progress.clear()

    def _start(self, interrupted: Event) -> None:
        free = int(os.environ.get(STACKS_AT_ONCE) or 1) - sum(run.is_running for run in self._runs)
        waiting = [run for run in self._runs if not run.process]
        for run in waiting[: max(free, 0)]:
            if interrupted.is_set():
                return
            self._processes.append(run.start(self._arguments, self._environment))


def exit_code(runs: Sequence[StackRun]) -> int:
    """That of a run that failed, if one did; after a signal, that of a shell."""
    if any(run.is_interrupted for run in runs):
        return INTERRUPTED
    return next((run.code for run in runs if run.code), 0)


def print_errors(runs: Sequence[StackRun]) -> None:
    """Print what the commands had on standard error, in front of each line its stack if there are several."""
    for run in runs:
        for line in run.stderr:
            print(f"{run.stack}: {line}" if len(runs) > 1 else line, end="", file=sys.stderr, flush=True)


def report(runs: Sequence[StackRun], command: str) -> None:
    """Print how the runs ended, each stack's messages together, and what to do."""
    from stacks.commands.review.preview import sentences  # takes long; see __main__

    for run in runs:
        for kind, messages in {"warning": run.warnings, "error": run.errors}.items():
            found = sentences(messages)
            for sentence in found[:_LONGEST_LIST]:
                say(f"{run.stack}: {kind}: {sentence}")
            if len(found) > _LONGEST_LIST:
                say(f"{run.stack}: ... and {len(found) - _LONGEST_LIST:,} more")
    print_errors(runs)
    pulumi.print_if_possible(sys.stdout, f"{format_table(runs)}\n".encode())
    for run in runs:
        status = run.status()
        if status == "killed" or any(pulumi.LOCKED in line for line in run.stderr):
            say(pulumi.recover_sentence(run.stack))
        elif status in _NEXT:
            say(f"error: stack {run.stack} {_NEXT[status]} `{make_command(command, run.stack)}`")

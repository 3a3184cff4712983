"""Runs a command of Pulumi: `python -m tools.run_pulumi up --stack dev`; its exit code is Pulumi's.

Without a terminal Pulumi prints a line for each resource that it only looks at: these are left out. If the stack is
locked, a sentence says what to do.
"""

import os
import re
import signal
import subprocess
import sys
from threading import Thread
from typing import IO

_UNCHANGED = re.compile(
    r" ~  \S+ \S+ refresh(ing)? \([\d.]+s\) *\n"  # which found no difference
    r"|    \S+:\S+:\S+ \S+ +(running *|warning: .*|\d+ warnings? *)?\n"  # they come again at the end
)
_LOCKED = "the stack is currently locked by"
_RECOVER = "error: the stack is locked: if no run of it is in progress, run `make recover`"


def is_shown(line: str) -> bool:
    """Whether a line that Pulumi prints without a terminal says more than that a resource was looked at."""
    return not _UNCHANGED.fullmatch(line)


def main(arguments: list[str]) -> int:
    # They reach Pulumi as well, which ends its run in order. The filter has to outlive it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    command = ["pulumi", *arguments, "--suppress-progress"]
    output = None if sys.stdout.isatty() else subprocess.PIPE
    with subprocess.Popen(command, stdout=output, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        errors = Thread(target=_copy_errors, args=(process.stderr,))
        errors.start()
        for line in process.stdout or ():
            if is_shown(line):
                _print(line)
        errors.join()
    return process.returncode


def _print(line: str) -> None:
    try:
        print(line, end="", flush=True)
    except BrokenPipeError:  # as after `| head`: that nobody reads it must not end a run halfway
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _copy_errors(stream: IO[str]) -> None:
    is_locked = False
    for line in stream:
        is_locked = is_locked or _LOCKED in line
        print(line, end="", file=sys.stderr, flush=True)
    if is_locked:
        print(_RECOVER, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Runs commands of Pulumi that a user watches.

Without a terminal Pulumi prints a line for each resource that it only looks at: these are left out. If the stack is
locked, a sentence says what to do.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from queue import SimpleQueue
from threading import Event, Thread
from typing import TextIO

from providers.shared_sign_in import Offer
from providers.stderr import say
from stacks.stackfile.location import make_command

_UNCHANGED = re.compile(
    r" ~  \S+ \S+ refresh(ing)? \([\d.]+s\) *\n"  # which found no difference
    r"|    \S+:\S+:\S+ \S+ +(running *|warning: .*|\d+ warnings? *)?\n"  # they come again at the end
)
_ALWAYS = {"GOGC": "400"}
"""The CLI collects garbage less often: a fifth of its processor time in a preview, for half as much memory again."""
_PREVIEW = {"PULUMI_PARALLEL_DIFF": "true"}
"""The engine asks for many differences at once, where it would wait for each one. It is not tried and tested enough
for runs that change things."""
LOCKED = "the stack is currently locked by"
"""In what Pulumi prints if a run of the stack is in progress, or was killed."""
_SIGNAL_TIME = 0.5  # seconds, in which a signal reaches all processes that it is sent to

Process = subprocess.Popen[bytes]


@functools.cache
def _offer() -> Offer | None:
    with contextlib.suppress(OSError):  # Each process signs in by itself.
        return Offer()
    return None


def hand_on(sign_ins: Mapping[str, str]) -> None:
    """Let the program and the host of each command continue with these sign-ins, and what this process does later."""
    if offer := _offer():
        offer.hand_on(sign_ins)
        os.environ.update(offer.environment)


def recover_sentence(stack: str) -> str:
    """What to do if a stack is locked."""
    recover = make_command("recover", stack)
    return f"error: stack {stack} is locked: if no run of it is in progress, run `{recover}`"


def is_shown(line: str) -> bool:
    """Whether a line that Pulumi prints without a terminal says more than that a resource was looked at."""
    return not _UNCHANGED.fullmatch(line)


def run(stack: str, *arguments: str) -> int:
    """Run a command of Pulumi for a stack, at the terminal if there is one; its exit code."""
    processes: list[Process] = []
    output = None if sys.stdout.isatty() else subprocess.PIPE
    with signals_passed_on(processes), start(stack, arguments, output) as process:
        processes.append(process)
        code = show(process, stack, print_if_possible)
    if is_killed(process):
        say(recover_sentence(stack))
    return code


@contextlib.contextmanager
def held(stack: str, *arguments: str) -> Iterator[Process]:
    """Start a command that changes nothing. It prints nothing before `show`, and ends with the block."""
    with start(stack, arguments, subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


def write(stream: TextIO, line: bytes) -> None:
    """Print the line now.

    Raises:
        OSError: Nobody reads the output any more, or the disk is full.
    """
    stream.buffer.write(line)
    stream.buffer.flush()


def print_if_possible(stream: TextIO, line: bytes) -> None:
    """Print the line, or no line any more if nobody reads them: a run that changes things must not stop halfway."""
    try:
        write(stream, line)
    except OSError:  # as after `| head`, or if the disk is full
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def show(process: Process, stack: str, write: Callable[[TextIO, bytes], None] = write) -> int:
    """Print what the stack's process prints, until it ends; its exit code.

    Raises:
        OSError: As `write` raises it.
    """
    with _errors_shown(process, stack):
        for line in process.stdout or ():
            if is_shown(line.decode(errors="replace")):
                write(sys.stdout, line)
    return wait(process)


def wait(process: Process) -> int:
    """Wait until the process has ended; its exit code, which is that of a shell if a signal has killed it."""
    code = process.wait()
    return code if code >= 0 else 128 - code


def is_killed(process: Process) -> bool:
    """Whether it was killed, as by a machine that has no memory left; then it has left a lock, and no message."""
    return process.returncode == -signal.SIGKILL


def start(
    stack: str, arguments: Sequence[str], output: int | None, environment: Mapping[str, str] | None = None
) -> Process:
    """Start a command of Pulumi for a stack; its output goes to the terminal or to a pipe, its errors to a pipe."""
    command = ["pulumi", *arguments, "--stack", stack, "--suppress-progress"]
    offer = _offer()
    settings = {**_ALWAYS, **(_PREVIEW if arguments[0] == "preview" else {})}
    chosen = {**settings, **(environment or os.environ), **(offer.environment if offer else {})}
    return subprocess.Popen(command, env=chosen, stdout=output, stderr=subprocess.PIPE)


@contextlib.contextmanager
def _errors_shown(process: Process, stack: str) -> Iterator[None]:
    """Print the errors of the process, until it ends."""
    errors = Thread(target=_copy_errors, args=(process, stack))
    errors.start()
    yield
    errors.join()
    process.wait()


@contextlib.contextmanager
def signals_passed_on(processes: Collection[Process]) -> Iterator[Event]:
    """Pass on the first signal that only this process gets, as from make and CI systems that cancel a job.

    Ctrl-C reaches Pulumi as well, which must not get it twice: then it would stop halfway. So another process of the
    group tells the two apart: it ends by whatever reaches the group. The block gets an event that is set by a signal.

    The block can add processes as it starts them, but none after a signal.
    """
    signals, received = SimpleQueue[int](), Event()
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as witness:

        def pass_on() -> None:
            if not (number := signals.get()):
                return
            received.set()
            try:
                witness.wait(_SIGNAL_TIME)
            except subprocess.TimeoutExpired:
                for process in processes:
                    process.send_signal(number)

        # A thread, so that the block can meanwhile add the process that it is starting.
        Thread(target=pass_on).start()
        handlers = {
            number: signal.signal(number, lambda number, _frame: signals.put(number))
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        # A terminal that is closed sends it to all.
        handlers[signal.SIGHUP] = signal.signal(signal.SIGHUP, lambda *_: None)
        try:
            yield received
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            signals.put(0)  # the thread need not wait any longer


def _copy_errors(process: Process, stack: str) -> None:
    is_locked = False
    for line in process.stderr or ():
        is_locked = is_locked or LOCKED in line.decode(errors="replace")
        print_if_possible(sys.stderr, line)
    if is_locked:
        print_if_possible(sys.stderr, f"{recover_sentence(stack)}\n".encode())

"""Asks the user at the terminal whether to go on."""

from __future__ import annotations

import os
import sys
import termios
from pathlib import Path

from stacks.commands import cli
from stacks.stackfile.location import LOCAL, short_name

TERMINAL = Path("/dev/tty")  # standard input may be something else


def is_answered(stack: str) -> bool:
    """Whether the user has answered yes already."""
    return not os.environ.get("CONFIRM") and (short_name(stack) == LOCAL or bool(os.environ.get("YES")))


def check_terminal() -> None:
    """End the process with a sentence if there is no terminal to ask at."""
    try:
        TERMINAL.open("w").close()
    except OSError:
        cli.fail("error: there is no terminal to answer at: set YES=1 to go on without a question")


def is_confirmed(question: str) -> bool:
    """Whether the user answers yes. If not, a sentence says that nothing was changed."""
    check_terminal()
    try:
        with TERMINAL.open("w") as screen, TERMINAL.open(errors="replace") as keyboard:
            # What was typed before the changes were shown is no answer.
            termios.tcflush(keyboard, termios.TCIFLUSH)
            print(f"{question} Only yes is accepted: ", end="", file=screen, flush=True)
            answer = keyboard.readline()
    except (termios.error, KeyboardInterrupt):
        answer = ""
    if answer.strip() == "yes":
        return True
    print("Nothing was changed.", file=sys.stderr)
    return False

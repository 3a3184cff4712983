"""Asks the user at the terminal whether to go on."""

from __future__ import annotations

import sys
import termios
from pathlib import Path

TERMINAL = Path("/dev/tty")  # standard input may be something else


def is_confirmed(question: str) -> bool:
    """Whether the user answers yes. If not, a sentence says that nothing was changed."""
    try:
        with TERMINAL.open("w") as screen, TERMINAL.open(errors="replace") as keyboard:
            # What was typed before the changes were shown is no answer.
            termios.tcflush(keyboard, termios.TCIFLUSH)
            print(f"{question} Only yes is accepted: ", end="", file=screen, flush=True)
            answer = keyboard.readline()
    except (termios.error, KeyboardInterrupt):
        answer = ""
    except OSError:
        print("error: there is no terminal to answer at: set YES=1 to go on without a question", file=sys.stderr)
        return False
    if answer.strip() == "yes":
        return True
    print("Nothing was changed.", file=sys.stderr)
    return False

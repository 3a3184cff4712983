"""Messages to the user. Standard library only, so that tools can use it before anything is installed."""

from __future__ import annotations

import shutil
import sys
import textwrap
from typing import NoReturn


def say(text: str) -> None:
    """Print to stderr: at a terminal with line breaks between words, elsewhere one line for each line of the text."""
    if sys.stderr.isatty():
        columns = shutil.get_terminal_size().columns
        text = "\n".join(_fold(line, columns) for line in text.splitlines())
    print(text, file=sys.stderr, flush=True)


def say_and_exit(text: str, code: int = 1) -> NoReturn:
    """Print to stderr, and end the process with this exit code."""
    say(text)
    sys.exit(code)


def _fold(line: str, columns: int) -> str:
    # Words stay whole, so that a command, an address or a path can be copied.
    return textwrap.fill(
        line,
        columns,
        subsequent_indent="  ",
        replace_whitespace=False,
        break_long_words=False,
        break_on_hyphens=False,
    )

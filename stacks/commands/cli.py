"""What commands of the Pulumi CLI print. They can be started early, to work while something else is done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import NoReturn

from providers.stderr import say_and_exit

UNKNOWN = 2
"""The exit code of commands that cannot find out what they were asked; 1 is an answer that somebody should act on."""

_started: dict[tuple[str, ...], subprocess.Popen[str]] = {}


def fail(text: str) -> NoReturn:
    """End the process with the exit code of a question that has no answer."""
    say_and_exit(text, UNKNOWN)


def config(stack: str) -> tuple[str, ...]:
    """The arguments that print the stack's config; of the selected one if the name is empty."""
    return ("config", "--json", "--show-secrets", *_of(stack))


def state(stack: str) -> tuple[str, ...]:
    """The arguments that print the stack's state; of the selected one if the name is empty."""
    return ("stack", "export", *_of(stack))


def _of(stack: str) -> tuple[str, ...]:
    # Without its name, since the short name of a selected stack may be that of several.
    return ("--stack", stack) if stack else ()


def start(*arguments: str) -> None:
    """Start the CLI; the next `run` with these arguments gives what it prints."""
    _started[arguments] = _popen(arguments)


def run(*arguments: str, text: str = "", explain: Callable[[], str | None] = lambda: None) -> str:
    """What the CLI prints, given this text as standard input; what it reports goes to the terminal.

    Ends the process if the CLI fails.

    Args:
        arguments: The CLI's arguments.
        text: Its standard input.
        explain: Looks for the reason of a failure; its sentence takes the place of what the CLI reports.
    """
    process = _started.pop(arguments, None) or _popen(arguments)
    output, errors = process.communicate(text)
    if process.returncode and (sentence := explain()):
        fail(f"error: {sentence}")
    sys.stderr.write(errors)
    if process.returncode:
        sys.exit(max(process.returncode, UNKNOWN))
    return output


def _popen(arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"], stdin=pipe, stdout=pipe, stderr=pipe, text=True
        )
    except OSError as error:
        fail(f'error: pulumi cannot be run ({error.strerror}): prepare the shell with eval "$(make env)"')

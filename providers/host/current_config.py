"""The stack's config as it is in its file now.

A destroy or refresh gets the config of the last `up` from the engine, in which a password may be out of date. So this
is the one place where the provider reads a stack's config from anywhere else.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from providers.config_keys import qualified

CLI_TIMEOUT = 30.0  # seconds


def current_config(stack: str, key: str) -> str | None:
    """The value of the key, decrypted; None if there is none or the CLI fails.

    Args:
        stack: The stack's name, without its organisation: the engine tells its plugins no more.
        key: The key, without its namespace.
    """
    selected = select_stack(stack, _arguments(os.getppid()))  # the engine's, which is `pulumi` itself
    return _run("pulumi", "config", "get", qualified(key), *selected, "--non-interactive")


def select_stack(stack: str, arguments: Sequence[str]) -> list[str]:
    """The arguments that select the stack of this name as these arguments of another command of `pulumi` do.

    Without any, `pulumi` selects it as it did for the other command, by the environment or the workspace.
    """
    named = re.compile(rf"(?:--stack=|-s=?)?((?:[^/=]+/){{0,2}}{re.escape(stack)})")
    found = [match[1] for argument in arguments if (match := named.fullmatch(argument))]
    return ["--stack", found[-1]] if found else []


def _arguments(process: int) -> list[str]:
    """The arguments of a process; without any if they cannot be read."""
    with contextlib.suppress(OSError):
        return Path("/proc", str(process), "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    return (_run("ps", "-o", "args=", "-p", str(process)) or "").split()


def _run(*command: str) -> str | None:
    """What the command prints; None if it fails."""
    try:
        completed = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CLI_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout.rstrip("\n") if completed.returncode == 0 else None

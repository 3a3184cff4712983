"""The stack's config as it is in its file now.

A destroy or refresh gets the config of the last `up` from the engine, in which a password may be out of date. So this
is the one place where the provider reads a stack's config from anywhere else.
"""

from __future__ import annotations

import subprocess

from providers.config_keys import qualified

CLI_TIMEOUT = 30.0  # seconds


def current_config(stack: str, key: str) -> str | None:
    """The value of the key, decrypted; None if there is none or the CLI fails."""
    command = ["pulumi", "config", "get", qualified(key), "--stack", stack, "--non-interactive"]
    try:
        completed = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CLI_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return completed.stdout.rstrip("\n") if completed.returncode == 0 else None

"""The stack's config as it is in its file now.

The one place where the provider looks at a stack's config beside what the engine gives it: a destroy or refresh is
given that of the last `up`, in which a password may be out of date.
"""

from __future__ import annotations

import subprocess

from providers.config_keys import qualified

CLI_TIMEOUT = 30.0  # seconds


def current_config(stack: str, key: str) -> str | None:
    """The value of the key, decrypted; None if there is none or the CLI cannot tell."""
    command = ["pulumi", "config", "get", qualified(key), "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CLI_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None

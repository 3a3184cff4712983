"""What the commands beside `pulumi` share: the stack's config on standard input, and what they wait for on stderr."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from providers.connection import Connection
from providers.er import Client, Patience
from providers.keys import ours

SECONDS = 120.0


@dataclass(frozen=True)
class Values:
    """A stack's config of our namespace, by key without it.

    Attributes:
        plain: The values, as text or JSON as text.
        is_secret: Which of them are encrypted in the stack file.
    """

    plain: dict[str, str]
    is_secret: dict[str, bool]


def values() -> Values:
    """What `pulumi config --json --show-secrets` has printed to standard input; it ends the process if that failed."""
    text = sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # pulumi has said why
    found: dict[str, dict[str, Any]] = ours(json.loads(text))
    return Values(
        plain={key: item["value"] for key, item in found.items() if "value" in item},
        is_secret={key: bool(item.get("secret")) for key, item in found.items()},
    )


def client(values: Values) -> Client:
    """The client for all of a command's look-ups together.

    Raises:
        SettingsError: A setting is missing or makes no sense.
    """
    connection = Connection(values.plain.get, os.environ, directory=Path.cwd())
    return connection.client.within(Patience(SECONDS, report=report))


def report(text: str) -> None:
    """Say what is waited for."""
    print(f"waiting for {text}", file=sys.stderr, flush=True)

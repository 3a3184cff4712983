"""What the commands beside `pulumi` share: the stack's config, a client, and what they wait for on stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from providers.config_keys import own_keys
from providers.connection import Connection
from providers.er import Client, Deadline
from stacks.errors import StackError, stack_file
from stacks.stackfile import model

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


def values(stack: str) -> Values:
    """What `pulumi config --json --show-secrets` has printed to standard input.

    It ends the process if that failed, and with a sentence for each mistake in it.
    """
    text = sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # pulumi has said why
    found: dict[str, dict[str, Any]] = own_keys(json.loads(text))
    return _checked(
        stack,
        Values(
            plain={key: item["value"] for key, item in found.items() if "value" in item},
            is_secret={key: bool(item.get("secret")) for key, item in found.items()},
        ),
    )


def values_of_file(stack: str, text: str) -> Values:
    """What a stack file says, less its secrets; it ends the process with a sentence for each mistake in it.

    Raises:
        ValueError: It is no stack file; the text is one sentence.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is no YAML: {' '.join(str(error).split())}") from None
    written = (document or {}).get("config") if isinstance(document or {}, dict) else document
    if not isinstance(written or {}, dict):
        raise ValueError("it has another form than a stack file's: a line `config:`, and the keys below, indented")
    found = own_keys({str(key): value for key, value in (written or {}).items()})
    secret = {key: isinstance(value, dict) and value.keys() == {"secure"} for key, value in found.items()}
    plain = {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
    return _checked(stack, Values({key: value for key, value in plain.items() if not secret[key]}, secret))


def _checked(stack: str, values: Values) -> Values:
    if problems := model.mistakes(values.plain, is_secret=values.is_secret):
        sys.exit(StackError(problems).sentences(stack_file(stack)))
    return values


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs after its last run; nothing if the CLI cannot tell."""
    command = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
        found = json.loads(done.stdout) if done.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found if isinstance(found, dict) else {}


def client(values: Values) -> Client:
    """The client for all of a command's look-ups together; from now on Ctrl-C ends what waits, with a sentence.

    Raises:
        ConfigError: A setting is missing or makes no sense.
    """
    cancelled = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: cancelled.set())
    connection = Connection(values.plain.get, os.environ, directory=Path.cwd())
    return connection.client.with_deadline(Deadline(SECONDS, cancelled=cancelled, report=report))


def report(text: str) -> None:
    """Say what is waited for."""
    print(f"waiting for {text}", file=sys.stderr, flush=True)

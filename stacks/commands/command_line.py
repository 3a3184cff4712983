"""What the commands share: the stack's config, a client, and reports of what they wait for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from providers.config import ProviderConfig
from providers.config_keys import own_keys
from providers.connection import Connection
from providers.er import Client, Deadline
from providers.er.routers import Router
from stacks.errors import Problem, StackError
from stacks.planning.lookup import find
from stacks.stackfile.loader import check_keys
from stacks.stackfile.location import stack_file

SECONDS = 120.0


@dataclass(frozen=True)
class Values:
    """A stack's config in this project's namespace, by key without the namespace.

    Attributes:
        plain: The values, as text or JSON as text.
        is_secret: Which of them are encrypted in the stack file.
    """

    plain: dict[str, str]
    is_secret: dict[str, bool]


def read_values(stack: str) -> Values:
    """The output of `pulumi config --json --show-secrets` on standard input.

    Ends the process if that command failed, or with a sentence for each mistake in the config.
    """
    text = sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # pulumi has printed why
    found: dict[str, dict[str, Any]] = own_keys(json.loads(text))
    return _checked(
        stack,
        Values(
            plain={key: item["value"] for key, item in found.items() if "value" in item},
            is_secret={key: bool(item.get("secret")) for key, item in found.items()},
        ),
    )


def parse_values(stack: str, text: str) -> Values:
    """The config in a stack file, without its secrets. Ends the process with a sentence for each mistake in it.

    Raises:
        ValueError: It is not a stack file; the text is one sentence.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is not valid YAML: {' '.join(str(error).split())}") from None
    written = (document or {}).get("config") if isinstance(document or {}, dict) else document
    if not isinstance(written or {}, dict):
        raise ValueError("it is not a stack file: the keys must be indented below a line `config:`")
    found = own_keys({str(key): value for key, value in (written or {}).items()})
    secret = {key: isinstance(value, dict) and value.keys() == {"secure"} for key, value in found.items()}
    plain = {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
    return _checked(stack, Values({key: value for key, value in plain.items() if not secret[key]}, secret))


def _checked(stack: str, values: Values) -> Values:
    if problems := check_keys(values.plain, is_secret=values.is_secret):
        sys.exit(StackError(problems).sentences(stack_file(stack)))
    return values


def fetch_outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs after its last run; empty if the CLI does not print them."""
    command = ["pulumi", "stack", "output", "--json", "--stack", stack, "--non-interactive"]
    try:
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False)
        found = json.loads(ended.stdout) if ended.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return {}
    return found if isinstance(found, dict) else {}


def find_place(settings: ProviderConfig, values: Mapping[str, str]) -> dict[str, str]:
    """The region and the project that the environment sets and these values do not, by key without the namespace.

    They go into stack files: another shell may have others.
    """
    place = {
        "region": settings.region()[0] if "endpoint" not in values else None,
        "project": settings.named_project(settings.account).name if not settings.uses_emulator else None,
    }
    return {key: value for key, value in place.items() if value and key not in values}


def create_client(values: Values) -> Client:
    """A client whose requests share one deadline. From now on, Ctrl-C ends a wait with a sentence.

    Raises:
        ConfigError: A setting is missing or not valid.
    """
    cancelled = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: cancelled.set())
    connection = Connection(values.plain.get, os.environ, directory=Path.cwd())
    return connection.client.with_deadline(Deadline(SECONDS, cancelled=cancelled, report=report_wait))


def find_routers(names: Sequence[str], existing: Sequence[Router]) -> list[Router]:
    """The routers of these ids or names.

    Raises:
        ValueError: A router does not exist, or a name is shared; the text is one sentence.
    """
    found = [find("ROUTER", "router", name, existing) for name in names]
    if problems := [problem.what for problem in found if isinstance(problem, Problem)]:
        raise ValueError("; ".join(problems))
    return [router for router in found if isinstance(router, Router)]


def report_wait(text: str) -> None:
    """Print what a request waits for."""
    print(f"waiting for {text}", file=sys.stderr, flush=True)

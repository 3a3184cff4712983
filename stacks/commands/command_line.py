"""What the commands share: the stack's config, a client, and what they print of waits, errors and tables."""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from providers.backend import VARIABLE as BACKEND
from providers.config import ConfigError, ProviderConfig
from providers.config_keys import own_keys
from providers.connection import Connection
from providers.er import Client, Deadline
from providers.er.exceptions import ApiError
from providers.er.named import Named
from providers.er.records import MAX_SPAN_DAYS
from stacks.checks import passphrase
from stacks.checks.empty import check_not_empty
from stacks.checks.top_level import check_top_level
from stacks.commands import cli
from stacks.errors import Problem, StackError
from stacks.planning.lookup import find
from stacks.stackfile.loader import DefaultsError, check_keys
from stacks.stackfile.location import short_name, stack_file
from stacks.stackfile.syntax import check_syntax, describe
from stacks.state.last_run import OutputsError
from stacks.state.snapshot import Snapshot, read_export

N = TypeVar("N", bound=Named)

SECONDS = 120.0

_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Values:
    """A stack's config in this project's namespace, by key without the namespace.

    Attributes:
        plain: The values, as text or JSON as text.
        is_secret: Which of them are encrypted in the stack file.
    """

    plain: dict[str, str]
    is_secret: dict[str, bool]


@functools.cache
def fetch_values(stack: str) -> tuple[str, Values]:
    """The short name and the config of a stack; of the selected one if the name is empty.

    Ends the process if the CLI fails, or with a sentence for each mistake in the config.
    """
    text = cli.run(*cli.config(stack), explain=lambda: check_syntax(stack_file(short_name(stack))))
    found: dict[str, dict[str, Any]] = own_keys(json.loads(text))
    values = Values(
        plain={key: item["value"] for key, item in found.items() if "value" in item},
        is_secret={key: bool(item.get("secret")) for key, item in found.items()},
    )
    name = short_name(stack or cli.run("stack", "--show-name").strip())
    return name, _checked(name, values)


def as_errors(sentences: Iterable[str]) -> str:
    """A line for each mistake in the stack file."""
    return "\n".join(f"error: {sentence}" for sentence in sentences)


def fetch_backend() -> str:
    """The address of the state backend. It may have a password, so it is no command's argument."""
    # The CLI names no service but the Pulumi Cloud.
    return str(json.loads(cli.run("whoami", "--json"))["url"] or os.environ.get(BACKEND, ""))


def parse_values(stack: str, text: str) -> Values:
    """The config in a stack file, without its secrets. Ends the process with a sentence for each mistake in it.

    Raises:
        ValueError: It is not a stack file; the text is one sentence.
    """
    try:
        document = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"it is not valid YAML: {describe(error)}") from None
    written = (document or {}).get("config") if isinstance(document or {}, dict) else document
    if not isinstance(written or {}, dict):
        raise ValueError("it is not a stack file: the keys must be indented below a line `config:`")
    found = own_keys({str(key): value for key, value in (written or {}).items()})
    secret = {key: isinstance(value, dict) and value.keys() == {"secure"} for key, value in found.items()}
    plain = {key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items()}
    return _checked(stack, Values({key: value for key, value in plain.items() if not secret[key]}, secret))


def _checked(stack: str, values: Values) -> Values:
    if problems := check_keys(values.plain, is_secret=values.is_secret):
        cli.fail(as_errors(StackError(problems).sentences(stack_file(stack)).splitlines()))
    return values


def fetch_export(stack: str) -> dict[str, Any]:
    """The stack's exported state. Ends the process if the CLI fails."""
    export: dict[str, Any] = json.loads(cli.run(*cli.state(stack)))
    return export


def fetch_snapshot(stack: str) -> Snapshot:
    """The resources in the state of a stack; of the selected one if the name is empty.

    Ends the process if the CLI fails.
    """
    return read_export(fetch_export(stack))


def find_place(settings: ProviderConfig, values: Mapping[str, str]) -> dict[str, str]:
    """The region and the project that the environment sets and these values do not, by key without the namespace.

    They go into stack files: another shell may have others.
    """
    place = {
        "region": settings.region()[0] if "endpoint" not in values else None,
        "project": settings.named_project(settings.account).name if not settings.uses_emulator else None,
    }
    return {key: value for key, value in place.items() if value and key not in values}


def create_client(values: Values, sign_ins: Mapping[str, str] | None = None) -> Client:
    """A client whose requests share one deadline. From now on, Ctrl-C ends a wait with a sentence.

    Args:
        values: The stack's config.
        sign_ins: Those of other clients of this process, as `Credentials.state` has them.

    Raises:
        ConfigError: A setting is missing or not valid.
    """
    cancelled = threading.Event()
    signal.signal(signal.SIGINT, lambda _number, _frame: cancelled.set())
    connection = Connection(values.plain.get, os.environ, directory=Path.cwd(), sign_ins=sign_ins)
    return connection.client.with_deadline(Deadline(SECONDS, cancelled=cancelled, report=report_wait))


def find_named(kind: str, names: Sequence[str], existing: Sequence[N]) -> list[N]:
    """What has these ids or names, such as routers if the kind is "router".

    Raises:
        ValueError: One does not exist, or its name is shared; the text is one sentence.
    """
    found = [find("", kind, name, existing) for name in names]
    if problems := [problem.what for problem in found if isinstance(problem, Problem)]:
        raise ValueError("; ".join(problems))
    return [thing for thing in found if not isinstance(thing, Problem)]


@contextlib.contextmanager
def errors_as_sentences(stack: str) -> Iterator[None]:
    """Ends the process with 2, and one sentence for each thing that is wrong with the stack, its config or the service.

    If nobody reads the output any more, as after `| head`, it ends without a word.
    """
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        cli.fail(f"error: {error.filename or 'the output'} cannot be written: {error.strerror}")
    except StackError as error:
        cli.fail(as_errors(error.sentences(stack_file(stack)).splitlines()))
    except ConfigError as error:
        # What is missing may be in a stack file that Pulumi reads as empty.
        cli.fail(as_errors(filter(None, [_check_shape(stack), str(error)])))
    except (ApiError, DefaultsError, OutputsError) as error:
        cli.fail(f"error: {error}")


def _check_shape(stack: str) -> str | None:
    """The sentence about a stack file that has no settings, or has them in the wrong place; None if it has."""
    file = stack_file(short_name(stack))
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8", errors="replace")
    return check_top_level(file, text) or check_not_empty(file, text)


def next_step(stack: str, text: str) -> str:
    """What to do once the stack's file has this text."""
    choose = f", choose a passphrase for its secrets (export {passphrase.VARIABLE}=…)"
    is_needed = passphrase.lacks_passphrase(stack, text, os.environ)
    return f"Review it{choose if is_needed else ''}, then run: STACK={stack} make preview"


def parse_duration(text: str) -> timedelta:
    """A duration such as 90s, 30m, 1h or 7d, of more than nothing.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    match = _DURATION.fullmatch(text)
    if not match or not int(match[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 90s, 30m, 1h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def parse_span(text: str) -> timedelta:
    """A duration, back from now, that one query of a log stream may cover.

    Raises:
        argparse.ArgumentTypeError: It is none, or too long.
    """
    span = parse_duration(text)
    if span > timedelta(days=MAX_SPAN_DAYS):
        raise argparse.ArgumentTypeError(f"log streams are queried for {MAX_SPAN_DAYS} days at most")
    return span


def report_wait(text: str) -> None:
    """Print what a request waits for."""
    print(f"waiting for {text}", file=sys.stderr, flush=True)

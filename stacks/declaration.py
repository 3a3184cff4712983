"""What a stack program does: load the stack file, decide what the run is to do, declare it."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

from providers.config import ConfigError
from providers.config_keys import CONFIG_NAMESPACE, own_keys, qualified
from providers.connection import Connection
from providers.er import Deadline
from providers.er.exceptions import ApiError
from providers.preview_notes import are_wanted
from providers.suggestion import closest
from stacks.checks.empty import check_not_empty
from stacks.checks.top_level import check_top_level
from stacks.component import RouterFlowLogs, declare_decision
from stacks.decision import Previous, decide
from stacks.errors import PROGRAM, Problem, StackError
from stacks.stackfile.loader import (
    PROGRAM_KEYS,
    DefaultsError,
    check_keys,
    load_defaults,
    parse_program_config,
    parse_stack_file,
)
from stacks.stackfile.location import stack_file
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import FLOW_LOGS, OutputsError, read_forgotten, read_last_run
from stacks.state.managed import (
    find_lost_idempotency_key,
    find_managed_flow_logs,
    find_managed_log_stores,
    has_idempotency_key,
)
from stacks.state.outputs import list_flow_logs
from stacks.state.snapshot import Snapshot

INVENTORY_TIMEOUT = 300.0  # seconds, for all requests together
REPORT_INTERVAL = 5.0  # seconds


def declare(
    stack: str,
    snapshot: Snapshot,
    last_outputs: Mapping[str, Any],
    program_config: Mapping[str, Any] | None,
    store: Callable[[Mapping[str, Any]], None],
) -> tuple[dict[str, RouterFlowLogs], dict[str, Any]]:
    """Declare the flow logs of the stack.

    Args:
        stack: Its name.
        snapshot: Its state.
        last_outputs: The outputs of this project that its last run left.
        program_config: Routers, rules and deletions as the program passes them; None if the stack file has them.
        store: Stores the outputs that are known before the run, in case that it fails.

    Returns:
        The routers' components by their keys, and the stack's outputs.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key to correct.
    """
    file = stack_file(stack)
    place = file if program_config is None else PROGRAM
    with _explain_failures(file, place):
        values = _read_values(file)
        config = _load_config(values, file, program_config)
        previous = Previous(
            last_run=read_last_run(last_outputs),
            forgotten=read_forgotten(last_outputs),
            managed=find_managed_flow_logs(snapshot),
            has_key=has_idempotency_key(snapshot),
            lost_key=find_lost_idempotency_key(snapshot),
            log_stores=find_managed_log_stores(snapshot),
        )
        client = Connection(values.get, os.environ, directory=Path.cwd()).client
        client = client.with_deadline(Deadline(seconds=INVENTORY_TIMEOUT, report=_make_reporter()))
        is_preview = pulumi.runtime.is_dry_run()
        decision = decide(client, config, previous, stack=stack, place=place, is_preview=is_preview)
    for warning in decision.warnings:
        pulumi.log.warn(warning)
    if is_preview and are_wanted(os.environ):
        pulumi.log.info(decision.notes.message, ephemeral=True)
    if decision.plan.desired and not is_preview:  # Without any, all outputs are known before the run.
        store(decision.outputs)
    components = declare_decision(decision)
    ids = {name: flow_log.id for component in components.values() for name, flow_log in component.flow_logs.items()}
    flow_logs = pulumi.Output.from_input(ids).apply(
        lambda known: list_flow_logs(decision.plan, known),
        # Without the ids of what --target leaves out; Pulumi would store a placeholder for an unknown id.
        run_with_unknowns=not is_preview,
    )
    return components, {**decision.outputs, FLOW_LOGS: flow_logs}


@contextlib.contextmanager
def _explain_failures(file: Path, place: str | Path) -> Iterator[None]:
    """Turn what may go wrong into errors that Pulumi shows without a traceback."""
    try:
        yield
    except StackError as error:
        raise pulumi.RunError(error.sentences(place)) from error
    except (OutputsError, DefaultsError) as error:
        raise pulumi.RunError(str(error)) from error
    except ConfigError as error:
        raise pulumi.RunError(f"{error} ({file})") from error
    except ApiError as error:
        raise pulumi.RunError(f"cannot look up what {place} names: {error}") from error


def _read_values(file: Path) -> dict[str, str]:
    """The stack's config in this project's namespace, with unknown keys: they are mistakes."""
    values = pulumi.runtime.get_config_env()
    for key in values:
        namespace, _, name = key.partition(":")
        if namespace != CONFIG_NAMESPACE and closest(namespace, [CONFIG_NAMESPACE], similarity=0.8):
            raise pulumi.RunError(f"{key} in {file}: did you mean {qualified(name)}?")
    return own_keys(values)


def _load_config(values: Mapping[str, str], file: Path, program_config: Mapping[str, Any] | None) -> StackConfig:
    """The config in the stack file, or the program's.

    Raises:
        StackError: It has problems.
        pulumi.RunError: The stack file is empty, or has settings outside `config`; or the program passes them, and the
            stack file has other problems.
    """
    secret = {key: pulumi.runtime.is_config_secret(qualified(key)) for key in values}
    if program_config is None:
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else None
        if text is not None and (refusal := check_top_level(file, text) or check_not_empty(file, text)):
            raise pulumi.RunError(refusal)
        return parse_stack_file(values, is_secret=secret, defaults=load_defaults())
    problems = check_keys(values, is_secret=secret)
    problems += [
        Problem(key, "the program passes it too: remove it from one of the two")
        for key in PROGRAM_KEYS
        if key in values
    ]
    if problems:
        raise pulumi.RunError(StackError(problems).sentences(file))
    return parse_program_config(program_config, defaults=load_defaults())


def _make_reporter() -> Callable[[str], None]:
    """Shows what the run waits for, at once and then every few seconds."""
    shown_at = -REPORT_INTERVAL
    lock = threading.Lock()

    def report(text: str) -> None:
        nonlocal shown_at
        with lock:
            if time.monotonic() - shown_at >= REPORT_INTERVAL:
                shown_at = time.monotonic()
                print(f"waiting for {text}", flush=True)

    return report

"""What a stack program does: load the stack file, decide what is to be done, declare it."""

from __future__ import annotations

import difflib
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from providers.config import ConfigError
from providers.config_keys import CONFIG_NAMESPACE, own_keys, qualified
from providers.connection import Connection
from providers.er import Deadline
from providers.er.exceptions import ApiError
from stacks.component import RouterFlowLogs, declared
from stacks.decision import Before, decide
from stacks.errors import PROGRAM, Problem, StackError, stack_file
from stacks.stackfile import model
from stacks.state.last_run import OutputsError, last_run
from stacks.state.managed import has_idempotency_key, managed_flow_logs
from stacks.state.snapshot import Snapshot

LOOK_TIMEOUT = 300.0  # seconds for all look-ups together
REPORT_INTERVAL = 5.0  # seconds


@dataclass(frozen=True)
class Declared:
    """What a run has declared.

    Attributes:
        routers: By the router's key.
        outputs: The stack's outputs, by which the next run knows what there was.
    """

    routers: dict[str, RouterFlowLogs]
    outputs: Mapping[str, Any]


def declare(stack: str, snapshot: Snapshot, outputs: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> Declared:
    """Declare the flow logs of the stack.

    Args:
        stack: Its name.
        snapshot: Its state.
        outputs: Those of its last run that are ours.
        wanted: What the stack file would say of routers, rules and deletions; None if the stack file says it.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key that is to be corrected.
    """
    file = stack_file(stack) if wanted is None else PROGRAM
    try:
        values = _config_values()
        stack_config = _stack_config(values, stack_file(stack), wanted)
        before = Before(
            last=last_run(outputs), managed=managed_flow_logs(snapshot), has_key=has_idempotency_key(snapshot)
        )
        connection = Connection(values.get, os.environ, directory=Path.cwd())
        client = connection.client.with_deadline(Deadline(seconds=LOOK_TIMEOUT, report=_reporter()))
        decision = decide(client, stack_config, before, stack=stack, is_preview=pulumi.runtime.is_dry_run())
    except StackError as error:
        raise pulumi.RunError(error.sentences(file)) from error
    except (OutputsError, model.DefaultsError) as error:
        raise pulumi.RunError(str(error)) from error
    except ConfigError as error:
        raise pulumi.RunError(f"{error} ({stack_file(stack)})") from error
    except ApiError as error:
        raise pulumi.RunError(f"looking up what {file} names failed: {error}") from error
    for warning in decision.warnings:
        pulumi.log.warn(warning)
    return Declared(declared(decision), decision.outputs)


def _stack_config(values: Mapping[str, str], file: str, wanted: Mapping[str, Any] | None) -> model.StackConfig:
    """What the stack file says, or the program.

    Raises:
        StackError: With every problem of whichever it is.
        pulumi.RunError: The program says it, and there is something wrong with what else the stack file says.
    """
    secret = {key: pulumi.runtime.is_config_secret(qualified(key)) for key in values}
    if wanted is None:
        return model.parse(values, is_secret=secret, shared=model.shared())
    mistakes = model.mistakes(values, is_secret=secret)
    mistakes += [Problem(key, "the program says it: take it out of one of them") for key in model.SAID if key in values]
    if mistakes:
        raise pulumi.RunError(StackError(mistakes).sentences(file))
    return model.of_program(wanted, shared=model.shared())


def _config_values() -> dict[str, str]:
    """The stack's config of our namespace, also keys that nobody asks for: they are mistakes."""
    everything = pulumi.runtime.get_config_env()
    for key in everything:
        namespace = key.partition(":")[0]
        if namespace != CONFIG_NAMESPACE and difflib.get_close_matches(namespace, [CONFIG_NAMESPACE], cutoff=0.8):
            raise pulumi.RunError(f"{key} in the stack file: did you mean {qualified(key.partition(':')[2])}?")
    return own_keys(everything)


def _reporter() -> Callable[[str], None]:
    """Shows what is waited for, at once and then every few seconds."""
    shown_at = -REPORT_INTERVAL
    lock = threading.Lock()

    def report(text: str) -> None:
        nonlocal shown_at
        with lock:
            if time.monotonic() - shown_at >= REPORT_INTERVAL:
                shown_at = time.monotonic()
                print(f"waiting for {text}", flush=True)

    return report

"""The stack program: read the stack file, look at what is there, declare what is wanted."""

from __future__ import annotations

import difflib
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi

from providers import parent
from providers.connection import Connection
from providers.er import Patience
from providers.er.errors import ApiError
from providers.settings import CONFIG_NAMESPACE, SettingsError
from stacks import config, guard, history, lean_sdk, outputs, passphrase
from stacks.component import RouterFlowLogs
from stacks.discovery import discover
from stacks.errors import StackError

DISCOVERY_TIMEOUT = 300.0  # seconds for all look-ups together
REPORT_INTERVAL = 5.0  # seconds
STATE_READ_TRIES = 10
STATE_READ_PAUSE = 0.2  # seconds


def main() -> None:
    """Declare the flow logs of the current stack.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key of the stack file that is to be mended.
    """
    parent.end_with(os.getppid())
    lean_sdk.use()
    stack = pulumi.get_stack()
    stack_file = f"stacks/Pulumi.{stack}.yaml"
    before = _last_outputs(stack)
    try:
        _refuse_empty_passphrase(stack, stack_file)
        for name, value in _declare(stack, before).items():
            pulumi.export(name, value)
    except Exception as error:
        # A run that fails would leave the stack without outputs, and the next run's guard without memory.
        for name, value in before.items():
            pulumi.export(name, value)
        if isinstance(error, StackError):
            raise pulumi.RunError(error.sentences(stack_file)) from error
        if isinstance(error, outputs.OutputsError):
            raise pulumi.RunError(str(error)) from error
        if isinstance(error, SettingsError):
            raise pulumi.RunError(f"{error} ({stack_file})") from error
        if isinstance(error, ApiError):
            raise pulumi.RunError(f"looking up what {stack_file} names failed: {error}") from error
        raise


def _declare(stack: str, before: Mapping[str, Any]) -> dict[str, Any]:
    values = _config_values()
    secret = {key: pulumi.runtime.is_config_secret(f"{CONFIG_NAMESPACE}:{key}") for key in values}
    stack_config = config.parse(values, is_secret=secret)
    previous = outputs.previous(before)

    connection = Connection(values.get, os.environ, directory=Path.cwd())
    client = connection.client.within(Patience(seconds=DISCOVERY_TIMEOUT, report=_reporter()))
    seen: dict[str, set[str]] = {}
    for router in previous.values():
        seen.setdefault(router.router_id, set()).update(router.called)
    plans = discover(client, stack_config, stack=stack, seen_before=seen)
    lost = guard.losses(plans, previous, guard.still_there(client, outputs.leaving(before)))
    problems = guard.check_deletes(stack_config, plans, previous, lost)
    if problems:
        raise StackError(problems)

    former = history.former_keys(plans, previous)
    flow_log_aliases = history.flow_log_aliases(plans, former)
    for plan in plans:
        RouterFlowLogs(
            plan,
            aliases=history.component_aliases(plan, plans, former[plan.key]),
            flow_log_aliases=flow_log_aliases[plan.key],
        )
    return outputs.outputs(plans, former, lost)


def _config_values() -> dict[str, str]:
    """The stack's config of our namespace, also keys that nobody asks for: they are mistakes."""
    prefix = f"{CONFIG_NAMESPACE}:"
    everything = pulumi.runtime.get_config_env()
    for key in everything:
        namespace = key.partition(":")[0]
        if namespace != CONFIG_NAMESPACE and difflib.get_close_matches(namespace, [CONFIG_NAMESPACE], cutoff=0.8):
            raise pulumi.RunError(f"{key} in the stack file: did you mean {prefix}{key.partition(':')[2]}?")
    return {key.removeprefix(prefix): value for key, value in everything.items() if key.startswith(prefix)}


def _last_outputs(stack: str) -> dict[str, Any]:
    """The outputs of the stack's last run.

    Asked of the engine directly: a StackReference to oneself would do, but shows as a resource of the stack.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    for _ in range(STATE_READ_TRIES):
        try:
            result = pulumi.runtime.invoke("pulumi:pulumi:readStackOutputs", {"name": name})
        except Exception as error:
            # The engine may be writing the state in this moment, and a file backend then shows half of it.
            failure = error
            time.sleep(STATE_READ_PAUSE)
        else:
            found: dict[str, Any] = (result.value or {}).get("outputs") or {}
            return found
    raise pulumi.RunError(f"the last outputs of stack {stack} cannot be read: {failure}") from failure


def _refuse_empty_passphrase(stack: str, stack_file: str) -> None:
    """Refuse to go on where the stack's secrets are encrypted with nothing.

    Raises:
        pulumi.RunError: They are.
    """
    file = Path(stack_file)
    is_empty = os.environ.get("PULUMI_CONFIG_PASSPHRASE") == ""
    if is_empty and passphrase.is_missing(stack, file.read_text() if file.is_file() else "", os.environ):
        raise pulumi.RunError(
            f"stack {stack} must not have an empty passphrase: set PULUMI_CONFIG_PASSPHRASE, after"
            f" `pulumi stack change-secrets-provider passphrase --stack {stack}` if it already has one"
        )


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

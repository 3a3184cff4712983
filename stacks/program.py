"""The stack program: read the stack file, look at what is there, declare what is wanted."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi

from providers.connection import Connection
from providers.er import Patience
from providers.er.errors import ApiError
from providers.settings import CONFIG_NAMESPACE, SettingsError
from stacks import config, guard, outputs
from stacks.component import RouterFlowLogs
from stacks.discovery import discover
from stacks.errors import StackError

LOCAL_STACK = "local"
"""The one stack whose secrets an empty passphrase may guard: it has none that matter."""

DISCOVERY_TIMEOUT = 300.0  # seconds for all look-ups together
REPORT_INTERVAL = 5.0  # seconds
STATE_READ_TRIES = 10
STATE_READ_PAUSE = 0.2  # seconds


def main() -> None:
    """Declare the flow logs of the current stack.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key of the stack file that is to be mended.
    """
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
    seen = {key: router.called for key, router in previous.items()}
    plans = discover(client, stack_config, stack=stack, seen_before=seen)

    renamed = guard.renamed_keys(previous, {plan.key: plan.router.id for plan in plans})
    keys_now = {old: new for new, old in renamed.items()}
    problems = guard.check_deletes(
        stack_config, plans, {keys_now.get(key, key): router for key, router in previous.items()}
    )
    if problems:
        raise StackError(problems)

    for plan in plans:
        RouterFlowLogs(plan, renamed_from=renamed.get(plan.key))
    return outputs.outputs(plans)


def _config_values() -> dict[str, str]:
    """The stack's config of our namespace, also keys that nobody asks for: they are mistakes."""
    prefix = f"{CONFIG_NAMESPACE}:"
    everything = pulumi.runtime.get_config_env()
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
    empty = os.environ.get("PULUMI_CONFIG_PASSPHRASE") == "" and not os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if stack != LOCAL_STACK and empty and file.is_file() and "encryptionsalt:" in file.read_text(encoding="utf-8"):
        raise pulumi.RunError(
            f"stack {stack} must not have an empty passphrase: set PULUMI_CONFIG_PASSPHRASE, after"
            f" `pulumi stack change-secrets-provider passphrase --stack {stack}` if it already has one"
        )


def _reporter() -> Callable[[str], None]:
    """Shows what is waited for, at once and then every few seconds."""
    shown_at = -REPORT_INTERVAL

    def report(text: str) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= REPORT_INTERVAL:
            shown_at = time.monotonic()
            print(text, flush=True)

    return report

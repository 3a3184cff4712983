"""The stack program, from the first moment to the last."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pulumi

from providers import parent
from stacks import lean_sdk, passphrase

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
    # Imported only now, for it takes longer than all the rest: the engine makes the stack's own resource meanwhile.
    from stacks.declaration import declare

    try:
        _refuse_empty_passphrase(stack, stack_file)
        after = declare(stack, stack_file, before)
    except Exception:
        # A run that fails would leave the stack without outputs, and the next run's guard without memory.
        _export(before)
        raise
    _export(after)


def _export(outputs: dict[str, Any]) -> None:
    for name, value in outputs.items():
        pulumi.export(name, value)


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

"""The stack program, from the first moment to the last."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pulumi

from providers import parent
from stacks import backend, last_state, lean_sdk, passphrase
from stacks.errors import stack_file


def main() -> None:
    """Declare the flow logs of the current stack.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key of the stack file that is to be mended.
    """
    parent.end_with(os.getppid())
    lean_sdk.use()
    stack = pulumi.get_stack()
    before = last_state.outputs(stack)
    # Imported only now, for it takes longer than all the rest: the engine makes the stack's own resource meanwhile.
    from stacks.declaration import declare

    try:
        _refuse_another_state(stack)
        _refuse_empty_passphrase(stack)
        after = declare(stack, before)
    except Exception:
        # A run that fails would leave the stack without outputs, and the next run's guard without memory.
        _export(before)
        raise
    _export(after)


def _export(outputs: dict[str, Any]) -> None:
    for name, value in outputs.items():
        pulumi.export(name, value)


def _text_of(file: str) -> str:
    return Path(file).read_text(encoding="utf-8", errors="replace") if Path(file).is_file() else ""


def _refuse_another_state(stack: str) -> None:
    """Refuse to go on with another state than the one that the stack file names.

    Raises:
        pulumi.RunError: It is another.
    """
    if refusal := backend.refusal(_text_of(stack_file(stack)), _text_of("Pulumi.yaml"), os.environ):
        raise pulumi.RunError(f"stack {stack}: {refusal}")


def _refuse_empty_passphrase(stack: str) -> None:
    """Refuse to go on where the stack's secrets are encrypted with nothing.

    Raises:
        pulumi.RunError: They are.
    """
    is_empty = os.environ.get("PULUMI_CONFIG_PASSPHRASE") == ""
    if is_empty and passphrase.is_missing(stack, _text_of(stack_file(stack)), os.environ):
        raise pulumi.RunError(
            f"stack {stack} must not have an empty passphrase: set PULUMI_CONFIG_PASSPHRASE, after"
            f" `pulumi stack change-secrets-provider passphrase --stack {stack}` if it already has one"
        )

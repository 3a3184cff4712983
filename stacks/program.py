"""The stack program, from the first moment to the last; and its work alone, for programs that have more to do."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from providers import parent
from stacks import backend, last_state, lean_sdk, passphrase
from stacks.errors import stack_file

if TYPE_CHECKING:
    from stacks.component import RouterFlowLogs


def main() -> None:
    """Declare the flow logs of the current stack, and nothing else.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key of the stack file that is to be mended.
    """
    parent.end_with(os.getppid())
    lean_sdk.use()
    _declare(None, _refuse_another_state, _refuse_empty_passphrase)


def declare_flow_logs(wanted: Mapping[str, Any] | None = None) -> dict[str, RouterFlowLogs]:
    """Declare flow logs on the attachments of routers; their components, by the router's key.

    Once in a program, and before what may fail: it exports `routers`, `leaving` and `coverage`, by which the next run
    knows what there was, and a run that fails without them is one that there was nothing.

    Args:
        wanted: What a stack file says under `otc-flow-logs:`, without that: `routers`, `rules`, `max_deletes`. By
            default what the stack file does say. Where the API is and who is acting is read there in any case.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key that is to be mended.
    """
    return _declare(wanted, _refuse_another_state)


def _declare(wanted: Mapping[str, Any] | None, *refusals: Callable[[str], None]) -> dict[str, RouterFlowLogs]:
    stack = pulumi.get_stack()
    before = last_state.outputs(stack)
    # Imported only now, for it takes longer than all the rest: the engine makes the stack's own resource meanwhile.
    from stacks.declaration import declare

    try:
        for refuse in refusals:
            refuse(stack)
        declared = declare(stack, before, wanted)
    except Exception:
        # A run that fails would leave the stack without outputs, and the next run's guard without memory.
        _export(before)
        raise
    _export(declared.outputs)
    return declared.routers


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

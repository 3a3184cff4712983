"""The stack program, from the first moment to the last; and its work alone, for programs that have more to do."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi

from providers import watchdog
from providers.config_keys import qualified
from stacks import sdk_patches
from stacks.checks import backend, passphrase
from stacks.errors import stack_file
from stacks.state.snapshot import snapshot, stack_outputs

if TYPE_CHECKING:
    from stacks.component import RouterFlowLogs

OURS = ("routers", "coverage", "deletions")
"""What `stacks.state.outputs` makes."""

OUTPUT = "otc_flow_logs"
"""The output of a program that has others as well. The stack program's own stand by themselves."""

_declared = False


def main() -> None:
    """Declare the flow logs of the current stack, and nothing else.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key of the stack file that is to be corrected.
    """
    watchdog.exit_with_parent(os.getppid())
    sdk_patches.use()
    stack = pulumi.get_stack()
    before = snapshot(stack)
    # Whatever else there is, secrets perhaps, is not ours to export again.
    outputs_before = stack_outputs(before)
    kept = {name: outputs_before[name] for name in OURS if name in outputs_before}
    with _outputs_kept(kept, apart=True) as outputs:
        # Imported only now, for it takes longer than all the rest: the engine makes the stack's own resource meanwhile.
        from stacks.declaration import declare

        _refuse_another_state(stack)
        _refuse_empty_passphrase(stack)
        outputs |= declare(stack, before, outputs, None).outputs


def declare_flow_logs(wanted: Mapping[str, Any] | None = None) -> dict[str, RouterFlowLogs]:
    """Declare flow logs on the attachments of routers; their components, by key. Keys of one router share one.

    Once in a program, and before what may fail: it exports the output `otc_flow_logs`, by which the next run knows what
    there was.

    Args:
        wanted: What a stack file says under `otc-flow-logs:`, without that: `routers`, `rules`, `max_deletes`. All
            has to be known before the run: no outputs. By default what the stack file does say. Where the API is and
            who is acting is read there in any case.

    Raises:
        SystemExit: Something is wrong; the run fails, and has told what: each key that is to be corrected, mostly.
    """
    global _declared
    try:
        if _declared:
            raise pulumi.RunError("declare_flow_logs is to be called once in a program: name all routers in one call")
        _declared = True
        stack = pulumi.get_stack()
        before = snapshot(stack)
        kept = stack_outputs(before).get(OUTPUT)
        with (
            _in_the_projects_folder(),
            _outputs_kept(kept if isinstance(kept, dict) else {}, apart=False) as outputs,
        ):
            from stacks.declaration import declare

            _refuse_another_state(stack)
            declared = declare(stack, before, outputs, wanted)
            outputs |= declared.outputs
    except Exception as error:
        # No Exception: should the program catch it and go on without what could not be declared, all that would be
        # deleted.
        pulumi.log.error(str(error) if isinstance(error, pulumi.RunError) else traceback.format_exc())
        raise SystemExit(1) from error
    return declared.routers


@contextlib.contextmanager
def _outputs_kept(before: Mapping[str, Any], *, apart: bool) -> Iterator[dict[str, Any]]:
    """Export what is in the dictionary at the end: what the last run left, unless the block puts something else there.

    A run that fails would leave the stack without outputs, and the next run's guard without memory.
    """
    outputs = dict(before)
    try:
        yield outputs
    finally:
        for name, value in outputs.items() if apart else [(OUTPUT, outputs)]:
            pulumi.export(name, value)


@contextlib.contextmanager
def _in_the_projects_folder() -> Iterator[None]:
    """The engine starts a program in the folder that `main:` of Pulumi.yaml names, providers in the project's."""
    before = Path.cwd()
    os.chdir(pulumi.get_root_directory() or before)
    try:
        yield
    finally:
        os.chdir(before)


def _text_of(file: str) -> str:
    return Path(file).read_text(encoding="utf-8", errors="replace") if Path(file).is_file() else ""


def _refuse_another_state(stack: str) -> None:
    """Refuse to go on with another state than the one that the stack file names.

    Raises:
        pulumi.RunError: It is another.
    """
    expected = pulumi.runtime.get_config_env().get(qualified("state"), "").strip()
    if refusal := backend.refusal(expected, _text_of("Pulumi.yaml"), os.environ):
        raise pulumi.RunError(f"stack {stack}: {refusal}")


def _refuse_empty_passphrase(stack: str) -> None:
    """Refuse to go on where the stack's secrets are encrypted with nothing.

    Raises:
        pulumi.RunError: They are.
    """
    is_empty = os.environ.get(passphrase.VARIABLE) == ""
    if is_empty and passphrase.is_missing(stack, _text_of(stack_file(stack)), os.environ):
        raise pulumi.RunError(
            f"stack {stack} must not have an empty passphrase: set {passphrase.VARIABLE}, after"
            f" `pulumi stack change-secrets-provider passphrase --stack {stack}` if it already has one"
        )

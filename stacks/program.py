"""The stack program, and its work alone, for programs that declare other resources too."""

from __future__ import annotations

import contextlib
import importlib
import os
import threading
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi.runtime.proto import resource_pb2

from providers import watchdog
from providers.config_keys import qualified
from providers.urn import FLOW_LOG_TYPE, START_FUNCTION
from stacks import sdk_patches
from stacks.checks import backend, passphrase
from stacks.stackfile.location import stack_file
from stacks.state.last_run import OUTPUT
from stacks.state.snapshot import Snapshot, find_stack_outputs, read_snapshot

if TYPE_CHECKING:
    from stacks.component import RouterFlowLogs

_HOST = "path: providers/host"  # in Pulumi.yaml

_is_declared = False


def main() -> None:
    """Declare the flow logs of the current stack, and nothing else.

    Raises:
        pulumi.RunError: Something is wrong; the text names each key of the stack file to correct.
    """
    watchdog.exit_with_parent(os.getppid())
    sdk_patches.apply()
    # This takes long: meanwhile the engine reads the state and creates the stack's own resource.
    threading.Thread(target=importlib.import_module, args=("stacks.declaration",), daemon=True).start()
    stack = pulumi.get_stack()
    snapshot = read_snapshot(stack)
    _start_host(snapshot)
    from stacks.declaration import declare

    _check_backend(stack)
    _check_passphrase(stack)
    _, outputs = declare(stack, snapshot, find_stack_outputs(snapshot), None, _store)
    for name, value in outputs.items():
        pulumi.export(name, value)


def _start_host(snapshot: Snapshot) -> None:
    """Have the engine start its host while the program still looks things up, if the run will need it.

    By itself, it waits for the first flow log to be declared. The SDK's host knows no functions.
    """
    is_needed = any(resource["type"] == FLOW_LOG_TYPE for resource in snapshot.values())
    if is_needed and _HOST in _read_text(Path("Pulumi.yaml")):
        threading.Thread(target=_call_host, args=(pulumi.runtime.settings.get_monitor(),), daemon=True).start()


def _call_host(monitor: Any) -> None:
    with contextlib.suppress(Exception):  # what is wrong with the host shows when a flow log needs it
        monitor.Invoke(resource_pb2.ResourceInvokeRequest(tok=START_FUNCTION))


def declare_flow_logs(config: Mapping[str, Any] | None = None) -> dict[str, RouterFlowLogs]:
    """Declare flow logs on the attachments of routers; their components, by key. Keys of one router share one.

    Call it once in a program, and before anything that may fail: it exports the output `otc_flow_logs`, from which the
    next run learns what this one left.

    Args:
        config: What a stack file has under `otc-flow-logs:`, without that: `routers`, `rules`, `max_deletes`. All
            values must be known before the run: no outputs. By default they come from the stack file. Where the API is
            and who acts come from the stack file in any case.

    Raises:
        SystemExit: Something is wrong; the run fails, with a message that usually names each key to correct.
    """
    global _is_declared
    try:
        if _is_declared:
            raise pulumi.RunError(
                "declare_flow_logs may be called only once in a program: pass all routers in one call"
            )
        _is_declared = True
        stack = pulumi.get_stack()
        snapshot = read_snapshot(stack)
        last_outputs = find_stack_outputs(snapshot).get(OUTPUT)
        with _in_project_folder():
            from stacks.declaration import declare

            _check_backend(stack)
            components, outputs = declare(
                stack,
                snapshot,
                last_outputs if isinstance(last_outputs, dict) else {},
                config,
                lambda outputs: _store({OUTPUT: outputs}),
            )
            pulumi.export(OUTPUT, outputs)
    except Exception as error:
        # Not an Exception: a program that caught it and went on would delete everything that is not declared.
        pulumi.log.error(str(error) if isinstance(error, pulumi.RunError) else traceback.format_exc())
        raise SystemExit(1) from error
    return components


def _store(outputs: Mapping[str, Any]) -> None:
    """Store outputs even if the run fails later.

    The engine takes the last outputs that the program registered: those of `pulumi.export` follow when all are known,
    which they never are if a create fails. A run that fails keeps the other outputs of earlier runs.
    """
    if pulumi.runtime.is_dry_run():
        return  # a preview stores nothing
    stack = pulumi.runtime.get_root_resource()
    assert isinstance(stack, pulumi.ComponentResource)
    stack.register_outputs(dict(outputs))


@contextlib.contextmanager
def _in_project_folder() -> Iterator[None]:
    """The engine starts programs in the folder that `main:` of Pulumi.yaml names, and providers in the project's."""
    folder = Path.cwd()
    os.chdir(pulumi.get_root_directory() or folder)
    try:
        yield
    finally:
        os.chdir(folder)


def _read_text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""


def _check_backend(stack: str) -> None:
    """Refuse to use another state backend than the one that the stack file names.

    Raises:
        pulumi.RunError: It is another.
    """
    expected = pulumi.runtime.get_config_env().get(qualified("state"), "").strip()
    if refusal := backend.check_backend(expected, _read_text(Path("Pulumi.yaml")), os.environ):
        raise pulumi.RunError(f"stack {stack}: {refusal}")


def _check_passphrase(stack: str) -> None:
    """Refuse to encrypt the stack's secrets with an empty passphrase.

    Raises:
        pulumi.RunError: It is empty.
    """
    is_empty = os.environ.get(passphrase.VARIABLE) == ""
    if is_empty and passphrase.lacks_passphrase(stack, _read_text(stack_file(stack)), os.environ):
        raise pulumi.RunError(
            f"stack {stack} must not have an empty passphrase: set {passphrase.VARIABLE}, after"
            f" `pulumi stack change-secrets-provider passphrase --stack {stack}` if it already has one"
        )

"""Reads the stack's state, as the last run left it, from the engine that runs the program.

A StackReference to the stack itself would appear as a resource of the stack, and has only the outputs.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from providers.urn import STACK_TYPE

READ_TRIES = 10
READ_PAUSE = 0.2  # seconds

Snapshot = Mapping[str, Mapping[str, Any]]
"""Every resource by its URN: its `type`, and its `outputs`."""


def read_snapshot(stack: str) -> Snapshot:
    """The resources in the stack's state.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    import pulumi  # takes long, and commands without a program need it not

    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    for _ in range(READ_TRIES):
        try:
            result = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": name})
        except Exception as error:
            # The engine may be writing the state at this moment, and a file backend then shows half of it.
            failure = error
            time.sleep(READ_PAUSE)
        else:
            resources: Snapshot = (result.value or {}).get("outputs") or {}
            return resources
    raise pulumi.RunError(f"the last state of stack {stack} cannot be read: {failure}") from failure


def find_resources(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All resources in an exported state; services write `null` for none."""
    return (export.get("deployment") or {}).get("resources") or []


def read_export(export: Mapping[str, Any]) -> Snapshot:
    """The resources in an exported state, without those that wait to be deleted: others may have their URNs."""
    return {
        resource["urn"]: {"outputs": {}, **resource}
        for resource in find_resources(export)
        if not resource.get("delete")
    }


def find_stack_outputs(snapshot: Snapshot) -> Mapping[str, Any]:
    """The stack's outputs."""
    return next((resource["outputs"] for resource in snapshot.values() if resource["type"] == STACK_TYPE), {})

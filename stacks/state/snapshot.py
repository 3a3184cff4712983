"""What the last run left in the stack's state, asked of the engine that runs the program, once.

A StackReference to oneself would tell the outputs, but shows as a resource of the stack, and tells nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pulumi

from providers.urn import STACK_TYPE

READ_TRIES = 10
READ_PAUSE = 0.2  # seconds

Snapshot = Mapping[str, Mapping[str, Any]]
"""Every resource by its URN: its `type`, and its `outputs`."""


def snapshot(stack: str) -> Snapshot:
    """What is in the stack's state.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    for _ in range(READ_TRIES):
        try:
            result = pulumi.runtime.invoke("pulumi:pulumi:readStackResourceOutputs", {"stackName": name})
        except Exception as error:
            # The engine may be writing the state in this moment, and a file backend then shows half of it.
            failure = error
            time.sleep(READ_PAUSE)
        else:
            found: Snapshot = (result.value or {}).get("outputs") or {}
            return found
    raise pulumi.RunError(f"the last state of stack {stack} cannot be read: {failure}") from failure


def stack_outputs(snapshot: Snapshot) -> Mapping[str, Any]:
    """The stack's outputs."""
    return next((one["outputs"] for one in snapshot.values() if one["type"] == STACK_TYPE), {})

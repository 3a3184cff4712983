"""What the last run left in the stack's state, asked of the engine that runs the program.

A StackReference to oneself would tell the outputs, but shows as a resource of the stack, and tells nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import pulumi

READ_TRIES = 10
READ_PAUSE = 0.2  # seconds


def outputs(stack: str) -> dict[str, Any]:
    """The stack's outputs.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    return _read(stack, "readStackOutputs", "name")


def resources(stack: str) -> dict[str, Mapping[str, Any]]:
    """Every resource by its URN, unsure flow logs included: its `type`, and its `outputs`.

    Raises:
        pulumi.RunError: The state cannot be read.
    """
    return _read(stack, "readStackResourceOutputs", "stackName")


def _read(stack: str, function: str, argument: str) -> dict[str, Any]:
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{stack}"
    for _ in range(READ_TRIES):
        try:
            result = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", {argument: name})
        except Exception as error:
            # The engine may be writing the state in this moment, and a file backend then shows half of it.
            failure = error
            time.sleep(READ_PAUSE)
        else:
            found: dict[str, Any] = (result.value or {}).get("outputs") or {}
            return found
    raise pulumi.RunError(f"the last state of stack {stack} cannot be read: {failure}") from failure

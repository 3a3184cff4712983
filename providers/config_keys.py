"""The keys of this project in a stack file, such as `otc-flow-logs:region`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

CONFIG_NAMESPACE = "otc-flow-logs"

STACKS_AT_ONCE = "OTC_FLOW_LOGS_STACKS"
"""The environment variable with the number of stacks that run at once on this machine; they share the calls."""


def qualified(key: str) -> str:
    """The key with its namespace."""
    return f"{CONFIG_NAMESPACE}:{key}"


def own_keys(values: Mapping[str, T]) -> dict[str, T]:
    """The values of this project's keys, by key without the namespace."""
    return {key.removeprefix(qualified("")): value for key, value in values.items() if key.startswith(qualified(""))}

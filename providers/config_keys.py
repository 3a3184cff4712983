"""The keys of a stack file that are own_keys, as in `otc-flow-logs:region`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

CONFIG_NAMESPACE = "otc-flow-logs"


def qualified(key: str) -> str:
    """A key with its namespace."""
    return f"{CONFIG_NAMESPACE}:{key}"


def own_keys(values: Mapping[str, T]) -> dict[str, T]:
    """The values of our keys, by key without the namespace."""
    return {key.removeprefix(qualified("")): value for key, value in values.items() if key.startswith(qualified(""))}

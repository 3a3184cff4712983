"""The keys of a stack file that are ours, as in `otc-flow-logs:region`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")

CONFIG_NAMESPACE = "otc-flow-logs"


def full(key: str) -> str:
    """A key with its namespace."""
    return f"{CONFIG_NAMESPACE}:{key}"


def ours(values: Mapping[str, T]) -> dict[str, T]:
    """The values of our keys, by key without the namespace."""
    return {key.removeprefix(full("")): value for key, value in values.items() if key.startswith(full(""))}

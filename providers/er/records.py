"""Reading records out of JSON answers: a field is there and of its type, or the answer is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from providers.er.errors import TemporaryError

T = TypeVar("T")
Json = Mapping[str, Any]


def required(data: Json, key: str, kind: type[T]) -> T:
    """The value at `key`.

    Raises:
        TemporaryError: It is missing or of another type. Temporary, because what mangles an answer on its way
            (a proxy, a cut connection) usually passes.
    """
    value = data.get(key) if isinstance(data, Mapping) else None
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = "nothing" if value is None else type(value).__name__
        raise TemporaryError(f"the API's answer has {found} where {key!r} should be {kind.__name__}")
    return value


def optional(data: Json, key: str, default: T) -> T:
    """The value at `key`, or `default` where the answer has none or null.

    Raises:
        TemporaryError: It is of another type than `default`.
    """
    return default if data.get(key) is None else required(data, key, type(default))

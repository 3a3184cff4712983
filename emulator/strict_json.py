"""JSON read strictly: as in RFC 8259, and, unless they are allowed, without repeated keys."""

from __future__ import annotations

import json


def loads(text: str | bytes, *, repeated_keys: bool = False) -> object:
    """The value of JSON text. Of a repeated key, where it is allowed, the last value counts.

    Raises:
        ValueError: It is not valid JSON.
    """
    try:
        return json.loads(
            text, object_pairs_hook=None if repeated_keys else _without_repeated_keys, parse_constant=_refuse_constant
        )
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object repeats a key")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")

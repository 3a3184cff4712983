"""JSON read strictly: as RFC 8259 has it, and with no key twice in an object."""

from __future__ import annotations

import json


def loads(text: str | bytes) -> object:
    """What JSON text stands for; a ValueError, which tells why, where it is none."""
    try:
        return json.loads(text, object_pairs_hook=_without_repeated_keys, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _without_repeated_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object repeats a key")
    return found


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not a JSON value")

"""Reading records out of JSON answers: a field is there and of its type, or the answer is refused.

A record needs only what identifies it and what decides about it, because one odd record, which may be somebody else's,
must not make a whole list useless.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar

from providers.er.exceptions import ApiError, TemporaryError
from providers.er.limits import ID_CHARACTERS, ID_PATTERN
from providers.er.sanitizing import has_surrogates, sanitize

T = TypeVar("T")
Json = Mapping[str, Any]

MAX_INTEGER = 2**53  # up to here a JSON number is exact


def required(data: Json, key: str, kind: type[T]) -> T:
    """The value at `key`. Where text should be, an integer is its digits.

    Raises:
        TemporaryError: It is missing or of another type. Temporary, because what mangles an answer on its way
            (a proxy, a lost connection) usually passes.
    """
    value = data.get(key) if isinstance(data, Mapping) else None
    if type(value) is int and abs(value) > MAX_INTEGER:
        raise TemporaryError(f"the API's answer has a number too large for {key!r}")
    if type(value) is int and kind is str:
        value = str(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        found = "nothing" if value is None else type(value).__name__
        raise TemporaryError(f"the API's answer has {found} where {key!r} should be {kind.__name__}")
    if isinstance(value, str) and has_surrogates(value):
        raise TemporaryError(f"the API's answer has an unpaired surrogate in {key!r}")
    return value


def identifier(data: Json, key: str) -> str:
    """The id at `key`: ids become part of addresses, of the state, and of commands that people are to run.

    Raises:
        TemporaryError: It is missing, is no text, or has characters that no id has.
    """
    value = required(data, key, str)
    if not isinstance(data[key], str) or not ID_PATTERN.fullmatch(value):
        raise TemporaryError(f"the API's answer has no valid id in {key!r}: ids are {ID_CHARACTERS}")
    return value


def path_segment(id_: str) -> str:
    """An id, as a part of a path.

    Raises:
        ApiError: It has characters that no id has, and that would lead the call somewhere else.
    """
    if not ID_PATTERN.fullmatch(id_):
        raise ApiError(f"{sanitize(id_, 80)!r} is not an id: ids are {ID_CHARACTERS}")
    return id_


def instant(time: str) -> datetime | None:
    """The instant that a time of an answer means, in UTC unless it says otherwise; None if it cannot be read."""
    try:
        read = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=timezone.utc)


def optional(data: Json, key: str, default: T) -> T:
    """The value at `key`, or `default` where the answer has none or null.

    Raises:
        TemporaryError: It is of another type than `default`.
    """
    return default if data.get(key) is None else required(data, key, type(default))

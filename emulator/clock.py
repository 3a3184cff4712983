"""Times: whole microseconds since the epoch, which SQLite compares exactly and every process agrees on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

from emulator.errors import EmulatorError

Instant = int
Clock = Callable[[], Instant]

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def now() -> Instant:
    return time.time_ns() // 1_000


def seconds(value: float) -> Instant:
    """A duration in seconds, as a difference of two times."""
    return round(value * 1_000_000)


def format_for_api(instant: Instant) -> str:
    """As the API writes an instant: 2026-11-23T08:15:30Z."""
    return datetime.fromtimestamp(instant / 1_000_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_for_token(instant: Instant) -> str:
    """As Keystone writes an instant: 2026-11-23T08:15:30.000000Z."""
    return datetime.fromtimestamp(instant / 1_000_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def format_exact(instant: Instant) -> str:
    """To the microsecond, as `parse` reads it: 2026-11-23T08:15:30.000000Z."""
    return (_EPOCH + timedelta(microseconds=instant)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(text: str, now: Instant) -> Instant:
    """The instant that a text means: a time in UTC such as 2026-11-23T10:00:00Z, or a duration back from `now`.

    A duration is a number of seconds, minutes or hours: 90s, 10m, 2h. No instant is before 1970.

    Raises:
        EmulatorError: It is neither.
    """
    duration = _DURATION.fullmatch(text)
    if duration:
        return max(now - seconds(float(duration[1]) * _SECONDS[duration[2]]), 0)
    try:
        if not _TIME.fullmatch(text):
            raise ValueError
        whole, _, fraction = text[:-1].partition(".")
        at = datetime.fromisoformat(whole).replace(tzinfo=timezone.utc)
    except ValueError:
        raise EmulatorError(
            f"{text!r} is not a time: write it in UTC, as 2026-11-23T10:00:00Z, or as a duration back from now, as "
            "90s, 10m or 2h."
        ) from None
    return max((at - _EPOCH) // timedelta(microseconds=1) + int(fraction.ljust(6, "0")), 0)

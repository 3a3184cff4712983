"""Instants: whole microseconds since the epoch, which SQLite compares exactly and every process agrees on."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone

Instant = int
Clock = Callable[[], Instant]


def now() -> Instant:
    return time.time_ns() // 1_000


def seconds(value: float) -> Instant:
    """A duration in seconds as a distance between instants."""
    return round(value * 1_000_000)


def in_answers(instant: Instant) -> str:
    """The way the API writes an instant: 2026-11-23T08:15:30Z."""
    return datetime.fromtimestamp(instant / 1_000_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def in_tokens(instant: Instant) -> str:
    """The way Keystone writes an instant: 2026-11-23T08:15:30.000000Z."""
    return datetime.fromtimestamp(instant / 1_000_000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

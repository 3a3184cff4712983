"""Faults of several kinds, drawn from a seed."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from emulator.faults.plan import Fault

SHARE = (0.1, 0.3)  # of all calls that meet a fault
KINDS_AT_ONCE = (3, 7)
SHORT = 0.05  # seconds, for faults that take time

LIST = "GET */flow-logs"
LOG_TANK_LISTS = ("GET */groups", "GET */streams")

FAULTS = (
    Fault("reset"),
    Fault("reset", when="after"),
    Fault("hang_up"),
    Fault("hang_up", when="after"),
    Fault("truncate"),
    Fault("error", status=401),
    Fault("error", status=403),
    Fault("error", status=429, retry_after=SHORT),
    Fault("error", status=500),
    Fault("error", status=500, when="after"),
    Fault("error", status=502),
    Fault("error", status=503, retry_after=SHORT),
    Fault("error", status=504, when="after"),
    Fault("html", status=200),
    Fault("html", status=200, when="after"),
    Fault("garbage", when="after"),
    Fault("slow", seconds=SHORT),
    Fault("dribble", seconds=SHORT),
    Fault("skew", seconds=-3600.0),
    Fault("skew", seconds=3600.0),
    Fault("shift", calls=LIST),
    *(Fault("shift", calls=calls) for calls in LOG_TANK_LISTS),
    Fault("same_marker", calls=LIST),
    Fault("bogus_marker", calls=LIST),
    Fault("fail", calls="POST *"),
    Fault("vanish"),
    Fault("vanish", when="after"),
    Fault("rename"),
    Fault("disable", when="after"),
    Fault("fill_quota"),
)
STUCK = Fault("stuck", calls="POST */flow-logs", times=1)
"""Once in a run at most: the operation that meets it waits until its time-out."""
REFUSE = Fault("refuse", seconds=SHORT, probability=0.01)
"""Not among those above: no seed decides how often a client tries until the server listens again."""


def draw(rng: Random, *, stuck: bool = True) -> list[Fault]:
    """Draw some kinds, which together meet a share of all calls."""
    chosen = rng.sample(FAULTS, rng.randint(*KINDS_AT_ONCE))
    share = rng.uniform(*SHARE)
    return [
        replace(fault, probability=share if fault.calls == LIST else share / len(chosen))
        for fault in (*chosen, *([STUCK] if stuck else []))
    ]

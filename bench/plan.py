"""What is run, in which order, and about how long that takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.variants import Variant

WARM_UP_N = 10
LONG_WAIT = 40.0  # seconds that one command only waits


@dataclass(frozen=True)
class Step:
    """All cases, one after the other, in `together` repetitions of a variant."""

    variant: Variant
    n: int
    latency: float
    together: int = 1
    counted: bool = True

    @property
    def waiting(self) -> float:
        """Seconds that `up`, and `destroy` too, wait for the API at the least."""
        return math.ceil(self.n / self.variant.width) * self.latency if self.variant.calls_the_api else 0.0

    @property
    def estimate(self) -> float:
        """Seconds, roughly, by a first trial: the starts of five commands, each flow log, and the API."""
        # Twice the waiting, and half as long again, since flow logs are polled at intervals.
        return self.together * (10 + 0.1 * self.n) + 3 * self.waiting

    def __str__(self) -> str:
        what = f"{self.variant.name}, N={self.n:,}"
        what += f", latency {self.latency:g} s" if self.variant.calls_the_api else ""
        what += f", {self.together} repetitions side by side" if self.together > 1 else ""
        return what if self.counted else f"warm-up: {what}"


def plan(variants: Sequence[Variant], ns: Sequence[int], latencies: Sequence[float], runs: int) -> list[Step]:
    """The steps: a warm-up, then the variants side by side in each repetition.

    The floor runs at the first latency only, since it calls no API. Repetitions of steps that mostly wait (those of the
    base host at a latency) run at the same time, after the others: that takes a third of the time, and `measure` lets
    only the waiting overlap.
    """
    steps = [Step(variant, WARM_UP_N, 0, counted=False) for variant in variants]
    for n in ns:
        for latency in latencies:
            counted = [
                Step(variant, n, latency) for variant in variants if variant.calls_the_api or latency == latencies[0]
            ]
            single = [step for step in counted if step.waiting < LONG_WAIT]
            for run in range(runs):
                # Another variant begins each time, so that none always follows the same one.
                first = run % len(single) if single else 0
                steps += single[first:] + single[:first]
            steps += [Step(step.variant, n, latency, together=runs) for step in counted if step.waiting >= LONG_WAIT]
    return steps

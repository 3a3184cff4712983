"""Reports on stderr what runs, how long it took, and about how long the rest will take."""

from __future__ import annotations

import time

from bench.plan import Step
from providers.stderr import say
from tools.console import clock


class Progress:
    """The steps that are left, and an estimate of their time, corrected by how long earlier steps took."""

    def __init__(self, steps: list[Step]) -> None:
        self._left = list(steps)
        self._number = len(steps)
        self._estimated = self._taken = 0.0
        self._start = time.monotonic()

    def begin(self, step: Step) -> None:
        """Report what runs now."""
        position = self._number - len(self._left) + 1
        say(f"[{position}/{self._number}] {step}; about {clock(self._estimate())} left")
        self._start = time.monotonic()

    def end(self, step: Step, what: str) -> None:
        """Report how it went."""
        taken = time.monotonic() - self._start
        self._left.remove(step)
        self._taken += taken
        self._estimated += step.estimate
        say(f"  took {clock(taken)}: {what}")

    def _estimate(self) -> float:
        # Seconds. Not corrected in the first minute: the warm-up alone is not typical.
        pace = self._taken / self._estimated if self._taken > 60 else 1.0
        return sum(step.estimate for step in self._left) * pace

"""Tells on stderr what runs, how long it took, and about how long it will go on."""

from __future__ import annotations

import time

from bench.plan import Step
from tools.console import clock, say


class Progress:
    """A tally of steps; their guesses are set right by how long those before took."""

    def __init__(self, steps: list[Step]) -> None:
        self._left = list(steps)
        self._number = len(steps)
        self._guessed = self._taken = 0.0
        self._start = time.monotonic()

    def begin(self, step: Step) -> None:
        """Tell what runs now."""
        position = self._number - len(self._left) + 1
        say(f"[{position}/{self._number}] {step}; about {clock(self._estimate())} left")
        self._start = time.monotonic()

    def end(self, step: Step, what: str) -> None:
        """Tell how it went."""
        taken = time.monotonic() - self._start
        self._left.remove(step)
        self._taken += taken
        self._guessed += step.guess
        say(f"  took {clock(taken)}: {what}")

    def _estimate(self) -> float:
        """Seconds."""
        # A step of a minute or more before the first correction: the warm-up alone says little.
        pace = self._taken / self._guessed if self._taken > 60 else 1.0
        return sum(step.guess for step in self._left) * pace

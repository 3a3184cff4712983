"""Problems, and how the user reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from providers.config_keys import qualified

PROGRAM = "the program"
"""The place of keys that a program passes in place of its stack file."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a key of the stack file, such as `routers.core.log_group`, in one sentence."""

    key: str
    what: str

    def sentence(self, place: str | Path) -> str:
        """One line that names the key and the place, which is a stack file or `PROGRAM`."""
        return f"{self.key if place == PROGRAM else qualified(self.key)} in {place}: {self.what}"


class StackError(Exception):
    """All problems of a stack file at once, so that one edit can fix them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.key}: {problem.what}" for problem in problems))
        self.problems = list(problems)

    def sentences(self, place: str | Path) -> str:
        """One line for each problem; see `Problem.sentence`."""
        return "\n".join(problem.sentence(place) for problem in self.problems)

"""What a stack program tells its user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from providers.config_keys import qualified
from stacks.stackfile.yaml_scalar import scalar

PROGRAM = "the program"
"""Where keys stand that are in no stack file."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with a key of the stack file, such as `routers.core.log_group`, in one sentence."""

    key: str
    what: str


def stack_file(stack: str) -> str:
    """What to call the stack's file: its path in the project, whose folder is the current one."""
    return f"{_folder()}Pulumi.{stack}.yaml"


def _folder() -> str:
    """Where stack files are, as Pulumi.yaml says; in `stacks`, if there is no Pulumi.yaml."""
    project = Path("Pulumi.yaml")
    if not project.is_file():
        return "stacks/"
    folder = scalar("^stackConfigDir", project.read_text(encoding="utf-8", errors="replace"))
    return f"{folder.rstrip('/')}/" if folder else ""


class StackError(Exception):
    """All that is wrong, so that it can be mended in one go."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{problem.key}: {problem.what}" for problem in problems))
        self.problems = list(problems)

    def sentences(self, place: str) -> str:
        """One line for each problem, naming the key and the place, which is a stack file or `PROGRAM`."""
        lines = [
            f"{problem.key if place == PROGRAM else qualified(problem.key)} in {place}: {problem.what}"
            for problem in self.problems
        ]
        return "\n".join(lines)

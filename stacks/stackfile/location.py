"""Where stack files are, the short names of stacks, and how make takes them.

    python -m stacks.stackfile.location     prints the folder, with a slash; nothing if it is the project's

Standard library only: `make` needs it before any installation.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stacks.stackfile.yaml_scalar import scalar

LOCAL = "local"
"""The stack that `make` works on without STACK."""

PROJECT_FOLDER = Path()
"""The project's folder, as seen from itself: the stack program and the commands run there."""


def short_name(stack: str) -> str:
    """The stack's own name: ORGANIZATION/PROJECT/STACK is the same stack."""
    return stack.rpartition("/")[2]


def make_command(target: str, stack: str) -> str:
    """The command that does this to the stack, as messages advise it."""
    name = short_name(stack)
    return f"make {target}" if name == LOCAL else f"make {target} STACK={name}"


def stack_folder(project: Path = PROJECT_FOLDER) -> Path:
    """The folder of the stack files: `stackConfigDir` of Pulumi.yaml, or `stacks` where there is no Pulumi.yaml."""
    file = project / "Pulumi.yaml"
    if not file.is_file():
        return project / "stacks"
    return project / scalar("^stackConfigDir", file.read_text(encoding="utf-8", errors="replace"))


def stack_file(stack: str, project: Path = PROJECT_FOLDER) -> Path:
    """The stack's file, whether it exists or not."""
    return stack_folder(project) / f"Pulumi.{stack}.yaml"


if __name__ == "__main__":
    argparse.ArgumentParser(description="Print the folder of the stack files.").parse_args()
    print("" if stack_folder() == PROJECT_FOLDER else f"{stack_folder()}/")

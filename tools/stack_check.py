"""Refuses, before anything is installed or created: unknown stacks, another state, a missing passphrase."""

from collections.abc import Mapping
from pathlib import Path

from stacks.checks import backend, passphrase
from stacks.stackfile.location import short_name, stack_file, stack_folder
from tools.console import ToolError


def check_stack(root: Path, stack: str, environment: Mapping[str, str]) -> None:
    """Raise ToolError unless the stack has a file and, where a passphrase protects its secrets, has one.

    An empty passphrase serves `local` only, which holds no secret worth one and must run anywhere.
    """
    name = short_name(stack)
    files = sorted(stack_folder(root).glob("Pulumi.*.yaml"))
    known = {file.name.removeprefix("Pulumi.").removesuffix(".yaml"): file for file in files}
    if name not in known:
        there_are = f"there are {_listed(sorted(known))}" if known else "there is no stack file at all"
        raise ToolError(
            f"There is no stack '{stack}', since {stack_file(name, root).relative_to(root)} is missing; {there_are}."
        )
    text = known[name].read_text(encoding="utf-8", errors="replace")
    if refusal := backend.check_backend(
        backend.find_expected_backend(text), (root / "Pulumi.yaml").read_text(encoding="utf-8"), environment
    ):
        raise ToolError(f"Stack '{stack}': {refusal}.")
    if passphrase.lacks_passphrase(name, text, environment):
        raise ToolError(
            f"Stack '{stack}' protects its secrets with a passphrase, and an empty one serves '{passphrase.LOCAL}' "
            f"only: set {passphrase.VARIABLE} or {passphrase.FILE_VARIABLE}."
        )


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)

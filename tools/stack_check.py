"""Refuses, before anything is installed: unknown stacks, misplaced keys, another state, a missing passphrase."""

from collections.abc import Mapping
from pathlib import Path

from stacks.checks import backend, passphrase
from stacks.checks.top_level import check_top_level
from stacks.stackfile.location import LOCAL, short_name, stack_file, stack_folder
from tools.console import ToolError


def check_exists(root: Path, stack: str) -> Path:
    """The stack's file.

    Raises:
        ToolError: There is none.
    """
    if not stack.strip():
        raise ToolError("STACK is empty: name a stack in it, or unset it.")
    name = short_name(stack)
    files = sorted(stack_folder(root).glob("Pulumi.*.yaml"))
    known = {file.name.removeprefix("Pulumi.").removesuffix(".yaml"): file for file in files}
    if name in known:
        return known[name]
    existing = _listed(sorted(known)) if known else "none"
    hint = " Several stacks are named in STACKS, with spaces between them." if {",", ";", " "} & set(stack) else ""
    missing = stack_file(name, root).relative_to(root)
    raise ToolError(f"Stack '{stack}' does not exist: {missing} is missing; known: {existing}.{hint}")


def check_stack(root: Path, stack: str, environment: Mapping[str, str]) -> None:
    """Raise ToolError unless the stack has valid keys, a state backend and, where its secrets need one, a passphrase.

    Only `local` may have an empty passphrase: it holds no secret worth protecting and must run anywhere.
    """
    file, name = check_exists(root, stack), short_name(stack)
    text = file.read_text(encoding="utf-8", errors="replace")
    if wrong := check_top_level(file.relative_to(root), text):
        raise ToolError(f"{wrong}.")
    url = environment.get(backend.VARIABLE)
    if url and (wrong := backend.check_address(backend.VARIABLE, url, environment)):
        raise ToolError(wrong)
    project_file = (root / "Pulumi.yaml").read_text(encoding="utf-8")
    moved = root / backend.MOVED / name
    refusal = backend.check_backend(backend.find_expected_backend(text), project_file, environment)
    if moved.is_file() and not refusal:
        refusal = backend.check_moved(name, moved.read_text(encoding="utf-8"), project_file, environment)
    if refusal:
        raise ToolError(f"Stack '{stack}': {refusal}.")
    if passphrase.lacks_passphrase(name, text, environment):
        hint = "" if passphrase.is_chosen(text) else " (new stack: choose one)"
        raise ToolError(
            f"Stack '{stack}' protects its secrets with a passphrase, which may be empty only for '{LOCAL}':"
            f" set {passphrase.VARIABLE} or {passphrase.FILE_VARIABLE}{hint}."
        )


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)

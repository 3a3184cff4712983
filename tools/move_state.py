"""Moves a stack's state to another backend: `make move-state TO=URL`, or TO=URL python -m tools.move_state STACK.

It copies the state, checks that the copy is the same and that a preview with it shows no changes, and only then renames
the old stack, which stays where it is. Killed at any moment, it loses nothing and can be run again. (`pulumi stack
migrate` encrypts the secrets again in the stack file, and checks neither pending operations nor other runs.)
"""

import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from providers.stderr import say
from providers.urn import Urn
from stacks.checks import backend
from stacks.stackfile.location import make_command, short_name, stack_file
from stacks.state import recovery
from stacks.state.snapshot import find_resources
from stacks.state.updates import HISTORY, Update, read_updates
from tools.console import ToolError, exit_code, first_error, run

SCRATCH = Path(".local", "moving")
"""A project without stack files: `stack init` and `stack rename` would change the stack's file."""

_SECONDS = 10 * 60  # for one command

Resources = list[dict[str, Any]]


@dataclass(frozen=True)
class Backend:
    """A state backend, and the project's folder in which Pulumi is run on it."""

    url: str
    root: Path

    @classmethod
    def at(cls, url: str, root: Path) -> "Backend":
        """The backend of this address. A relative path starts in the project's folder.

        Raises:
            ToolError: This is not a valid address.
        """
        if refusal := backend.check_address("TO", url, os.environ):
            raise ToolError(refusal)
        scheme, _, place = url.partition("://")
        if scheme == "file" and not place.startswith(("/", "~")):
            url = f"file://{root / place}"
        return cls(url, root)

    def __str__(self) -> str:
        return backend.mask_secrets(self.url)

    @property
    def setting(self) -> str:
        """The variable that selects it in a shell, for people to copy."""
        rest = "" if str(self) == self.url else ", completed with the rest of TO (which may be secret)"
        return f"{backend.VARIABLE}='{self}'{rest}"

    @property
    def place(self) -> str:
        """The address without the options for reaching it."""
        return self.url.partition("?")[0].rstrip("/") if self.url.startswith("file:") else self.url

    def pulumi(
        self, *arguments: str, project: Path = SCRATCH, environment: Mapping[str, str] | None = None
    ) -> tuple[bool, str]:
        """Whether the command succeeded, and its output."""
        code, output = run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            timeout=_SECONDS,
            cwd=self.root / project,
            env={**os.environ, **(environment or {}), backend.VARIABLE: self.url},
            doing=f"pulumi {arguments[0]}",
        )
        return code == 0, output.replace(self.url, str(self))

    def must(self, doing: str, *arguments: str, **environment: str) -> str:
        """The output of a command that must succeed.

        Raises:
            ToolError: It failed.
        """
        ok, output = self.pulumi(*arguments, environment=environment)
        if not ok:
            raise ToolError(f"{doing} at {self} failed: {first_error(output)}")
        return output

    def list_stacks(self, project: str) -> set[str]:
        """The names of the project's stacks."""
        listed = self.must("Listing the stacks", "stack", "ls", "--json", "--project", project)
        return {short_name(name) for name in re.findall(r'^ *"name": "([^"]+)"', listed, re.MULTILINE)}

    def export(self, stack: str, *options: str) -> dict[str, Any]:
        """The stack's state, with encrypted secrets unless the options change that."""
        output = self.must(f"Reading stack '{stack}'", "stack", "export", "--stack", stack, *options)
        export: dict[str, Any] = json.loads(self._find_json(stack, output))
        return export

    def list_updates(self, stack: str) -> list[Update]:
        """The updates of a stack in a service."""
        return read_updates(self._find_json(stack, self.must(f"Reading stack '{stack}'", *HISTORY, "--stack", stack)))

    def _find_json(self, stack: str, output: str) -> str:
        """The document among what else the CLI has printed."""
        start = re.search(r"^[{[]", output, re.MULTILINE)
        if not start:
            raise ToolError(f"Reading stack '{stack}' at {self} failed: {first_error(output)}")
        return output[start.start() : json.JSONDecoder().raw_decode(output, start.start())[1]]

    def list_resources(self, stack: str) -> Resources:
        """The stack's resources, to compare. Their secrets are in plain text, since each encryption differs."""
        return find_resources(self.export(stack, "--show-secrets"))

    def preview(self, stack: str) -> str:
        """Why the preview failed, or which changes it shows; empty if it shows none."""
        arguments = ("preview", "--expect-no-changes", "--suppress-outputs", "--suppress-progress", "--stack", stack)
        ok, output = self.pulumi(*arguments, project=Path())
        return "" if ok else first_error(output)


def move(root: Path, stack: str, to: str) -> None:
    """Move the stack to the other backend, and report each step.

    Args:
        root: The project's folder.
        stack: The stack's name.
        to: The other backend's address.

    Raises:
        ToolError: It was not moved; the old state is unchanged.
    """
    project, source, target, default = _find_backends(root, to)
    _check_stack_file(root, stack, source, target)
    _create_scratch_project(root, project)
    if target == default and target.place == f"file://{root}/.local/state":
        (root / ".local" / "state").mkdir(parents=True, exist_ok=True)  # missing if it has not been used yet

    export = source.export(stack) if stack in source.list_stacks(project) else {}
    resources = source.list_resources(stack) if export else []
    _check_finished(stack, export, source)
    _check_target(stack, project, resources, target)
    say(f"{len(resources)} resources of stack '{stack}' at {source}; previewing it before the move")
    if reason := source.preview(stack):
        raise ToolError(
            f"The preview of stack '{stack}' at {source} must show no changes before the move; if it shows any, run"
            f" `{make_command('up', stack)}` first: {reason}"
        )
    old = _copy_and_rename(stack, project, export, resources, source, target)
    _note_move(root, stack, target)
    say(f"Moved: stack '{stack}' with its {len(resources)} resources is at {target}.")
    say(f"The old state is kept at {source} as stack '{old}', which is no longer used: remove it whenever you like.")
    if target == default:
        say(f"From now on, everyone who works on it must run: unset {backend.VARIABLE}")
    else:
        say(f"From now on, everyone who works on it, and CI, must run: export {target.setting}")


def _note_move(root: Path, stack: str, target: Backend) -> None:
    """Have later runs with the old backend say where the state is."""
    before = backend.find_current_backend((root / "Pulumi.yaml").read_text(encoding="utf-8"), os.environ)
    (root / backend.MOVED).mkdir(parents=True, exist_ok=True)
    (root / backend.MOVED / stack).write_text(f"{backend.mask_secrets(before)}\n{target}\n", encoding="utf-8")


def _find_backends(root: Path, to: str) -> tuple[str, Backend, Backend, Backend | None]:
    """The project's name, the backend in use, the other one, and the one in Pulumi.yaml."""
    document = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    own = (document.get("backend") or {}).get("url")
    default = Backend.at(own, root) if own else None
    chosen = os.environ.get(backend.VARIABLE)
    source = Backend.at(chosen, root) if chosen else default or Backend.at(_current(root), root)
    return document["name"], source, Backend.at(to, root), default


def _check_stack_file(root: Path, stack: str, source: Backend, target: Backend) -> None:
    """Raise ToolError if the stack is there already, or its file names the backend."""
    if source.place == target.place:
        raise ToolError(f"The state of stack '{stack}' is already at {target}.")
    file = stack_file(stack, root)
    if file.is_file() and backend.find_expected_backend(file.read_text(encoding="utf-8", errors="replace")):
        raise ToolError(
            f"{file.relative_to(root)} names the state it belongs to: remove otc-flow-logs:state, and write the new"
            " address there after the move."
        )


def _create_scratch_project(root: Path, project: str) -> None:
    (root / SCRATCH).mkdir(parents=True, exist_ok=True)
    (root / SCRATCH / "Pulumi.yaml").write_text(f"name: {project}\nruntime: python\n", encoding="utf-8")


def _copy_and_rename(
    stack: str, project: str, export: Mapping[str, Any], resources: Resources, source: Backend, target: Backend
) -> str:
    """Copy the stack, check the copy, and rename the old stack; its new name.

    Raises:
        ToolError: It failed. The copy is removed, unless it replaced a stack that was there before.
    """
    say(f"copying to {target}")
    is_new = _copy(stack, project, export, target)
    try:
        if target.list_resources(stack) != resources:
            raise ToolError(f"The state written to {target} differs from the state read from {source}.")
        say("the copy is the same; previewing it")
        if reason := target.preview(stack):
            raise ToolError(f"The preview of stack '{stack}' at {target} shows changes: {reason}")
        return _rename_old(stack, project, resources, source, target)
    except (ToolError, KeyboardInterrupt):
        if is_new:
            _remove_copy(stack, project, resources, source, target)
        else:
            say(f"warning: stack '{stack}' already existed at {target}, and stays: do not use it while there is one")
            say(f"  at {source}")
        raise


def _current(root: Path) -> str:
    """The address of the backend that `pulumi login` has chosen."""
    code, output = run(["pulumi", "whoami", "--json", "--non-interactive"], timeout=_SECONDS, cwd=root)
    found = re.search(r'"url": "([^"]+)"', output)
    if code or not found:
        raise ToolError(f"`pulumi whoami` does not show where the state is now: {first_error(output)}")
    return found[1]


def _check_finished(stack: str, export: Mapping[str, Any], source: Backend) -> None:
    """Raise ToolError unless the stack has a state, and no run is pending."""
    if not find_resources(export):
        raise ToolError(f"Stack '{stack}' has no resources at {source}: there is nothing to move.")
    if number := recovery.count_live_creates(stack):
        raise ToolError(
            f"Another run of stack '{stack}' is in progress, with {number} creates: wait until it has ended."
        )
    pending = {operation["resource"]["urn"] for operation in recovery.find_pending_operations(export)}
    unfinished = recovery.forget_settled_creates(export, stack, lambda: source.list_updates(stack))
    pending |= {create["urn"] for create in unfinished}
    if pending:
        raise ToolError(
            f"A run of stack '{stack}' is in progress, or was interrupted, with {len(pending)} pending operations: if"
            f" no run is in progress, run `{make_command('recover', stack)}` first."
        )


def _check_target(stack: str, project: str, resources: Resources, target: Backend) -> None:
    """Raise ToolError if the other backend has a stack of that name that is neither empty nor a copy of this one."""
    if stack not in target.list_stacks(project):
        return
    found = target.list_resources(stack)
    if found and found != resources:
        raise ToolError(
            f"Another stack '{stack}' is already at {target}, with {len(found)} different resources. If it is not"
            f" needed, remove it: `pulumi stack rm {stack} --force --preserve-config`, with"
            f" {target.setting}"
        )


def _copy(stack: str, project: str, export: Mapping[str, Any], target: Backend) -> bool:
    """Copy the state; whether the stack was created for it."""
    is_new = stack not in target.list_stacks(project)
    if is_new:
        # Any passphrase will do: the imported state records how its own secrets are encrypted.
        target.must(
            f"Creating stack '{stack}'", "stack", "init", stack, "--no-select", PULUMI_CONFIG_PASSPHRASE="of-no-secret"
        )
        (target.root / SCRATCH / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)
    file = target.root / SCRATCH / "state.json"
    file.write_text(json.dumps(export), encoding="utf-8")
    target.must(f"Writing stack '{stack}'", "stack", "import", "--stack", stack, "--file", str(file))
    file.unlink()
    return is_new


def _rename_old(stack: str, project: str, resources: Resources, source: Backend, target: Backend) -> str:
    """Rename the old stack, which Pulumi refuses while a run is in progress; its new name.

    Raises:
        ToolError: It was refused, or the stack has changed since it was copied. It keeps its name then.
    """
    taken = source.list_stacks(project)
    names = (f"{stack}-moved{number}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    old = next(name for name in names if name not in taken)
    source.must(f"Renaming stack '{stack}'", "stack", "rename", old, "--stack", stack)
    same = source.list_resources(old) == _renamed(resources, project, stack, old)
    if same and stack in target.list_stacks(project):
        return old
    source.must(f"Renaming stack '{old}'", "stack", "rename", stack, "--stack", old)
    if same:
        raise ToolError(f"{source} and {target} are the same place.")
    raise ToolError(f"Stack '{stack}' at {source} was changed in the meantime: try again.")


def _renamed(value: Any, project: str, stack: str, new: str) -> Any:
    """A value in the state, as it is after `pulumi stack rename`."""
    if isinstance(value, dict):
        return {key: _renamed(item, project, stack, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, project, stack, new) for item in value]
    try:
        urn = Urn.parse(value) if isinstance(value, str) else None
    except ValueError:
        return value
    return str(urn.with_stack(new)) if urn and (urn.stack, urn.project) == (stack, project) else value


def _remove_copy(stack: str, project: str, resources: Resources, source: Backend, target: Backend) -> None:
    """Remove the copy if the old stack is there and nothing else was written to the copy."""
    try:
        if stack not in source.list_stacks(project):
            say(f"the stack is at {target}, and no longer at {source}")
        elif target.list_resources(stack) in ([], resources):
            target.must(f"Removing stack '{stack}'", "stack", "rm", stack, "--force", "--yes", "--preserve-config")
            say(f"the copy at {target} is removed")
    except ToolError as error:
        say(f"warning: the copy could not be removed; do not use it: {error}")


def main(arguments: list[str]) -> int:
    # Not an argument: an address may have a password, and everyone on the machine sees arguments.
    to = os.environ.get("TO", "")
    if "--help" in arguments:
        print(__doc__)
        return 0
    if len(arguments) != 1 or not to:
        say("usage: make move-state TO=URL [STACK=name]; the addresses of backends are in docs/guides/state.md")
        return 2
    return exit_code(
        lambda: move(Path.cwd(), short_name(arguments[0]), to),
        interrupted="interrupted: the old state is unchanged; run the command again",
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

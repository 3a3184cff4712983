"""Moves a stack's state to another backend: `make move-state TO=URL`, or python -m tools.move_state STACK URL.

It copies, makes sure that the copy is the same and that a preview with it finds nothing to do, and only then gives the
old stack another name, under which it stays where it is. Killed at any moment, it has lost nothing and can be run
again. (`pulumi stack migrate` encrypts the secrets anew in the stack file, and looks neither at what is pending nor at
who is at work.)
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

from providers import journal
from stacks.checks import backend
from stacks.stackfile.location import short_name
from stacks.state import recovery
from tools.console import ToolError, last_line, run, say

SCRATCH = Path(".local", "moving")
"""A project of our own: `stack init` and `stack rename` would change the stack's file."""

_SECONDS = 10 * 60  # for one command

Resources = list[dict[str, Any]]


@dataclass(frozen=True)
class Backend:
    """Where states are, and a project's folder from which Pulumi is run on them."""

    url: str
    root: Path

    @classmethod
    def at(cls, url: str, root: Path) -> "Backend":
        """The one of this address, of which a relative path begins in the project's folder.

        Raises:
            ToolError: This is no address.
        """
        scheme, separator, place = url.partition("://")
        if scheme == "postgresql":
            raise ToolError("Pulumi knows postgres://… only, not postgresql://….")
        if not (separator and scheme and place):
            raise ToolError(
                f"TO is {url!r}: it must be the address of a backend, such as postgres://…, s3://… or file://…."
            )
        if scheme == "file" and not place.startswith(("/", "~")):
            url = f"file://{root / place}"
        return cls(url, root)

    def __str__(self) -> str:
        return backend.public(self.url)

    @property
    def setting(self) -> str:
        """What chooses it in a shell, for people to copy."""
        rest = "" if str(self) == self.url else ", completed with what TO says beyond that (it may be secret)"
        return f"PULUMI_BACKEND_URL='{self}'{rest}"

    @property
    def place(self) -> str:
        """The address without what says how to get there."""
        return self.url.partition("?")[0].rstrip("/") if self.url.startswith("file:") else self.url

    def pulumi(
        self, *arguments: str, project: Path = SCRATCH, environment: Mapping[str, str] | None = None
    ) -> tuple[bool, str]:
        """Whether the command succeeded, and its output."""
        code, output = run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            timeout=_SECONDS,
            cwd=self.root / project,
            env={**os.environ, **(environment or {}), "PULUMI_BACKEND_URL": self.url},
            doing=f"pulumi {arguments[0]}",
        )
        return code == 0, output.replace(self.url, str(self))

    def ok(self, doing: str, *arguments: str, **environment: str) -> str:
        """The output of a command that must succeed.

        Raises:
            ToolError: It has not.
        """
        ok, output = self.pulumi(*arguments, environment=environment)
        if not ok:
            raise ToolError(f"{doing} at {self} failed: {_reason(output)}")
        return output

    def stacks(self, project: str) -> set[str]:
        """The names of the project's stacks."""
        listed = self.ok("Listing the stacks", "stack", "ls", "--json", "--project", project)
        return {short_name(name) for name in re.findall(r'^ *"name": "([^"]+)"', listed, re.MULTILINE)}

    def export(self, stack: str, *options: str) -> dict[str, Any]:
        """The stack's state; its secrets are encrypted unless the options say otherwise."""
        output = self.ok(f"Reading stack '{stack}'", "stack", "export", "--stack", stack, *options)
        start = re.search(r"^{", output, re.MULTILINE)
        if not start:
            raise ToolError(f"Reading stack '{stack}' at {self} failed: {_reason(output)}")
        export: dict[str, Any] = json.JSONDecoder().raw_decode(output, start.start())[0]
        return export

    def resources(self, stack: str) -> Resources:
        """All that the stack has. Secrets are not encrypted, as they are never encrypted alike: for comparison only."""
        return _resources(self.export(stack, "--show-secrets"))

    def unchanged(self, stack: str) -> str:
        """Why a preview cannot be had, or is not without changes; nothing if it is."""
        arguments = ("preview", "--expect-no-changes", "--suppress-outputs", "--suppress-progress", "--stack", stack)
        ok, output = self.pulumi(*arguments, project=Path())
        return "" if ok else _reason(output)


def move(root: Path, stack: str, to: str) -> None:
    """Move the stack to the other backend, telling what is done.

    Args:
        root: The project's folder.
        stack: The stack's name.
        to: The other backend's address.

    Raises:
        ToolError: It was not moved; the old state is where and what it was.
    """
    document = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    target = Backend.at(to, root)
    project: str = document["name"]
    own = (document.get("backend") or {}).get("url")
    default = Backend.at(own, root) if own else None
    chosen = os.environ.get("PULUMI_BACKEND_URL")
    source = Backend.at(chosen, root) if chosen else default or Backend.at(_current(root), root)
    if source.place == target.place:
        raise ToolError(f"The state of stack '{stack}' is at {target} already.")
    file = root / "stacks" / f"Pulumi.{stack}.yaml"
    if file.is_file() and backend.named(file.read_text(encoding="utf-8", errors="replace")):
        raise ToolError(
            f"stacks/{file.name} names the state it belongs to: take otc-flow-logs:state out, and write the new address"
            " there afterwards."
        )
    (root / SCRATCH).mkdir(parents=True, exist_ok=True)
    (root / SCRATCH / "Pulumi.yaml").write_text(f"name: {project}\nruntime: python\n", encoding="utf-8")
    if target == default and target.place == f"file://{root}/.local/state":
        (root / ".local" / "state").mkdir(parents=True, exist_ok=True)  # missing where nobody has used it yet

    there = source.stacks(project)
    export = source.export(stack) if stack in there else {}
    resources = source.resources(stack) if export else []
    _refuse_what_is_not_finished(stack, export, source)
    _refuse_another(stack, project, resources, target)
    say(f"{len(resources)} resources of stack '{stack}' at {source}; a preview with it as it is")
    if reason := source.unchanged(stack):
        raise ToolError(
            f"The preview of stack '{stack}' at {source} was to show no changes, to be compared with one after the move"
            f" (`make up` first?): {reason}"
        )

    say(f"copying to {target}")
    made = _copy(stack, project, export, target)
    try:
        if target.resources(stack) != resources:
            raise ToolError(f"What was written to {target} is not what was read from {source}.")
        say("the copy is the same; a preview with it")
        if reason := target.unchanged(stack):
            raise ToolError(f"The preview of stack '{stack}' at {target} shows changes: {reason}")
        old = _put_aside(stack, project, resources, source, target)
    except (ToolError, KeyboardInterrupt):
        if made:
            _take_back(stack, project, resources, source, target)
        else:
            say(f"warning: stack '{stack}' at {target} was there before, and stays; it is not to be used as long as")
            say(f"  there is one at {source}")
        raise
    say(f"Moved: stack '{stack}' with its {len(resources)} resources is at {target}.")
    say(f"The old state is kept at {source} as stack '{old}', which nothing uses: remove it when you like.")
    if target == default:
        say("From now on, for all who work on it: unset PULUMI_BACKEND_URL")
    else:
        say(f"From now on, for all who work on it, CI too: export {target.setting}")


def _current(root: Path) -> str:
    """The backend that `pulumi login` has chosen."""
    code, output = run(["pulumi", "whoami", "--json", "--non-interactive"], timeout=_SECONDS, cwd=root)
    found = re.search(r'"url": "([^"]+)"', output)
    if code or not found:
        raise ToolError(f"Where the state is now is not known: {_reason(output)}")
    return found[1]


def _refuse_what_is_not_finished(stack: str, export: Mapping[str, Any], source: Backend) -> None:
    """Raise ToolError unless the state is all there is to know."""
    if not _resources(export):
        raise ToolError(f"Stack '{stack}' has nothing at {source}: there is nothing to move.")
    if number := recovery.creating_now(stack):
        raise ToolError(
            f"Another run is at work on stack '{stack}' now, with {number} creates under way: wait until it has ended."
        )
    number = len(recovery.operations(export)) + len(journal.unfinished(stack))
    if number:
        raise ToolError(
            f"A run of stack '{stack}' is under way, or was interrupted, with {number} operations: if nobody is at work"
            " on it, run `make recover` first."
        )


def _refuse_another(stack: str, project: str, resources: Resources, target: Backend) -> None:
    """Raise ToolError if the other backend has a stack of that name which is not an empty one or this one's copy."""
    if stack not in target.stacks(project):
        return
    found = target.resources(stack)
    if found and found != resources:
        raise ToolError(
            f"There is a stack '{stack}' at {target} already, with {len(found)} resources that are not the same. If it"
            f" is of no use to anybody, remove it: `pulumi stack rm {stack} --force --preserve-config`, with"
            f" {target.setting}"
        )


def _copy(stack: str, project: str, export: Mapping[str, Any], target: Backend) -> bool:
    """Whether the stack that has the copy now was made for it: then it is nobody else's."""
    made = stack not in target.stacks(project)
    if made:
        # Whatever secrets this new stack would have: those of the imported state say themselves how they are encrypted.
        target.ok(
            f"Making stack '{stack}'", "stack", "init", stack, "--no-select", PULUMI_CONFIG_PASSPHRASE="of-no-secret"
        )
        (target.root / SCRATCH / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)
    file = target.root / SCRATCH / "state.json"
    file.write_text(json.dumps(export), encoding="utf-8")
    target.ok(f"Writing stack '{stack}'", "stack", "import", "--stack", stack, "--file", str(file))
    file.unlink()
    return made


def _put_aside(stack: str, project: str, resources: Resources, source: Backend, target: Backend) -> str:
    """Give the old stack another name, which is refused while somebody is at work on it; the name.

    Raises:
        ToolError: It was refused, or the stack is not what it was when it was copied. It has its own name then.
    """
    taken = source.stacks(project)
    names = (f"{stack}-moved{number}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    old = next(name for name in names if name not in taken)
    source.ok(f"Renaming stack '{stack}'", "stack", "rename", old, "--stack", stack)
    same = source.resources(old) == _renamed(resources, project, stack, old)
    if same and stack in target.stacks(project):
        return old
    source.ok(f"Renaming stack '{old}'", "stack", "rename", stack, "--stack", old)
    if same:
        raise ToolError(f"{source} and {target} are one and the same place.")
    raise ToolError(f"Somebody else has changed stack '{stack}' at {source} in the meantime: try again.")


def _renamed(resources: Resources, project: str, stack: str, new: str) -> Resources:
    """The resources as they are after `pulumi stack rename`."""
    text = json.dumps(resources).replace(f"urn:pulumi:{stack}::{project}::", f"urn:pulumi:{new}::{project}::")
    root = f"::pulumi:pulumi:Stack::{project}-"
    renamed: Resources = json.loads(text.replace(f'{root}{stack}"', f'{root}{new}"'))
    return renamed


def _take_back(stack: str, project: str, resources: Resources, source: Backend, target: Backend) -> None:
    """Remove the copy if the old stack is there and the copy is still nothing else."""
    try:
        if stack not in source.stacks(project):
            say(f"the stack is at {target}, and no longer at {source}")
        elif target.resources(stack) in ([], resources):
            target.ok(f"Removing stack '{stack}'", "stack", "rm", stack, "--force", "--yes", "--preserve-config")
            say(f"the copy at {target} is removed again")
    except ToolError as error:
        say(f"warning: the copy stays and is not to be used: {error}")


def _resources(export: Mapping[str, Any]) -> Resources:
    return (export.get("deployment") or {}).get("resources") or []


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines()]
    errors = [line.removeprefix("error:").strip() for line in lines if line.startswith("error:")]
    return next(filter(None, errors), last_line(output))


def main(arguments: list[str]) -> int:
    if len(arguments) != 2 or not all(arguments):
        say("usage: make move-state TO=URL [STACK=name]; the addresses of backends are in docs/guides/state.md")
        return 2
    try:
        move(Path.cwd(), short_name(arguments[0]), arguments[1])
    except ToolError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted: the old state is where it was; run it again")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

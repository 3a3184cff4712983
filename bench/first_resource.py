"""How long it takes from `pulumi preview` to the first resource: ours against an empty program."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.processes import Children
from bench.project import Project

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPES = "pulumi:providers:"


@dataclass(frozen=True)
class FirstResources:
    """Seconds from the start of `pulumi preview` to what the engine reports of each program.

    Attributes:
        ours: The first resource of the stack `local`, which is the stack itself.
        declared: The first of those that its program declares, for which it has looked up what to declare.
        empty: The first resource of an empty program: the stack, for there is no other.
    """

    ours: float
    declared: float
    empty: float


def measure(runs: int, environment: Mapping[str, str], children: Children) -> Iterator[FirstResources]:
    """So many previews of each in turn; ours on the embedded emulator, whose world is there from a preview before."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for part in ("empty", "ours"):
            (folder / part).mkdir()
        empty_project = Project.with_empty_program(folder / "empty", environment, children)
        our_project = Project.of_checkout(folder / "ours", environment, children)
        _reports(our_project)
        for _ in range(runs):
            empty, ours = _reports(empty_project), _reports(our_project)
            declared = [at for type_, at in ours if type_ != STACK_TYPE and not type_.startswith(PROVIDER_TYPES)]
            yield FirstResources(ours=ours[0][1], declared=declared[0], empty=empty[0][1])


def _reports(project: Project) -> list[tuple[str, float]]:
    """The type of each resource that the engine reports in a preview, and when, in seconds since the start."""
    found, lines = [], []
    start = time.perf_counter()
    with project.started(
        "preview", "--json", output=subprocess.PIPE, PULUMI_ENABLE_STREAMING_JSON_PREVIEW="true"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            at = time.perf_counter() - start
            lines.append(line.decode(errors="replace"))
            if b'"resourcePreEvent"' in line:
                found.append((json.loads(line)["resourcePreEvent"]["metadata"]["type"], at))
        code = process.wait()
    if code or not found:
        raise BenchError(f"pulumi preview --json ended with {code}:\n{''.join(lines[-10:])}")
    return found

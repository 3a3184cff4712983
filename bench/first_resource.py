"""How long it takes from `pulumi preview` to the first resource: this project against an empty program."""

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
from providers.urn import STACK_TYPE

PROVIDER_TYPES = "pulumi:providers:"


@dataclass(frozen=True)
class FirstResources:
    """Seconds from the start of `pulumi preview` to what the engine reports of each program.

    Attributes:
        project: The first resource of the stack `local`, which is the stack itself.
        declared: The first resource that its program declares, after all lookups.
        empty: The first resource of an empty program: the stack, as there is no other.
    """

    project: float
    declared: float
    empty: float


def measure(runs: int, environment: Mapping[str, str], children: Children) -> Iterator[FirstResources]:
    """Previews of both programs in turn; this project on the embedded emulator, filled by an earlier preview."""
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for part in ("empty", "project"):
            (folder / part).mkdir()
        empty_project = Project.with_empty_program(folder / "empty", environment, children)
        project = Project.of_checkout(folder / "project", environment, children)
        _reports(project)
        for _ in range(runs):
            empty, found = _reports(empty_project), _reports(project)
            declared = [at for type_, at in found if type_ != STACK_TYPE and not type_.startswith(PROVIDER_TYPES)]
            yield FirstResources(project=found[0][1], declared=declared[0], empty=empty[0][1])


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

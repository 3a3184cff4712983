"""A breakdown of the floor: the state that the engine writes, and the processor time of each process."""

from __future__ import annotations

import os
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from bench.measure import CASES, fresh
from bench.plan import Step
from bench.processes import Children
from bench.variants import FLOOR
from bench.watch import ProcessPoller
from stacks.sdk_patches import SDK_DEBUG

TICKS = os.sysconf("SC_CLK_TCK")  # per second, of the times in /proc
UNSAFE = {"PULUMI_EXPERIMENTAL": "1", "PULUMI_SKIP_CHECKPOINTS": "1"}
"""Environment that has the engine write the state only at the end, which a crash would not survive."""

PROCESSES = {
    "pulumi-language-python-exec": "the program",
    FLOOR.module: "the provider",
    "pulumi-resource-random": "the random plugin",
    "pulumi-language-python": "the language host",
    "pulumi": "the engine",
}
"""What the processes of a run are, by a part of their command line; the first match counts."""


class ProcessorTime(ProcessPoller):
    """Adds up the processor time of a session's processes."""

    interval = 0.1  # what a process computes after the last poll is missed

    def __init__(self, session: int) -> None:
        super().__init__(session)
        self._seconds: dict[int, tuple[str, float]] = {}

    def by_process(self) -> list[tuple[str, float]]:
        """Seconds of each kind of process, the largest first."""
        sums: dict[str, float] = defaultdict(float)
        for kind, seconds in self._seconds.values():
            sums[kind] += seconds
        return sorted(sums.items(), key=lambda item: -item[1])

    def inspect(self, pid: int, folder: Path) -> None:
        command = (folder / "cmdline").read_text(errors="replace")
        kind = next((kind for part, kind in PROCESSES.items() if part in command), "others")
        # Behind the name in parentheses: ten more, then ticks in user and in kernel mode (proc(5)).
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        self._seconds[pid] = kind, (int(fields[11]) + int(fields[12])) / TICKS


def measure(n: int, environment: Mapping[str, str], children: Children) -> list[str]:
    """Sentences on one run each, at so many flow logs."""
    with fresh(Step(FLOOR, n, 0), environment, children) as repetition:
        project = repetition.project
        unwritten = project.pulumi(*CASES["up"], **UNSAFE).seconds
        with (
            project.started(*CASES["preview"], output=subprocess.DEVNULL) as process,
            ProcessorTime(process.pid) as time,
        ):
            process.wait()
    sizes, previews = [], []
    for sdk_debug in ("", "1"):
        with fresh(Step(FLOOR, n, 0), {**environment, SDK_DEBUG: sdk_debug}, children) as repetition:
            repetition.project.pulumi(*CASES["up"], **UNSAFE)
            sizes.append(repetition.project.state_bytes / 1e6)
            previews.append(repetition.project.pulumi(*CASES["preview"]).seconds)
    shares = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in time.by_process())
    return [
        f"What the floor is made of, at N={n:,}: `up` takes {unwritten:.1f} s if the engine writes the state at the end"
        " only (PULUMI_SKIP_CHECKPOINTS, which a crash would not survive)."
        f" Processor time of a `preview`: {shares}.",
        f"With all that the SDK does for each resource ({SDK_DEBUG}=1), a `preview` takes {previews[1]:.1f} s instead"
        f" of {previews[0]:.1f} s, and the state has {sizes[1]:.1f} MB instead of {sizes[0]:.1f} MB.",
    ]

"""All cases in a new project with a new emulator, in one repetition or several."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.emulator_process import EmulatorProcess, run_emulator
from bench.errors import BenchError
from bench.plan import Step
from bench.processes import Children
from bench.project import CHECKOUT, Project
from bench.results import Sample
from tools.prepare import READS

_QUIET = "--suppress-progress"
_AT_ONCE = ("--yes", "--skip-preview", _QUIET)
_NO_CHANGES = "--expect-no-changes"  # the command fails if there are any

CASES: Mapping[str, tuple[str, ...]] = {
    "up": ("up", *_AT_ONCE),
    "preview": ("preview", _NO_CHANGES, _QUIET),
    "preview --refresh": ("preview", "--refresh", _NO_CHANGES, _QUIET),
    "refresh": ("refresh", _NO_CHANGES, *_AT_ONCE),
    "destroy": ("destroy", *_AT_ONCE),
}
"""The arguments of each case, in the order in which they are run."""

READING_CASES = ("preview --refresh", "refresh")
"""Cases that `make` runs with more operations at once, since they write no state."""

WAITING_CASES = ("up", "destroy")
"""Cases that create or delete flow logs, for which the API takes its latency."""


@dataclass(frozen=True)
class Repetition:
    """A project, and the emulator that it uses."""

    project: Project
    emulator: EmulatorProcess
    step: Step

    def measure(self, case: str) -> Sample:
        self.emulator.reset_requests()
        outcome = self.project.pulumi(*arguments(case, self.project.environment))
        requests = self.emulator.requests()
        check_flow_logs(case, self.emulator, self.step.n if self.step.variant.calls_the_api else 0, str(self.step))
        return Sample(outcome.seconds, outcome.peak_mb, requests)


def arguments(case: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The arguments of `pulumi`, those that `make` adds among them."""
    return (*CASES[case], *(("--parallel", environment[READS]) if case in READING_CASES else ()))


def check_flow_logs(case: str, emulator: EmulatorProcess, n: int, what: str) -> None:
    """Check that there are `n` flow logs after `up`, and none after `destroy`.

    Raises:
        BenchError: The number is wrong; `what` was run.
    """
    if case in WAITING_CASES:
        expected = n if case == "up" else 0
        found = emulator.flow_logs()
        if found != expected:
            raise BenchError(f"{what}: there are {found} flow logs after {case}, not {expected}")


def measure(step: Step, environment: Mapping[str, str], children: Children) -> list[tuple[str, Sample]]:
    """Samples of every case, with the case's name; as many as there are repetitions in the step.

    Raises:
        BenchError: A command failed, or the number of flow logs is wrong.
    """
    samples = []
    with contextlib.ExitStack() as stack:
        repetitions = [stack.enter_context(fresh(step, environment, children)) for _ in range(step.together)]
        for case in CASES:
            # Only commands that wait run at the same time; others would compete for the processors.
            side_by_side = len(repetitions) if case in WAITING_CASES else 1
            with ThreadPoolExecutor(side_by_side) as pool:
                futures = [pool.submit(repetition.measure, case) for repetition in repetitions]
                try:
                    samples += [(case, future.result()) for future in futures]
                except BaseException:
                    for future in futures:
                        future.cancel()
                    children.end_all()  # else the pool would wait for what is running
                    raise
    return samples


@contextlib.contextmanager
def fresh(step: Step, environment: Mapping[str, str], children: Children) -> Iterator[Repetition]:
    """The project and the emulator of one repetition, removed afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        for name in ("emulator", "project"):
            (folder / name).mkdir()
        emulator = stack.enter_context(
            run_emulator(children, CHECKOUT, folder / "emulator", attachments=step.n, latency=step.latency)
        )
        project = Project.of_checkout(
            folder / "project",
            {**environment, **emulator.credentials},
            children,
            variant=step.variant,
            stack_config=emulator.stack_config(range(1)),
        )
        yield Repetition(project, emulator, step)

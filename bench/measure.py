"""All cases in a fresh project with a fresh world, in one repetition or several."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.plan import Step
from bench.processes import Children
from bench.project import CHECKOUT, Project
from bench.results import Sample
from bench.world import World, serving
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
"""Those that `make` runs with more operations at once, since they write no state."""

WAITING_CASES = ("up", "destroy")
"""Those in which flow logs come or go, which takes the API its latency."""


@dataclass(frozen=True)
class Repetition:
    """A project and the world that it is to log."""

    project: Project
    world: World
    step: Step

    def measure(self, case: str) -> Sample:
        self.world.reset_requests()
        outcome = self.project.pulumi(*arguments(case, self.project.environment))
        requests = self.world.requests()
        check(case, self.world, self.step.n if self.step.variant.calls_the_api else 0, str(self.step))
        return Sample(outcome.seconds, outcome.peak_mb, requests)


def arguments(case: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The arguments of `pulumi`, those that `make` adds among them."""
    return (*CASES[case], *(("--parallel", environment[READS]) if case in READING_CASES else ()))


def check(case: str, world: World, n: int, what: str) -> None:
    """See that there are `n` flow logs after `up`, and none after `destroy`.

    Raises:
        BenchError: There are not; `what` was run.
    """
    if case in WAITING_CASES:
        expected = n if case == "up" else 0
        found = world.flow_logs()
        if found != expected:
            raise BenchError(f"{what}: there are {found} flow logs after {case}, not {expected}")


def measure(step: Step, environment: Mapping[str, str], children: Children) -> list[tuple[str, Sample]]:
    """Samples of every case, with the case's name; as many as there are repetitions in the step.

    Raises:
        BenchError: A command failed, or did not do what it was to do.
    """
    samples = []
    with contextlib.ExitStack() as stack:
        repetitions = [stack.enter_context(fresh(step, environment, children)) for _ in range(step.together)]
        for case in CASES:
            # Only what waits runs at the same time; what computes would take the processors from one another.
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
    """One repetition's project and world, both gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        for name in ("world", "project"):
            (folder / name).mkdir()
        world = stack.enter_context(
            serving(children, CHECKOUT, folder / "world", attachments=step.n, latency=step.latency)
        )
        project = Project.of_checkout(
            folder / "project",
            {**environment, **world.credentials},
            children,
            variant=step.variant,
            stack_config=world.stack_config(range(1)),
        )
        yield Repetition(project, world, step)

"""A project with an emulator of its own, in which commands are measured."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from bench.emulator_process import (
    LOG_GROUP_ID,
    LOG_STREAM_ID,
    EmulatorProcess,
    attachment_id,
    router_id,
    run_emulator,
)
from bench.errors import BenchError
from bench.processes import Children
from bench.project import CHECKOUT, Project, pulumi_environment
from bench.results import Key, Sample
from bench.usage import Usage, merged
from bench.variants import OURS, Variant
from tools.prepare import READS

T = TypeVar("T")

LATENCY = 2.0  # seconds that the API takes from accepting a create or a delete to its end
POLLS = 0.2  # seconds between two looks at the processes, which take a few milliseconds each

_QUIET = "--suppress-progress"
_AT_ONCE = ("--yes", "--skip-preview", _QUIET)
_NO_CHANGES = "--expect-no-changes"  # the command fails if there are any

UP, PREVIEW, REFRESH, DESTROY = "up", "preview --refresh", "refresh", "destroy"
MAKE_PREVIEW, MAKE_UP = "make preview", "make up"
COMMANDS: Mapping[str, Sequence[str]] = {
    UP: ("pulumi", "up", *_AT_ONCE),
    PREVIEW: ("pulumi", "preview", "--refresh", _NO_CHANGES, _QUIET),
    REFRESH: ("pulumi", "refresh", _NO_CHANGES, *_AT_ONCE),
    DESTROY: ("pulumi", "destroy", *_AT_ONCE),
    MAKE_PREVIEW: ("make", "preview", f"ARGS={_NO_CHANGES}"),
    MAKE_UP: ("make", "up", f"ARGS={_NO_CHANGES}"),
}
READING = (PREVIEW, REFRESH)
"""Commands that `make` runs with more operations at once, since they write no state."""
WAITING = (UP, DESTROY)
"""Commands that create or delete flow logs, for which the API takes its latency."""

UNSAFE = {"PULUMI_EXPERIMENTAL": "1", "PULUMI_SKIP_CHECKPOINTS": "1"}
"""Environment that has the engine write the state only at the end, which a crash would not survive: for states that
are only prepared."""

BASELINE = "baseline"
BASELINE_PROGRAM = f"""\
import pulumi_random

from providers.flow_log import FlowLog, FlowLogArgs

key = pulumi_random.RandomUuid("key")
FlowLog(
    "baseline",
    FlowLogArgs(
        er_id="{router_id(0)}",
        resource_id="{attachment_id(0)}",
        log_group_id="{LOG_GROUP_ID}",
        log_stream_id="{LOG_STREAM_ID}",
        name="baseline",
        idempotency_key=key.result,
    ),
)
"""
"""One resource of each of the two plugins: with fewer, the engine would not start them."""


@dataclass(frozen=True)
class Site:
    """A project and the emulator that it uses.

    Attributes:
        setup: In what way it differs, as in the results.
        n: How many flow logs its stack has.
    """

    setup: str
    n: int
    project: Project
    emulator: EmulatorProcess
    calls_the_api: bool = True

    def named(self, setup: str) -> Site:
        """The same project, whose results are kept apart."""
        return replace(self, setup=setup)

    def key(self, command: str) -> Key:
        """Where the results of the command belong."""
        return Key(self.setup, command, self.n)

    def measure(self, command: str, polls: float = POLLS, **environment: str) -> Sample:
        """Run the command.

        Args:
            command: One of `COMMANDS`.
            polls: Seconds between two looks at the processes; 0 for none.
            environment: Variables that differ.

        Raises:
            BenchError: It failed, or the number of flow logs is wrong.
        """
        self.emulator.reset_requests()
        sample = _run(self.project, command, polls, **environment)
        return self._checked(command, replace(sample, requests=self.emulator.requests()))

    def measure_together(self, command: str, projects: Sequence[Project]) -> Sample:
        """Run the command in all of these projects at once; their resources are added up."""
        self.emulator.reset_requests()
        runs = [partial(_run, project, command, POLLS) for project in projects]
        start = time.perf_counter()
        samples = side_by_side(runs, self.project.children)
        sample = Sample(
            seconds=time.perf_counter() - start,
            requests=self.emulator.requests(),
            memory_mb=sum(sample.memory_mb for sample in samples),
            processes=merged([sample.processes for sample in samples]),
        )
        return self._checked(command, sample)

    def prepare(self) -> None:
        """Create the flow logs, as fast as possible."""
        self.project.pulumi(*COMMANDS[UP][1:], **UNSAFE)

    def _checked(self, command: str, sample: Sample) -> Sample:
        if command in WAITING:
            expected = self.n if command == UP and self.calls_the_api else 0
            found = self.emulator.flow_logs()
            if found != expected:
                raise BenchError(f"there are {found} flow logs after {command}, not {expected}")
        return sample


def _run(project: Project, command: str, polls: float, **environment: str) -> Sample:
    """Run the command; a sample without requests."""
    words = project.with_stack(*COMMANDS[command])
    if command in READING:
        words = (*words, "--parallel", project.environment[READS])
    with contextlib.ExitStack() as stack:
        run = stack.enter_context(project.running(*words, **environment))
        usage = stack.enter_context(Usage(run.process.pid, polls)) if polls else None
        seconds = run.end()
    if not usage:
        return Sample(seconds, 0)
    return Sample(seconds, 0, usage.memory_mb, usage.by_kind())


def side_by_side(runs: Sequence[Callable[[], T]], children: Children) -> list[T]:
    """The results of all of these at once. If one fails, the others are ended."""
    with ThreadPoolExecutor(len(runs)) as pool:
        futures = [pool.submit(run) for run in runs]
        try:
            return [future.result() for future in futures]
        except BaseException:
            children.end_all()  # else the pool would wait for what is running
            raise


@contextlib.contextmanager
def new_site(
    children: Children,
    setup: str,
    n: int,
    *,
    routers: int = 1,
    latency: float = LATENCY,
    variant: Variant = OURS,
    **environment: str,
) -> Iterator[Site]:
    """A project in which nothing is up, and its emulator; removed afterwards.

    Args:
        routers: How many share the flow logs.
        latency: In seconds; see `LATENCY`.
        environment: Variables for all commands.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        for name in ("emulator", "project"):
            (folder / name).mkdir()
        emulator = stack.enter_context(
            run_emulator(
                children, CHECKOUT, folder / "emulator", attachments=n // routers, latency=latency, routers=routers
            )
        )
        project = Project.of_checkout(
            folder / "project",
            pulumi_environment(**emulator.credentials, **environment),
            children,
            variant=variant,
            stack_config=emulator.stack_config(range(routers)),
        )
        yield Site(setup, n, project, emulator, variant.calls_the_api)


@contextlib.contextmanager
def baseline_site(children: Children) -> Iterator[Site]:
    """A project with the baseline's program, whose two resources are up."""
    with new_site(children, BASELINE, 1, latency=0) as site:
        (site.project.directory / "__main__.py").write_text(BASELINE_PROGRAM)
        site.prepare()
        yield site

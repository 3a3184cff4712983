"""A fleet of routers in several stacks of one project that run side by side, each with a `pulumi` of its own."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.connections import Connections
from bench.cuts import FLEET_CASES, Cut, CutRun, Fleet
from bench.emulator_process import PASSWORD, EmulatorProcess, run_emulator
from bench.measure import arguments, check_flow_logs
from bench.memory import TotalMemory
from bench.processes import Children
from bench.project import CHECKOUT, Project, Run, pulumi_environment
from bench.targets import LATENCY
from providers.stderr import say


@dataclass(frozen=True)
class _Stacks:
    """The stacks of a cut, and the emulator that they use."""

    cut: Cut
    projects: list[Project]
    emulator: EmulatorProcess

    def measure(self, case: str) -> CutRun:
        """Run the command in all stacks at once.

        Raises:
            BenchError: It failed in a stack, or the number of flow logs is wrong.
        """
        self.emulator.reset_requests()
        computed = _processor_seconds()
        with contextlib.ExitStack() as stack:
            # Left last: if one command fails, the others are ended before the pool waits for them.
            pool = stack.enter_context(ThreadPoolExecutor(len(self.projects)))
            runs = [
                stack.enter_context(project.running(*arguments(case, project.environment))) for project in self.projects
            ]
            memory = stack.enter_context(TotalMemory(*(run.process.pid for run in runs)))
            connections = stack.enter_context(Connections(self.emulator.port))
            seconds = list(pool.map(Run.end, runs))
        computed = _processor_seconds() - computed
        requests = self.emulator.requests()
        check_flow_logs(case, self.emulator, self.cut.stacks * self.cut.n, str(self.cut))
        ends = [run.start + taken for run, taken in zip(runs, seconds, strict=True)]
        return CutRun(
            seconds=round(max(ends) - runs[0].start, 3),
            stack_seconds=[round(taken, 3) for taken in seconds],
            processor_seconds=round(computed, 1),
            peak_mb=round(memory.megabytes, 1),
            connections=connections.most,
            requests=requests,
            processors=os.cpu_count() or 1,
        )


def _processor_seconds() -> float:
    """Processor time of all started processes that have ended; the emulator still runs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def measure(cuts: Sequence[Cut], children: Children) -> Fleet:
    """Every command in every cut, with a new emulator for each cut.

    Raises:
        BenchError: A command failed, or the number of flow logs is wrong.
    """
    found = {}
    for cut in cuts:
        say(str(cut))
        with _fresh(cut, children) as stacks:
            for case in FLEET_CASES:
                run = found[cut, case] = stacks.measure(case)
                say(f"  {case} {run.seconds:.1f} s, {run.peak_mb:.0f} MB")
    return found


@contextlib.contextmanager
def _fresh(cut: Cut, children: Children) -> Iterator[_Stacks]:
    """An emulator for a cut, and a project with its stacks, all of them empty; removed afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True)))
        for name in ("emulator", "project"):
            (folder / name).mkdir()
        emulator = stack.enter_context(
            run_emulator(
                children,
                CHECKOUT,
                folder / "emulator",
                attachments=cut.attachments,
                latency=LATENCY,
                routers=cut.stacks * cut.routers,
            )
        )
        environment = pulumi_environment(PULUMI_PARALLEL=str(cut.parallel), PULUMI_CONFIG_PASSPHRASE=PASSWORD)
        configs = {
            f"site-{number:02}": emulator.stack_config(range(number * cut.routers, (number + 1) * cut.routers))
            for number in range(cut.stacks)
        }
        (name, config), *others = configs.items()
        first = Project.of_checkout(
            folder / "project", {**environment, **emulator.credentials}, children, stack=name, stack_config=config
        )
        yield _Stacks(cut, [first, *(first.beside(*other) for other in others)], emulator)

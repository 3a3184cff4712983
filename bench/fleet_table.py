"""What was measured of a fleet, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from bench.cuts import FLEET_CASES, Cut, CutRun, Fleet
from bench.table import format_seconds, grid
from bench.targets import LATENCY
from tools.prepare import PARALLEL

USED_HEAD = ("processor time", "memory", "requests", "connections")
TOGETHER_HEAD = ("command", "stacks", "flow logs each", "width", "all of them", "each stack", *USED_HEAD)
ALONE_HEAD = ("command", "stacks", "flow logs each", "one stack", "all of them", *USED_HEAD)
EXPLANATION = """\
Each command was measured once, on {processors} processors that also ran the emulator, with an API latency of
{latency:g} s. The stacks belong to one project; each has its own state file and its own `pulumi`. *Width* is
`PULUMI_PARALLEL`, which `make` sets to {width}. Processor time is the total of all processes. Memory is their peak
together, in 10^6 bytes, with shared memory counted once. Requests are all HTTP requests of the command. Connections are
the most that the emulator had open at once."""


def tables(fleet: Fleet) -> str:
    """What was measured, as Markdown: stacks side by side, and one stack alone."""
    if not fleet:
        return "Not measured."
    every = max(cut.stacks * cut.n for cut, _ in fleet)
    processors = max(run.processors for run in fleet.values())
    return "\n\n".join(
        (
            EXPLANATION.format(processors=processors, latency=LATENCY, width=PARALLEL),
            f"Side by side, {every:,} flow logs in all:",
            grid(TOGETHER_HEAD, _together(fleet), left=1),
            "One stack alone, and how long all of them would take one after the other:",
            grid(ALONE_HEAD, _alone(fleet, every), left=1),
        )
    )


def _together(fleet: Fleet) -> Iterator[list[str]]:
    for case, cut, run in _by_case(fleet):
        if cut.stacks > 1:
            each = f"{format_seconds(min(run.stack_seconds))} to {format_seconds(max(run.stack_seconds))}"
            head = [
                f"`{case}`",
                f"{cut.stacks:,}",
                f"{cut.n:,}",
                f"{cut.parallel:,}",
                format_seconds(run.seconds),
                each,
            ]
            yield [*head, *_used(run)]


def _alone(fleet: Fleet, every: int) -> Iterator[list[str]]:
    for case, cut, run in _by_case(fleet):
        if cut.stacks == 1:
            stacks = every // cut.n
            head = [f"`{case}`", f"{stacks:,}", f"{cut.n:,}"]
            yield [*head, format_seconds(run.seconds), format_seconds(stacks * run.seconds), *_used(run)]


def _by_case(fleet: Fleet) -> Iterator[tuple[str, Cut, CutRun]]:
    """What was measured, each command's together, from small stacks to large ones."""
    order = sorted(fleet, key=lambda key: (FLEET_CASES.index(key[1]), key[0].n, -key[0].parallel))
    for cut, case in order:
        yield case, cut, fleet[cut, case]


def _used(run: CutRun) -> list[str]:
    requests = sum(run.requests.values())
    return [format_seconds(run.processor_seconds), f"{run.peak_mb:,.0f} MB", f"{requests:,}", f"{run.connections:,}"]

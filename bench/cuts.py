"""How a fleet of routers can be divided into stacks, and what was measured with each division."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.errors import BenchError
from tools.prepare import PARALLEL

FLEET_CASES = ("up", "preview --refresh", "refresh", "destroy")
"""The commands that CI runs, of those in `bench.measure`."""

ALONE = (1, 2, 4)  # routers of a stack that is measured alone


@dataclass(frozen=True, order=True)
class Cut:
    """A number of stacks that run side by side.

    Attributes:
        stacks: How many.
        routers: How many each of them has.
        attachments: How many each router has.
        parallel: How many operations each stack runs at once.
    """

    stacks: int
    routers: int
    attachments: int
    parallel: int = PARALLEL

    @property
    def n(self) -> int:
        """Flow logs of a stack."""
        return self.routers * self.attachments

    def __str__(self) -> str:
        stacks = f"{self.stacks} stacks side by side" if self.stacks > 1 else "one stack"
        return f"fleet: {stacks}, N={self.n:,} each, width {self.parallel}"


@dataclass(frozen=True)
class CutRun:
    """One run of one command by all stacks of a cut.

    Attributes:
        seconds: From the start of the first to the end of the last.
        stack_seconds: What each of them took.
        processor_seconds: What all processes of all `pulumi` computed.
        peak_mb: The most memory that all processes of all `pulumi` had at once, in 10^6 bytes.
        connections: The most that the emulator had open at once.
        requests: How many HTTP requests it had, by method and path.
        processors: How many the machine had for all this.
    """

    seconds: float
    stack_seconds: Sequence[float]
    processor_seconds: float
    peak_mb: float
    connections: int
    requests: Mapping[str, int]
    processors: int


Fleet = dict[tuple[Cut, str], CutRun]
"""What was measured, by cut and command."""


def cuts(routers: int, attachments: int, each: Sequence[int], widths: Sequence[int]) -> list[Cut]:
    """All of a fleet, cut into stacks with so many routers each, with each width; then stacks that are alone.

    Raises:
        BenchError: Not all stacks would have as many routers.
    """
    uneven = [number for number in each if number < 1 or routers % number]
    if uneven:
        raise BenchError(f"{routers} routers cannot be cut into stacks of {uneven[0]}")
    found = [Cut(routers // number, number, attachments, width) for number in each for width in widths]
    found += [Cut(1, number, attachments) for number in ALONE if not routers % number]
    return list(dict.fromkeys(found))

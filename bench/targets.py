"""What the project promises about its speed, and whether a benchmark confirms it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.cases import FOUR_ROUTERS, IN_PARTS
from bench.results import Key, Sample, Samples
from bench.site import BASELINE, DESTROY, LATENCY, MAKE_PREVIEW, MAKE_UP, PREVIEW, REFRESH, UP
from bench.table import TIMES
from bench.usage import HOST, PROGRAM
from bench.variants import FLOOR, OURS

PREVIEWS = {10: 1.25, 100: 1.5, 1000: 3.0}
"""How many times as long as the baseline a preview without changes may take, by flow logs."""
MEGABYTES = 200


@dataclass(frozen=True)
class Verdict:
    """One target.

    Attributes:
        target: What is promised.
        measured: The figure with what it is measured against, or that there is none.
        met: Whether it is kept; None if it was not measured.
    """

    target: str
    measured: str
    met: bool | None


def judge(samples: Samples) -> list[Verdict]:
    """The verdict on each target."""
    return [*_previews(samples), *_floors(samples), *_requests(samples), *_memory(samples)]


def _previews(samples: Samples) -> Iterator[Verdict]:
    for n, limit in PREVIEWS.items():
        preview = samples.get(Key(OURS.name, MAKE_PREVIEW, n))
        baseline = samples.get(Key(BASELINE, PREVIEW, n))
        yield _ratio(f"`make preview` without changes, N={n:,}", preview, limit, "baseline", baseline)
        up = samples.get(Key(OURS.name, MAKE_UP, n))
        yield _ratio(f"`make up` without changes, N={n:,}", up, 1.3, "`make preview`", preview)


def _floors(samples: Samples) -> Iterator[Verdict]:
    for command, n, limit, api in (
        (UP, 100, 1.25, LATENCY),
        (DESTROY, 100, 1.25, LATENCY),
        (UP, 1000, 1.3, LATENCY),
        (REFRESH, 1000, 1.25, 0.0),
    ):
        floor = samples.get(Key(FLOOR.name, command, n))
        base = f"(floor + {api:g} s)" if api else "floor"
        yield _ratio(f"`{command}`, N={n:,}", samples.get(Key(OURS.name, command, n)), limit, base, floor, api)


def _requests(samples: Samples) -> Iterator[Verdict]:
    for n in (10, 100, 1000):
        up = samples.get(Key(OURS.name, UP, n))
        yield _at_most(f"`up`, N={n:,}: requests", up, lambda sample: sample.requests, 1.2 * n + 10)
    for key, routers in ((Key(OURS.name, MAKE_PREVIEW, 10), 1), (Key(FOUR_ROUTERS, MAKE_PREVIEW, 40), 4)):
        what = f"`make preview` without changes, routers: {routers}: requests"
        yield _at_most(what, samples.get(key), lambda sample: sample.requests, 3 * routers + 4)


def _memory(samples: Samples) -> Iterator[Verdict]:
    preview = samples.get(Key(IN_PARTS.format(OURS.name), MAKE_PREVIEW, 1000))
    up = samples.get(Key(OURS.name, UP, 1000))
    yield _at_most("`make preview`, N=1,000: MB of the program", preview, _peak_of(PROGRAM), MEGABYTES)
    yield _at_most("`up`, N=1,000: MB of the provider", up, _peak_of(HOST), MEGABYTES)


def _peak_of(kind: str) -> Callable[[Sample], float]:
    return lambda sample: sample.processes[kind].peak_mb


def _ratio(what: str, sample: Sample | None, limit: float, name: str, base: Sample | None, more: float = 0) -> Verdict:
    """How long it takes against another, with more seconds added to that one."""
    target = f"{what}: at most {limit:g} {TIMES} {name}"
    if not sample or not base:
        return Verdict(target, "not measured", None)
    allowed = base.seconds + more
    ratio = sample.seconds / allowed
    return Verdict(target, f"{ratio:.2f} {TIMES} ({sample.seconds:.2f} s against {allowed:.2f} s)", ratio <= limit)


def _at_most(what: str, sample: Sample | None, figure: Callable[[Sample], float], limit: float) -> Verdict:
    target = f"{what}: at most {limit:,g}"
    if not sample:
        return Verdict(target, "not measured", None)
    return Verdict(target, f"{figure(sample):,.0f}", figure(sample) <= limit)

"""What the project promises about its speed, and whether a benchmark bears it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.results import Key, Results, Sample

TIMES = "\N{MULTIPLICATION SIGN}"
LATENCY = 2.0  # seconds, at which all targets but the first resource's are judged
FIRST_RESOURCE = "first resource"
LIST_FLOW_LOGS = "GET /v3/{project_id}/enterprise-router/{er_id}/flow-logs"  # as the emulator counts it


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


def judge(results: Results) -> list[Verdict]:
    """The verdict on each target."""
    return [
        _ratio(results, "up", 100, 1.25, api=LATENCY),
        _ratio(results, "destroy", 100, 1.25, api=LATENCY),
        _requests_of_up(results, 100, 1.3),
        _lists_of_refresh(results, 1000, 5),
        _ratio(results, "refresh", 1000, 1.25),
        _ratio(results, "preview", 100, 1.15),
        _ratio(results, "preview", 1000, 1.15),
        _ratio(results, "up", 1000, 1.3, api=LATENCY),
        _memory_of_up(results, 1000, 200),
        _first_resource(results, 1.2),
    ]


def _ratio(results: Results, case: str, n: int, limit: float, *, api: float = 0.0) -> Verdict:
    """Ours against the floor, to which the seconds that the API takes for one flow log may be added."""
    base = f"(floor + {api:g} s)" if api else "floor"

    def measured(ours: Sample, floor: Sample) -> tuple[str, bool]:
        allowed = floor.seconds + api
        ratio = ours.seconds / allowed
        return f"{ratio:.2f} {TIMES} ({ours.seconds:.2f} s against {allowed:.2f} s)", ratio <= limit

    return _verdict(f"{case}, N={n:,}: at most {limit:g} {TIMES} {base}", measured, *_both(results, case, n))


def _requests_of_up(results: Results, n: int, limit: float) -> Verdict:
    def measured(ours: Sample) -> tuple[str, bool]:
        total = sum(ours.requests.values())
        return f"{total / n:.2f} ({total:g} in all)", total / n <= limit

    return _verdict(f"up, N={n:,}: at most {limit:g} requests per flow log", measured, _ours(results, "up", n))


def _lists_of_refresh(results: Results, n: int, limit: int) -> Verdict:
    def measured(ours: Sample) -> tuple[str, bool]:
        lists = ours.requests.get(LIST_FLOW_LOGS, 0)
        return f"{lists:g} (of {sum(ours.requests.values()):g} requests)", lists <= limit

    return _verdict(f"refresh, N={n:,}: at most {limit} lists of flow logs", measured, _ours(results, "refresh", n))


def _memory_of_up(results: Results, n: int, limit: float) -> Verdict:
    def measured(ours: Sample) -> tuple[str, bool]:
        return f"{ours.peak_mb:.0f} MB", ours.peak_mb < limit

    return _verdict(f"up, N={n:,}: provider process under {limit:g} MB", measured, _ours(results, "up", n))


def _first_resource(results: Results, limit: float) -> Verdict:
    def measured(ours: Sample, empty: Sample) -> tuple[str, bool]:
        ratio = ours.seconds / empty.seconds
        return f"{ratio:.2f} {TIMES} ({ours.seconds:.2f} s against {empty.seconds:.2f} s)", ratio <= limit

    samples = [results.get(Key(FIRST_RESOURCE, 0, 0, variant)) for variant in ("ours", "floor")]
    return _verdict(f"first resource of a preview: at most {limit:g} {TIMES} an empty program's", measured, *samples)


def _ours(results: Results, case: str, n: int) -> Sample | None:
    return results.get(Key(case, n, LATENCY, "ours"))


def _both(results: Results, case: str, n: int) -> tuple[Sample | None, Sample | None]:
    return _ours(results, case, n), results.get(Key(case, n, LATENCY, "floor"))


def _verdict(target: str, measured: Callable[..., tuple[str, bool]], *samples: Sample | None) -> Verdict:
    if None in samples:
        return Verdict(target, "not measured", None)
    text, met = measured(*samples)
    return Verdict(target, text, met)

"""What the project promises about its speed, and whether a benchmark confirms it."""

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
    """This project against the floor, plus the seconds that the API takes for one flow log."""
    base = f"(floor + {api:g} s)" if api else "floor"

    def measure(sample: Sample, floor: Sample) -> tuple[str, bool]:
        allowed = floor.seconds + api
        ratio = sample.seconds / allowed
        return f"{ratio:.2f} {TIMES} ({sample.seconds:.2f} s against {allowed:.2f} s)", ratio <= limit

    return _verdict(f"{case}, N={n:,}: at most {limit:g} {TIMES} {base}", measure, *_both(results, case, n))


def _requests_of_up(results: Results, n: int, limit: float) -> Verdict:
    def measure(sample: Sample) -> tuple[str, bool]:
        total = sum(sample.requests.values())
        return f"{total / n:.2f} ({total:g} in all)", total / n <= limit

    return _verdict(f"up, N={n:,}: at most {limit:g} requests per flow log", measure, _sample(results, "up", n))


def _lists_of_refresh(results: Results, n: int, limit: int) -> Verdict:
    def measure(sample: Sample) -> tuple[str, bool]:
        lists = sample.requests.get(LIST_FLOW_LOGS, 0)
        return f"{lists:g} (of {sum(sample.requests.values()):g} requests)", lists <= limit

    return _verdict(f"refresh, N={n:,}: at most {limit} lists of flow logs", measure, _sample(results, "refresh", n))


def _memory_of_up(results: Results, n: int, limit: float) -> Verdict:
    def measure(sample: Sample) -> tuple[str, bool]:
        return f"{sample.peak_mb:.0f} MB", sample.peak_mb < limit

    return _verdict(f"up, N={n:,}: provider process under {limit:g} MB", measure, _sample(results, "up", n))


def _first_resource(results: Results, limit: float) -> Verdict:
    def measure(sample: Sample, empty: Sample) -> tuple[str, bool]:
        ratio = sample.seconds / empty.seconds
        return f"{ratio:.2f} {TIMES} ({sample.seconds:.2f} s against {empty.seconds:.2f} s)", ratio <= limit

    samples = [results.get(Key(FIRST_RESOURCE, 0, 0, variant)) for variant in ("ours", "floor")]
    return _verdict(f"first resource of a preview: at most {limit:g} {TIMES} an empty program's", measure, *samples)


def _sample(results: Results, case: str, n: int) -> Sample | None:
    return results.get(Key(case, n, LATENCY, "ours"))


def _both(results: Results, case: str, n: int) -> tuple[Sample | None, Sample | None]:
    return _sample(results, case, n), results.get(Key(case, n, LATENCY, "floor"))


def _verdict(target: str, measure: Callable[..., tuple[str, bool]], *samples: Sample | None) -> Verdict:
    if None in samples:
        return Verdict(target, "not measured", None)
    text, met = measure(*samples)
    return Verdict(target, text, met)

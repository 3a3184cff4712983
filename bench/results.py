"""What was measured: samples of single runs, and the medians of several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from bench.cuts import Cut, CutRun, Fleet


@dataclass(frozen=True)
class Sample:
    """One run of one command, or the medians of several.

    Attributes:
        seconds: Wall-clock time from start to end.
        peak_mb: The provider process's peak resident memory, in 10^6 bytes.
        requests: How many HTTP requests the emulator had, by method and path.
    """

    seconds: float
    peak_mb: float
    requests: Mapping[str, float]


@dataclass(frozen=True)
class Key:
    """What was run: `n` flow logs, at a latency of the API in seconds."""

    case: str
    n: int
    latency_s: float
    variant: str


Results = dict[Key, Sample]


def medians(samples: Sequence[Sample]) -> Sample:
    """The median of each number; a missing kind of request counts as 0."""
    kinds = sorted({kind for sample in samples for kind in sample.requests})
    return Sample(
        seconds=round(median(sample.seconds for sample in samples), 3),
        peak_mb=round(median(sample.peak_mb for sample in samples), 1),
        requests={kind: median(sample.requests.get(kind, 0) for sample in samples) for kind in kinds},
    )


def with_floor_at_each_latency(results: Results, latencies: Iterable[float], floor: str) -> Results:
    """The results, with the floor's at every latency: it calls no API, so it is measured at one of them only."""
    copies = {
        replace(key, latency_s=latency): sample
        for key, sample in results.items()
        if key.variant == floor and key.n
        for latency in latencies
    }
    return {**copies, **results}


def from_json(text: str) -> tuple[Results, Fleet]:
    """The results that `to_json` wrote."""
    document = json.loads(text)
    results = {
        Key(*_pop(record, "case", "n", "latency_s", "variant")): Sample(**record)  # what is left of the record
        for record in document["hosts"]
    }
    fleet = {
        (Cut(*_pop(record, "stacks", "routers", "attachments", "parallel")), record.pop("case")): CutRun(**record)
        for record in document["fleet"]
    }
    return results, fleet


def to_json(results: Results, fleet: Fleet) -> str:
    """The results of the hosts and those of the fleet as lists, one line each."""
    order = sorted(results, key=lambda key: (key.n, -key.latency_s, key.case, key.variant))
    hosts = [{**asdict(key), **asdict(results[key])} for key in order]
    together = [{"case": case, **asdict(cut), **asdict(fleet[cut, case])} for cut, case in sorted(fleet)]
    return f'{{\n"hosts": {_lines(hosts)},\n"fleet": {_lines(together)}\n}}\n'


def _pop(record: dict[str, Any], *names: str) -> list[Any]:
    """Remove these keys from the record, and return their values."""
    return [record.pop(name) for name in names]


def _lines(records: Iterable[Mapping[str, Any]]) -> str:
    return "[\n" + ",\n".join(f"  {json.dumps(record)}" for record in records) + "\n]"

"""What was measured: samples of single runs, and the medians of several."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median


@dataclass(frozen=True)
class Sample:
    """One run of one command, or the medians of several.

    Attributes:
        seconds: From start to end, by the clock on the wall.
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
    """The median of each number by itself; a kind of request that a run has none of counts as 0 there."""
    kinds = sorted({kind for sample in samples for kind in sample.requests})
    return Sample(
        seconds=round(median(sample.seconds for sample in samples), 3),
        peak_mb=round(median(sample.peak_mb for sample in samples), 1),
        requests={kind: median(sample.requests.get(kind, 0) for sample in samples) for kind in kinds},
    )


def with_floor_everywhere(results: Results, latencies: Iterable[float], floor: str) -> Results:
    """The results, with the floor's at every latency: it calls no API, so it is measured at one of them only."""
    copies = {
        replace(key, latency_s=latency): sample
        for key, sample in results.items()
        if key.variant == floor and key.n
        for latency in latencies
    }
    return {**copies, **results}


def from_json(text: str) -> Results:
    """The results that `to_json` wrote."""
    fields = ("case", "n", "latency_s", "variant")
    return {
        Key(*(record.pop(field) for field in fields)): Sample(**record)  # what is left of the record
        for record in json.loads(text)
    }


def to_json(results: Results) -> str:
    """The results as a list, one line each."""
    order = sorted(results, key=lambda key: (key.n, -key.latency_s, key.case, key.variant))
    lines = (json.dumps({**asdict(key), **asdict(results[key])}) for key in order)
    return "[\n" + ",\n".join(f"  {line}" for line in lines) + "\n]\n"

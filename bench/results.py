"""What was measured: samples of single runs, and the medians of several."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from bench.usage import Use


@dataclass(frozen=True, order=True)
class Key:
    """What was run: a command with `n` flow logs in all, in one of the ways that `bench.cases` has."""

    setup: str
    command: str
    n: int


@dataclass(frozen=True)
class Sample:
    """One run of one command, or the medians of several.

    Attributes:
        seconds: Wall-clock time from start to end.
        requests: How many HTTP requests the emulator had.
        memory_mb: The most memory that all processes had at once, in 10^6 bytes; 0 if they were not looked at.
        processes: What each kind of process used; empty if they were not looked at.
    """

    seconds: float
    requests: float
    memory_mb: float = 0.0
    processes: Mapping[str, Use] = field(default_factory=dict)

    @property
    def processor(self) -> float:
        """Processor time of all processes, in seconds."""
        return sum(use.processor for use in self.processes.values())


Samples = Mapping[Key, Sample]


@dataclass(frozen=True)
class Results:
    """What one run of the benchmark has measured.

    Attributes:
        commit: What was measured.
        date: When: YYYY-MM-DD.
        processors: How many the machine has.
        samples: The medians.
    """

    commit: str
    date: str
    processors: int
    samples: Samples


def medians(samples: Sequence[Sample]) -> Sample:
    """The median of each number."""
    kinds = sorted({kind for sample in samples for kind in sample.processes})
    return Sample(
        seconds=_median([sample.seconds for sample in samples]),
        requests=median(sample.requests for sample in samples),
        memory_mb=_median([sample.memory_mb for sample in samples]),
        processes={
            kind: _median_use([sample.processes[kind] for sample in samples if kind in sample.processes])
            for kind in kinds
        },
    )


def _median_use(uses: Sequence[Use]) -> Use:
    return Use(**{name: _median([getattr(use, name) for use in uses]) for name in Use.__annotations__})


def _median(numbers: Sequence[float]) -> float:
    return round(median(numbers), 3)


def to_json(results: Results) -> str:
    """The results, with one line for each sample."""
    head = {name: value for name, value in vars(results).items() if name != "samples"}
    lines = [json.dumps({**asdict(key), **asdict(results.samples[key])}) for key in sorted(results.samples)]
    return f'{json.dumps(head)[:-1]}, "samples": [\n' + ",\n".join(lines) + "\n]}\n"


def from_json(text: str) -> Results:
    """The results that `to_json` wrote."""
    document = json.loads(text)
    samples = dict(_from_record(record) for record in document.pop("samples"))
    return Results(**document, samples=samples)


def _from_record(record: dict[str, Any]) -> tuple[Key, Sample]:
    key = Key(*(record.pop(name) for name in Key.__annotations__))
    processes = {kind: Use(**use) for kind, use in record.pop("processes").items()}
    return key, Sample(**record, processes=processes)

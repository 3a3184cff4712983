"""The results as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.results import Key, Results, Sample
from bench.targets import TIMES, Verdict
from bench.variants import VARIANTS

HEAD = ("case", "N", "floor", "ours", "base", "ours against base", "peak memory", "requests")
EXPLANATION = """\
Medians. *ours* is this project; *base* the same project without `plugins:` in `Pulumi.yaml`, so that the Pulumi SDK's
own host runs it, 4 operations at a time; *floor* the same program with a provider that returns at once, so what is left
is the engine, the program and the machine. The floor was measured at one latency and stands under both. Peak memory is
that of the provider process, in 10^6 bytes; requests are all HTTP requests of the command, the program's among them;
both for floor / ours / base. Latency is how long the API takes from accepting a create or a delete to its end."""
_MARKS = {True: "met", False: "**missed**", None: "not measured"}


def markdown(results: Results, verdicts: Sequence[Verdict], cases: Iterable[str], notes: Iterable[str]) -> str:
    """The whole of results.md."""
    keys = [key for key in results if key.n]
    parts = [EXPLANATION, *notes]
    for latency in sorted({key.latency_s for key in keys}, reverse=True):
        rows = [
            _row(results, case, n, latency)
            for case in cases
            for n in sorted({key.n for key in keys})
            if any(Key(case, n, latency, variant) in results for variant in VARIANTS)
        ]
        parts += [f"### Latency {latency:g} s", grid(HEAD, rows, left=1)]
    judged = [(verdict.target, verdict.measured, _MARKS[verdict.met]) for verdict in verdicts]
    parts += ["### Targets", "At a latency of 2 s.", grid(("target", "measured", "verdict"), judged, left=3)]
    return "\n\n".join(parts) + "\n"


def times_faster(seconds: float, other: float) -> str:
    """How many times as long the other took, or the other way round."""
    ratio = max(other / seconds, seconds / other)
    rounded = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}"
    return "the same" if rounded == "1.0" else f"{rounded}{TIMES} {'faster' if other > seconds else 'slower'}"


def format_seconds(seconds: float) -> str:
    """A duration in readable form: 1.24 s, 34.5 s, 12 min."""
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds:.2f} s"


def _row(results: Results, case: str, n: int, latency: float) -> list[str]:
    samples = of_variants(results, case, n, latency)
    return [
        *seconds_cells(case, n, samples),
        " / ".join(f"{sample.peak_mb:.0f}" if sample else "-" for sample in samples) + " MB",
        requests_cell(samples),
    ]


def of_variants(results: Results, case: str, n: int, latency: float) -> list[Sample | None]:
    """The samples of each variant, in the order of `VARIANTS`."""
    return [results.get(Key(case, n, latency, variant)) for variant in VARIANTS]


def seconds_cells(case: str, n: int, samples: Sequence[Sample | None]) -> list[str]:
    """The first cells of a row on the samples that `of_variants` gives: the case, how long it took, the comparison."""
    _, project, base = samples
    return [
        f"`{case}`",
        f"{n:,}",
        *(format_seconds(sample.seconds) if sample else "" for sample in samples),
        times_faster(project.seconds, base.seconds) if project and base else "",
    ]


def requests_cell(samples: Iterable[Sample | None]) -> str:
    """The number of all requests, for each sample."""
    return " / ".join(f"{sum(sample.requests.values()):,.0f}" if sample else "-" for sample in samples)


def grid(head: Sequence[str], rows: Iterable[Sequence[str]], *, left: int) -> str:
    """A Markdown table with the first `left` columns aligned to the left, and the others to the right."""
    ruler = ["---" if column < left else "---:" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ruler, *rows))

"""The figures in the README: those of bench/results.json, and no others."""

from __future__ import annotations

from bench.results import Key, Results
from bench.table import grid, seconds_text, times_faster

BEGIN, END = "<!-- figures of bench/results.json: begin -->", "<!-- figures of bench/results.json: end -->"
LATENCY = 2.0  # seconds
VARIANTS = ("floor", "ours", "stock")
HEAD = ("command", "flow logs", "floor", "ours", "stock", "ours against stock", "requests, ours / stock")


def figures(results: Results, cases: tuple[str, ...]) -> str:
    """The table at the latency that the README shows."""
    rows = []
    for case in cases:
        for n in sorted({key.n for key in results if key.n}):
            floor, ours, stock = (results.get(Key(case, n, LATENCY, variant)) for variant in VARIANTS)
            if not ours:
                continue
            sums = [f"{sum(sample.requests.values()):,.0f}" if sample else "-" for sample in (ours, stock)]
            rows.append(
                (
                    f"`{case}`",
                    f"{n:,}",
                    *(seconds_text(sample.seconds) if sample else "" for sample in (floor, ours, stock)),
                    times_faster(ours.seconds, stock.seconds) if stock else "",
                    " / ".join(sums),
                )
            )
    return grid(HEAD, rows, left=1)


def with_figures(readme: str, results: Results, cases: tuple[str, ...]) -> str:
    """The README with the table of these results between the two marks.

    Raises:
        ValueError: It has no such marks.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the README has no place for the figures: {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{figures(results, cases)}\n\n{END}{after}"

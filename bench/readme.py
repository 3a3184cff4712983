"""The figures in the README: those of bench/results.json, and no others."""

from __future__ import annotations

from bench.results import Results
from bench.table import grid, of_variants, requests_cell, seconds_cells
from bench.targets import LATENCY

BEGIN, END = "<!-- figures of bench/results.json: begin -->", "<!-- figures of bench/results.json: end -->"
HEAD = ("command", "flow logs", "floor", "ours", "stock", "ours against stock", "requests, ours / stock")


def figures(results: Results, cases: tuple[str, ...]) -> str:
    """The table at the latency at which the targets are judged."""
    rows = []
    for case in cases:
        for n in sorted({key.n for key in results if key.n}):
            samples = _, ours, stock = of_variants(results, case, n, LATENCY)
            if ours:
                rows.append([*seconds_cells(case, n, samples), requests_cell((ours, stock))])
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

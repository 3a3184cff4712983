"""The figures in the documentation: those of bench/results.json, and no others."""

from __future__ import annotations

from bench.cuts import Fleet
from bench.fleet_table import tables
from bench.results import Results
from bench.table import grid, of_variants, requests_cell, seconds_cells
from bench.targets import LATENCY

BEGIN, END = "<!-- figures of bench/results.json: begin -->", "<!-- figures of bench/results.json: end -->"
FLEET_BEGIN, FLEET_END = "<!-- fleet of bench/results.json: begin -->", "<!-- fleet of bench/results.json: end -->"
FLEET_PLACE = f"\n### Fleet\n\n{FLEET_BEGIN}\n{FLEET_END}\n"
"""The place for the tables in results.md."""
HEAD = ("command", "flow logs", "floor", "ours", "base", "ours against base", "requests, ours / base")


def figures(results: Results, cases: tuple[str, ...]) -> str:
    """The table at the latency at which the targets are judged."""
    rows = []
    for case in cases:
        for n in sorted({key.n for key in results if key.n}):
            samples = _, project, base = of_variants(results, case, n, LATENCY)
            if project:
                rows.append([*seconds_cells(case, n, samples), requests_cell((project, base))])
    return grid(HEAD, rows, left=1)


def with_figures(page: str, results: Results, cases: tuple[str, ...]) -> str:
    """The page with the table of these results between its two marks.

    Raises:
        ValueError: It has no such marks.
    """
    return _between(page, BEGIN, figures(results, cases), END)


def with_fleet(page: str, fleet: Fleet) -> str:
    """The page with the tables of this fleet between the two marks.

    Raises:
        ValueError: It has no such marks.
    """
    return _between(page, FLEET_BEGIN, tables(fleet), FLEET_END)


def _between(page: str, begin: str, new: str, end: str) -> str:
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise ValueError(f"there are no markers for the figures: {begin} and {end}")
    return f"{before}{begin}\n\n{new}\n\n{end}{after}"

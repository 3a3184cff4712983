"""The README's figures are those that the benchmark wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.measure import CASES
from bench.readme import BEGIN, END, figures, with_figures
from bench.results import Key, Sample, from_json, to_json
from bench.targets import TIMES

CHECKOUT = Path(__file__).parents[2]
SOME = {
    Key("up", 100, 2, "floor"): Sample(4.0, 60, {"GET routers": 1}),
    Key("up", 100, 2, "ours"): Sample(6.0, 70, {"GET routers": 1, "POST flow-logs": 100}),
    Key("up", 100, 2, "stock"): Sample(72.0, 65, {"GET routers": 1, "POST flow-logs": 100, "GET flow-log": 700}),
    Key("up", 100, 0, "ours"): Sample(5.0, 70, {}),
}


def test_results_are_read_as_they_were_written() -> None:
    assert from_json(to_json(SOME)) == SOME


def test_the_table_tells_of_each_command_what_it_took_with_each_host() -> None:
    assert figures(SOME, ("up", "destroy")).splitlines()[2:] == [
        f"| `up` | 100 | 4.00 s | 6.00 s | 72.0 s | 12{TIMES} faster | 101 / 801 |"
    ]


def test_what_stood_between_the_marks_is_replaced_and_nothing_else() -> None:
    text = with_figures(f"before\n{BEGIN}\nold\n{END}\nafter\n", SOME, ("up",))
    assert text == f"before\n{BEGIN}\n\n{figures(SOME, ('up',))}\n\n{END}\nafter\n"


def test_a_readme_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for the figures"):
        with_figures("no marks", SOME, ("up",))


def test_the_readme_shows_the_figures_of_the_last_benchmark() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    results = from_json((CHECKOUT / "bench" / "results.json").read_text())
    assert with_figures(readme, results, tuple(CASES)) == readme

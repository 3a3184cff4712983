"""The documentation shows the figures that the benchmark has written."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cuts import Cut, CutRun
from bench.fleet_table import tables
from bench.measure import CASES
from bench.pages import BEGIN, END, FLEET_BEGIN, FLEET_END, FLEET_PLACE, figures, with_figures, with_fleet
from bench.results import Key, Sample, from_json, to_json
from bench.targets import TIMES

CHECKOUT = Path(__file__).parents[2]
RESULTS = {
    Key("up", 100, 2, "floor"): Sample(4.0, 60, {"GET routers": 1}),
    Key("up", 100, 2, "ours"): Sample(6.0, 70, {"GET routers": 1, "POST flow-logs": 100}),
    Key("up", 100, 2, "base"): Sample(72.0, 65, {"GET routers": 1, "POST flow-logs": 100, "GET flow-log": 700}),
    Key("up", 100, 0, "ours"): Sample(5.0, 70, {}),
}
FLEET = {
    (Cut(10, 2, 200), "up"): CutRun(90.0, [80.0, 88.5], 160.0, 3000.0, 640, {"POST flow-logs": 4000}, 2),
    (Cut(1, 2, 200), "up"): CutRun(15.0, [15.0], 14.0, 400.0, 64, {"POST flow-logs": 400}, 2),
}


def test_results_are_read_as_they_were_written() -> None:
    assert from_json(to_json(RESULTS, FLEET)) == (RESULTS, FLEET)


def test_figures_compare_the_variants_of_each_command() -> None:
    assert figures(RESULTS, ("up", "destroy")).splitlines()[2:] == [
        f"| `up` | 100 | 4.00 s | 6.00 s | 72.0 s | 12{TIMES} faster | 101 / 801 |"
    ]


def test_only_text_between_the_marks_is_replaced() -> None:
    text = with_figures(f"before\n{BEGIN}\nold\n{END}\nafter\n", RESULTS, ("up",))
    assert text == f"before\n{BEGIN}\n\n{figures(RESULTS, ('up',))}\n\n{END}\nafter\n"
    text = with_fleet(f"before\n{FLEET_PLACE}after\n", FLEET)
    assert text == f"before\n\n### Fleet\n\n{FLEET_BEGIN}\n\n{tables(FLEET)}\n\n{FLEET_END}\nafter\n"
    assert with_fleet(text, FLEET) == text


def test_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no markers for the figures"):
        with_figures("no marks", RESULTS, ("up",))


def test_page_on_speed_shows_the_figures_of_the_last_benchmark() -> None:
    page = (CHECKOUT / "docs" / "speed.md").read_text()
    results, _ = from_json((CHECKOUT / "bench" / "results.json").read_text())
    assert with_figures(page, results, tuple(CASES)) == page


@pytest.mark.parametrize("page", ["docs/guides/splitting-stacks.md", "bench/results.md"])
def test_page_shows_the_fleet_of_the_last_benchmark(page: str) -> None:
    text = (CHECKOUT / page).read_text()
    _, fleet = from_json((CHECKOUT / "bench" / "results.json").read_text())
    assert with_fleet(text, fleet) == text

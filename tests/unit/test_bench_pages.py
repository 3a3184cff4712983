"""The documentation shows the figures that the benchmark has written."""

from pathlib import Path

import pytest

from bench.pages import BLOCKS, PAGES, TITLES, fill, report
from bench.results import Results, from_json

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def results() -> Results:
    return from_json((CHECKOUT / "bench" / "results.json").read_text())


@pytest.mark.parametrize("page", PAGES)
def test_page_shows_the_figures_of_the_last_whole_run(page: str, results: Results) -> None:
    text = (CHECKOUT / page).read_text()
    assert fill(text, results) == text


def test_report_is_that_of_the_last_whole_run(results: Results) -> None:
    assert (CHECKOUT / "bench" / "results.md").read_text() == report(results, tuple(TITLES))


def test_every_table_stands_in_one_page() -> None:
    pages = "".join((CHECKOUT / page).read_text() for page in PAGES)
    found = {name: pages.count(f"<!-- bench {name}: begin -->") for name in BLOCKS}
    assert found == {**dict.fromkeys(BLOCKS, 1), "parts": 0}  # which only results.md has


def test_only_text_between_the_marks_is_replaced(results: Results) -> None:
    text = "before\n<!-- bench previews: begin -->\nold\n<!-- bench previews: end -->\nafter\n"
    filled = fill(text, results)
    before, _, rest = filled.partition("<!-- bench previews: begin -->\n\n")
    assert before == "before\n"
    assert rest.startswith("| flow logs | baseline |")
    assert rest.endswith("processors.\n\n<!-- bench previews: end -->\nafter\n")
    assert f"Commit `{results.commit}`, {results.date}, " in rest
    assert "old" not in filled
    assert fill(filled, results) == filled

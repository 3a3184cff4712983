"""How the benchmark divides a fleet into stacks, and the tables of its results."""

from collections.abc import Iterator

import pytest

from bench.__main__ import _parser
from bench.connections import open_connections
from bench.cuts import ALONE, FLEET_CASES, Cut, CutRun, Fleet, cuts
from bench.errors import BenchError
from bench.fleet_table import tables
from bench.measure import CASES, arguments
from tools.prepare import READS

USED = ["100.0 s", "2,000 MB", "1,004", "64"]


def run(*seconds: float) -> CutRun:
    return CutRun(max(seconds), seconds, 100.0, 2000.4, 64, {"GET": 4, "POST": 1000}, 2)


def rows(text: str) -> Iterator[list[str]]:
    for line in text.splitlines():
        if line.startswith("| `"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_fleet_is_divided_by_size_and_width_and_stacks_alone() -> None:
    *together, single, two, four = cuts(20, 200, [2, 4], [128, 32])
    assert together == [Cut(10, 2, 200), Cut(10, 2, 200, 32), Cut(5, 4, 200), Cut(5, 4, 200, 32)]
    assert {cut.stacks * cut.n for cut in together} == {4000}
    assert [single, two, four] == [Cut(1, number, 200) for number in ALONE]
    # A small fleet has no larger stacks, and none twice.
    assert cuts(2, 10, [2], [128]) == [Cut(1, 2, 10), Cut(1, 1, 10)]


@pytest.mark.parametrize("each", [3, 40, 0, -1])
def test_fleet_must_be_divisible(each: int) -> None:
    with pytest.raises(BenchError, match=f"20 routers cannot be cut into stacks of {each}"):
        cuts(20, 200, [2, each], [128])


def test_fleet_options_have_defaults_and_a_form() -> None:
    usual = _parser().parse_args([])
    assert (usual.fleet, usual.cuts, usual.widths) == ((20, 200), [2], [128, 32])
    assert _parser().parse_args(["--fleet", "4x10"]).fleet == (4, 10)
    assert _parser().parse_args(["--fleet", "0"]).fleet is None
    for text in ("20", "0x10", "4x0", "4x-1", "4x10x2", "ax4", ""):
        with pytest.raises(SystemExit):
            _parser().parse_args(["--fleet", text])


def test_fleet_commands_run_with_the_options_of_make() -> None:
    assert set(FLEET_CASES) < set(CASES)
    assert arguments("up", {READS: "512"}) == CASES["up"]
    assert arguments("refresh", {READS: "512"}) == (*CASES["refresh"], "--parallel", "512")


def test_table_of_stacks_side_by_side_is_sorted_by_size() -> None:
    fleet: Fleet = {
        (cut, case): run(80.0, 90.0)
        for cut in (Cut(5, 4, 200), Cut(10, 2, 200, 32), Cut(20, 1, 200), Cut(10, 2, 200))
        for case in reversed(FLEET_CASES)
    }
    found = list(rows(tables(fleet)))
    assert [row[:4] for row in found[:4]] == [
        ["`up`", "20", "200", "128"],
        ["`up`", "10", "400", "128"],
        ["`up`", "10", "400", "32"],
        ["`up`", "5", "800", "128"],
    ]
    assert all(row[4:] == ["90.0 s", "80.0 s to 90.0 s", *USED] for row in found)
    assert [row[0] for row in found[::4]] == [f"`{case}`" for case in FLEET_CASES]


def test_table_of_one_stack_shows_what_all_take_in_turn() -> None:
    fleet: Fleet = {(Cut(10, 2, 200), "up"): run(90.0), (Cut(1, 2, 200), "up"): run(15.0)}
    _, alone = rows(tables(fleet))
    assert alone == ["`up`", "10", "400", "15.0 s", "2.5 min", *USED]
    assert tables({}) == "Not measured."


def test_open_connections_are_counted_at_the_server() -> None:
    table = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:2329 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:2329 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 0100007F:C001 0100007F:2329 01 00000000:00000000 00:00000000 00000000     0        0 3 1 0 20 4 30 10 -1
   3: 0100007F:2329 0100007F:C002 06 00000000:00000000 03:00000A1C 00000000     0        0 0 3 0
   4: 0100007F:232A 0100007F:C003 01 00000000:00000000 00:00000000 00000000     0        0 4 1 0 20 4 30 10 -1
"""
    assert open_connections(table, 0x2329) == 1

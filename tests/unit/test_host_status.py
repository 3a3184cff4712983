"""What is on a resource's line while its operation waits."""

from __future__ import annotations

import queue
import re

import pytest

from providers.host import status
from providers.host.status import StatusLines


class Screen:
    """Where lines go; `next` waits for one."""

    def __init__(self) -> None:
        self.shown: queue.Queue[tuple[str, str]] = queue.Queue()

    def show(self, urn: str, text: str) -> None:
        self.shown.put((urn, text))

    def next(self) -> tuple[str, str]:
        return self.shown.get(timeout=30)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """A screen for lines on which all goes a hundred times as fast."""
    for name in ("INTERVAL", "FIRST_AFTER", "MAX_GAP"):
        monkeypatch.setattr(status, name, getattr(status, name) / 100)
    return Screen()


def test_a_waiting_operations_line_says_what_for_and_how_long_already(screen: Screen) -> None:
    with StatusLines(screen.show).show_waits("urn:shop") as report:
        report("available: pending")
        urn, text = screen.next()
        assert urn == "urn:shop"
        assert re.fullmatch(r"waiting for available: pending, \d+ s", text)
        report("available: modifying")
        text = next(line for _ in range(50) if "pending" not in (line := screen.next()[1]))
        assert re.fullmatch(r"waiting for available: modifying, \d+ s", text)


def test_the_longer_a_wait_lasts_the_fewer_lines_it_makes() -> None:
    assert [status.next_due(elapsed) for elapsed in (3, 6, 60, 600)] == [6, 12, 120, 660]


def test_a_line_that_was_shown_is_cleared_when_its_operation_ends(screen: Screen) -> None:
    with StatusLines(screen.show).show_waits("urn:shop") as report:
        report("it")
        screen.next()
    while (line := screen.next()) != ("urn:shop", ""):
        assert line[1].startswith("waiting for it, ")


def test_an_operation_that_is_over_soon_shows_nothing(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "FIRST_AFTER", 0.5)
    lines = StatusLines(screen.show)
    with lines.show_waits("urn:quick") as report:
        report("the service to answer")
    with lines.show_waits("urn:slow") as report:
        report("the service to answer")
        assert screen.next()[0] == "urn:slow"


def test_an_operation_that_does_not_wait_has_no_line(screen: Screen) -> None:
    lines = StatusLines(screen.show)
    with lines.show_waits("urn:busy"), lines.show_waits("urn:waits") as report:
        report("the service to answer")
        assert {screen.next()[0] for _ in range(3)} == {"urn:waits"}


def test_with_more_operations_than_lines_at_once_each_has_its_turn(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "LINES_PER_ROUND", 1)
    lines = StatusLines(screen.show)
    with lines.show_waits("urn:a") as first, lines.show_waits("urn:b") as second:
        first("it")
        second("it")
        seen = {screen.next()[0] for _ in range(4)}
    assert seen == {"urn:a", "urn:b"}


def test_lines_come_again_after_a_time_in_which_nobody_waited(screen: Screen) -> None:
    lines = StatusLines(screen.show)
    for urn in ("urn:a", "urn:b"):
        with lines.show_waits(urn) as report:
            report("it")
            while screen.next()[0] != urn:
                pass

"""What is on a resource's line while its operation waits."""

from __future__ import annotations

import itertools
import queue

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
    monkeypatch.setattr(status, "INTERVAL", 0.05)
    return Screen()


def test_a_waiting_operations_line_says_what_for_and_how_long_already(screen: Screen) -> None:
    with StatusLines(screen.show).of("urn:shop") as report:
        report("available: pending")
        assert screen.next() == ("urn:shop", "waiting for available: pending, 0 s")
        report("available: modifying")
        while (line := screen.next()) != ("urn:shop", "waiting for available: modifying, 0 s"):
            assert line == ("urn:shop", "waiting for available: pending, 0 s")


def test_an_operation_that_has_ended_has_no_line(screen: Screen) -> None:
    lines = StatusLines(screen.show)
    with lines.of("urn:first") as report:
        report("the service to answer")
    with lines.of("urn:second") as report:
        report("the service to answer")
        assert screen.next()[0] == "urn:second"


def test_an_operation_that_does_not_wait_has_no_line(screen: Screen) -> None:
    lines = StatusLines(screen.show)
    with lines.of("urn:quick"), lines.of("urn:slow") as report:
        report("the service to answer")
        assert {screen.next()[0] for _ in range(5)} == {"urn:slow"}


def test_with_more_operations_than_lines_at_once_they_take_turns(
    screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status, "LINES_AT_ONCE", 1)
    lines = StatusLines(screen.show)
    with lines.of("urn:a") as first, lines.of("urn:b") as second:
        first("it")
        second("it")
        seen = [screen.next()[0] for _ in range(6)]
    assert {*itertools.pairwise(seen)} <= {("urn:a", "urn:b"), ("urn:b", "urn:a")}


def test_lines_come_again_after_a_time_in_which_nobody_waited(screen: Screen) -> None:
    lines = StatusLines(screen.show)
    for urn in ("urn:a", "urn:b"):
        with lines.of(urn) as report:
            report("it")
            while screen.next()[0] != urn:
                pass

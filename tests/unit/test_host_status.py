"""What a resource's status line shows while its operation waits."""

from __future__ import annotations

import queue
import re

import pytest

from providers.host import status
from providers.host.status import StatusLines


class Screen(StatusLines):
    """Lines that go to a queue; `next_line` waits for one."""

    def __init__(self) -> None:
        self._shown: queue.Queue[tuple[str, str]] = queue.Queue()
        super().__init__(lambda urn, text: self._shown.put((urn, text)))

    def next_line(self) -> tuple[str, str]:
        return self._shown.get(timeout=30)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    """Lines on which everything happens a hundred times as fast."""
    for name in ("INTERVAL", "FIRST_AFTER", "MAX_GAP"):
        monkeypatch.setattr(status, name, getattr(status, name) / 100)
    return Screen()


def test_line_shows_what_operation_waits_for_and_how_long(screen: Screen) -> None:
    with screen.show_waits("urn:shop") as report:
        report("available: pending")
        urn, text = screen.next_line()
        assert urn == "urn:shop"
        assert re.fullmatch(r"waiting for available: pending, \d+ s", text)
        report("available: modifying")
        text = next(text for _ in range(50) if "pending" not in (text := screen.next_line()[1]))
        assert re.fullmatch(r"waiting for available: modifying, \d+ s", text)


def test_longer_waits_show_fewer_texts() -> None:
    assert [status.next_due(elapsed) for elapsed in (3, 6, 60, 600)] == [6, 12, 120, 660]


def test_line_is_cleared_when_operation_ends(screen: Screen) -> None:
    with screen.show_waits("urn:shop") as report:
        report("it")
        screen.next_line()
    while (line := screen.next_line()) != ("urn:shop", ""):
        assert line[1].startswith("waiting for it, ")


def test_short_operation_shows_nothing(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "FIRST_AFTER", 0.5)
    with screen.show_waits("urn:quick") as report:
        report("the service to answer")
    with screen.show_waits("urn:slow") as report:
        report("the service to answer")
        assert screen.next_line()[0] == "urn:slow"


def test_operation_that_does_not_wait_shows_nothing(screen: Screen) -> None:
    with screen.show_waits("urn:busy"), screen.show_waits("urn:waits") as report:
        report("the service to answer")
        assert {screen.next_line()[0] for _ in range(3)} == {"urn:waits"}


def test_lines_take_turns(screen: Screen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "LINES_PER_ROUND", 1)
    with screen.show_waits("urn:a") as first, screen.show_waits("urn:b") as second:
        first("it")
        second("it")
        assert {screen.next_line()[0] for _ in range(4)} == {"urn:a", "urn:b"}


def test_lines_show_again_after_time_without_waits(screen: Screen) -> None:
    for urn in ("urn:a", "urn:b"):
        with screen.show_waits(urn) as report:
            report("it")
            while screen.next_line()[0] != urn:
                pass

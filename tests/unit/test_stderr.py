"""Messages on stderr, at a terminal and elsewhere."""

from __future__ import annotations

import sys

import pytest

from providers.stderr import say

SENTENCE = (
    f"error: the router {'er-core-of-the-landing-zone-' * 4}1 does not exist: use its name or its id in the stack file"
)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_sentences_break_between_words_at_terminals_only(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    monkeypatch.setenv("COLUMNS", "40")

    say(f"{SENTENCE}\nsecond line")

    lines = capsys.readouterr().err.splitlines()
    assert lines[-1] == "second line"
    assert " ".join(line.strip() for line in lines[:-1]) == SENTENCE
    if is_terminal:
        assert len(lines) > 2
        assert all(len(line) <= 40 or " " not in line.strip() for line in lines)
    else:
        assert lines[0] == SENTENCE

"""Any text becomes fit to be shown."""

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from providers.er.sanitizing import MAX_NAME_LENGTH, display_name, has_surrogates, redact, replace_surrogates, sanitize

RED = "\x1b[31mred\x1b]0;title\x07\n\r\u202e\u2066\x9b2Jevil"
TEXTS = st.text(st.characters()) | st.text(st.sampled_from("<{%}> \n\x1b\u200f\u2028\ud800a"))


@settings(max_examples=50)
@given(TEXTS, st.integers(1, 50))
@example(RED, 50)
@example("\u200f\u00ad\ufeff\u2028\u2029\U000e0041x\0", 50)
@example("x" * 1_000_000, 50)
@example("<" * 60 + "{%bold%}>", 50)
def test_sanitized_text_is_one_bounded_printable_line(text: str, longest: int) -> None:
    shown = sanitize(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest + 1
    assert "<{%" not in shown
    assert not has_surrogates(shown)
    assert sanitize(shown, longest + 1) == shown


@given(st.text(st.characters(categories=["L", "N"]), max_size=500))
def test_sanitizing_keeps_text_that_is_fit_to_be_shown(text: str) -> None:
    assert sanitize(text) == text
    assert display_name(text) == (text if len(text) <= MAX_NAME_LENGTH else text[:MAX_NAME_LENGTH] + "…")


@given(TEXTS)
def test_replaced_surrogates_leave_text_that_utf_8_can_encode(text: str) -> None:
    replaced = replace_surrogates(text)
    assert len(replaced) == len(text)
    replaced.encode()
    assert (replaced != text) == has_surrogates(text)


@settings(max_examples=25)
@given(st.text(st.characters(exclude_characters="…"), min_size=4), st.text(), st.text())
@example('quo"te\\é', "a", "b")
def test_redacted_text_never_has_the_secret(secret: str, before: str, after: str) -> None:
    for spelling in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        assert spelling not in redact(secret, before + spelling + after)
    assert redact(None, before) == before

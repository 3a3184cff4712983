"""Text from elsewhere in Markdown: it stays text, notifies nobody and links to nothing, on GitHub and GitLab.

Both look for mentions and references everywhere but in code, and after Markdown has been rendered, so that escaping a
character prevents none. So whatever is not a plain word is shown as code.
"""

from __future__ import annotations

import re
from itertools import groupby

from providers.er.sanitizing import MAX_NAME_LENGTH, replace_surrogates, sanitize

NOTHING = "-"

_PUNCTUATED = re.compile(
    r"""(?P<begin>["'(])?(?P<only_closes>(?=[^(]*$))?(?P<core>.*?)"""
    r"""(?P<end>(?(begin)["')]*|(?(only_closes)\)*))[.,:;…]*)"""
)
_PLAIN = re.compile(r"(?:[^\W\d_]+(?:[-'][^\W\d_]+)*'?|\d[\d.,]*|-)?")
_COMMIT = re.compile(r"[0-9a-f]{7,40}", re.IGNORECASE)
"""What may be the beginning of a commit's hash: both forges link it."""
_CLOSING = {"[": "]", "{": "}"}
_BRACKET_OR_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')
"""Brackets in the strings of JSON are none of its own."""
_CUT = re.compile(r"…|\.{3}")
_SPACE = "\0"
"""A space inside a value. Shown text has no such character."""


def code(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """A name or value, also for a table cell."""
    clean = _clean(text, longest)
    if not clean:
        return NOTHING
    if any(character in clean for character in "`|<"):
        return f"<code>{_entities(clean)}</code>"
    return f"`{clean}`"


def prose(text: str, longest: int = 500) -> str:
    """A sentence: its plain words as they are, everything else as code. A value in brackets is one code span."""
    words = _with_values_as_words(_clean(text, longest)).split(" ")
    runs = ((is_plain, " ".join(run)) for is_plain, run in groupby(words, key=_is_plain))
    joined = " ".join(run if is_plain else _code_in_sentence(run) for is_plain, run in runs)
    return joined.replace(_SPACE, " ")


def _with_values_as_words(text: str) -> str:
    """The text with `_SPACE` for each space inside square or curly brackets, as JSON has them.

    A bracket that is never closed counts if the text is cut after it.
    """
    parts, end = [], 0
    for start, stop in _find_values(text):
        if start >= end:
            parts += [text[end:start], text[start:stop].replace(" ", _SPACE)]
            end = stop
    return "".join([*parts, text[end:]])


def _find_values(text: str) -> list[tuple[int, int]]:
    """Where values in brackets begin and end; an outer one comes before those in it."""
    found, opened = [], list[tuple[str, int]]()
    for match in _BRACKET_OR_STRING.finditer(text):
        token = match[0]
        if token in _CLOSING:
            opened.append((_CLOSING[token], match.start()))
        elif opened and token == opened[-1][0]:
            found.append((opened.pop()[1], match.end()))
    if opened and (cut := _CUT.search(text, opened[0][1])):
        found.append((opened[0][1], cut.end()))
    return sorted(found, key=lambda place: (place[0], -place[1]))


def _is_plain(word: str) -> bool:
    core = _split(word)["core"]
    return _PLAIN.fullmatch(core) is not None and not _COMMIT.fullmatch(core)


def _code_in_sentence(words: str) -> str:
    parts = _split(words)
    return f"{parts['begin'] or ''}{code(parts['core'], len(words))}{parts['end']}"


def _split(text: str) -> re.Match[str]:
    """The text, and the punctuation around it."""
    found = _PUNCTUATED.fullmatch(text)
    assert found  # each part may be empty
    return found


def _clean(text: str, longest: int) -> str:
    return sanitize(replace_surrogates(text), longest)


def _entities(text: str) -> str:
    """The text with all but letters, digits, spaces and hyphens as entities."""
    return "".join(char if char.isalnum() or char in " -" else f"&#{ord(char)};" for char in text)

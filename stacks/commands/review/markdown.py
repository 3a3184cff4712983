"""Text from elsewhere in Markdown: it stays text, notifies nobody and links to nothing, on GitHub and GitLab.

Both look for mentions and references everywhere but in code, and after Markdown has been rendered, so that escaping a
character prevents none. So whatever is not a plain word is shown as code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from providers.er.sanitizing import MAX_NAME_LENGTH, replace_surrogates, sanitize

NOTHING = "-"

_PUNCTUATED = re.compile(
    r"""(?P<begin>["'(])?(?P<only_closes>(?=[^(]*$))?(?P<core>.*?)"""
    r"""(?P<end>(?(begin)["')]*|(?(only_closes)\)*))[.,:;…]*)"""
)
_PLAIN = re.compile(r"(?:[^\W\d_]+(?:[-'][^\W\d_]+)*'?|\d[\d.,]*|-)?")
_COMMIT = re.compile(r"[0-9a-f]{7,40}", re.IGNORECASE)
"""What may be the beginning of a commit's hash: both forges link it."""


def code(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """A name or value, also for a table cell."""
    clean = _clean(text, longest)
    if not clean:
        return NOTHING
    if any(character in clean for character in "`|<"):
        return f"<code>{_entities(clean)}</code>"
    return f"`{clean}`"


def prose(text: str, longest: int = 500) -> str:
    """A sentence: its plain words as they are, everything else as code."""
    runs = groupby(_mark_plain(_clean(text, longest).split()), key=itemgetter(1))
    texts = ((is_plain, " ".join(word for word, _ in run)) for is_plain, run in runs)
    return " ".join(run if is_plain else _code_in_sentence(run) for is_plain, run in texts)


def _mark_plain(words: Sequence[str]) -> Iterator[tuple[str, bool]]:
    """Each word, and whether it is plain; nothing in brackets of JSON is, so that a value is one piece of code."""
    depth = 0
    for word in words:
        yield word, not depth and _is_plain(word)
        depth = max(0, depth + sum(map(word.count, "{[")) - sum(map(word.count, "}]")))


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

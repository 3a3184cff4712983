"""Text from outside, fit to be shown: on one line, bounded, and without secrets."""

from __future__ import annotations

import json
import re

MAX_NAME_LENGTH = 100  # characters shown of a name; the service allows 64

_SURROGATE = re.compile("[\ud800-\udfff]")


def display_name(text: str) -> str:
    """A name, fit to be shown, to be a key, and to be part of a sentence."""
    return sanitize(text, MAX_NAME_LENGTH)


def has_surrogates(text: str) -> bool:
    """Whether the text has half of a surrogate pair, which JSON can escape and UTF-8 cannot encode."""
    return _SURROGATE.search(text) is not None


def replace_surrogates(text: str) -> str:
    """The text with a replacement character for each half of a surrogate pair."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def redact(secret: str | None, text: str) -> str:
    """The text without a secret that it repeats, as it is or as JSON spells it."""
    for spelling in {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]} if secret else ():
        text = text.replace(spelling, "…")
    return text


def sanitize(text: str, longest: int = 500) -> str:
    """The text on one line, bounded, without control characters: it ends up on terminals.

    Pulumi's colour tags are broken up too: its CLI panics over one that it does not know.
    """
    # A long text may be megabytes: only its beginning is read.
    begin = text[: 2 * longest]
    clean = "".join(character if character.isprintable() else " " for character in begin)
    clean = " ".join(clean.replace("<{%", "<{ %").split())
    return clean if len(clean) <= longest and begin == text else clean[:longest] + "…"

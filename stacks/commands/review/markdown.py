"""Text from elsewhere in Markdown: it stays text, notifies nobody and links to nothing, on GitHub and GitLab."""

from __future__ import annotations

import re

from providers.er.sanitizing import MAX_NAME_LENGTH, replace_surrogates, sanitize

NOTHING = "-"
_JOINER = "&#8288;"  # invisible, and part of no mention or reference
_REFERENCE = re.compile(r"(?<=[@#!~%$&^])(?=\w)|(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)


def code(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """A name or value, also for a table cell. Mentions and links have no effect in code."""
    clean = _clean(text, longest)
    if not clean:
        return NOTHING
    if any(character in clean for character in "`|<"):
        return f"<code>{_entities(clean, ' -')}</code>"
    return f"`{clean}`"


def prose(text: str, longest: int = 500) -> str:
    """A sentence."""
    return _JOINER.join(_entities(part, " -.,:;/'()") for part in _REFERENCE.split(_clean(text, longest)))


def _clean(text: str, longest: int) -> str:
    return sanitize(replace_surrogates(text), longest)


def _entities(text: str, plain: str) -> str:
    """The text with all but letters, digits and the plain characters as entities."""
    return "".join(char if char.isalnum() or char in plain else f"&#{ord(char)};" for char in text)

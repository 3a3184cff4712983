"""Foreign text in Markdown: it stays text, notifies nobody, and links to nothing, on GitHub as on GitLab."""

from __future__ import annotations

import re

from providers.er.sanitizing import MAX_NAME_LENGTH, replace_surrogates, sanitize

NOTHING = "-"
_JOINER = "&#8288;"  # invisible, and no part of any name that a mention or a reference could have
_REFERS = re.compile(r"(?<=[@#!~%$&^])(?=\w)|(?<=:)(?=//)|(?<=\bwww)(?=\.)", re.IGNORECASE)


def code(text: str, longest: int = MAX_NAME_LENGTH) -> str:
    """A name or value, for a cell of a table too. Nothing in code is looked through for mentions and links."""
    clean = _clean(text, longest)
    if not clean:
        return NOTHING
    if any(one in clean for one in "`|<"):
        return f"<code>{_entities(clean, ' -')}</code>"
    return f"`{clean}`"


def prose(text: str, longest: int = 500) -> str:
    """A sentence."""
    return _JOINER.join(_entities(part, " -.,:;/'()") for part in _REFERS.split(_clean(text, longest)))


def _clean(text: str, longest: int) -> str:
    return sanitize(replace_surrogates(text), longest)


def _entities(text: str, plain: str) -> str:
    """With all but letters, digits and what is plain as characters that mean nothing."""
    return "".join(one if one.isalnum() or one in plain else f"&#{ord(one)};" for one in text)

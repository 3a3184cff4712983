"""Values out of the text of YAML files, for what runs before a parser is installed, or must not fail on any text."""

from __future__ import annotations

import re


def scalar(key: str, text: str) -> str:
    """The value of a key in the text of a YAML file, if it is written on the key's line; else empty.

    Args:
        key: A regular expression of the line up to the colon.
        text: The file's text.
    """
    found = re.search(rf"{key}:[ \t]*['\"]?([^'\"\s#]+)", text, re.MULTILINE)
    return found.group(1) if found else ""

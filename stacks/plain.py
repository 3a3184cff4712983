"""What needs nothing but the standard library, as `make` asks before anything is installed."""

from __future__ import annotations

import re


def short_name(stack: str) -> str:
    """The stack's own name: ORGANIZATION/PROJECT/STACK is the same stack."""
    return stack.rpartition("/")[2]


def scalar(key: str, text: str) -> str:
    """The value of a key in the text of a YAML file, if it is written on the key's line; else empty.

    Args:
        key: A regular expression of the line up to the colon.
        text: The file's text.
    """
    found = re.search(rf"{key}:[ \t]*['\"]?([^'\"\s#]+)", text, re.MULTILINE)
    return found.group(1) if found else ""

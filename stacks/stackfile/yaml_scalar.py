"""Reads single values from the text of YAML files, where no parser is installed yet or no text may cause a failure."""

from __future__ import annotations

import re


def scalar(key: str, text: str) -> str:
    """The value of a key in the text of a YAML file; empty unless it is on the key's line.

    Args:
        key: A regular expression of the line up to the colon.
        text: The file's text.
    """
    match = re.search(rf"{key}:[ \t]*['\"]?([^'\"\s#]+)", text, re.MULTILINE)
    return match.group(1) if match else ""

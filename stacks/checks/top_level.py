"""The top level of stack files, of which Pulumi ignores keys that it does not know, and drops them when it writes.

Standard library only: `make` needs it before Pulumi writes to a new stack's file.
"""

from __future__ import annotations

import re
from pathlib import Path

_KNOWN = ("config", "secretsprovider", "encryptedkey", "encryptionsalt", "environment")
_KEY = re.compile(r"^([A-Za-z][\w./:-]{0,99})[ \t]*:(?=\s|$)", re.MULTILINE)
"""A plain key that is not indented. Quoted keys are left out: they may be lines of a value in brackets."""


def check_top_level(file: Path, text: str) -> str | None:
    """The sentence about a key outside `config:` that Pulumi does not know; None if there is none.

    Args:
        file: The file, as the user knows it.
        text: Its text.
    """
    unknown = next((key for key in _KEY.findall(text) if key not in _KNOWN), None)
    if unknown is None:
        return None
    return f"{file} has the key {unknown} outside config: write the stack's settings, indented, below a line `config:`"

"""Stack files that say nothing."""

from __future__ import annotations

import re
from pathlib import Path

_NOTHING = re.compile(r"---|#.*|(encryptionsalt|encryptedkey|secretsprovider):.*|")
"""Lines that are no setting of the user: Pulumi writes the last three kinds itself."""
_NO_CONFIG = re.compile(r"config:\s*(\{\s*\}|null|~)?\s*(#.*)?")


def check_not_empty(file: Path, text: str) -> str | None:
    """The sentence about a stack file without a single setting; None if it has one.

    Args:
        file: The file, as the user knows it.
        text: Its text.
    """
    lines = [line.strip() for line in text.splitlines()]
    settings = [line for line in lines if not _NOTHING.fullmatch(line)]
    if not all(_NO_CONFIG.fullmatch(line) for line in settings):
        return None
    if settings:
        what = "has nothing below config:"
    else:
        what = "has only comments" if any(line.startswith("#") for line in lines) else "is empty"
    return f"{file} {what}; declare the stack's routers in it, as docs/reference/stack-file.md shows"

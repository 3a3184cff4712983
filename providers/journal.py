"""Creates under way, written down in the project's folder: a provider that is killed tells nobody what it had begun.

The engine takes such a create for one that failed, and forgets it. So each has a file from before its first request
until the engine has its answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(".local", "creating")


@contextlib.contextmanager
def written_down(stack: str, urn: str, inputs: Mapping[str, Any]) -> Iterator[None]:
    """Have a create written down as long as the block lasts.

    Args:
        stack: The stack's name.
        urn: What is created.
        inputs: All of them. None of ours is secret; for what somebody else's program takes for one, only they may read.
    """
    text = json.dumps({"urn": urn, "inputs": dict(inputs)}, sort_keys=True)
    folder = FOLDER / stack
    file = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_suffix(".part")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def left_over(stack: str) -> list[dict[str, Any]]:
    """The creates of which nobody has written down the end: each with `urn` and `inputs`."""
    return [json.loads(file.read_text()) for file in sorted((FOLDER / stack).glob("*.json"))]

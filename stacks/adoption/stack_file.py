"""The text of a stack file, and where to put more into it without touching what is there."""

from __future__ import annotations

import re
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from providers.keys import full
from stacks.adoption.existing import Adopted, AdoptionError

WIDTH = 110  # characters of a comment's line
INDENT = "  "


def section(adopted: Adopted) -> str:
    """The lines of a stack file below `config:`, not indented."""
    comments = [
        "What was there when this was written. `make up` takes it over by import, because of `adopt: true`: remove that"
        " afterwards. From then on, this file is the place to change it.",
        *adopted.left_out,
        *adopted.notes,
    ]
    lines = [line for comment in comments for line in textwrap.wrap(comment, WIDTH)]
    return "".join(f"# {line}\n" for line in lines) + _dumped({full("routers"): adopted.routers})


def new(adopted: Adopted, place: Mapping[str, str]) -> str:
    """A whole stack file.

    Args:
        adopted: The routers.
        place: What to say of the region and the project, by key without the namespace.
    """
    values = {full(key): value for key, value in place.items()}
    return "config:\n" + textwrap.indent((_dumped(values) if values else "") + section(adopted), INDENT)


def completed(before: str, adopted: Adopted) -> str:
    """The stack file with the routers, and all else as it is.

    Args:
        before: The file as it is, without routers.
        adopted: The routers.

    Raises:
        AdoptionError: The file has a form that nothing can be put into.
    """
    try:
        document = yaml.safe_load(before) or {}
        lines = before.splitlines(keepends=True)
        if not document:
            return before + ("" if before.endswith("\n") or not before else "\n") + new(adopted, {})
        start = next(index for index, line in enumerate(lines) if re.fullmatch(r"config:\s*(#.*)?", line.rstrip()))
        first = next((line for line in lines[start + 1 :] if line.strip() and not line.lstrip().startswith("#")), "")
        indent = re.match(r" *", first).group() or INDENT  # type: ignore[union-attr]
        end = "\r\n" if lines[start].endswith("\r\n") else "\n"
        added = textwrap.indent(section(adopted), indent).replace("\n", end)
        head = "".join(lines[: start + 1])
        after = head + ("" if head.endswith("\n") else "\n") + added + "".join(lines[start + 1 :])
        if yaml.safe_load(after) == {**document, "config": {**(document["config"] or {}), **_routers(adopted)}}:
            return after
    except (yaml.YAMLError, StopIteration, TypeError, KeyError, AttributeError):
        pass
    raise AdoptionError("it has another form than a stack file's: a line `config:`, and the keys below, indented")


def write(file: Path, text: str) -> None:
    """Put the text in place of the file, all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as folder:
        written = Path(folder, file.name)
        written.write_bytes(text.encode())
        written.chmod(file.stat().st_mode if file.exists() else 0o644)
        written.replace(file)


def _routers(adopted: Adopted) -> dict[str, Any]:
    return {full("routers"): adopted.routers}


def _dumped(values: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=WIDTH))

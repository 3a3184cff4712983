"""The text of a stack file, and where to put more into it without touching what is there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping

import yaml

from providers.keys import full
from stacks.adoption.existing import Adopted, AdoptionError

WIDTH = 110  # characters of a comment's line


def text(adopted: Adopted) -> str:
    """The lines of a stack file below `config:`."""
    comments = [
        "What was there when this was written; `make up` takes it over by import, because of `adopt: true`, and from"
        " then on is the one to change it.",
        *adopted.notes,
    ]
    lines = [line for comment in comments for line in textwrap.wrap(comment, WIDTH)]
    section = yaml.safe_dump({full("routers"): adopted.routers}, sort_keys=False, allow_unicode=True, width=WIDTH)
    return textwrap.indent("".join(f"# {line}\n" for line in lines) + section, "  ")


def written(before: str | None, place: Mapping[str, str], section: str) -> str:
    """The stack file with the section.

    Args:
        before: The file as it is, without routers; None if there is none.
        place: What a new file says of the region and the project, by key without the namespace.
        section: What `text` gives.

    Raises:
        AdoptionError: The file has a form that nothing can be put into.
    """
    if before is None:
        return "config:\n" + "".join(f"  {full(key)}: {value}\n" for key, value in place.items()) + section
    lines = before.splitlines(keepends=True)
    starts = [index for index, line in enumerate(lines) if re.fullmatch(r"config:\s*(#.*)?", line.rstrip("\n"))]
    if len(starts) != 1:
        raise AdoptionError("it has no line `config:` to put them below")
    last = starts[0] + 1
    while last < len(lines) and (not lines[last].strip() or lines[last][0] in " \t#"):
        last += 1
    head = "".join(lines[:last])
    return head + ("" if head.endswith("\n") else "\n") + section + "".join(lines[last:])

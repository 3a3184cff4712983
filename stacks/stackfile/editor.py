"""The routers in a stack file: put where they belong, without touching what is there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from providers.config_keys import qualified
from stacks.commands.adopt.existing import Adopted, AdoptionError
from stacks.stackfile.writer import INDENT, WIDTH, dumped


def section(adopted: Adopted, place: Mapping[str, str]) -> str:
    """The lines of a stack file below `config:`, not indented.

    Args:
        adopted: The routers.
        place: What to say of the region and the project, by key without the namespace.
    """
    comments = [
        "What was there when this was written. `make up` takes it over by import, because of `adopt: true`: remove that"
        " afterwards. From then on, this file is the place to change it.",
        *adopted.left_out,
        *adopted.notes,
    ]
    lines = [line for comment in comments for line in textwrap.wrap(comment, WIDTH, break_on_hyphens=False)]
    places = dumped({qualified(key): value for key, value in place.items()}) if place else ""
    return places + "".join(f"# {line}\n" for line in lines) + dumped(_routers(adopted))


def completed(before: str, adopted: Adopted, place: Mapping[str, str]) -> str:
    """The stack file with the routers, and all else as it is.

    Args:
        before: The file as it is, without routers; empty if there is none.
        adopted: The routers.
        place: As for `section`.

    Raises:
        AdoptionError: The file has a form that nothing can be put into.
    """
    document = yaml.safe_load(before) or {}
    config = document.get("config") or {}
    end = "\r\n" if "\r\n" in before else "\n"
    lines = before.splitlines(keepends=True)
    if "config" in document:
        starts = [index for index, line in enumerate(lines) if re.fullmatch(r"config:\s*(#.*)?", line.rstrip())]
        position = starts[0] + 1 if starts else len(lines)
        first = next((one for one in lines[position:] if one.strip() and not one.lstrip().startswith("#")), "")
        indent = first[: len(first) - len(first.lstrip(" "))] or INDENT
        added = textwrap.indent(section(adopted, place), indent)
    else:
        position = len(lines)
        added = "config:\n" + textwrap.indent(section(adopted, place), INDENT)
    head = "".join(lines[:position])
    after = (
        head + ("" if head.endswith("\n") or not head else end) + added.replace("\n", end) + "".join(lines[position:])
    )
    wanted = {**config, **{qualified(key): value for key, value in place.items()}, **_routers(adopted)}
    try:
        if yaml.safe_load(after) == {**document, "config": wanted}:
            return after
    except yaml.YAMLError:
        pass
    raise AdoptionError(
        "its config is not below a line `config:`, one key a line; write it so, or have ARGS=--print show what to put"
        " there"
    )


def _routers(adopted: Adopted) -> dict[str, Any]:
    return {qualified("routers"): adopted.routers}

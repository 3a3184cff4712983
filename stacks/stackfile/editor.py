"""Adds routers and log groups to the text of a stack file, without changing what is there."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from providers.config_keys import qualified
from stacks.stackfile.writer import INDENT, WIDTH, dump


class EditError(ValueError):
    """The stack file was not changed; the text is one sentence."""


def format_sections(sections: Mapping[str, Any], comments: Sequence[str], place: Mapping[str, str]) -> str:
    """The lines of a stack file below `config:`, not indented.

    Args:
        sections: `routers` and the like, as a stack file has them.
        comments: What to write above them.
        place: The region and the project, by key without the namespace; empty if the file has them.
    """
    lines = [line for comment in comments for line in textwrap.wrap(comment, WIDTH, break_on_hyphens=False)]
    settings = dump(_qualify(place)) if place else ""
    return settings + "".join(f"# {line}\n" for line in lines) + dump(_qualify(sections))


def add_sections(text: str, sections: Mapping[str, Any], comments: Sequence[str], place: Mapping[str, str]) -> str:
    """The text of the stack file with the sections added.

    Args:
        text: The file as it is, without them; empty if there is none.
        sections: As for `format_sections`.
        comments: What to write above them.
        place: As for `format_sections`.

    Raises:
        EditError: The file has a form that nothing can be added to.
    """
    document = yaml.safe_load(text) or {}
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines(keepends=True)
    section = format_sections(sections, comments, place)
    if "config" in document:
        position = next((index for index, line in enumerate(lines, 1) if _starts_config(line)), len(lines))
        first = next((line for line in lines[position:] if line.strip() and not line.lstrip().startswith("#")), "")
        indent = first[: len(first) - len(first.lstrip(" "))] or INDENT
        section = textwrap.indent(section, indent)
    else:
        position = len(lines)
        section = "config:\n" + textwrap.indent(section, INDENT)
    head, tail = "".join(lines[:position]), "".join(lines[position:])
    separator = "" if head.endswith("\n") or not head else newline
    edited = head + separator + section.replace("\n", newline) + tail
    config = {**(document.get("config") or {}), **_qualify({**place, **sections})}
    try:
        if yaml.safe_load(edited) == {**document, "config": config}:
            return edited
    except yaml.YAMLError:
        pass
    raise EditError(
        "its keys must be below a line `config:`, one key per line: change it, or use ARGS=--print to see what to add"
    )


def _starts_config(line: str) -> bool:
    return re.fullmatch(r"config:\s*(#.*)?", line.rstrip()) is not None


def _qualify(values: Mapping[str, Any]) -> dict[str, Any]:
    return {qualified(key): value for key, value in values.items()}

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

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(:[A-Za-z0-9_.-]+)?")


class _Dumper(yaml.SafeDumper):
    """Quotes whatever some reader of YAML could take for something else: Pulumi's is not Python's."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


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
    lines = [line for comment in comments for line in textwrap.wrap(comment, WIDTH)]
    places = _dumped({full(key): value for key, value in place.items()}) if place else ""
    return places + "".join(f"# {line}\n" for line in lines) + _dumped(_routers(adopted))


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
    wanted = {**config, **{full(key): value for key, value in place.items()}, **_routers(adopted)}
    try:
        if yaml.safe_load(after) == {**document, "config": wanted}:
            return after
    except yaml.YAMLError:
        pass
    raise AdoptionError(
        "its config is not below a line `config:`, one key a line; write it so, or have ARGS=--print show what to put"
        " there"
    )


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
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)

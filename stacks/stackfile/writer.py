"""The text of stack files: how things are written in them, and how a file is written whole."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from providers.er.limits import NAME_MAX_LENGTH

WIDTH = 110  # characters of a comment's line
INDENT = "  "

_STACK = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(:[A-Za-z0-9_.-]+)?")


class _Dumper(yaml.SafeDumper):
    """Quotes whatever some reader of YAML could take for something else: Pulumi's is not Python's."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def write(file: Path, text: str) -> None:
    """Put the text in place of the file, all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as folder:
        written = Path(folder, file.name)
        written.write_bytes(text.encode())
        written.chmod(file.stat().st_mode if file.exists() else 0o644)
        written.replace(file)


def dumped(values: Mapping[str, Any]) -> str:
    """The values as YAML, in their order."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def scalar(value: str) -> str:
    """A text as it stands behind a key."""
    return dumped({"k": value}).removeprefix("k: ").rstrip("\n")


def as_key(name: str) -> str:
    """What of a name can be a router's key; perhaps nothing."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[: NAME_MAX_LENGTH - 8]


def checked_name(stack: str) -> None:
    """Refuse what cannot be a stack's name.

    Raises:
        ValueError: It cannot; the text is one sentence.
    """
    if not _STACK.fullmatch(stack):
        raise ValueError(f"{stack!r} is no name of a stack: letters, digits, _, - and . make one")

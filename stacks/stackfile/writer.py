"""Writes stack files, and what stands in them: values, router keys."""

from __future__ import annotations

import math
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
    """Quotes each text that some YAML parser could read as another type: Pulumi's parser is not Python's."""


def _represent_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if _PLAIN.fullmatch(value) else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _represent_text)


def write(file: Path, text: str) -> None:
    """Replace the file by this text, completely or not at all."""
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as folder:
        written = Path(folder, file.name)
        written.write_bytes(text.encode())
        written.chmod(file.stat().st_mode if file.exists() else 0o644)
        written.replace(file)


def dump(values: Mapping[str, Any]) -> str:
    """The values as YAML, in their order."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)


def scalar(value: str) -> str:
    """A text as it is written after a key."""
    return dump({"k": value}).removeprefix("k: ").rstrip("\n")


def in_flow_style(value: Any) -> str:
    """A value of any type as it is written after a key, on one line."""
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf, default_flow_style=True
    )
    return text.removesuffix("\n").removesuffix("\n...")


def to_router_key(name: str) -> str:
    """The part of a name that can be a router's key; it may be empty."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")[: NAME_MAX_LENGTH - 8]


def check_stack_name(stack: str) -> None:
    """Refuse a text that cannot be a stack's name.

    Raises:
        ValueError: It cannot be one; the text is one sentence.
    """
    if not stack:
        raise ValueError("the stack's name is empty")
    if not _STACK.fullmatch(stack):
        raise ValueError(f"{stack!r} is not a valid stack name: use letters, digits, _, - and .")

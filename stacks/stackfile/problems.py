"""Turns what pydantic finds wrong with a stack file into sentences."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from providers.er.limits import (
    LOG_NAME_CHARACTERS,
    MAX_TTL_IN_DAYS,
    NAME_CHARACTERS,
    TAG_KEY_CHARACTERS,
    TAG_VALUE_CHARACTERS,
)
from providers.suggestion import closest
from stacks.errors import Problem
from stacks.stackfile.model import (
    Defaults,
    LogGroupConfig,
    LogStreamConfig,
    Override,
    RouterConfig,
    RouterDefaults,
    Rules,
    Selector,
)

_WHOLE_NUMBER = ("int_type", "int_parsing", "int_from_float", "int_parsing_size", "finite_number")
_MAPPING = ("dict_type", "model_type", "model_attributes_type")
_EXPECTED = {
    **dict.fromkeys(_WHOLE_NUMBER, "a whole number"),
    **dict.fromkeys(_MAPPING, "a mapping"),
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "less_than_equal": f"at most {MAX_TTL_IN_DAYS}",
    "string_pattern_mismatch": NAME_CHARACTERS,
    "log_name": LOG_NAME_CHARACTERS,
    "tag_key": TAG_KEY_CHARACTERS,
    "tag_value": TAG_VALUE_CHARACTERS,
}
"""What a value must be, by the type of pydantic's error."""


def find_problems(error: ValidationError) -> list[Problem]:
    """One problem for each of pydantic's errors, with the key as the stack file has it."""
    return [_problem(details) for details in error.errors(include_url=False)]


def unknown_key(key: str, known: Sequence[str]) -> str:
    """The sentence about a key that does not exist."""
    similar = closest(key, known)
    return f"unknown key; did you mean {similar}?" if similar else f"unknown key; known: {', '.join(known)}"


def not_a_mapping(value: Any) -> str:
    """The sentence about a value that should be a mapping."""
    return f"must be a mapping, not {_show(value)}"


def _problem(error: Mapping[str, Any]) -> Problem:
    path = list(error["loc"])
    if path[0] == "routers" and path[2:3] in (["attachments"], ["streams"]):
        # After a selection's key pydantic puts its kind, which is not a key of the file.
        at = 3 if path[2] == "attachments" else 4
        del path[at : at + 1]
    if path[-1] == "[key]":
        path.pop()
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return Problem(key, _sentence(error, path))


def _sentence(error: Mapping[str, Any], path: Sequence[Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if type(error["input"]).__module__ == "pulumi.output":  # not imported: few readers of stack files need Pulumi
        return "must be a plain value, not an output"
    if kind == "extra_forbidden":
        return unknown_key(str(path[-1]), tuple(_model_at(path[:-1]).model_fields))
    if kind == "missing":
        return "is missing"
    if kind in ("string_too_short", "too_short"):
        return "must not be empty"
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters"
    if kind == "literal_error":  # the only one is that of a selection
        expected = f"all, a list of attachments, or a selector ({', '.join(Selector.model_fields)})"
    elif kind == "greater_than_equal":
        expected = f"{context['ge']} or more"
    elif kind in _EXPECTED:
        expected = _EXPECTED[kind]
    else:
        return str(error["msg"])
    return f"must be {expected}, not {_show(error['input'])}"


def _model_at(path: Sequence[Any]) -> type[BaseModel]:
    """The model of the keys below this path: `rules`, or `routers`, KEY, `overrides`, `attachments` or `streams`, …

    Or `log_groups`, NAME, `streams`, NAME.
    """
    top_level: dict[str, type[BaseModel]] = {"": Defaults, "rules": Rules, "router": RouterDefaults}
    if (first := path[0] if path else "") in top_level:
        return top_level[first]
    if first == "log_groups":
        return LogStreamConfig if path[2:3] == ["streams"] else LogGroupConfig
    below: dict[str, type[BaseModel]] = {"overrides": Override, "attachments": Selector, "streams": Selector}
    return below.get(path[2] if len(path) > 2 else "", RouterConfig)


def _show(value: Any) -> str:
    try:
        text = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."

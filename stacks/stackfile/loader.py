"""Loads stack files, and the defaults that all stacks share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from providers import config
from providers.config_keys import qualified
from stacks.errors import Problem, StackError
from stacks.stackfile.model import Defaults, LogGroupConfig, LogStreamConfig, StackConfig, none_is_empty
from stacks.stackfile.problems import find_problems, not_a_mapping, unknown_key
from stacks.stackfile.syntax import describe

DEFAULTS_FILE = "stacks/defaults.yaml"
NO_DEFAULTS = Defaults()

PROGRAM_KEYS = ("routers", "log_groups", "rules", "max_deletes")
"""Keys that a program can pass in place of its stack file."""


class DefaultsError(ValueError):
    """The defaults that all stacks share have mistakes; the text has one sentence a line."""


def load_defaults() -> Defaults:
    """The project's `stacks/defaults.yaml`; empty if there is none.

    Raises:
        DefaultsError: With every problem, each with its key.
    """
    file = Path(DEFAULTS_FILE)
    return parse_defaults(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else NO_DEFAULTS


def parse_defaults(text: str) -> Defaults:
    """The defaults in this text.

    Raises:
        DefaultsError: With every problem, each with its key.
    """
    try:
        document = yaml.safe_load(text) or {}
        if not isinstance(document, dict):
            raise DefaultsError(f"{DEFAULTS_FILE} must be a mapping")
        return Defaults.model_validate(document)
    except yaml.YAMLError as error:
        raise DefaultsError(f"{DEFAULTS_FILE} is not valid YAML: {describe(error)}") from None
    except ValidationError as error:
        lines = [f"{problem.key} in {DEFAULTS_FILE}: {problem.what}" for problem in find_problems(error)]
        raise DefaultsError("\n".join(lines)) from None


def parse_stack_file(
    values: Mapping[str, str], *, is_secret: Mapping[str, bool], defaults: Defaults = NO_DEFAULTS
) -> StackConfig:
    """The stack's config, from the values of its namespace as Pulumi passes them: text, or JSON as text.

    Args:
        values: By key, without the namespace.
        is_secret: Which keys are encrypted in the stack file.
        defaults: What all stacks share.

    Raises:
        StackError: With every problem, each with its key.
    """
    data = {key: _decode(values[key]) for key in StackConfig.model_fields if key in values}
    return _validate(data, defaults, check_keys(values, is_secret=is_secret))


def parse_program_config(data: Mapping[str, Any], *, defaults: Defaults = NO_DEFAULTS) -> StackConfig:
    """The config that a program passes in place of its stack file.

    Args:
        data: By key, without the namespace. Not `state`: the backend is checked before the program runs.
        defaults: What all stacks share.

    Raises:
        StackError: With every problem, each with its key.
    """
    if not isinstance(data, Mapping):
        raise StackError([Problem("routers", not_a_mapping(data))])
    elsewhere = (*config.CONFIG_KEYS, "state")
    problems = [
        Problem(str(key), "belongs in the stack file" if key in elsewhere else unknown_key(str(key), PROGRAM_KEYS))
        for key in data
        if key not in PROGRAM_KEYS
    ]
    return _validate({key: data[key] for key in PROGRAM_KEYS if key in data}, defaults, problems)


def check_keys(values: Mapping[str, str], *, is_secret: Mapping[str, bool]) -> list[Problem]:
    """Unknown keys, credentials in plain text, and keys that may not be encrypted; see `parse_stack_file`."""
    known = (*StackConfig.model_fields, *config.CONFIG_KEYS)
    problems = [Problem(key, unknown_key(key, known)) for key in values if key not in known]
    problems += [
        Problem(key, f"a {key} may be in a stack file only as a secret: pulumi config set --secret {qualified(key)}")
        for key in config.SECRET_KEYS
        if key in values and not is_secret.get(key)
    ]
    problems += [
        Problem(key, "is encrypted, but its value is shown in previews, outputs and errors: write it in plain text")
        for key in StackConfig.model_fields
        if is_secret.get(key)
    ]
    return problems


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _validate(data: Mapping[str, Any], defaults: Defaults, problems: Sequence[Problem]) -> StackConfig:
    try:
        stack_config = StackConfig.model_validate(_add_defaults(data, defaults))
    except ValidationError as error:
        raise StackError([*problems, *find_problems(error)]) from None
    if problems:
        raise StackError(problems)
    return stack_config


def _add_defaults(data: Mapping[str, Any], defaults: Defaults) -> dict[str, Any]:
    """The values with the defaults for missing keys. What has the wrong form stays as it is."""

    def merge(shared: BaseModel, own: Any) -> Any:
        return {**shared.model_dump(exclude_unset=True), **own} if isinstance(own, Mapping) else own

    def merge_group(name: str, own: Any) -> Any:
        shared = defaults.log_groups.get(name, LogGroupConfig())
        group = merge(shared, own)
        if isinstance(group, Mapping) and isinstance(streams := group.get("streams"), Mapping):
            none = LogStreamConfig()
            known = {
                stream: merge(shared.streams.get(stream, none), none_is_empty(value))
                for stream, value in streams.items()
            }
            return {**group, "streams": {**merge(shared, {}).get("streams", {}), **known}}
        return group

    merged = {**data, "rules": merge(defaults.rules, data.get("rules", {}))}
    if isinstance(routers := data.get("routers"), Mapping):
        merged["routers"] = {key: merge(defaults.router, router) for key, router in routers.items()}
    if isinstance(groups := data.get("log_groups", {}), Mapping):
        names = [*defaults.log_groups, *(name for name in groups if name not in defaults.log_groups)]
        merged["log_groups"] = {name: merge_group(name, none_is_empty(groups.get(name))) for name in names}
    if defaults.max_deletes is not None:
        merged.setdefault("max_deletes", defaults.max_deletes)
    return merged

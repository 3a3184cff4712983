"""What a stack file may say, beside where the API is and who is acting (`providers.config`)."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from providers import config
from providers.config_keys import qualified
from providers.er.limits import DESCRIPTION_MAX_LENGTH, NAME_CHARACTERS, NAME_PATTERN, LoggableType
from stacks.errors import Problem, StackError
from stacks.planning.naming import TemplateError, check_template

DEFAULTS_FILE = "stacks/defaults.yaml"

OUR_SENTENCE = "our_sentence"
"""The type of a pydantic error whose message is for the user as it is."""

Text = Annotated[str, Field(min_length=1, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Description = Annotated[str, Field(max_length=DESCRIPTION_MAX_LENGTH, strict=True)]
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN.pattern}$", strict=True)]


def _template(value: str) -> str:
    try:
        return check_template(value)
    except TemplateError as error:
        raise PydanticCustomError(OUR_SENTENCE, "{sentence}", {"sentence": str(error)}) from None


def _no_flag(value: Any) -> Any:
    # To Python, and so to pydantic, true is the number 1.
    if isinstance(value, bool):
        raise PydanticCustomError("int_type", "")
    return value


Template = Annotated[Text, AfterValidator(_template)]
Count = Annotated[int, BeforeValidator(_no_flag), Field(ge=0)]


class DefaultsError(ValueError):
    """What all stacks share has mistakes; the text has one sentence a line."""


class _Model(BaseModel):
    # Deferred: else each model is built by itself, and then again as a part of the whole stack file.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Selector(_Model):
    """Attachments by what they are like. All that is given must fit; `include` adds, `exclude` takes away, last.

    Attributes:
        types: Any of vpc, vpn, vgw.
        tags: Tags that the attachment must have, with these values.
        names: Globs such as `vpc-*`, of which one must fit the attachment's name.
        include: Ids or names of attachments to log whatever else they are like.
        exclude: Ids or names of attachments not to log.
    """

    types: list[LoggableType] | None = None
    tags: dict[str, str] = {}
    names: list[Text] | None = None
    include: list[Text] = []
    exclude: list[Text] = []


class Override(_Model):
    """What is different for one attachment. A `name` is taken as it is, without the template."""

    name: Name | None = None
    description: Description | None = None
    log_stream: Text | None = None
    enabled: Flag | None = None


def _kind_of_selection(value: Any) -> str:
    return "list" if isinstance(value, list) else "selector" if isinstance(value, Mapping | Selector) else "all"


AttachmentSelection = Annotated[
    Annotated[Literal["all"], Tag("all")] | Annotated[list[Text], Tag("list")] | Annotated[Selector, Tag("selector")],
    Discriminator(_kind_of_selection),
]


class RouterConfig(_Model):
    """The flow logs of one router.

    Attributes:
        router: The router's id or name.
        log_group: The LTS log group's id or name.
        log_stream: The LTS log stream's id or name.
        name: Template of the flow logs' names; placeholders are in `stacks.names`.
        description: 0..255 characters.
        enabled: Whether logs are written.
        attachments: `all`, a list of ids or names, or a selector.
        overrides: By an attachment's id or name.
        adopt: Whether a flow log that is there already, whosever it is, is taken over by import, and then changed to
            what is wanted.
        protect: Whether the flow logs are protected: no run deletes or replaces one, until that is lifted.
    """

    router: Text
    log_group: Text
    log_stream: Text
    name: Template = "{router}-{attachment}"
    description: Description = ""
    enabled: Flag = True
    attachments: AttachmentSelection = "all"
    overrides: dict[Text, Override] = {}
    adopt: Flag = False
    protect: Flag = False


class Rules(_Model):
    """What a team holds its stack file to; a preview that breaks a rule fails.

    Attributes:
        every_router: Every router of the project is in the stack file.
        every_attachment: Every attachment that can be logged is selected.
        never_disabled: No flow log is declared with `enabled: false`.
        log_groups: The log groups that may be written to, by id or name.
        names: Globs, of which each flow log's name fits one.
    """

    every_router: Flag = False
    every_attachment: Flag = False
    never_disabled: Flag = False
    log_groups: list[Text] | None = None
    names: list[Text] | None = None


class StackConfig(_Model):
    """A stack's routers, by a key that is the stack's own name for each; its rules, how many deletions a run may make,
    and the URL of the state backend that it belongs to (see `stacks.checks.backend`)."""

    routers: Annotated[dict[Name, RouterConfig], Field(min_length=1)]
    rules: Rules = Rules()
    max_deletes: Count | None = None
    state: Text | None = None


class RouterDefaults(_Model):
    """What a router is, as far as its stack file does not say otherwise; see `RouterConfig`."""

    log_group: Text | None = None
    log_stream: Text | None = None
    name: Template | None = None
    description: Description | None = None
    enabled: Flag | None = None
    protect: Flag | None = None


class Defaults(_Model):
    """What all stacks share, key by key, as far as their own files don't say otherwise."""

    router: RouterDefaults = RouterDefaults()
    rules: Rules = Rules()
    max_deletes: Count | None = None

    def below(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a stack file, with these for what it does not say. What has another form stays as it is."""

        def merged(shared: _Model, own: Any) -> Any:
            return {**shared.model_dump(exclude_unset=True), **own} if isinstance(own, Mapping) else own

        routers = data.get("routers")
        if isinstance(routers, Mapping):
            routers = {key: merged(self.router, router) for key, router in routers.items()}
        found = {**data, "routers": routers, "rules": merged(self.rules, data.get("rules", {}))}
        if self.max_deletes is not None:
            found.setdefault("max_deletes", self.max_deletes)
        return {key: value for key, value in found.items() if key in data or value is not None}


NO_DEFAULTS = Defaults()

SAID = ("routers", "rules", "max_deletes")
"""Keys that a program can say in place of its stack file."""


def defaults(text: str) -> Defaults:
    """What the text of `stacks/defaults.yaml` says.

    Raises:
        DefaultsError: With every problem, each with its key.
    """
    try:
        document = yaml.safe_load(text) or {}
        if not isinstance(document, dict):
            raise DefaultsError(f"{DEFAULTS_FILE} must be keys with values")
        return Defaults.model_validate(document)
    except yaml.YAMLError as error:
        raise DefaultsError(f"{DEFAULTS_FILE} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        problems = [_problem(item) for item in error.errors(include_url=False)]
        raise DefaultsError("\n".join(f"{one.key} in {DEFAULTS_FILE}: {one.what}" for one in problems)) from None


def shared() -> Defaults:
    """What the project's `stacks/defaults.yaml` says; nothing if there is none.

    Raises:
        DefaultsError: With every problem, each with its key.
    """
    file = Path(DEFAULTS_FILE)
    return defaults(file.read_text(encoding="utf-8", errors="replace")) if file.is_file() else NO_DEFAULTS


def parse(values: Mapping[str, str], *, is_secret: Mapping[str, bool], shared: Defaults = NO_DEFAULTS) -> StackConfig:
    """The stack's config out of the values of its namespace, as Pulumi hands them over: text, or JSON as text.

    Args:
        values: By key, without the namespace.
        is_secret: Which keys are encrypted in the stack file.
        shared: What all stacks share.

    Raises:
        StackError: With every problem, each with its key.
    """
    data = {key: _decoded(values[key]) for key in StackConfig.model_fields if key in values}
    return _checked(data, shared, mistakes(values, is_secret=is_secret))


def of_program(wanted: Mapping[str, Any], *, shared: Defaults = NO_DEFAULTS) -> StackConfig:
    """The config that a program gives in place of its stack file.

    Args:
        wanted: By key, without the namespace. Not `state`: the backend is asked about before there is a program.
        shared: What all stacks share.

    Raises:
        StackError: With every problem, each with its key.
    """
    if not isinstance(wanted, Mapping):
        raise StackError([Problem("routers", f"must be keys with values, not {_shown(wanted)}")])
    elsewhere = (*config.CONFIG_KEYS, "state")
    unknown = [
        Problem(str(key), "belongs in the stack file" if key in elsewhere else _unknown_key(str(key), SAID))
        for key in wanted
        if key not in SAID
    ]
    return _checked({key: wanted[key] for key in SAID if key in wanted}, shared, unknown)


def _checked(data: Mapping[str, Any], shared: Defaults, mistakes: Sequence[Problem]) -> StackConfig:
    problems = list(mistakes)
    try:
        config = StackConfig.model_validate(shared.below(data))
    except ValidationError as error:
        problems += [_problem(item) for item in error.errors(include_url=False)]
        raise StackError(problems) from None
    if problems:
        raise StackError(problems)
    return config


def mistakes(values: Mapping[str, str], *, is_secret: Mapping[str, bool]) -> list[Problem]:
    """Keys that there are not, secrets in plain text, and what may not be a secret; see `parse`."""
    known = (*StackConfig.model_fields, *config.CONFIG_KEYS)
    problems = [Problem(key, _unknown_key(key, known)) for key in values if key not in known]
    problems += [
        Problem(key, f"a {key} may stand in a stack file as a secret only: pulumi config set --secret {qualified(key)}")
        for key in config.SECRET_KEYS
        if key in values and not is_secret.get(key)
    ]
    problems += [
        Problem(key, "is encrypted, but what it says shows in previews, outputs and errors: write it in plain text")
        for key in StackConfig.model_fields
        if is_secret.get(key)
    ]
    return problems


def _decoded(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _unknown_key(key: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"there is no such key; did you mean {close[0]}?" if close else f"there is no such key: {', '.join(known)}"


def _problem(error: Any) -> Problem:
    """One of pydantic's findings in a stack file's terms."""
    path = list(error["loc"])
    if path[0] == "routers" and path[2:3] == ["attachments"]:
        # After `attachments` pydantic puts the kind of selection, which is no key of the file.
        del path[3:4]
    if path[-1] == "[key]":
        path.pop()
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return Problem(where, _what(error, path))


def _model_at(path: list[Any]) -> type[_Model]:
    """The model of the keys below this path: `rules`, or `routers`, KEY, `overrides` or `attachments`, …"""
    shared: dict[str, type[_Model]] = {"": Defaults, "rules": Rules, "router": RouterDefaults}
    if (first := path[0] if path else "") in shared:
        return shared[first]
    below: dict[str, type[_Model]] = {"overrides": Override, "attachments": Selector}
    return below.get(path[2] if len(path) > 2 else "", RouterConfig)


def _shown(value: Any) -> str:
    try:
        shown = json.dumps(value, default=str, ensure_ascii=False)
    except (TypeError, ValueError):
        shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


def _what(error: Any, path: list[Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if type(error["input"]).__module__ == "pulumi.output":  # not imported, as most that reads stack files needs none
        return "must be known before the run, and not be an output"
    shown = _shown(error["input"])
    sentences = {
        "missing": "is missing",
        "string_type": f"must be text, not {shown}",
        "bool_type": f"must be true or false, not {shown}",
        "dict_type": f"must be keys with values, not {shown}",
        "model_type": f"must be keys with values, not {shown}",
        "model_attributes_type": f"must be keys with values, not {shown}",
        "list_type": f"must be a list, not {shown}",
        "int_type": f"must be a whole number, not {shown}",
        "int_parsing": f"must be a whole number, not {shown}",
        "int_from_float": f"must be a whole number, not {shown}",
        "int_parsing_size": f"must be a whole number, not {shown}",
        "finite_number": f"must be a whole number, not {shown}",
        "greater_than_equal": f"must be 0 or more, not {shown}",
        "string_too_short": "must not be empty",
        "too_short": "must not be empty",
        "string_too_long": f"must be at most {context.get('max_length')} characters",
    }
    if kind == "extra_forbidden":
        return _unknown_key(str(path[-1]), tuple(_model_at(path[:-1]).model_fields))
    if kind == "literal_error" and len(path) == 3:
        return f"must be all, a list of attachments, or a selector ({', '.join(Selector.model_fields)}), not {shown}"
    if kind == "literal_error":
        return f"must be {context['expected'].replace(chr(39), '')}, not {shown}"
    if kind == "string_pattern_mismatch":
        return f"must be {NAME_CHARACTERS}, not {shown}"
    return str(sentences.get(kind, error["msg"]))

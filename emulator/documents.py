"""Documents that people write (seed files, policies, fault plans): read, checked, and refused in one sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from emulator import strict_json
from emulator.errors import EmulatorError

Text = Annotated[str, Field(min_length=1)]


class Document(BaseModel):
    """One mapping of a document: strictly typed, with no keys but those of its fields, and no empty values."""

    model_config = ConfigDict(strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, value: Any) -> Any:
        check_keys(value, [field.alias or name for name, field in cls.model_fields.items()])
        return value

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must have a value")
        return value


DocumentT = TypeVar("DocumentT", bound=Document)


def check_keys(value: object, keys: Sequence[str]) -> None:
    """Refuse what is not a mapping, and keys that the emulator does not read."""
    if not isinstance(value, dict):
        raise ValueError(f"must be a mapping with {', '.join(keys)}")
    for key in value:
        if key not in keys:
            raise ValueError(f"has an unknown key {key!r}: the emulator reads {', '.join(keys)}")


def one_of(allowed: Sequence[str]) -> AfterValidator:
    """Text that must be one of several."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, not {value!r}")
        return value

    return AfterValidator(check)


def parse(model: type[DocumentT], document: object, what: str, *, context: object = None) -> DocumentT:
    """A document as a model; `what` it is begins the sentence about the first mistake.

    Raises:
        EmulatorError: It does not fit the model.
    """
    try:
        return model.model_validate(document, context=context)
    except ValidationError as error:
        raise EmulatorError(f"{what}: {_describe(error)}.") from None


def load_yaml(path: Path, what: str) -> object:
    """What a YAML file holds.

    Raises:
        EmulatorError: It cannot be read, or is not valid YAML.
    """
    import yaml

    # In C where possible: it takes a tenth of the time, and a first run waits for it.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(_read(path, what).decode(), loader)
    except UnicodeDecodeError as error:
        raise EmulatorError(f"The {what} {path} is not UTF-8 text.") from error
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f", line {error.problem_mark.line + 1}"
        raise EmulatorError(f"The {what} {path}{line}, is not valid YAML: {error.problem}.") from error
    except yaml.YAMLError as error:
        raise EmulatorError(f"The {what} {path} is not valid YAML.") from error


def load_json(path: Path, what: str) -> object:
    """What a JSON file holds.

    Raises:
        EmulatorError: It cannot be read, or is not valid JSON.
    """
    try:
        return strict_json.loads(_read(path, what))
    except ValueError as error:
        raise EmulatorError(f"The {what} {path} is not valid JSON: {error}.") from error


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EmulatorError(f"Cannot read the {what} {path}: {error.strerror}.") from error


def _describe(error: ValidationError) -> str:
    """The first mistake: where it is, and what is wrong. Text is not shown, as it may be secret."""
    details = error.errors(include_url=False)[0]
    place, value = list(details["loc"]), details["input"]
    problem = re.sub(r"^\w+ should", "must", details["msg"].removeprefix("Value error, "))
    problem = problem.removesuffix(" after validation, not 0")
    if details["type"] == "missing":
        problem = f"has no {place.pop()}"
    elif details["type"] == "string_type":
        problem += " (put it in quotes if it looks like a number)"
    elif details["type"] == "literal_error" or isinstance(value, (int, float)):
        problem += f", not {value!r}"
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in place)
    return f"{''.join(steps).removeprefix('.') or 'the document'} {problem}"

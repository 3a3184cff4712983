"""The inputs of a resource: names, defaults, rules, and which changes replace it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from providers.er.limits import ID_CHARACTERS, ID_PATTERN
from providers.suggestion import closest

if TYPE_CHECKING:
    from pulumi.dynamic import CheckFailure

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""`pulumi.runtime.rpc.UNKNOWN`, which stands for an unknown value between the engine, programs and providers."""

Properties = Mapping[str, Any]
Rule = tuple[Callable[[Any], bool], str]
"""Whether a value is allowed, and what is."""

IDEMPOTENCY_KEY = "idempotency_key"  # never compared: it is of the create, and not of the resource


def is_unknown(value: object) -> bool:
    """Whether the value is not known yet: in a preview, it comes from a resource that does not exist."""
    if value is None or isinstance(value, (str, bool)):
        return value == UNKNOWN
    from pulumi.output import Unknown  # commands, whose values are JSON, do without the SDK: to import it takes long

    return isinstance(value, Unknown)


def matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    """A check whether a value is a text of this pattern."""
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


AN_ID: Rule = (matches(ID_PATTERN), f"an id: {ID_CHARACTERS}")
BOOLEAN: Rule = (lambda value: isinstance(value, bool), "true or false")
A_KEY: Rule = (lambda value: isinstance(value, str) and value != "", "a non-empty string")


@dataclass(frozen=True, kw_only=True)
class InputSchema:
    """The inputs of one type of resource.

    Attributes:
        resource: The type's name, such as FlowLog.
        rules: By input, what is allowed; without the idempotency key.
        in_place: The inputs that change in place.
        identity: The inputs that only one resource may have together. A change of one replaces the resource.
        fixed: Further inputs whose change replaces it.
        defaults: By input, its default.
        optional: The inputs that may be absent although they have no default. While one is absent, nothing is compared
            with it.
    """

    resource: str
    rules: Mapping[str, Rule]
    in_place: tuple[str, ...]
    identity: tuple[str, ...]
    fixed: tuple[str, ...] = ()
    defaults: Properties
    optional: tuple[str, ...] = ()

    @property
    def replacing(self) -> tuple[str, ...]:
        """The inputs whose change replaces the resource."""
        return (*self.identity, *self.fixed)

    @property
    def names(self) -> tuple[str, ...]:
        """All inputs."""
        return (*self.in_place, *self.replacing, IDEMPOTENCY_KEY)

    def with_defaults(self, inputs: Properties) -> dict[str, Any]:
        """The inputs with their defaults; null counts as absent."""
        return {**self.defaults, **{key: value for key, value in inputs.items() if value is not None}}

    def find_failures(self, inputs: Properties) -> list[CheckFailure]:
        """What is wrong with the inputs, one failure for each; values that are not known yet are not checked."""
        from pulumi.dynamic import CheckFailure

        failures = []
        rules = {**self.rules, IDEMPOTENCY_KEY: A_KEY}
        for key in self.names:
            value = inputs.get(key)
            if value is None:
                if key not in (*self.defaults, *self.optional, IDEMPOTENCY_KEY):
                    failures.append(CheckFailure(key, f"{key} is missing"))
            elif not is_unknown(value):
                is_allowed, allowed = rules[key]
                if not is_allowed(value):
                    failures.append(CheckFailure(key, f"{key} must be {allowed}, not {_shown(value)}"))
        for key in inputs:
            if key not in self.names and not key.startswith("__"):
                similar = closest(key, self.names)
                hint = f"; did you mean {similar}?" if similar else f"; its inputs are {', '.join(self.names)}"
                failures.append(CheckFailure(key, f"{key} is not an input of {self.resource}{hint}"))
        return failures

    def changed(self, actual: Properties, desired: Properties) -> set[str]:
        """The inputs in which `desired` differs from `actual`; one that is not known yet counts as different."""
        return {
            key
            for key in (*self.in_place, *self.replacing)
            if is_unknown(desired.get(key)) or desired.get(key) != actual.get(key)
            if not (key in self.optional and desired.get(key) is None)
        }


def _shown(value: object) -> str:
    # All numbers of a program arrive as floats.
    shown = repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."

"""The inputs and outputs of a FlowLog: names, defaults, rules, and which changes replace it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pulumi.dynamic import CheckFailure
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from providers.er.idempotency import client_tokens
from providers.er.limits import (
    DESCRIPTION_MAX_LENGTH,
    ID_CHARACTERS,
    ID_PATTERN,
    LOG_STORE_TYPE,
    NAME_CHARACTERS,
    NAME_PATTERN,
    RESOURCE_TYPE,
)
from providers.suggestion import closest

Properties = Mapping[str, Any]

_PROVISIONAL_PREFIX = "created-by:"
UNKNOWN_STATE = "unknown"
"""The `state` of a flow log with a provisional id."""

IN_PLACE = ("name", "description", "enabled")
IDENTITY = ("er_id", "resource_id", "log_group_id", "log_stream_id")
REPLACING = (*IDENTITY, "resource_type", "log_store_type")
IDEMPOTENCY_KEY = "idempotency_key"  # never compared: it is of the create, and not of the flow log
INPUTS = (*IN_PLACE, *REPLACING, IDEMPOTENCY_KEY)
OUTPUTS_ONLY = ("state", "project_id", "log_aggregation_interval", "created_at", "updated_at")
DEFAULTS: Properties = {
    "description": "",
    "enabled": True,
    "resource_type": RESOURCE_TYPE,
    "log_store_type": LOG_STORE_TYPE,
}
OPTIONAL = (*DEFAULTS, IDEMPOTENCY_KEY)


def provisional_id(token: str = "") -> str:
    """The id in the state of a flow log that may not exist: a create with this client token has no known outcome.

    Without a token, it is one of the tokens made from the idempotency key.
    """
    return _PROVISIONAL_PREFIX + token


def is_provisional(id_: str) -> bool:
    """Whether this is a provisional id, and not the id of a flow log."""
    return id_.startswith(_PROVISIONAL_PREFIX)


def tokens_of(id_: str, inputs: Properties) -> Sequence[str]:
    """The client tokens that a provisional id may stand for."""
    token = id_.removeprefix(_PROVISIONAL_PREFIX)
    return [token] if token else client_tokens(inputs[IDEMPOTENCY_KEY], target_of(inputs))


def import_id(flow_log: FlowLog) -> str:
    """The id with which to import the flow log; it names the router too, which the API needs to find it."""
    return f"{flow_log.target.er_id}/{flow_log.id}"


def is_unknown(value: object) -> bool:
    """Whether the value is not known yet: in a preview, it comes from a resource that does not exist."""
    return isinstance(value, Unknown) or value == UNKNOWN


def with_defaults(inputs: Properties) -> dict[str, Any]:
    """The inputs with their defaults; null counts as absent."""
    return {**DEFAULTS, **{key: value for key, value in inputs.items() if value is not None}}


def find_failures(inputs: Properties) -> list[CheckFailure]:
    """What is wrong with the inputs, one failure for each; values that are not known yet are not checked."""
    failures = []
    for key in INPUTS:
        value = inputs.get(key)
        if value is None:
            if key not in OPTIONAL:
                failures.append(CheckFailure(key, f"{key} is missing"))
        elif not is_unknown(value):
            is_allowed, allowed = _RULES[key]
            if not is_allowed(value):
                failures.append(CheckFailure(key, f"{key} must be {allowed}, not {_shown(value)}"))
    for key in inputs:
        if key not in INPUTS and not key.startswith("__"):
            similar = closest(key, INPUTS)
            hint = f"; did you mean {similar}?" if similar else f"; its inputs are {', '.join(INPUTS)}"
            failures.append(CheckFailure(key, f"{key} is not an input of FlowLog{hint}"))
    return failures


def changed_inputs(actual: Properties, desired: Properties) -> set[str]:
    """The inputs in which `desired` differs from `actual`; an input that is not known yet counts as different."""
    return {
        key for key in (*IN_PLACE, *REPLACING) if is_unknown(desired.get(key)) or desired.get(key) != actual.get(key)
    }


def describe_duplicate(first: str, second: str) -> str:
    """The message for two resources, given by their logical names, that have the same target."""
    return (
        "the program declares a flow log of this attachment for this log group and log stream twice, as"
        f" {first!r} and as {second!r}: the service allows one, so declare it once"
    )


def target_of(properties: Properties) -> FlowLogTarget:
    """What is logged, and where to."""
    return FlowLogTarget(**{key: properties[key] for key in IDENTITY})


def spec_of(properties: Properties) -> FlowLogSpec:
    """What can be changed in place."""
    return FlowLogSpec(**{key: properties[key] for key in IN_PLACE})


def inputs_of(flow_log: FlowLog) -> dict[str, Any]:
    """The inputs that describe the flow log as it is."""
    return {
        **{key: getattr(flow_log, key) for key in IN_PLACE},
        **{key: getattr(flow_log.target, key) for key in IDENTITY},
        "resource_type": RESOURCE_TYPE,
        "log_store_type": LOG_STORE_TYPE,
    }


def outputs_of(flow_log: FlowLog, inputs: Properties) -> dict[str, Any]:
    """All properties of the flow log as it is; the API does not have the idempotency key, so it comes from `inputs`."""
    key = inputs.get(IDEMPOTENCY_KEY)
    return {
        **inputs_of(flow_log),
        **({IDEMPOTENCY_KEY: key} if key is not None else {}),
        **{key: getattr(flow_log, key) for key in OUTPUTS_ONLY},
    }


def _shown(value: object) -> str:
    # All numbers of a program arrive as floats.
    shown = repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_description(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= DESCRIPTION_MAX_LENGTH


_RULES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "name": (_matches(NAME_PATTERN), NAME_CHARACTERS),
    "description": (_is_description, f"at most {DESCRIPTION_MAX_LENGTH} characters"),
    "enabled": (lambda value: isinstance(value, bool), "true or false"),
    **dict.fromkeys(IDENTITY, (_matches(ID_PATTERN), f"an id: {ID_CHARACTERS}")),
    "resource_type": (lambda value: value == RESOURCE_TYPE, repr(RESOURCE_TYPE)),
    "log_store_type": (lambda value: value == LOG_STORE_TYPE, repr(LOG_STORE_TYPE)),
    IDEMPOTENCY_KEY: (lambda value: isinstance(value, str) and value != "", "a non-empty string"),
}
"""By input, whether a value is allowed, and what is."""

"""The inputs of a FlowLog: which there are, what they may be, and what a change of each means."""

from __future__ import annotations

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

_OUTCOME_UNKNOWN = "created-by:"
UNKNOWN_STATE = "unknown"
"""In state, of a flow log with such an id."""

IN_PLACE = ("name", "description", "enabled")
IDENTITY = ("er_id", "resource_id", "log_group_id", "log_stream_id")
REPLACING = (*IDENTITY, "resource_type", "log_store_type")
IDEMPOTENCY_KEY = "idempotency_key"  # never compared: it names who creates, and says nothing of what exists
INPUTS = (*IN_PLACE, *REPLACING, IDEMPOTENCY_KEY)
OUTPUTS_ONLY = ("state", "project_id", "log_aggregation_interval", "created_at", "updated_at")
DEFAULTS: Properties = {
    "description": "",
    "enabled": True,
    "resource_type": RESOURCE_TYPE,
    "log_store_type": LOG_STORE_TYPE,
}
OPTIONAL = (*DEFAULTS, IDEMPOTENCY_KEY)


def outcome_unknown_id(token: str = "") -> str:
    """The id in state, for as long as nobody knows, of what a create with this client token may have made.

    Without a token it is one of those that the idempotency key makes.
    """
    return _OUTCOME_UNKNOWN + token


def is_outcome_unknown(id_: str) -> bool:
    """Whether this is such an id, and not that of a flow log."""
    return id_.startswith(_OUTCOME_UNKNOWN)


def import_id(flow_log: FlowLog) -> str:
    """What to import the flow log by: an id alone does not say of which router."""
    return f"{flow_log.target.er_id}/{flow_log.id}"


def tokens_of(id_: str, inputs: Properties) -> Sequence[str]:
    """The client tokens that such an id may stand for."""
    token = id_.removeprefix(_OUTCOME_UNKNOWN)
    return [token] if token else client_tokens(inputs[IDEMPOTENCY_KEY], target(inputs))


def is_unknown(value: object) -> bool:
    """Whether the value will be known only when what it depends on has been made (in a preview)."""
    return isinstance(value, Unknown) or value == UNKNOWN


def with_defaults(inputs: Properties) -> dict[str, Any]:
    """The inputs with every default filled in; null counts as absent."""
    return {**DEFAULTS, **{key: value for key, value in inputs.items() if value is not None}}


def failures(inputs: Properties) -> list[CheckFailure]:
    """What is wrong with the inputs, each with property and what is allowed. Values not known yet are not judged."""
    found = []
    for key in INPUTS:
        value = inputs.get(key)
        if value is None:
            if key not in OPTIONAL:
                found.append(CheckFailure(key, f"{key} is missing"))
        elif not is_unknown(value):
            allowed = _RULES[key](value)
            if allowed:
                found.append(CheckFailure(key, f"{key} must be {allowed}, not {_shown(value)}"))
    for key in inputs:
        if key not in INPUTS and not key.startswith("__"):
            similar = closest(key, INPUTS)
            hint = f"; did you mean {similar}?" if similar else f"; its inputs are {', '.join(INPUTS)}"
            found.append(CheckFailure(key, f"{key} is not an input of FlowLog{hint}"))
    return found


def changes(actual: Properties, wanted: Properties) -> set[str]:
    """The inputs in which `wanted` differs from what is; one not known yet may differ, so it does."""
    return {key for key in (*IN_PLACE, *REPLACING) if is_unknown(wanted.get(key)) or wanted.get(key) != actual.get(key)}


def declared_twice(first: str, second: str) -> str:
    """What to say of two resources, by their logical names, that have one target."""
    return (
        "the program declares a flow log of this attachment for this log group and log stream twice, as"
        f" {first!r} and as {second!r}: the service allows one, so declare it once"
    )


def target(properties: Properties) -> FlowLogTarget:
    """What is logged, and where to."""
    return FlowLogTarget(
        er_id=properties["er_id"],
        resource_id=properties["resource_id"],
        log_group_id=properties["log_group_id"],
        log_stream_id=properties["log_stream_id"],
    )


def wanted(properties: Properties) -> FlowLogSpec:
    """What can be changed in place."""
    return FlowLogSpec(name=properties["name"], description=properties["description"], enabled=properties["enabled"])


def inputs_of(flow_log: FlowLog) -> dict[str, Any]:
    """The inputs that would describe the flow log as it is."""
    return {
        "er_id": flow_log.target.er_id,
        "name": flow_log.name,
        "description": flow_log.description,
        "enabled": flow_log.enabled,
        "resource_type": RESOURCE_TYPE,
        "resource_id": flow_log.target.resource_id,
        "log_store_type": LOG_STORE_TYPE,
        "log_group_id": flow_log.target.log_group_id,
        "log_stream_id": flow_log.target.log_stream_id,
    }


def outputs_of(flow_log: FlowLog, inputs: Properties) -> dict[str, Any]:
    """All properties of the flow log as it is; the idempotency key is not the API's, so it comes from `inputs`."""
    key = inputs.get(IDEMPOTENCY_KEY)
    return {
        **inputs_of(flow_log),
        **({IDEMPOTENCY_KEY: key} if key is not None else {}),
        **{key: getattr(flow_log, key) for key in OUTPUTS_ONLY},
    }


def _shown(value: object) -> str:
    # Numbers arrive as floats, whatever the program said.
    shown = repr(int(value)) if isinstance(value, float) and value.is_integer() else repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


# Each rule answers what is allowed, or None if the value is.
_Rule = Callable[[Any], "str | None"]


def _name(value: Any) -> str | None:
    fits = isinstance(value, str) and NAME_PATTERN.fullmatch(value)
    return None if fits else NAME_CHARACTERS


def _description(value: Any) -> str | None:
    fits = isinstance(value, str) and len(value) <= DESCRIPTION_MAX_LENGTH
    return None if fits else f"at most {DESCRIPTION_MAX_LENGTH} characters"


def _enabled(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _id(value: Any) -> str | None:
    fits = isinstance(value, str) and ID_PATTERN.fullmatch(value)
    return None if fits else f"an id: {ID_CHARACTERS}"


def _literal(only: str) -> _Rule:
    return lambda value: None if value == only else f"{only!r}, the only one there is"


def _key(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "a text that is not empty"


_RULES: Mapping[str, _Rule] = {
    "name": _name,
    "description": _description,
    "enabled": _enabled,
    "er_id": _id,
    "resource_id": _id,
    "log_group_id": _id,
    "log_stream_id": _id,
    "resource_type": _literal(RESOURCE_TYPE),
    "log_store_type": _literal(LOG_STORE_TYPE),
    IDEMPOTENCY_KEY: _key,
}

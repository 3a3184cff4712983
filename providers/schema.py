"""The inputs and outputs of a FlowLog, and what stands for one in the state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from providers.er.idempotency import client_tokens
from providers.er.limits import (
    DESCRIPTION_MAX_LENGTH,
    LOG_STORE_TYPE,
    NAME_CHARACTERS,
    NAME_PATTERN,
    RESOURCE_TYPE,
)
from providers.inputs import AN_ID, BOOLEAN, IDEMPOTENCY_KEY, InputSchema, Properties, matches

_PROVISIONAL_PREFIX = "created-by:"
UNKNOWN_STATE = "unknown"
"""The `state` of a flow log with a provisional id."""

IDENTITY = ("er_id", "resource_id", "log_group_id", "log_stream_id")
SCHEMA = InputSchema(
    resource="FlowLog",
    rules={
        "name": (matches(NAME_PATTERN), NAME_CHARACTERS),
        "description": (
            lambda value: isinstance(value, str) and len(value) <= DESCRIPTION_MAX_LENGTH,
            f"at most {DESCRIPTION_MAX_LENGTH} characters",
        ),
        "enabled": BOOLEAN,
        **dict.fromkeys(IDENTITY, AN_ID),
        "resource_type": (lambda value: value == RESOURCE_TYPE, repr(RESOURCE_TYPE)),
        "log_store_type": (lambda value: value == LOG_STORE_TYPE, repr(LOG_STORE_TYPE)),
    },
    in_place=("name", "description", "enabled"),
    identity=IDENTITY,
    fixed=("resource_type", "log_store_type"),
    defaults={
        "description": "",
        "enabled": True,
        "resource_type": RESOURCE_TYPE,
        "log_store_type": LOG_STORE_TYPE,
    },
)
OUTPUTS_ONLY = ("state", "project_id", "log_aggregation_interval", "created_at", "updated_at")


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
    return FlowLogSpec(**{key: properties[key] for key in SCHEMA.in_place})


def inputs_of(flow_log: FlowLog) -> dict[str, Any]:
    """The inputs that describe the flow log as it is."""
    return {
        **{key: getattr(flow_log, key) for key in SCHEMA.in_place},
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

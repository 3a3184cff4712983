"""Properties to and from the engine's messages."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import rpc

from providers.flow_log_provider import FlowLogProvider
from providers.properties import is_unknown


def from_struct(message: Struct) -> dict[str, Any]:
    """The properties, with the SDK's sentinel for values that are not known yet."""
    properties: dict[str, Any] = rpc.deserialize_properties(message, True)
    properties.pop(PROVIDER_KEY, None)
    return properties


def to_struct(properties: Mapping[str, Any], source: Struct) -> Struct:
    """The properties, with the reference to the provider that the SDK's own host needs to find in state.

    It is taken from `source`, the request's properties; an import has none there, and gets what a program would write.
    """
    message = Struct()
    # A FlowLog's properties are flat, so they need none of the SDK's asynchronous serialisation.
    message.update({key: rpc.UNKNOWN if is_unknown(value) else value for key, value in properties.items()})
    message.update({PROVIDER_KEY: source[PROVIDER_KEY] if PROVIDER_KEY in source else _serialized_provider()})
    return message


@functools.cache
def _serialized_provider() -> str:
    serialized: str = serialize_provider(FlowLogProvider())
    return serialized

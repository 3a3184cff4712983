"""Properties to and from the engine's messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.output import Unknown
from pulumi.runtime import rpc

from providers.inputs import is_unknown
from providers.resource import ServiceProvider

_NESTED = ("struct_value", "list_value")


def from_struct(message: Struct) -> dict[str, Any]:
    """The properties, with the SDK's sentinel for values that are not known yet, and without those that are null.

    The properties of a FlowLog are flat, and are read here. The SDK's deserializer handles nested ones too, but takes
    several times as long, and a preview of 1,000 flow logs reads 3,000 messages.
    """
    properties: dict[str, Any] = {}
    for key, value in message.fields.items():
        kind = value.WhichOneof("kind") or "null_value"
        if kind in _NESTED:
            properties = rpc.deserialize_properties(message, True)
            break
        if kind != "null_value":
            plain = getattr(value, kind)
            properties[key] = Unknown() if plain == rpc.UNKNOWN else plain  # type: ignore[no-untyped-call]
    properties.pop(PROVIDER_KEY, None)
    return properties


def to_struct(properties: Mapping[str, Any], source: Struct, provider: ServiceProvider) -> Struct:
    """The properties, with the reference to the provider that the SDK's own host needs in the state.

    The reference is that of `source`, the request's properties. An import has none there, and gets a new one.
    """
    message = Struct()
    # Properties are plain values and mappings of them, so they do not need the SDK's asynchronous serializer.
    message.update(_known(properties))
    reference = source[PROVIDER_KEY] if PROVIDER_KEY in source else serialize_provider(type(provider)())
    message.update({PROVIDER_KEY: reference})
    return message


def _known(properties: Mapping[str, Any]) -> dict[str, Any]:
    """The properties, with the text that the engine takes for a value that is not known yet."""
    return {
        key: _known(value) if isinstance(value, Mapping) else rpc.UNKNOWN if is_unknown(value) else value
        for key, value in properties.items()
    }

"""What tests need of the SDK beyond its public API, and the engine's side of the protocol."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from providers.flow_log_provider import FlowLogProvider
from providers.host.servicer import MAX_OTHERS, make_handlers, make_servicer
from providers.host.session import Session

STATUS_DETAILS = "grpc-status-details-bin"  # the metadata with a resource to keep in the state

INPUTS: dict[str, Any] = {
    "er_id": "er-1",
    "resource_id": "att-1",
    "log_group_id": "g-1",
    "log_stream_id": "s-1",
    "name": "log",
    "description": "",
    "enabled": True,
    "resource_type": "attachment",
    "log_store_type": "LTS",
}
"""The inputs of a flow log, with their defaults."""


class _FoundError(Exception):
    """Ends the SDK's module before it serves."""


def servicer_class() -> type[Any]:
    """The SDK's servicer class, taken as the host takes it: when the SDK registers it."""
    found: list[type[Any]] = []

    def add(servicer: Any, _server: grpc.Server) -> None:
        found.append(type(servicer))
        raise _FoundError

    sys.modules.pop("pulumi.dynamic.__main__", None)
    with mock.patch.object(provider_pb2_grpc, "add_ResourceProviderServicer_to_server", add):
        try:
            __import__("pulumi.dynamic.__main__")
        except _FoundError:
            return found[0]
    raise AssertionError("the SDK's module registers no servicer")


def configured(**config: Any) -> FlowLogProvider:
    """A provider with this config."""
    provider = FlowLogProvider()
    raw = {f"otc-flow-logs:{key}": value for key, value in config.items()}
    provider.configure(ConfigureRequest(Config(raw_config=raw, project_name="otc-flow-logs")))
    return provider


@contextmanager
def hosted(base: type[Any], session: Session | None = None) -> Iterator[Any]:
    """A stub, as the engine has one, for a host with this session."""
    session = session or Session()
    host = grpc.server(ThreadPoolExecutor(2 * MAX_OTHERS))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        make_servicer(base, session, make_handlers(session))(), host
    )
    port = host.add_insecure_port("127.0.0.1:0")
    host.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        host.stop(None).wait()


def struct(properties: Mapping[str, Any], **more: Any) -> Struct:
    """The message for these properties."""
    message = Struct()
    message.update({**properties, **more})
    return message


def properties(message: Struct) -> dict[str, Any]:
    """The properties in the message."""
    return {key: message[key] for key in message}


@dataclass(frozen=True)
class Refusal:
    """A call that failed: the sentence that the user reads, and the resource that stays in the state, if any."""

    sentence: str
    kept: provider_pb2.ErrorResourceInitFailed | None


def refusal(call: Callable[..., object], *arguments: Any) -> Refusal:
    """How the call fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments)
    error = caught.value
    assert isinstance(error, grpc.Call)
    assert error.code() is grpc.StatusCode.UNKNOWN
    details = dict(error.trailing_metadata()).get(STATUS_DETAILS)
    return Refusal(error.details() or "", kept_resource(bytes(details)) if details else None)


def kept_resource(details: bytes) -> provider_pb2.ErrorResourceInitFailed:
    """The resource that the engine keeps in the state although its create or update failed."""
    status = status_pb2.Status.FromString(details)
    assert status.code == grpc.StatusCode.UNKNOWN.value[0]
    (detail,) = status.details
    kept = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(kept)
    return kept

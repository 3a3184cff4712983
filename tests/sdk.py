"""What the tests need of the SDK that it does not give away, and the engine's end of the protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import grpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from providers.host.flow_log import FlowLogHandler
from providers.host.servicer import make_servicer

STATUS_DETAILS = "grpc-status-details-bin"  # the metadata in which a host names a half-made resource


class _FoundError(Exception):
    """Ends the SDK's module before it serves."""


def servicer_class() -> type[Any]:
    """The SDK's servicer class, had the way the host has it: from the moment the SDK registers it."""
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


@contextmanager
def hosted(base: type[Any], handler: FlowLogHandler) -> Iterator[Any]:
    """A stub, as the engine has one, for a host with this handler."""
    host = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(make_servicer(base, handler)(), host)
    port = host.add_insecure_port("127.0.0.1:0")
    host.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        host.stop(None).wait()


def half_made(details: bytes) -> provider_pb2.ErrorResourceInitFailed:
    """What the engine keeps in state of a resource that is not as wanted, out of the metadata of that name."""
    status = status_pb2.Status.FromString(details)
    assert status.code == grpc.StatusCode.UNKNOWN.value[0]
    (detail,) = status.details
    found = provider_pb2.ErrorResourceInitFailed()
    assert detail.Unpack(found)
    return found

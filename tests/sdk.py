"""What the tests need of the SDK that it does not give away."""

from __future__ import annotations

import sys
from typing import Any
from unittest import mock

import grpc
from pulumi.runtime.proto import provider_pb2_grpc


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

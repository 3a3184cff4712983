"""What holds for all tests."""

from __future__ import annotations

import signal
import sys
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc


def pytest_configure() -> None:
    """Let interrupts through, which a script's `&` has ignored for all that it starts.

    The tools under test would inherit that and miss the interrupts of tests, and `pulumi`, which ends its language host
    by one, would wait five seconds in vain in every run.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _FoundError(Exception):
    """Ends the SDK's module before it serves."""


@pytest.fixture(scope="module")
def stock() -> type[Any]:
    """The SDK's servicer class, had the way the host has it: from the moment the SDK registers it."""
    found: list[type[Any]] = []

    def add(servicer: Any, _server: grpc.Server) -> None:
        found.append(type(servicer))
        raise _FoundError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider_pb2_grpc, "add_ResourceProviderServicer_to_server", add)
        patch.delitem(sys.modules, "pulumi.dynamic.__main__", raising=False)
        with pytest.raises(_FoundError):
            __import__("pulumi.dynamic.__main__")
    return found[0]

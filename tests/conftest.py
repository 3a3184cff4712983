"""What holds for all tests."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from tests.sdk import servicer_class


def pytest_configure() -> None:
    """Let interrupts through, which a script's `&` has ignored for all that it starts.

    The tools under test would inherit that and miss the interrupts of tests, and `pulumi`, which ends its language host
    by one, would wait five seconds in vain in every run.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def stock() -> type[Any]:
    """The SDK's servicer class."""
    return servicer_class()

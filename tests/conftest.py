"""What holds for all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.sdk import servicer_class

DESELECTED = "deselected"

# The same examples in each run, however slow the machine is: a failure that is not of a change would be blamed on it.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("same")


def pytest_configure() -> None:
    """Let interrupts through, which a script's `&` has ignored for all that it starts.

    The tools under test would inherit that and miss the interrupts of tests, and `pulumi`, which ends its language host
    by one, would wait five seconds in vain in every run.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """A worker of xdist keeps to itself how many tests it was told to leave out."""
    output = getattr(items[0].config, "workeroutput", None) if items else None
    if output is not None:
        output[DESELECTED] = output.get(DESELECTED, 0) + len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Have the closing line say it all the same; each worker was told to leave out the same ones."""
    left_out = getattr(node, "workeroutput", {}).get(DESELECTED, 0)
    if left_out and (terminal := node.config.pluginmanager.get_plugin("terminalreporter")):
        terminal.stats[DESELECTED] = [SimpleNamespace()] * left_out


@pytest.fixture(scope="session")
def base() -> type[Any]:
    """The SDK's servicer class."""
    return servicer_class()


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment variable of this machine names a place or credentials."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)

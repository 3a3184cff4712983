"""Settings, hooks and fixtures of all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from tests.sdk import servicer_class

if TYPE_CHECKING:
    from tests.emulator.real_hosts import RealHosts

DESELECTED = "deselected"

# The same examples in each run, no matter how slow the machine is: otherwise a change may be blamed for the failure of
# an example that it has nothing to do with.
settings.register_profile("reproducible", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("reproducible")


def pytest_configure() -> None:
    """Handle SIGINT, even if a shell has started the tests in the background, where it is ignored.

    The programs under test would inherit that. `pulumi` ends its language host by SIGINT, and would wait five seconds
    for it in every run.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Pass on the number of deselected tests, which a worker of xdist does not report."""
    output = getattr(items[0].config, "workeroutput", None) if items else None
    if output is not None:
        output[DESELECTED] = output.get(DESELECTED, 0) + len(items)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Show the number in the last line; each worker has deselected the same tests."""
    deselected = getattr(node, "workeroutput", {}).get(DESELECTED, 0)
    if deselected and (terminal := node.config.pluginmanager.get_plugin("terminalreporter")):
        terminal.stats[DESELECTED] = [SimpleNamespace()] * deselected


@pytest.fixture(scope="session")
def base() -> type[Any]:
    """The SDK's servicer class."""
    return servicer_class()


@pytest.fixture(scope="module")
def real_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHosts]:
    """The account in which the cases of `tests.sign_in` act, at the real names of the hosts."""
    from tests.emulator.real_hosts import serve_account  # few tests need it

    with serve_account(tmp_path_factory.mktemp("account")) as hosts:
        yield hosts


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment variable of this machine names a place or credentials."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)

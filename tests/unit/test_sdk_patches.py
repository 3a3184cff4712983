"""The functions of the SDK that the stack program replaces."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest
from pulumi import _types
from pulumi.dynamic import dynamic
from pulumi.runtime import resource

from providers.flow_log import FlowLog
from providers.flow_log_provider import FlowLogProvider
from providers.log_group_provider import LogGroupProvider
from stacks import sdk_patches


@pytest.fixture
def _patched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Applies the patches for the length of a test."""
    for module, name, _ in sdk_patches.PATCHES:
        monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.delenv(sdk_patches.SDK_DEBUG, raising=False)
    sdk_patches.apply()
    yield
    gc.enable()


@pytest.mark.parametrize(("module", "name"), [patch[:2] for patch in sdk_patches.PATCHES])
def test_sdk_still_has_each_function_that_is_replaced(module: object, name: str) -> None:
    assert callable(getattr(module, name)), "the SDK has changed: see whether the patch is still of use"


def test_results_are_those_of_the_sdk(request: pytest.FixtureRequest) -> None:
    types = _types.resource_types(FlowLog)
    providers = [FlowLogProvider(), LogGroupProvider(), FlowLogProvider()]
    serialized = [dynamic.serialize_provider(provider) for provider in providers]

    request.getfixturevalue("_patched")

    assert _types.resource_types(FlowLog) == types
    assert [dynamic.serialize_provider(provider) for provider in providers] == serialized
    assert not gc.isenabled()


@pytest.mark.usefixtures("_patched")
def test_urn_for_mocks_is_not_worked_out() -> None:
    assert asyncio.run(resource.create_urn("name", "type").future()) is None


@pytest.mark.parametrize(("value", "kept"), [("1", True), ("create_urn,gc", True), ("resource_types", False)])
def test_variable_keeps_what_the_sdk_has(monkeypatch: pytest.MonkeyPatch, value: str, kept: bool) -> None:
    for module, name, _ in sdk_patches.PATCHES:
        monkeypatch.setattr(module, name, getattr(module, name))
    own = resource.create_urn
    monkeypatch.setenv(sdk_patches.SDK_DEBUG, value)
    try:
        sdk_patches.apply()
        assert (resource.create_urn is own, gc.isenabled()) == (kept, kept)
    finally:
        gc.enable()

"""What the dynamic provider does without the API: check, diff and configure."""

import copy
import itertools
import socket
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.rpc import UNKNOWN

from providers.flow_log_provider import FlowLogProvider
from providers.resource import ResourceError
from tests.sdk import INPUTS, configured

STATE = {**INPUTS, "idempotency_key": "key", "state": "available", "log_aggregation_interval": 600.0}
IN_PLACE = ("name", "description", "enabled")
TARGET = ("er_id", "resource_id", "log_group_id", "log_stream_id")
TYPES = ("resource_type", "log_store_type")
NOT_AN_IMPORT_ID = "is not a valid import id of a flow log: use ER_ID/FLOW_LOG_ID"

pytestmark = pytest.mark.usefixtures("no_settings", "no_network")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise AssertionError("the network was called")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)


def diff(olds: dict[str, Any], **changed: Any) -> Any:
    return FlowLogProvider().diff("fl-1", olds, {**INPUTS, **changed})


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "key"}, {"idempotency_key": UNKNOWN}])
def test_unchanged_flow_log_has_no_diff(key: dict[str, str]) -> None:
    found = diff(STATE, **key)
    assert (found.changes, found.replaces, found.replaces_by_property) == (False, [], {})


@pytest.mark.parametrize("values", [("renamed", "text", False), (UNKNOWN, UNKNOWN, UNKNOWN)])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_name_description_and_enabled_change_in_place(size: int, values: tuple[Any, ...]) -> None:
    for changed in itertools.combinations(zip(IN_PLACE, values, strict=True), size):
        found = diff(STATE, **dict(changed))
        assert (found.changes, found.replaces) == (True, [])
        assert found.replaces_by_property == dict.fromkeys(sorted(dict(changed)), False)


@pytest.mark.parametrize("value", ["other", UNKNOWN])
@pytest.mark.parametrize("key", [*TARGET, *TYPES])
def test_only_replacement_with_the_same_target_deletes_first(key: str, value: str) -> None:
    found = diff(STATE, **{key: value, "name": "renamed"})
    assert (found.replaces, found.delete_before_replace) == ([key], key in TYPES)
    assert found.replaces_by_property == {key: True, "name": False}


def test_flow_log_with_provisional_id_is_replaced_and_found_to_be_deleted() -> None:
    found = FlowLogProvider().diff("created-by:x", {**STATE, "state": "unknown"}, INPUTS)
    assert (found.replaces, found.delete_before_replace) == (["state"], True)
    with pytest.raises(ResourceError, match="no credentials"):
        configured().delete("created-by:x", STATE)


def test_diff_changes_neither_old_nor_new_inputs() -> None:
    olds, news = copy.deepcopy(STATE), {**INPUTS, "name": "renamed"}
    FlowLogProvider().diff("fl-1", olds, news)
    assert (olds, news) == (STATE, {**INPUTS, "name": "renamed"})


@pytest.mark.parametrize(
    "config",
    [
        {},
        *({"endpoint": endpoint} for endpoint in ("nonsense", "https://[::1", "emulator")),
        {"endpoint": 5, "region": True, "endpoints": None},
        {"region": "nowhere"},
        {"endpoints": "{"},
        {"region": "eu-de", "username": "u", "password": "p", "domain": "d"},
    ],
)
def test_configure_never_fails_and_never_calls_the_network(config: dict[str, Any], tmp_path: Path) -> None:
    provider = configured(**config)
    assert provider.diff("fl-1", STATE, INPUTS).changes is False
    assert provider.check({}, INPUTS).failures == []
    assert list(tmp_path.iterdir()) == []


def test_setting_that_is_fixed_in_environment_works_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = configured(region="eu-de")
    with pytest.raises(ResourceError, match="no credentials"):
        provider.read("fl-1", {"er_id": "er-1", "project_id": "another"})
    monkeypatch.setenv("OS_TOKEN", "t")
    monkeypatch.setenv("OS_PROJECT_ID", "p")
    with pytest.raises(ResourceError, match="is in project another, but"):
        provider.read("fl-1", {"er_id": "er-1", "project_id": "another"})


@pytest.mark.parametrize(
    "id_", ["fl-1", "/fl-1", "er-1/", "a/b/c", "er-1:fl-1", "er-1/fl 1", "../fl-1", "created-by:x", "er-1/created-by:x"]
)
def test_invalid_import_id_is_refused_before_any_call(id_: str) -> None:
    with pytest.raises(ResourceError) as caught:
        configured(region="eu-de", token="t", project_id="p").read(id_, {})
    assert str(caught.value) == f"{id_!r} {NOT_AN_IMPORT_ID}"


def test_provider_in_state_is_a_reference_to_its_class_and_not_secret() -> None:
    assert FlowLogProvider.serialize_as_secret_always is False
    name = f"{FlowLogProvider.__module__}.{FlowLogProvider.__qualname__}"
    assert name == "providers.flow_log_provider.FlowLogProvider"
    assert len(serialize_provider(FlowLogProvider())) < 200

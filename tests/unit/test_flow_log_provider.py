"""What the dynamic provider does without a look at the API: checking, comparing, and being configured."""

import copy
import itertools
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.rpc import UNKNOWN

from providers.flow_log_provider import FlowLogError, FlowLogProvider

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
STATE = {
    **INPUTS,
    "idempotency_key": "key",
    "state": "available",
    "project_id": "p-1",
    "log_aggregation_interval": 600.0,
    "created_at": "",
    "updated_at": "",
}
IN_PLACE = {"name": "renamed", "description": "text", "enabled": False}
TARGET = ("er_id", "resource_id", "log_group_id", "log_stream_id")
REPLACING = (*TARGET, "resource_type", "log_store_type")


@pytest.fixture(autouse=True)
def nobody_signed_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OS_TOKEN", "OS_USERNAME", "OS_PASSWORD", "OS_REGION_NAME", "OS_AUTH_URL", "OS_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: Any, **_kwargs: Any) -> NoReturn:
        raise AssertionError("the network was called")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def configured(**config: Any) -> FlowLogProvider:
    provider = FlowLogProvider()
    raw = {f"otc-flow-logs:{key}": value for key, value in config.items()}
    provider.configure(ConfigureRequest(Config(raw_config=raw, project_name="otc-flow-logs")))
    return provider


def diff(olds: dict[str, Any], news: dict[str, Any]) -> Any:
    """Of a provider that was never configured, so that it can call nobody."""
    return FlowLogProvider().diff("fl-1", olds, news)


def test_check_fills_in_defaults_and_finds_nothing_wrong() -> None:
    given = {key: INPUTS[key] for key in ("er_id", "resource_id", "log_group_id", "log_stream_id", "name")}
    result = FlowLogProvider().check({}, given)
    assert result.inputs == INPUTS
    assert result.failures == []


def test_check_judges_the_new_inputs_only() -> None:
    assert FlowLogProvider().check({"name": "two words"}, INPUTS).failures == []
    failures = FlowLogProvider().check(INPUTS, {**INPUTS, "enabled": "true"}).failures
    assert [(one.property, one.reason) for one in failures] == [
        ("enabled", "enabled must be true or false, not 'true'")
    ]


def test_check_leaves_what_is_not_known_yet_as_it_is() -> None:
    result = FlowLogProvider().check({}, {**INPUTS, "idempotency_key": UNKNOWN, "er_id": UNKNOWN})
    assert result.failures == []
    assert result.inputs["er_id"] == UNKNOWN
    assert result.inputs["idempotency_key"] == UNKNOWN


def test_a_flow_log_as_wanted_has_no_diff() -> None:
    found = diff(STATE, {**INPUTS, "idempotency_key": "key"})
    assert found.changes is False
    assert found.replaces == []
    assert found.replaces_by_property == {}


def test_a_new_idempotency_key_is_no_diff() -> None:
    assert diff(STATE, {**INPUTS, "idempotency_key": UNKNOWN}).changes is False
    assert diff(STATE, INPUTS).changes is False


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_is_changed_in_place_replaces_nothing(size: int) -> None:
    for keys in itertools.combinations(IN_PLACE, size):
        found = diff(STATE, {**INPUTS, **{key: IN_PLACE[key] for key in keys}})
        assert found.changes is True
        assert found.replaces == []
        assert found.replaces_by_property == dict.fromkeys(sorted(keys), False)


@pytest.mark.parametrize("key", TARGET)
def test_another_target_replaces_and_creates_first(key: str) -> None:
    found = diff(STATE, {**INPUTS, key: "other", "name": "renamed"})
    assert found.changes is True
    assert found.replaces == [key]
    assert found.delete_before_replace is False
    assert found.replaces_by_property == {key: True, "name": False}


@pytest.mark.parametrize("key", ["resource_type", "log_store_type"])
def test_what_replaces_at_the_same_target_deletes_first(key: str) -> None:
    found = diff(STATE, {**INPUTS, key: "other"})
    assert found.replaces == [key]
    assert found.delete_before_replace is True


def test_a_create_that_nobody_knows_the_end_of_is_replaced_where_it_is() -> None:
    found = FlowLogProvider().diff("created-by:x", {**STATE, "state": "unknown"}, INPUTS)
    assert found.replaces == ["state"]
    assert found.delete_before_replace is True


@pytest.mark.parametrize("key", REPLACING)
def test_what_replaces_and_is_not_known_yet_is_shown_as_replacing(key: str) -> None:
    assert diff(STATE, {**INPUTS, key: UNKNOWN}).replaces == [key]


@pytest.mark.parametrize("key", IN_PLACE)
def test_what_changes_in_place_and_is_not_known_yet_is_shown_as_changing(key: str) -> None:
    found = diff(STATE, {**INPUTS, key: UNKNOWN})
    assert found.changes is True
    assert found.replaces == []


def test_diff_changes_neither_old_nor_new() -> None:
    olds, news = copy.deepcopy(STATE), {**INPUTS, "name": "renamed"}
    kept = copy.deepcopy(news)
    diff(olds, news)
    assert (olds, news) == (STATE, kept)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"endpoint": "nonsense"},
        {"endpoint": "https://[::1"},
        {"endpoint": "emulator"},
        {"endpoint": 5, "region": True, "endpoints": None},
        {"region": "nowhere"},
        {"endpoints": "{"},
        {"region": "eu-de", "username": "u", "password": "p", "domain": "d"},
    ],
)
@pytest.mark.usefixtures("no_network")
def test_configuring_never_fails_and_never_calls_anyone(config: dict[str, Any], tmp_path: Path) -> None:
    provider = configured(**config)
    assert diff(STATE, INPUTS).changes is False
    assert provider.check({}, INPUTS).failures == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_network")
def test_comparing_what_is_available_calls_nobody_however_much_differs() -> None:
    provider = configured(region="eu-de", token="t", project_id="p")
    assert provider.diff("fl-1", STATE, dict.fromkeys(INPUTS, UNKNOWN)).changes is True


@pytest.mark.usefixtures("no_network")
def test_an_operation_without_settings_says_which_is_missing() -> None:
    provider = configured()
    message = (
        "no region: set otc-flow-logs:region in the stack file to eu-de or eu-nl (or OS_REGION_NAME in the environment)"
    )
    operations: list[Callable[[], object]] = [
        lambda: provider.create(INPUTS),
        lambda: provider.read("fl-1", STATE),
        lambda: provider.read("er-1/fl-1", {}),
        lambda: provider.update("fl-1", STATE, INPUTS),
        lambda: provider.delete("fl-1", STATE),
        lambda: provider.diff("fl-1", {**STATE, "state": "pending"}, INPUTS),
    ]
    for operation in operations:
        with pytest.raises(FlowLogError) as caught:
            operation()
        assert str(caught.value) == message


def test_settings_that_are_fixed_in_the_environment_work_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = configured(region="eu-de")
    with pytest.raises(FlowLogError, match="no credentials"):
        provider.read("fl-1", {"er_id": "er-1", "project_id": "another"})
    monkeypatch.setenv("OS_TOKEN", "t")
    monkeypatch.setenv("OS_PROJECT_ID", "p")
    with pytest.raises(FlowLogError, match="is in project another, but"):
        provider.read("fl-1", {"er_id": "er-1", "project_id": "another"})


NO_IMPORT_ID = "is not the import id of a flow log: it must be ER_ID/FLOW_LOG_ID"


@pytest.mark.parametrize("id_", ["fl-1", "/fl-1"])
def test_an_import_that_does_not_name_the_router_is_told_how(id_: str) -> None:
    with pytest.raises(FlowLogError) as caught:
        configured().read(id_, {})
    assert str(caught.value) == f"{id_!r} {NO_IMPORT_ID}"


@pytest.mark.parametrize(("id_", "wrong"), [("er-1/", ""), ("a/b/c", "a/b"), ("er-1/fl 1", "fl 1"), ("../fl-1", "..")])
@pytest.mark.usefixtures("no_network")
def test_an_import_of_what_is_no_id_never_reaches_the_api(id_: str, wrong: str) -> None:
    provider = configured(region="eu-de", token="t", project_id="p")
    with pytest.raises(FlowLogError) as caught:
        provider.read(id_, {})
    assert str(caught.value).endswith(NO_IMPORT_ID)


def test_the_provider_in_state_is_a_reference_to_its_module_and_no_secret() -> None:
    assert FlowLogProvider.serialize_as_secret_always is False
    assert (FlowLogProvider.__module__, FlowLogProvider.__qualname__) == (
        "providers.flow_log_provider",
        "FlowLogProvider",
    )
    assert len(serialize_provider(FlowLogProvider())) < 200

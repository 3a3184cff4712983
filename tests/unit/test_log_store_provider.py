"""What the providers of LogGroup and LogStream do without the API: check and diff, and what states need of them."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from providers.log_group_provider import LogGroupProvider
from providers.log_store_provider import LogStoreProvider
from providers.log_stream_provider import LogStreamProvider

GROUP: dict[str, Any] = {"name": "shop", "ttl_in_days": 30, "tags": {}, "delete_with_data": False}
STREAM: dict[str, Any] = {"name": "shop", "log_group_id": "g-1", "tags": {}, "delete_with_data": False}
PROVIDERS: dict[type[LogStoreProvider[Any]], dict[str, Any]] = {LogGroupProvider: GROUP, LogStreamProvider: STREAM}
A_NAME = "1 to 64 letters, digits, '_', '-' and '.', not with '.' or '_' first or '.' last"
DAYS = "a whole number from 1 to 365"

each = pytest.mark.parametrize("provider", PROVIDERS)


@each
def test_missing_inputs_get_defaults(provider: type[LogStoreProvider[Any]]) -> None:
    given = {key: PROVIDERS[provider][key] for key in provider.schema.identity}
    result = provider().check({}, {**given, "ttl_in_days": None, "tags": None})
    assert (result.inputs, result.failures) == (PROVIDERS[provider], [])


@each
@pytest.mark.parametrize(
    ("key", "values", "allowed"),
    [
        ("name", ("", ".a", "_a", "a.", "a b", "a" * 65, "ä", 5), A_NAME),
        ("ttl_in_days", (0, 366, 1.5, "7", True, -1), DAYS),
        ("delete_with_data", ("true", 1), "true or false"),
        (
            "tags",
            (["env"], {"_env": "x"}, {"env": 5}, {"env": "x" * 256}, {"": "x"}, {"a/b": "x"}, {"otc-flow-logs": "x"}),
            "a mapping of texts, of letters, digits, spaces and .:=+-@_ (values: '/' too), keys not with '_'"
            " first, nor 'otc-flow-logs'",
        ),
    ],
)
def test_input_that_the_service_would_refuse_is_refused(
    provider: type[LogStoreProvider[Any]], key: str, values: tuple[Any, ...], allowed: str
) -> None:
    for value in values:
        (failure,) = provider().check({}, {**PROVIDERS[provider], key: value}).failures
        assert (failure.property, failure.reason.startswith(f"{key} must be {allowed}, not ")) == (key, True), value


@each
@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("name", ("a", "A-Z_0.9", "-", "a" * 64)),
        ("ttl_in_days", (1, 365, 7.0)),
        ("tags", ({"env": "prod/eu", "Ünit 1": "", "a.b:c=d+e-f@g_h": "x"},)),
    ],
)
def test_input_that_the_service_takes_passes(
    provider: type[LogStoreProvider[Any]], key: str, values: tuple[Any, ...]
) -> None:
    for value in values:
        assert provider().check({}, {**PROVIDERS[provider], key: value}).failures == []


@each
def test_only_identity_replaces_and_the_key_changes_nothing(provider: type[LogStoreProvider[Any]]) -> None:
    olds = {**PROVIDERS[provider], "project_id": "p", "idempotency_key": "old"}
    news = {
        **dict.fromkeys(provider.schema.identity, "other"),
        "ttl_in_days": 7,
        "tags": {"env": "prod"},
        "delete_with_data": True,
        "idempotency_key": "new",
    }
    found = provider().diff("id", olds, news)
    assert found.replaces == sorted(provider.schema.identity)
    assert found.replaces_by_property == {
        **dict.fromkeys(("delete_with_data", "tags", "ttl_in_days"), False),
        **dict.fromkeys(provider.schema.identity, True),
    }
    assert provider().diff("id", olds, {**PROVIDERS[provider], "idempotency_key": "new"}).changes is False


@each
def test_provider_in_state_is_a_reference_to_its_class(provider: type[LogStoreProvider[Any]]) -> None:
    names = ("providers.log_group_provider.LogGroupProvider", "providers.log_stream_provider.LogStreamProvider")
    assert f"{provider.__module__}.{provider.__qualname__}" in names
    assert provider.serialize_as_secret_always is False
    assert len(serialize_provider(provider())) < 200

"""The inputs of a FlowLog: defaults, rules, and which changes replace it."""

from typing import Any

import pytest
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from providers import schema
from providers.inputs import IDEMPOTENCY_KEY
from providers.schema import SCHEMA, inputs_of, outputs_of
from tests.sdk import INPUTS
from tests.unit.plans import flow_log

GIVEN = {key: INPUTS[key] for key in (*schema.IDENTITY, "name")}
FLOW_LOG = flow_log("att-1", "log", id_="fl-1", group="g-1", stream="s-1", created_at="2026-01-01T00:00:00Z")
UNKNOWNS = [UNKNOWN, Unknown()]  # type: ignore[no-untyped-call]
AN_ID = "an id: 1 to 64 letters, digits, '_' and '-'"
WRONG_NAMES: list[Any] = ["", "two words", "Büro", "log\n", "٣", 5.5, True, ["log"], {}]
WRONG_IDS = {"er_id": "../x", "resource_id": "a b", "log_group_id": "g\n", "log_stream_id": ""}
A_NAME = "1 to 64 letters, digits, '_', '-' and '.'"


def failures(**changed: Any) -> list[tuple[str, str]]:
    return [(failure.property, failure.reason) for failure in SCHEMA.find_failures({**INPUTS, **changed})]


def test_missing_and_null_inputs_get_defaults() -> None:
    given = dict(GIVEN)
    assert (
        SCHEMA.with_defaults(given)
        == SCHEMA.with_defaults({**GIVEN, **dict.fromkeys((*SCHEMA.defaults, IDEMPOTENCY_KEY))})
        == INPUTS
    )
    assert given == GIVEN


@pytest.mark.parametrize(
    ("key", "value"),
    [("enabled", False), ("idempotency_key", "k"), *(("description", unknown) for unknown in UNKNOWNS)],
)
def test_given_and_unknown_inputs_get_no_defaults(key: str, value: Any) -> None:
    assert SCHEMA.with_defaults({**GIVEN, key: value})[key] is value


def test_missing_inputs_are_reported_one_by_one() -> None:
    assert [failure.reason for failure in SCHEMA.find_failures(SCHEMA.with_defaults({}))] == [
        f"{key} is missing" for key in ("name", "er_id", "resource_id", "log_group_id", "log_stream_id")
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("name", name) for name in ("a", "a" * 64, "A-Z_0.9", "...", "-")),
        ("description", "ü" * 255),
        ("description", "🔥" * 255),
        ("idempotency_key", "any text at all 🔥"),
        ("__provider", "gASV"),
        *((key, unknown) for key in SCHEMA.names for unknown in UNKNOWNS),
    ],
)
def test_valid_and_unknown_inputs_pass(key: str, value: object) -> None:
    assert failures(**{key: value}) == []


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        *(("name", value, f"name must be {A_NAME}, not {value!r}") for value in WRONG_NAMES),
        ("name", "n" * 10_000, f"name must be {A_NAME}, not '{'n' * 76}..."),
        ("description", 5.5, "description must be at most 255 characters, not 5.5"),
        ("description", [], "description must be at most 255 characters, not []"),
        ("description", "d" * 256, f"description must be at most 255 characters, not '{'d' * 76}..."),
        *(("enabled", value, f"enabled must be true or false, not {value!r}") for value in ("true", "", 1.5, 0)),
        *((key, value, f"{key} must be {AN_ID}, not {value!r}") for key, value in WRONG_IDS.items()),
        ("log_stream_id", 7.0, f"log_stream_id must be {AN_ID}, not 7"),
        ("resource_type", "vpc", "resource_type must be 'attachment', not 'vpc'"),
        ("log_store_type", "lts", "log_store_type must be 'LTS', not 'lts'"),
        ("log_store_type", ["LTS"], "log_store_type must be 'LTS', not ['LTS']"),
        ("idempotency_key", "", "idempotency_key must be a non-empty string, not ''"),
        ("idempotency_key", 5.5, "idempotency_key must be a non-empty string, not 5.5"),
        ("nmae", "x", "nmae is not an input of FlowLog; did you mean name?"),
        ("log_stream", "x", "log_stream is not an input of FlowLog; did you mean log_stream_id?"),
        ("tags", "x", "tags is not an input of FlowLog; its inputs are " + ", ".join(SCHEMA.names)),
    ],
)
def test_invalid_inputs_are_reported_with_what_is_allowed(key: str, value: Any, reason: str) -> None:
    assert failures(**{key: value}) == [(key, reason)]


def test_all_failures_are_reported_at_once() -> None:
    assert [key for key, _ in failures(name="", enabled=1, er_id="", extra=0)] == ["name", "enabled", "er_id", "extra"]


@pytest.mark.parametrize("key", [*SCHEMA.in_place, *SCHEMA.replacing])
@pytest.mark.parametrize("value", ["other", *UNKNOWNS])
def test_different_and_unknown_inputs_are_changes(key: str, value: Any) -> None:
    assert SCHEMA.changed(INPUTS, {**INPUTS, key: value}) == {key}


def test_outputs_and_idempotency_key_are_not_changes() -> None:
    actual = {**INPUTS, "state": "available", "log_aggregation_interval": 600.0, "__provider": "a", "id": "fl-1"}
    assert SCHEMA.changed(actual, {**INPUTS, "__provider": "b"}) == set()
    assert SCHEMA.changed(INPUTS, {**INPUTS, "idempotency_key": UNKNOWN}) == set()
    assert SCHEMA.changed({**INPUTS, "idempotency_key": "old"}, INPUTS) == set()


def test_every_input_is_in_place_replacing_or_the_key() -> None:
    assert sorted(SCHEMA.names) == sorted({*SCHEMA.in_place, *SCHEMA.replacing, IDEMPOTENCY_KEY})


def test_flow_log_from_api_has_the_inputs_that_describe_it() -> None:
    assert inputs_of(FLOW_LOG) == INPUTS


@pytest.mark.parametrize("key", [{}, {"idempotency_key": "k"}])
def test_outputs_have_the_key_of_the_inputs(key: dict[str, str]) -> None:
    assert outputs_of(FLOW_LOG, {"idempotency_key": None, "name": "other", **key}) == {
        **INPUTS,
        **key,
        "state": "available",
        "project_id": "p",
        "log_aggregation_interval": 600,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "",
    }

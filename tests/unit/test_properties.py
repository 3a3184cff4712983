"""The inputs of a FlowLog: defaults, rules, and what a change of each means."""

from typing import Any

import pytest
from pulumi.output import Unknown
from pulumi.runtime.rpc import UNKNOWN

from providers import schema as p
from providers.er.flow_logs import FlowLog, FlowLogTarget

GIVEN: dict[str, Any] = {
    "er_id": "er-1",
    "resource_id": "att-1",
    "log_group_id": "g-1",
    "log_stream_id": "s-1",
    "name": "log",
}
FULL = p.with_defaults(GIVEN)
FLOW_LOG = FlowLog(
    id="fl-1",
    name="log",
    description="",
    project_id="p-1",
    target=FlowLogTarget(er_id="er-1", resource_id="att-1", log_group_id="g-1", log_stream_id="s-1"),
    log_aggregation_interval=600,
    created_at="2026-01-01T00:00:00Z",
    updated_at="",
    state="available",
    enabled=True,
)
NOT_KNOWN = [UNKNOWN, Unknown()]  # type: ignore[no-untyped-call]
AN_ID = "an id: 1 to 64 letters, digits, '_' and '-'"
A_NAME = "1 to 64 letters, digits, '_', '-' and '.'"


def found(**changed: Any) -> list[tuple[str, str]]:
    return [(failure.property, failure.reason) for failure in p.find_failures({**FULL, **changed})]


def test_what_is_left_out_or_null_gets_its_default() -> None:
    expected = {**GIVEN, "description": "", "enabled": True, "resource_type": "attachment", "log_store_type": "LTS"}
    assert expected == FULL
    assert p.with_defaults({**GIVEN, **dict.fromkeys(p.OPTIONAL)}) == expected


@pytest.mark.parametrize(("key", "value"), [("enabled", False), ("description", ""), ("idempotency_key", "k")])
def test_what_is_given_is_kept(key: str, value: Any) -> None:
    assert p.with_defaults({**GIVEN, key: value})[key] == value


@pytest.mark.parametrize("unknown", NOT_KNOWN)
def test_what_is_not_known_yet_gets_no_default(unknown: Any) -> None:
    assert p.with_defaults({**GIVEN, "description": unknown})["description"] is unknown


def test_filling_in_defaults_changes_nothing_of_what_was_given() -> None:
    given = dict(GIVEN)
    p.with_defaults(given)
    assert given == GIVEN


def test_inputs_with_defaults_pass() -> None:
    assert found() == []
    assert found(idempotency_key="any text at all 🔥") == []


def test_no_inputs_at_all_are_told_one_by_one() -> None:
    assert [failure.reason for failure in p.find_failures(p.with_defaults({}))] == [
        f"{key} is missing" for key in ("name", "er_id", "resource_id", "log_group_id", "log_stream_id")
    ]


@pytest.mark.parametrize("value", ["a", "a" * 64, "A-Z_0.9", "...", "-"])
def test_a_name_within_the_rules_passes(value: str) -> None:
    assert found(name=value) == []


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("name", "", f"name must be {A_NAME}, not ''"),
        ("name", "two words", f"name must be {A_NAME}, not 'two words'"),
        ("name", "Büro", f"name must be {A_NAME}, not 'Büro'"),
        ("name", "log\n", f"name must be {A_NAME}, not 'log\\n'"),
        ("name", "٣", f"name must be {A_NAME}, not '٣'"),
        ("name", 5.5, f"name must be {A_NAME}, not 5.5"),
        ("name", True, f"name must be {A_NAME}, not True"),
        ("name", ["log"], f"name must be {A_NAME}, not ['log']"),
        ("name", {}, f"name must be {A_NAME}, not {{}}"),
        ("description", 5.5, "description must be at most 255 characters, not 5.5"),
        ("description", [], "description must be at most 255 characters, not []"),
        ("enabled", "true", "enabled must be true or false, not 'true'"),
        ("enabled", "", "enabled must be true or false, not ''"),
        ("enabled", 1.5, "enabled must be true or false, not 1.5"),
        ("enabled", 0, "enabled must be true or false, not 0"),
        ("er_id", "", f"er_id must be {AN_ID}, not ''"),
        ("er_id", "../x", f"er_id must be {AN_ID}, not '../x'"),
        ("resource_id", "a b", f"resource_id must be {AN_ID}, not 'a b'"),
        ("log_group_id", "g\n", f"log_group_id must be {AN_ID}, not 'g\\n'"),
        ("log_stream_id", 7.5, f"log_stream_id must be {AN_ID}, not 7.5"),
        ("resource_type", "vpc", "resource_type must be 'attachment', not 'vpc'"),
        ("resource_type", "", "resource_type must be 'attachment', not ''"),
        ("log_store_type", "lts", "log_store_type must be 'LTS', not 'lts'"),
        ("log_store_type", ["LTS"], "log_store_type must be 'LTS', not ['LTS']"),
        ("idempotency_key", "", "idempotency_key must be a non-empty string, not ''"),
        ("idempotency_key", 5.5, "idempotency_key must be a non-empty string, not 5.5"),
    ],
)
def test_what_the_api_would_refuse_is_told_with_property_and_what_is_allowed(key: str, value: Any, reason: str) -> None:
    assert found(**{key: value}) == [(key, reason)]


def test_a_value_that_is_much_too_long_is_not_shown_whole() -> None:
    ((_, reason),) = found(name="n" * 10_000)
    assert reason == f"name must be {A_NAME}, not '{'n' * 76}..."
    ((_, reason),) = found(description="d" * 256)
    assert reason.startswith("description must be at most 255 characters, not 'ddd")
    assert len(reason) < 140


def test_a_description_may_have_255_characters_of_any_alphabet() -> None:
    assert found(description="ü" * 255) == []
    assert found(description="🔥" * 255) == []


@pytest.mark.parametrize("key", p.INPUTS)
@pytest.mark.parametrize("unknown", NOT_KNOWN)
def test_what_is_not_known_yet_is_not_judged(key: str, unknown: Any) -> None:
    assert found(**{key: unknown}) == []


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("nmae", "did you mean name?"),
        ("log_stream", "did you mean log_stream_id?"),
        ("tags", "the inputs are " + ", ".join(p.INPUTS)),
    ],
)
def test_an_input_that_there_is_not_is_told(key: str, hint: str) -> None:
    assert found(**{key: "x"}) == [(key, f"{key} is not an input of FlowLog; {hint}")]


def test_what_the_sdk_adds_for_itself_is_no_mistake() -> None:
    assert found(__provider="gASV", __internal=1) == []


def test_all_failures_are_told_at_once() -> None:
    assert [key for key, _ in found(name="", enabled=1, er_id="", extra=0)] == ["name", "enabled", "er_id", "extra"]


@pytest.mark.parametrize("key", [*p.IN_PLACE, *p.REPLACING])
def test_each_input_that_differs_is_a_change(key: str) -> None:
    assert p.changed_inputs(FULL, {**FULL, key: "other"}) == {key}


def test_equal_inputs_are_no_change_whatever_else_is_in_state() -> None:
    actual = {**FULL, "state": "available", "log_aggregation_interval": 600.0, "__provider": "a", "id": "fl-1"}
    assert p.changed_inputs(actual, {**FULL, "__provider": "b"}) == set()


def test_the_idempotency_key_is_never_a_change() -> None:
    assert p.changed_inputs(FULL, {**FULL, "idempotency_key": "new"}) == set()
    assert p.changed_inputs({**FULL, "idempotency_key": "old"}, FULL) == set()
    assert p.changed_inputs(FULL, {**FULL, "idempotency_key": UNKNOWN}) == set()


@pytest.mark.parametrize("unknown", NOT_KNOWN)
def test_what_is_not_known_yet_may_change(unknown: Any) -> None:
    assert p.changed_inputs(FULL, {**FULL, "name": unknown, "er_id": unknown}) == {"name", "er_id"}


def test_every_input_is_either_changed_in_place_or_replacing_or_the_key() -> None:
    assert len(set(p.INPUTS)) == len(p.INPUTS) == len(p.IN_PLACE) + len(p.REPLACING) + 1


def test_a_flow_log_read_from_the_api_has_valid_inputs_that_differ_in_nothing() -> None:
    inputs = p.inputs_of(FLOW_LOG)
    assert p.find_failures(inputs) == []
    assert p.changed_inputs(inputs, FULL) == set()


def test_outputs_are_the_flow_log_as_it_is_and_the_key_of_who_made_it() -> None:
    assert p.outputs_of(FLOW_LOG, {"idempotency_key": "k", "name": "other"}) == {
        **FULL,
        "idempotency_key": "k",
        "state": "available",
        "project_id": "p-1",
        "log_aggregation_interval": 600,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "",
    }


@pytest.mark.parametrize("inputs", [{}, {"idempotency_key": None}])
def test_a_flow_log_that_was_imported_has_no_key(inputs: dict[str, Any]) -> None:
    assert "idempotency_key" not in p.outputs_of(FLOW_LOG, inputs)

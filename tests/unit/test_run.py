"""What the host remembers of a run, as far as it decides whether a deletion is right."""

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from providers.host.run import Run
from tests.unit.plans import urn

FIRST, SECOND = urn("first"), urn("second")
INPUTS: dict[str, Any] = {"er_id": "er", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s"}


def test_the_second_declaration_of_a_target_is_told_with_the_first() -> None:
    run = Run()
    assert run.record_declared(FIRST, INPUTS) is None
    assert run.record_declared(SECOND, INPUTS) == "first"
    assert run.record_declared(FIRST, INPUTS) is None


@pytest.mark.parametrize("value", [UNKNOWN, None])
@pytest.mark.parametrize("key", list(INPUTS))
def test_a_target_that_is_not_known_yet_is_nobodys(key: str, value: object) -> None:
    run = Run()
    inputs = {**INPUTS, key: value}
    assert run.record_declared(FIRST, inputs) is None
    assert run.record_declared(SECOND, inputs) is None


def test_a_flow_log_is_held_by_what_the_program_declares() -> None:
    run = Run()
    run.record_declared(FIRST, INPUTS)
    run.record_kept(FIRST, "id")
    assert run.is_in_use("id")


def test_what_only_the_state_has_holds_nothing() -> None:
    run = Run()
    run.record_kept(FIRST, "id")
    assert not run.is_in_use("id")


def test_what_was_created_is_held() -> None:
    run = Run()
    run.record_created(FIRST, "id")
    assert run.is_in_use("id")
    assert not run.is_in_use("other")


def test_a_failure_makes_the_flow_logs_of_its_attachment_needed() -> None:
    run = Run()
    run.record_failed(FIRST, INPUTS)
    assert run.has_failure(INPUTS)
    assert run.is_needed(SECOND, {**INPUTS, "log_stream_id": "other"})
    assert not run.is_needed(SECOND, {**INPUTS, "resource_id": "other"})
    assert not run.is_needed(SECOND, {**INPUTS, "er_id": "other"})


def test_what_was_declared_and_never_created_makes_others_needed() -> None:
    run = Run()
    run.record_declared(FIRST, {**INPUTS, "log_stream_id": UNKNOWN})
    assert run.is_needed(SECOND, INPUTS)
    assert not run.has_failure(INPUTS)
    run.record_created(FIRST, "id")
    assert not run.is_needed(SECOND, INPUTS)


def test_a_failed_flow_log_goes_before_it_is_made_again() -> None:
    run = Run()
    run.record_declared(FIRST, INPUTS)
    assert not run.is_needed(FIRST, INPUTS)
    assert not run.is_needed(SECOND, {**INPUTS, "state": "failed"})


def test_a_create_that_ends_half_made_keeps_the_old_flow_log() -> None:
    run = Run()
    run.record_declared(FIRST, INPUTS)
    run.record_failed(FIRST, INPUTS)
    run.record_created(FIRST, "half-made")
    assert run.is_needed(FIRST, INPUTS)
    assert run.is_in_use("half-made")


def test_an_update_that_succeeds_leaves_nothing_needed() -> None:
    run = Run()
    run.record_declared(FIRST, INPUTS)
    run.record_kept(FIRST, "id")
    assert not run.is_needed(SECOND, INPUTS)


def test_what_another_resource_of_the_state_has_is_held_until_that_goes() -> None:
    run = Run()
    run.record_in_state(FIRST, "id")
    run.record_in_state(SECOND, "id")
    assert run.is_in_state("id")
    run.record_deleted(FIRST)
    assert run.is_in_use("id")
    run.record_deleted(SECOND)
    assert not run.is_in_use("id")

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
    assert run.declares(FIRST, INPUTS) is None
    assert run.declares(SECOND, INPUTS) == "first"
    assert run.declares(FIRST, INPUTS) is None


@pytest.mark.parametrize("value", [UNKNOWN, None])
@pytest.mark.parametrize("key", list(INPUTS))
def test_a_target_that_is_not_known_yet_is_nobodys(key: str, value: object) -> None:
    run = Run()
    inputs = {**INPUTS, key: value}
    assert run.declares(FIRST, inputs) is None
    assert run.declares(SECOND, inputs) is None


def test_a_flow_log_is_held_by_what_the_program_declares() -> None:
    run = Run()
    run.declares(FIRST, INPUTS)
    run.keeps(FIRST, "id")
    assert run.is_held("id")


def test_what_only_the_state_has_holds_nothing() -> None:
    run = Run()
    run.keeps(FIRST, "id")
    assert not run.is_held("id")


def test_what_was_created_is_held() -> None:
    run = Run()
    run.created(FIRST, "id")
    assert run.is_held("id")
    assert not run.is_held("other")


def test_a_failure_makes_the_flow_logs_of_its_attachment_needed() -> None:
    run = Run()
    run.failed(INPUTS)
    assert run.is_needed({**INPUTS, "log_stream_id": "other"})
    assert not run.is_needed({**INPUTS, "resource_id": "other"})
    assert not run.is_needed({**INPUTS, "er_id": "other"})

"""What the host remembers of a run, to decide whether a flow log may be deleted."""

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from providers.host.run import Run
from providers.schema import IDENTITY
from tests.unit.plans import urn

FIRST, SECOND = urn("first"), urn("second")
INPUTS: dict[str, Any] = {"er_id": "er", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s"}


@pytest.fixture
def run() -> Run:
    return Run()


def test_second_declaration_of_target_is_reported_with_first(run: Run) -> None:
    assert run.record_declared(FIRST, INPUTS, IDENTITY) is None
    assert run.record_declared(SECOND, INPUTS, IDENTITY) == "first"
    assert run.record_declared(FIRST, INPUTS, IDENTITY) is None


@pytest.mark.parametrize(("first", "second"), [("one", "another"), (UNKNOWN, UNKNOWN), (None, None)])
@pytest.mark.parametrize("key", list(INPUTS))
def test_different_and_unknown_targets_are_not_duplicates(run: Run, key: str, first: object, second: object) -> None:
    assert run.record_declared(FIRST, {**INPUTS, key: first}, IDENTITY) is None
    assert run.record_declared(SECOND, {**INPUTS, key: second}, IDENTITY) is None


def test_flow_log_kept_by_declared_resource_is_in_use(run: Run) -> None:
    run.record_declared(FIRST, INPUTS, IDENTITY)
    run.record_kept(FIRST, "id")
    assert run.is_in_use("id")
    assert not run.is_needed(SECOND, INPUTS)


def test_flow_log_kept_by_undeclared_resource_is_not_in_use(run: Run) -> None:
    run.record_kept(FIRST, "id")
    assert not run.is_in_use("id")


def test_created_flow_log_is_in_use(run: Run) -> None:
    run.record_created(FIRST, "id")
    assert run.is_in_use("id")
    assert not run.is_in_use("other")


def test_flow_log_is_in_use_until_last_resource_in_state_is_deleted(run: Run) -> None:
    run.record_in_state(FIRST, "id")
    run.record_in_state(SECOND, "id")
    assert run.is_in_state("id")
    run.record_deleted(FIRST)
    assert run.is_in_use("id")
    run.record_deleted(SECOND)
    assert not run.is_in_use("id")


def test_failure_makes_other_flow_logs_of_attachment_needed(run: Run) -> None:
    run.record_failed(FIRST, INPUTS)
    assert run.has_failure(INPUTS)
    assert run.is_needed(SECOND, {**INPUTS, "log_stream_id": "other"})
    assert not run.is_needed(SECOND, {**INPUTS, "resource_id": "other"})
    assert not run.is_needed(SECOND, {**INPUTS, "er_id": "other"})


def test_declared_resource_that_was_not_created_makes_others_needed(run: Run) -> None:
    run.record_declared(FIRST, {**INPUTS, "log_stream_id": UNKNOWN}, IDENTITY)
    assert run.is_needed(SECOND, INPUTS)
    assert not run.has_failure(INPUTS)
    run.record_created(FIRST, "id")
    assert not run.is_needed(SECOND, INPUTS)


def test_failed_flow_log_is_not_needed(run: Run) -> None:
    run.record_declared(FIRST, INPUTS, IDENTITY)
    assert not run.is_needed(FIRST, INPUTS)
    assert not run.is_needed(SECOND, {**INPUTS, "state": "failed"})


def test_incomplete_create_keeps_old_flow_log(run: Run) -> None:
    run.record_declared(FIRST, INPUTS, IDENTITY)
    run.record_failed(FIRST, INPUTS)
    run.record_created(FIRST, "incomplete")
    assert run.is_needed(FIRST, INPUTS)
    assert run.is_in_use("incomplete")

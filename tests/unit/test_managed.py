"""The flow logs in the stack's state."""

from typing import Any

import pytest

from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE, RANDOM_UUID_TYPE
from stacks.planning.naming import IDEMPOTENCY_KEY_NAME
from stacks.state.managed import (
    ManagedFlowLog,
    find_lost_idempotency_key,
    find_managed_flow_logs,
    has_idempotency_key,
)
from tests.unit.plans import target, urn

OUTPUTS = {"er_id": "er-1", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s"}


def flow_log(**outputs: Any) -> dict[str, Any]:
    return {"type": FLOW_LOG_TYPE, "outputs": {**OUTPUTS, **outputs}}


def test_flow_logs_are_found_by_their_target() -> None:
    snapshot = {
        urn("first"): flow_log(created_at="2030", enabled=False),
        urn("second"): flow_log(resource_id="b"),
        "urn:pulumi:local::p::other:index:Thing::x": {"type": "other:index:Thing", "outputs": {}},
    }
    assert find_managed_flow_logs(snapshot) == {
        target("a"): ManagedFlowLog(urn("first"), target("a"), "2030", enabled=False),
        target("b"): ManagedFlowLog(urn("second"), target("b"), ""),
    }


@pytest.mark.parametrize(
    ("parent", "is_in_component"),
    [
        (COMPONENT_TYPE, True),
        (f"my:own:Component${COMPONENT_TYPE}", True),
        (f"{COMPONENT_TYPE}$my:own:Component", True),
        ("my:own:Component", False),
        (f"{COMPONENT_TYPE}Else", False),
        (None, False),
    ],
)
def test_component_is_found_in_the_urn(parent: str | None, is_in_component: bool) -> None:
    flow_log = ManagedFlowLog(urn("name", parent=parent), target("a"))
    assert (flow_log.logical_name, flow_log.is_in_component) == ("name", is_in_component)


@pytest.mark.parametrize(("name", "found"), [(IDEMPOTENCY_KEY_NAME, True), ("somebody-elses", False)])
def test_only_the_stacks_own_idempotency_key_is_found(name: str, found: bool) -> None:
    key = {"type": RANDOM_UUID_TYPE, "outputs": {}}
    snapshot = {urn("flow-log"): flow_log(), f"urn:pulumi:dev::project::{RANDOM_UUID_TYPE}::{name}": key}
    assert has_idempotency_key(snapshot) is found


@pytest.mark.parametrize(
    ("parent", "others", "lost"),
    [
        (COMPONENT_TYPE, {}, "key"),
        ("my:own:Component", {}, None),
        (COMPONENT_TYPE, {"urn:pulumi:dev::p::x::old": {"type": RANDOM_UUID_TYPE, "outputs": {}}}, None),
    ],
)
def test_lost_idempotency_key_is_that_of_the_flow_logs(parent: str, others: dict[str, Any], lost: str | None) -> None:
    snapshot = {urn("flow-log", parent=parent): flow_log(idempotency_key="key"), **others}
    assert find_lost_idempotency_key(snapshot) == lost

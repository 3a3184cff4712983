"""The flow logs that the stack's state has."""

from typing import Any

import pytest

from providers.urn import FLOW_LOG_TYPE, RANDOM_UUID_TYPE
from stacks.planning.naming import COMPONENT_TYPE, IDEMPOTENCY_KEY
from stacks.state.managed import ManagedFlowLog, find_managed_flow_logs, has_idempotency_key
from tests.unit.plans import target, urn

OUTPUTS = {"er_id": "er-1", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s", "created_at": "2030"}


def flow_log(**changed: Any) -> dict[str, Any]:
    return {"type": FLOW_LOG_TYPE, "outputs": {**OUTPUTS, **changed}}


def test_flow_logs_are_known_by_their_target() -> None:
    snapshot = {
        urn("one"): flow_log(),
        urn("two"): flow_log(resource_id="b", created_at=""),
        "urn:pulumi:local::p::other:index:Thing::x": {"type": "other:index:Thing", "outputs": {}},
    }
    assert find_managed_flow_logs(snapshot) == {
        target("a"): ManagedFlowLog(urn("one"), target("a"), "2030"),
        target("b"): ManagedFlowLog(urn("two"), target("b"), ""),
    }


def test_a_flow_log_that_nobody_knows_when_it_was_made_has_no_time() -> None:
    outputs = {key: value for key, value in OUTPUTS.items() if key != "created_at"}
    (one,) = find_managed_flow_logs({urn("one"): {"type": FLOW_LOG_TYPE, "outputs": outputs}}).values()
    assert (one.logical_name, one.created_at) == ("one", "")


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
def test_a_flow_log_is_in_component_inside_of_our_component_only(parent: str | None, is_in_component: bool) -> None:
    assert ManagedFlowLog(urn("one", parent=parent), target("a")).is_in_component is is_in_component


def test_only_the_stacks_own_idempotency_key_counts() -> None:
    key = {"type": RANDOM_UUID_TYPE, "outputs": {}}
    assert has_idempotency_key({f"urn:pulumi:dev::project::{RANDOM_UUID_TYPE}::{IDEMPOTENCY_KEY}": key})
    assert not has_idempotency_key({f"urn:pulumi:dev::project::{RANDOM_UUID_TYPE}::somebody-elses": key})
    assert not has_idempotency_key({urn("one"): flow_log()})

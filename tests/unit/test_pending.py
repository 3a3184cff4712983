"""Creates that were cut off: refused to be destroyed over, and taken over into the state."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from stacks import pending

URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic/er:FlowLog::core-a"


def export(*types: str) -> dict[str, object]:
    operations = [{"resource": {"urn": URN}, "type": type_} for type_ in types]
    return {"version": 3, "deployment": {"pending_operations": operations}}


def test_a_destroy_over_cut_off_creates_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(export("creating", "deleting", "creating"))))

    with pytest.raises(SystemExit) as ended:
        pending.main(["refuse"])

    assert ended.value.code == (
        "error: the last run was cut off while it created 2 resources, which a destroy would leave behind unseen:"
        " run `make recover` first"
    )


@pytest.mark.parametrize("state", [export(), export("deleting", "updating"), {"version": 3, "deployment": {}}, {}])
def test_a_destroy_over_anything_else_goes_on(state: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    pending.main(["refuse"])


def cut_off(urn: str = URN, type_: str = "pulumi-python:dynamic/er:FlowLog", **inputs: Any) -> dict[str, Any]:
    resource = {
        "urn": urn,
        "custom": True,
        "type": type_,
        "inputs": {"name": "a", **inputs},
        "parent": "p",
        "provider": "v",
    }
    return {"resource": resource, "type": "creating"}


def taken_over(operations: list[dict[str, Any]], resources: list[dict[str, Any]]) -> dict[str, Any]:
    export = {"version": 3, "deployment": {"resources": resources, "pending_operations": operations, "manifest": {}}}
    state = pending.taken_over(export)
    assert state["version"] == 3
    assert state["deployment"].keys() == {"resources", "manifest"}
    return {one["urn"]: one for one in state["deployment"]["resources"]}


def test_a_cut_off_create_is_taken_over_as_a_flow_log_of_which_nobody_is_sure() -> None:
    component = {"urn": "c", "type": "t"}
    state = taken_over([cut_off(idempotency_key="k")], [component])
    assert list(state) == ["c", URN]
    assert state["c"] == component
    assert state[URN] == {
        "urn": URN,
        "custom": True,
        "type": "pulumi-python:dynamic/er:FlowLog",
        "id": "created-by:",
        "inputs": {"name": "a", "idempotency_key": "k"},
        "outputs": {"name": "a", "idempotency_key": "k", "state": "unknown"},
        "initErrors": ["the run that created it was cut off"],
        "parent": "p",
        "provider": "v",
    }


def test_what_a_cut_off_create_was_to_replace_is_forgotten_and_nothing_else() -> None:
    replaced = {"urn": URN, "id": "old", "pendingReplacement": True}
    other = {"urn": "other", "id": "another", "pendingReplacement": True}
    state = taken_over([cut_off(idempotency_key="k")], [replaced, other])
    assert state["other"] == other
    assert state[URN]["id"] == "created-by:"


@pytest.mark.parametrize(
    "operation",
    [
        cut_off(),
        cut_off(type_="random:index/randomUuid:RandomUuid", idempotency_key="k"),
        {**cut_off(idempotency_key="k"), "type": "deleting"},
    ],
)
def test_any_other_operation_is_only_forgotten(operation: dict[str, Any]) -> None:
    assert taken_over([operation], []) == {}

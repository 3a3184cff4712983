"""Creates that were cut off: refused to be destroyed over, and taken over into the state."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from providers import journal
from stacks import pending

URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic/er:FlowLog::core-a"


def export(*types: str) -> dict[str, object]:
    operations = [{"resource": {"urn": URN}, "type": type_} for type_ in types]
    return {"version": 3, "deployment": {"pending_operations": operations}}


def test_a_destroy_over_cut_off_creates_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(export("creating", "deleting", "creating"))))

    with pytest.raises(SystemExit) as ended:
        pending.main("refuse", "local")

    assert ended.value.code == (
        "error: another run creates 1 resources, or was cut off while it did: if nobody is at work on this stack,"
        " run `make recover` first"
    )


@pytest.mark.parametrize("state", [export(), export("deleting", "updating"), {"version": 3, "deployment": {}}, {}])
def test_a_destroy_over_anything_else_goes_on(state: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    pending.main("refuse", "local")


@pytest.mark.parametrize("what", ["refuse", "take-over"])
def test_a_state_that_could_not_be_had_ends_it_without_another_word(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        pending.main(what, "local")
    assert ended.value.code == 1
    assert capsys.readouterr().out == ""


PLACE = {"er_id": "r", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s"}
FLOW_LOG = "pulumi-python:dynamic/er:FlowLog"


def resource(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    return {"urn": urn, "custom": True, "type": FLOW_LOG, "inputs": {"name": "a", **PLACE, **inputs}, "parent": "p"}


def cut_off(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    return {"resource": resource(urn, **inputs), "type": "creating"}


def in_state(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    made = resource(urn, **inputs)
    return {**made, "id": "f", "outputs": {**made["inputs"], "project_id": "mine"}}


def taken_over(operations: list[dict[str, Any]], resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources that are in the state then, all of them."""
    export = {"version": 3, "deployment": {"resources": resources, "pending_operations": operations, "manifest": {}}}
    state = pending.taken_over(export)
    assert state["version"] == 3
    assert state["deployment"].keys() == {"resources", "manifest"}
    found: list[dict[str, Any]] = state["deployment"]["resources"]
    return found


def test_a_cut_off_create_is_taken_over_as_a_flow_log_of_which_nobody_is_sure() -> None:
    component = {"urn": "c", "type": "t"}
    assert taken_over([cut_off(idempotency_key="k")], [component]) == [
        component,
        {
            "urn": URN,
            "custom": True,
            "type": FLOW_LOG,
            "id": "created-by:",
            "inputs": {"name": "a", **PLACE, "idempotency_key": "k"},
            "outputs": {"name": "a", **PLACE, "idempotency_key": "k", "state": "unknown"},
            "initErrors": ["the run that created it was cut off"],
            "parent": "p",
        },
    ]


def test_what_is_taken_over_is_of_the_project_of_the_other_flow_logs() -> None:
    _, taken = taken_over([cut_off(idempotency_key="k")], [in_state("other")])
    assert taken["outputs"]["project_id"] == "mine"


def test_what_a_cut_off_create_was_to_replace_is_forgotten_and_nothing_else() -> None:
    replaced = {**in_state(), "pendingReplacement": True}
    other = {**in_state("other"), "pendingReplacement": True}
    kept, taken = taken_over([cut_off(idempotency_key="k")], [replaced, other])
    assert kept == other
    assert (taken["urn"], taken["id"]) == (URN, "created-by:")


def test_a_create_that_a_later_run_has_made_up_for_is_forgotten() -> None:
    made = in_state(idempotency_key="k")
    assert taken_over([cut_off(idempotency_key="k")], [made]) == [made]


def test_a_create_of_several_runs_is_taken_over_once() -> None:
    (taken,) = taken_over([cut_off(idempotency_key="k", name="last"), cut_off(idempotency_key="k")], [])
    assert taken["inputs"]["name"] == "last"


def test_a_create_for_another_place_than_the_resource_has_by_now_is_taken_over_to_be_deleted() -> None:
    made = in_state(idempotency_key="k", log_stream_id="other")
    kept, taken = taken_over([cut_off(idempotency_key="k")], [made])
    assert kept == made
    assert (taken["urn"], taken["id"], taken["delete"]) == (URN, "created-by:", True)
    last, before = taken_over([cut_off(idempotency_key="k", log_stream_id="other"), cut_off(idempotency_key="k")], [])
    assert ("delete" in last, before["delete"]) == (False, True)


@pytest.mark.parametrize(
    "operation",
    [
        {"resource": {"urn": URN, "type": "random:index/randomUuid:RandomUuid", "inputs": {}}, "type": "creating"},
        {**cut_off(idempotency_key="k"), "type": "deleting"},
    ],
)
def test_any_other_operation_is_only_forgotten(operation: dict[str, Any]) -> None:
    assert taken_over([operation], []) == []


def test_operations_on_what_is_not_ours_stay_and_are_told_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = {
        "type": "creating",
        "resource": {"urn": "urn:pulumi:x::y::aws:s3/bucket:Bucket::b", "type": "aws:s3/bucket:Bucket"},
    }
    state = {
        "version": 3,
        "deployment": {"pending_operations": [cut_off(idempotency_key="k"), bucket], "resources": []},
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))

    pending.main("take-over", "local")

    printed = capsys.readouterr()
    deployment = json.loads(printed.out)["deployment"]
    assert deployment["pending_operations"] == [bucket]
    assert [one["urn"] for one in deployment["resources"]] == [URN]
    assert "cut off: 1 creates" in printed.err
    assert "1 operations on other resources were cut off as well." in printed.err
    assert "import or delete them: urn:pulumi:x::y::aws:s3/bucket:Bucket::b" in printed.err


def test_a_create_without_a_key_is_forgotten_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"version": 3, "deployment": {"pending_operations": [cut_off(name="shop")]}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    pending.main("take-over", "local")
    printed = capsys.readouterr()
    assert json.loads(printed.out)["deployment"] == {"resources": []}
    assert printed.err == (
        "cut off: 1 creates; the service is asked what came of them\n"
        "warning: 1 flow logs without an idempotency_key may have been created and cannot be found again: shop;"
        " look for them and import or delete them\n"
    )


def test_what_a_killed_provider_was_creating_is_taken_over_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    inputs = {"name": "a", **PLACE, "idempotency_key": "k"}
    with journal.written_down("local", URN, inputs):
        assert journal.left_over("local") == [{"urn": URN, "inputs": inputs}]
        assert journal.left_over("another") == []
        provider = {"urn": "p", "id": "1", "type": "pulumi:providers:pulumi-python"}
        monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"deployment": {"resources": [provider]}})))
        pending.main("take-over", "organization/otc-flow-logs/local")  # the same stack
    _, taken = json.loads(capsys.readouterr().out)["deployment"]["resources"]
    assert (taken["urn"], taken["id"], taken["provider"], taken["inputs"]) == (URN, "created-by:", "p::1", inputs)
    assert journal.left_over("local") == []

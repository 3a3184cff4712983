"""Creates that were interrupted: refused to be destroyed over, and taken over into the state."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from providers import journal
from stacks.state import recovery

URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic/er:FlowLog::core-a"


def export(*types: str) -> dict[str, object]:
    operations = [{"resource": {"urn": URN}, "type": type_} for type_ in types]
    return {"version": 3, "deployment": {"pending_operations": operations}}


def test_a_destroy_over_interrupted_creates_is_refused_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(export("creating", "deleting", "creating"))))

    with pytest.raises(SystemExit) as ended:
        recovery.main("refuse", "local")

    assert ended.value.code == (
        "error: another run creates 1 resources, or was interrupted while it did: if nobody is at work on this stack,"
        " run `make recover` first"
    )


@pytest.mark.parametrize("state", [export(), export("deleting", "updating"), {"version": 3, "deployment": {}}, {}])
def test_a_destroy_over_anything_else_goes_on(state: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    recovery.main("refuse", "local")


@pytest.mark.parametrize("what", ["refuse", "take-over"])
def test_a_state_that_could_not_be_had_ends_it_without_another_word(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(SystemExit) as ended:
        recovery.main(what, "local")
    assert ended.value.code == 1
    assert capsys.readouterr().out == ""


PLACE = {"er_id": "r", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s"}
FLOW_LOG = "pulumi-python:dynamic/er:FlowLog"


def resource(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    return {"urn": urn, "custom": True, "type": FLOW_LOG, "inputs": {"name": "a", **PLACE, **inputs}, "parent": "p"}


def interrupted(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    return {"resource": resource(urn, **inputs), "type": "creating"}


def in_state(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    made = resource(urn, **inputs)
    return {**made, "id": "f", "outputs": {**made["inputs"], "project_id": "mine"}}


def taken_over(operations: list[dict[str, Any]], resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The resources that are in the state then, all of them."""
    export = {"version": 3, "deployment": {"resources": resources, "pending_operations": operations, "manifest": {}}}
    state = recovery.take_over_creates(export)
    assert state["version"] == 3
    assert state["deployment"].keys() == {"resources", "manifest"}
    found: list[dict[str, Any]] = state["deployment"]["resources"]
    return found


def test_an_interrupted_create_is_taken_over_as_an_unsure_flow_log() -> None:
    component = {"urn": "c", "type": "t"}
    assert taken_over([interrupted(idempotency_key="k")], [component]) == [
        component,
        {
            "urn": URN,
            "custom": True,
            "type": FLOW_LOG,
            "id": "created-by:",
            "inputs": {"name": "a", **PLACE, "idempotency_key": "k"},
            "outputs": {"name": "a", **PLACE, "idempotency_key": "k", "state": "unknown"},
            "initErrors": ["the run that created it was interrupted"],
            "parent": "p",
        },
    ]


def test_what_is_taken_over_is_of_the_project_of_the_other_flow_logs() -> None:
    _, taken = taken_over([interrupted(idempotency_key="k")], [in_state("other")])
    assert taken["outputs"]["project_id"] == "mine"


def test_only_what_an_interrupted_create_was_to_replace_is_forgotten() -> None:
    replaced = {**in_state(), "pendingReplacement": True}
    other = {**in_state("other"), "pendingReplacement": True}
    kept, taken = taken_over([interrupted(idempotency_key="k")], [replaced, other])
    assert kept == other
    assert (taken["urn"], taken["id"]) == (URN, "created-by:")


def test_a_create_that_a_later_run_has_made_up_for_is_forgotten() -> None:
    made = in_state(idempotency_key="k")
    assert taken_over([interrupted(idempotency_key="k")], [made]) == [made]


def test_a_create_of_several_runs_is_taken_over_once() -> None:
    (taken,) = taken_over([interrupted(idempotency_key="k", name="last"), interrupted(idempotency_key="k")], [])
    assert taken["inputs"]["name"] == "last"


def test_a_create_for_a_place_that_was_left_is_taken_over_to_be_deleted() -> None:
    made = in_state(idempotency_key="k", log_stream_id="other")
    kept, taken = taken_over([interrupted(idempotency_key="k")], [made])
    assert kept == made
    assert (taken["urn"], taken["id"], taken["delete"]) == (URN, "created-by:", True)
    last, before = taken_over(
        [interrupted(idempotency_key="k", log_stream_id="other"), interrupted(idempotency_key="k")], []
    )
    assert ("delete" in last, before["delete"]) == (False, True)


@pytest.mark.parametrize(
    "operation",
    [
        {"resource": {"urn": URN, "type": "random:index/randomUuid:RandomUuid", "inputs": {}}, "type": "creating"},
        {**interrupted(idempotency_key="k"), "type": "deleting"},
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
        "deployment": {"pending_operations": [interrupted(idempotency_key="k"), bucket], "resources": []},
    }
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))

    recovery.main("take-over", "local")

    printed = capsys.readouterr()
    deployment = json.loads(printed.out)["deployment"]
    assert deployment["pending_operations"] == [bucket]
    assert [one["urn"] for one in deployment["resources"]] == [URN]
    assert "interrupted: 1 creates" in printed.err
    assert "1 operations on other resources were interrupted as well." in printed.err
    assert "import or delete them: urn:pulumi:x::y::aws:s3/bucket:Bucket::b" in printed.err


def test_a_create_without_a_key_is_forgotten_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    state = {"version": 3, "deployment": {"pending_operations": [interrupted(name="shop")]}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    recovery.main("take-over", "local")
    printed = capsys.readouterr()
    assert json.loads(printed.out)["deployment"] == {"resources": []}
    assert printed.err == (
        "interrupted: 1 creates; the service is asked what came of them\n"
        "warning: 1 flow logs without an idempotency_key may have been created and cannot be found again: shop;"
        " look for them and import or delete them\n"
    )


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """The inputs of a create that a killed provider left: its file is there, and nobody has it locked."""
    monkeypatch.chdir(tmp_path)
    inputs = {"name": "a", **PLACE, "idempotency_key": "k"}
    folder = journal.FOLDER / "local"
    folder.mkdir(parents=True)
    (folder / "create.json").write_text(json.dumps({"urn": URN, "inputs": inputs}))
    return inputs


def run(what: str, state: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(state)))
    recovery.main(what, "organization/otc-flow-logs/local")  # the same stack as `local`


def refusal(what: str, state: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch) -> str:
    """What is said on stderr, with exit code 1."""
    with pytest.raises(SystemExit) as ended:
        run(what, state, monkeypatch)
    assert isinstance(ended.value.code, str)
    return ended.value.code


def test_what_a_killed_provider_was_creating_is_taken_over_too(
    killed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    provider = {"urn": "p", "id": "1", "type": "pulumi:providers:pulumi-python"}
    run("take-over", {"deployment": {"resources": [provider]}}, monkeypatch)
    _, taken = json.loads(capsys.readouterr().out)["deployment"]["resources"]
    assert (taken["urn"], taken["id"], taken["provider"], taken["inputs"]) == (URN, "created-by:", "p::1", killed)


INTERRUPTED_HERE = (
    "error: an earlier run was interrupted while it created 1 resources: if nobody is at work on this stack,"
    " run `make recover` first"
)


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("state", [export(), export("creating")])
def test_what_was_killed_on_this_machine_is_known_to_be_interrupted(
    state: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refusal("refuse", state, monkeypatch) == INTERRUPTED_HERE


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_PROVIDER_EXIT_TIME", 0)


@pytest.mark.usefixtures("killed", "no_waiting")
@pytest.mark.parametrize("what", ["refuse", "take-over", "refuse-live"])
def test_a_run_that_is_alive_is_to_be_waited_for_whatever_else_there_is(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with journal.recorded("local", URN, {"name": "alive"}):
        said = refusal(what, export("creating"), monkeypatch)
    assert said == (
        "error: another run is at work on this stack now, with 1 creates under way: wait until it has ended"
    )
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("killed")
def test_a_run_of_another_stack_and_an_interrupted_one_are_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    with journal.recorded("another", URN, {}):
        run("refuse-live", {}, monkeypatch)


def test_a_provider_that_ends_a_moment_after_its_engine_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with contextlib.ExitStack() as create:
        create.enter_context(journal.recorded("local", URN, {}))
        monkeypatch.setattr("time.sleep", lambda _seconds: create.close())
        run("refuse-live", {}, monkeypatch)

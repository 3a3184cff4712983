"""Interrupted creates: refused before a destroy, and taken over into the state."""

from __future__ import annotations

import contextlib
import io
import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from providers import journal
from providers.urn import FLOW_LOG_TYPE, LOG_GROUP_TYPE, LOG_GROUPS_COMPONENT_TYPE, LOG_STREAM_TYPE, RANDOM_UUID_TYPE
from stacks.commands import pending
from stacks.state import recovery
from stacks.state.updates import Update, find_in_progress, has_settled, read_updates

URN = f"urn:pulumi:local::otc-flow-logs::{FLOW_LOG_TYPE}::core-a"
TARGET = {"er_id": "r", "resource_id": "a", "log_group_id": "g", "log_stream_id": "s"}
KEY = {"idempotency_key": "k"}
BUCKET = {
    "type": "creating",
    "resource": {"urn": "urn:pulumi:x::y::aws:s3/bucket:Bucket::b", "type": "aws:s3/bucket:Bucket"},
}
WAY_OUT = ": if no run of this stack is in progress, run `make recover` first"
OTHER_RUN = f"error: another run is creating 1 resources, or was interrupted while creating them{WAY_OUT}"
EARLIER_RUN = f"error: an earlier run was interrupted while it created 1 resources{WAY_OUT}"
LIVE_RUN = "error: another run of this stack is in progress, with 1 creates: wait until it has ended"

Run = Callable[[str, "Mapping[str, Any] | str"], "str | int | None"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command with this state on standard input; returns the sentence or code with which it fails."""
    monkeypatch.chdir(tmp_path)

    def run(command: str, state: Mapping[str, Any] | str) -> str | int | None:
        monkeypatch.setattr("sys.stdin", io.StringIO(state if isinstance(state, str) else json.dumps(state)))
        # The same stack as `local`.
        monkeypatch.setattr("sys.argv", ["pending", command, "organization/otc-flow-logs/local"])
        try:
            pending.main()
        except SystemExit as ended:
            output, error = capsys.readouterr()
            return output + error.strip() or ended.code
        return None

    return run


@pytest.fixture
def killed(run: Run) -> dict[str, Any]:
    """The inputs of a create whose provider was killed: its file exists, and is not locked."""
    inputs = {"name": "a", **TARGET, **KEY}
    with journal.recorded("local", URN, inputs):
        (file,) = (journal.FOLDER / "local").iterdir()
        text = file.read_text()
    file.write_text(text)
    return inputs


def make_export(*types: str) -> dict[str, Any]:
    return {"version": 3, "deployment": {"pending_operations": [{**interrupted(), "type": type_} for type_ in types]}}


def resource(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    inputs = {"name": "a", **TARGET, **inputs}
    return {"urn": urn, "custom": True, "type": FLOW_LOG_TYPE, "inputs": inputs, "parent": "p"}


def interrupted(**inputs: Any) -> dict[str, Any]:
    return {"resource": resource(**inputs), "type": "creating"}


def in_state(urn: str = URN, **inputs: Any) -> dict[str, Any]:
    created = resource(urn, **inputs)
    return {**created, "id": "f", "outputs": {**created["inputs"], "project_id": "p"}}


def take_over(operations: list[dict[str, Any]], resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All resources in the state afterwards."""
    export = {"version": 3, "deployment": {"resources": resources, "pending_operations": operations, "manifest": {}}}
    state = recovery.take_over_creates(export)
    assert state["version"] == 3
    assert state["deployment"].keys() == {"resources", "manifest"}
    recovered: list[dict[str, Any]] = state["deployment"]["resources"]
    return recovered


def test_refuse_ends_with_a_way_out(run: Run) -> None:
    assert run("refuse", make_export("creating", "deleting", "creating")) == OTHER_RUN


@pytest.mark.parametrize("state", [make_export(), make_export("deleting", "updating"), {"deployment": {}}, {}])
def test_refuse_accepts_a_state_without_interrupted_creates(run: Run, state: dict[str, Any]) -> None:
    assert run("refuse", state) is None


@pytest.mark.parametrize("command", ["refuse", "take-over"])
def test_failed_export_ends_the_command(run: Run, command: str) -> None:
    assert run(command, "") == 1


def test_interrupted_create_becomes_a_flow_log_with_a_provisional_id() -> None:
    component = {"urn": "c", "type": "t"}
    other = in_state("other")
    inputs = {"name": "a", **TARGET, **KEY}
    assert take_over([interrupted(**KEY)], [component, other]) == [
        component,
        other,
        {
            "urn": URN,
            "custom": True,
            "type": FLOW_LOG_TYPE,
            "id": "created-by:",
            "inputs": inputs,
            "outputs": {**inputs, "project_id": "p", "state": "unknown"},
            "initErrors": ["the run that created it was interrupted"],
            "parent": "p",
        },
    ]


@pytest.mark.parametrize("type_", [LOG_GROUPS_COMPONENT_TYPE, LOG_GROUP_TYPE, LOG_STREAM_TYPE])
def test_interrupted_create_of_a_log_group_is_left_to_the_next_run(type_: str) -> None:
    operation = {"type": "creating", "resource": {"urn": "u", "type": type_, "inputs": {"name": "shop"}}}
    export = {"deployment": {"pending_operations": [operation]}}
    assert recovery.take_over_creates(export)["deployment"] == {"resources": []}


def test_resource_that_the_create_was_to_replace_is_removed() -> None:
    replaced = {**in_state(), "pendingReplacement": True}
    other = {**in_state("other"), "pendingReplacement": True}
    kept, recovered = take_over([interrupted(**KEY)], [replaced, other])
    assert (kept, recovered["urn"], recovered["id"]) == (other, URN, "created-by:")


def test_create_of_several_runs_is_taken_over_once() -> None:
    (recovered,) = take_over([interrupted(**KEY, name="last"), interrupted(**KEY)], [])
    assert recovered["inputs"]["name"] == "last"


def test_create_for_a_former_target_is_taken_over_to_be_deleted() -> None:
    created = in_state(**KEY, log_stream_id="other")
    kept, recovered = take_over([interrupted(**KEY)], [created])
    assert (kept, recovered["urn"], recovered["id"]) == (created, URN, "created-by:")
    assert recovered["delete"] is True
    last, before = take_over([interrupted(**KEY, log_stream_id="other"), interrupted(**KEY)], [])
    assert ("delete" in last, before["delete"]) == (False, True)


@pytest.mark.parametrize(
    ("operation", "resources"),
    [
        ({"resource": {"urn": URN, "type": RANDOM_UUID_TYPE, "inputs": {}}, "type": "creating"}, []),
        ({**interrupted(**KEY), "type": "deleting"}, []),
        (interrupted(**KEY), [in_state(**KEY)]),
    ],
    ids=["another type", "no create", "create that a later run repeated"],
)
def test_other_operations_are_dropped(operation: dict[str, Any], resources: list[dict[str, Any]]) -> None:
    assert take_over([operation], resources) == resources


def test_operations_on_other_resources_stay_and_are_reported(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    state = {"deployment": {"pending_operations": [interrupted(**KEY), BUCKET], "resources": []}}
    assert run("take-over", state) is None
    printed = capsys.readouterr()
    deployment = json.loads(printed.out)["deployment"]
    assert deployment["pending_operations"] == [BUCKET]
    assert [recovered["urn"] for recovered in deployment["resources"]] == [URN]
    assert "interrupted: 1 creates" in printed.err
    assert "1 operations on other resources were interrupted as well." in printed.err
    assert "import or delete them: urn:pulumi:x::y::aws:s3/bucket:Bucket::b" in printed.err


def test_create_without_idempotency_key_is_dropped_and_reported(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("take-over", {"deployment": {"pending_operations": [interrupted(name="shop")]}}) is None
    printed = capsys.readouterr()
    assert json.loads(printed.out)["deployment"] == {"resources": []}
    assert printed.err == (
        "interrupted: 1 creates; the next refresh finds out what they created\n"
        "warning: 1 flow logs without an idempotency_key may have been created and cannot be found again: shop;"
        " look for them and import or delete them\n"
    )


def test_create_of_a_killed_provider_is_taken_over(
    run: Run, killed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    provider = {"urn": "p", "id": "1", "type": "pulumi:providers:pulumi-python"}
    assert run("take-over", {"deployment": {"resources": [provider]}}) is None
    _, recovered = json.loads(capsys.readouterr().out)["deployment"]["resources"]
    assert (recovered["urn"], recovered["id"], recovered["provider"]) == (URN, "created-by:", "p::1")
    assert recovered["inputs"] == killed


@pytest.mark.parametrize("deployment", [{"resources": None, "pending_operations": None}, {}, None])
def test_create_is_taken_over_into_a_state_that_has_lost_everything(
    run: Run, killed: dict[str, Any], capsys: pytest.CaptureFixture[str], deployment: dict[str, Any] | None
) -> None:
    assert run("take-over", {"version": 3, "deployment": deployment}) is None
    (recovered,) = json.loads(capsys.readouterr().out)["deployment"]["resources"]
    assert (recovered["urn"], recovered["id"], recovered["inputs"]) == (URN, "created-by:", killed)
    assert "provider" not in recovered


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize(("change", "is_known"), [({}, True), ({"delete": True}, False), ({"urn": "u"}, False)])
def test_create_that_the_state_has_is_forgotten(run: Run, change: dict[str, Any], is_known: bool) -> None:
    state = {"deployment": {"resources": [{**in_state(), **change}]}}
    assert run("refuse", state) == (None if is_known else EARLIER_RUN)
    assert bool(journal.unfinished("local")) is not is_known


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("state", [make_export(), make_export("creating")])
def test_killed_provider_of_this_machine_is_an_interrupted_run(run: Run, state: dict[str, Any]) -> None:
    assert run("refuse", state) == EARLIER_RUN


@pytest.mark.usefixtures("killed")
@pytest.mark.parametrize("command", ["refuse", "take-over", "refuse-live"])
def test_live_run_refuses_every_command(run: Run, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "_PROVIDER_EXIT_TIME", 0)
    with journal.recorded("local", URN, {"name": "live"}):
        assert run(command, make_export("creating")) == LIVE_RUN


@pytest.mark.usefixtures("killed")
def test_interrupted_run_and_run_of_another_stack_are_not_live(run: Run) -> None:
    with journal.recorded("another", URN, {}):
        assert run("refuse-live", {}) is None


def test_provider_may_end_a_moment_after_its_engine(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.ExitStack() as create:
        create.enter_context(journal.recorded("local", URN, {}))
        monkeypatch.setattr("time.sleep", lambda _seconds: create.close())
        assert run("refuse-live", {}) is None


@pytest.mark.parametrize(
    ("arguments", "code"), [([], 2), (["--help"], 0), (["take-over"], 2), (["take_over", "local"], 2)]
)
def test_wrong_arguments_print_usage(
    arguments: list[str], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["pending", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("stacks.pending", run_name="__main__")
    assert ended.value.code == code
    assert "".join(capsys.readouterr()).startswith("usage: python -m stacks.pending ")


def updates(*several: tuple[float, str, str]) -> list[Update]:
    """Updates, the last one first: when each began, its kind and its result."""
    return [Update(kind, result, started) for started, kind, result in several]


@pytest.mark.parametrize(
    ("several", "is_settled"),
    [
        ([(99, "update", "in-progress")], False),
        ([(100, "update", "succeeded")], False),
        ([(101, "update", "failed"), (99, "update", "failed")], False),
        ([(101, "refresh", "succeeded"), (99, "update", "failed")], False),
        ([(103, "update", "failed"), (101, "import", "succeeded"), (99, "update", "succeeded")], True),
        ([(101, "update", "failed")], True),
        ([], True),
    ],
)
def test_later_update_or_a_new_stack_settles_what_was_created(
    several: list[tuple[float, str, str]], is_settled: bool
) -> None:
    assert has_settled(updates(*several), 100.5) is is_settled


def test_only_the_last_update_can_be_in_progress() -> None:
    text = json.dumps([{"kind": "update", "startTime": "1970-01-01T00:01:40.000Z", "result": "in-progress"}])
    (running,) = read_updates(text)
    assert running == Update("update", "in-progress", 100)
    assert find_in_progress([running]) is running
    assert find_in_progress(updates((101, "import", "succeeded"), (100, "update", "in-progress"))) is None
    assert find_in_progress([]) is None

"""What ends a run before anything changes, and what only causes warnings."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, cast

import pytest

from providers import journal
from providers.er import Client
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLogTarget
from providers.er.quotas import Quota
from stacks.decision import Decision, Previous, decide
from stacks.errors import Problem, StackError
from stacks.stackfile.model import StackConfig
from stacks.state.managed import ManagedFlowLog
from tests.unit.plans import FakeClient, Stack, attachment, config, flow_log, managed, router, target, urn

SHOP, DATA = attachment("a", "vpc-shop"), attachment("b", "vpc-data")
BEFORE = Stack(SHOP, DATA)
BEFORE.up()
ONE_OF_TWO = {"core": {"attachments": ["vpc-data"]}}
BY_HAND = flow_log("b", "by-hand", id_="1")
SHOP_ONLY = managed(target("a"))
BOTH = managed(target("a"), target("b"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the journal records the stack's creates."""
    monkeypatch.chdir(tmp_path)
    return journal.FOLDER / "local"


@pytest.fixture
def client() -> FakeClient:
    client = FakeClient()
    client.attachments_of["er-1"] = [SHOP, DATA]
    return client


def run(
    client: FakeClient,
    routers: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    state: Mapping[FlowLogTarget, ManagedFlowLog] | None = None,
    is_preview: bool = False,
    forgotten: Set[str] = frozenset(),
    rules: Mapping[str, Any] | None = None,
    max_deletes: int | None = None,
    lost_key: str | None = None,
) -> Decision:
    values = config(routers or {"core": {}}, max_deletes=max_deletes).model_dump(exclude_unset=True)
    stack_file = StackConfig.model_validate({**values, "rules": dict(rules or {})})
    previous = Previous(
        last_run=BEFORE.last if state else {},
        managed=state or {},
        has_key=bool(state) and lost_key is None,
        lost_key=lost_key,
        forgotten=forgotten,
    )
    return decide(
        cast(Client, client), stack_file, previous, stack="local", place="Pulumi.local.yaml", is_preview=is_preview
    )


def refused(*args: Any, **kwargs: Any) -> list[Problem]:
    with pytest.raises(StackError) as caught:
        run(*args, **kwargs)
    return caught.value.problems


def keys(problems: list[Problem]) -> list[str]:
    return [problem.key for problem in problems]


def test_first_run_declares_what_the_stack_file_wants(client: FakeClient) -> None:
    decision = run(client)
    assert set(decision.plan.desired) == {target("a"), target("b")}
    assert (decision.notes.reasons, decision.warnings, decision.adopted) == ({}, [], {})
    assert decision.outputs["coverage"] == {"logged": 2, "loggable": 2, "skipped": 0}


def test_deletion_is_a_warning_and_in_the_notes(client: FakeClient) -> None:
    decision = run(client, ONE_OF_TWO, state=BOTH)
    ((name, reason),) = decision.notes.reasons.items()
    assert name == BOTH[target("a")].logical_name
    (warning,) = decision.warnings
    assert warning.startswith("er-core: vpc-shop loses its flow log")
    assert warning.endswith(reason)
    assert decision.removing_from == {("er-1", "a")}


def test_disabling_a_flow_log_removes_from_its_attachment(client: FakeClient) -> None:
    decision = run(client, {"core": {"overrides": {"vpc-shop": {"enabled": False}}}}, state=BOTH)
    assert decision.removing_from == {("er-1", "a")}


def test_mistakes_and_broken_rules_are_reported_together(client: FakeClient) -> None:
    problems = refused(client, {"core": {}, "lab": {"log_stream": "nope"}}, rules={"names": ["x"]}, state=BOTH)
    assert keys(problems) == ["routers.lab.log_stream", "rules.names"]


def test_mistake_never_causes_a_deletion(client: FakeClient) -> None:
    problems = refused(client, {"core": {"log_group": "nope"}}, state=BOTH, max_deletes=0)
    assert keys(problems) == ["routers.core.log_group"]


def test_all_reasons_to_refuse_a_run_are_reported_together(client: FakeClient) -> None:
    client.flow_logs_of["er-1"] = [BY_HAND]
    problems = refused(client, ONE_OF_TWO, state=SHOP_ONLY, rules={"every_attachment": True}, max_deletes=0)
    assert keys(problems) == ["rules.every_attachment", "max_deletes", "routers.core"]


@pytest.mark.parametrize(
    "options",
    [
        {"state": SHOP_ONLY, "is_preview": True},
        {},
        {"state": managed(target("a"), target("a", stream="t"))},
        {"state": managed(target("a", stream="t"))},
    ],
    ids=["preview", "first run", "run with a deletion", "run with a move"],
)
def test_conflict_ends_runs_that_must_be_complete(client: FakeClient, options: dict[str, Any]) -> None:
    client.flow_logs_of["er-1"] = [BY_HAND]
    assert keys(refused(client, **options)) == ["routers.core"]


def test_conflict_is_a_warning_in_any_other_run(client: FakeClient) -> None:
    client.flow_logs_of["er-1"] = [BY_HAND]
    decision = run(client, state=SHOP_ONLY)
    (warning,) = decision.warnings
    assert warning.startswith(
        "otc-flow-logs:routers.core in Pulumi.local.yaml: these flow logs on er-core already exist"
    )
    assert set(decision.plan.desired) == {target("a"), target("b")}


def test_run_does_not_take_back_a_forgotten_flow_log_by_itself(client: FakeClient) -> None:
    client.flow_logs_of["er-1"] = [flow_log("b", BEFORE.preview().names["b"], id_="1")]
    options: dict[str, Any] = {"state": SHOP_ONLY, "forgotten": {"1", "2"}}

    (problem,) = refused(client, **options)
    assert problem.key == "routers.core"
    assert "were forgotten by this stack: vpc-data" in problem.what

    adopting = run(client, {"core": {"adopt": True}}, **options)
    assert list(adopting.adopted) == [target("b")]
    assert adopting.outputs["last_run"]["forgotten"] == ["2"]
    excluding = run(client, {"core": {"attachments": ["vpc-shop"]}}, **options)
    assert (excluding.notes.reasons, excluding.outputs["last_run"]["forgotten"]) == ({}, ["1", "2"])


def test_log_stream_that_a_flow_log_of_any_router_writes_to_is_not_deleted(client: FakeClient) -> None:
    client.routers_there.append(router("er-2", "er-edge"))
    client.attachments_of["er-2"] = []
    client.flow_logs_of["er-2"] = [flow_log("z", "theirs", router_id="er-2", stream="t")]
    own = {"group/other": True}
    previous = Previous(last_run=BEFORE.last, managed=BOTH, has_key=True, log_stores=own)

    with pytest.raises(StackError, match="would be deleted, but these flow logs write to it: theirs"):
        decide(cast(Client, client), config({"core": {}}), previous, stack="local", place="x", is_preview=True)


def test_adopted_flow_log_is_not_a_conflict(client: FakeClient) -> None:
    client.flow_logs_of["er-1"] = [BY_HAND]
    decision = run(client, {"core": {"adopt": True}}, state=SHOP_ONLY, is_preview=True)
    assert decision.adopted == {target("b"): BY_HAND}


def test_full_quota_ends_a_move(client: FakeClient) -> None:
    client.flow_logs_of["er-1"] = [flow_log("a", "x", id_="1", stream="t"), flow_log("b", "y", id_="2")]
    client.quota = Quota(limit=2, used=2)
    (problem,) = refused(client, state=managed(target("a", stream="t"), target("b")))
    assert "1 of them to replace others, which are deleted last" in problem.what


def test_unreadable_quota_is_a_warning(client: FakeClient) -> None:
    client.quota = ApiError("no permission")
    assert list(run(client).warnings) == [
        "otc-flow-logs:routers in Pulumi.local.yaml: the quota could not be read, so it may be too small: no permission"
    ]


def test_quota_is_requested_only_if_something_is_created(client: FakeClient) -> None:
    client.quota = Quota(limit=0, used=0)
    assert run(client, state=BOTH).warnings == []
    assert client.requests["quota"] == 0


def test_state_of_version_0_1_needs_a_run_without_target(client: FakeClient) -> None:
    stack_file = config({"core": {}})
    previous = Previous(last_run={}, managed=BOTH, has_key=False)
    decision = decide(cast(Client, client), stack_file, previous, stack="local", place="x", is_preview=False)
    assert decision.warnings == ["this run migrates the state of version 0.1: run it without --target"]


def interrupt_create(folder: Path, stream: str) -> None:
    """Leave the record of a create whose provider was killed."""
    inputs = {"er_id": "er-1", "resource_id": "a", "log_group_id": "g", "log_stream_id": stream}
    folder.mkdir(parents=True)
    (folder / "create.json").write_text(json.dumps({"urn": urn("x"), "inputs": inputs}))


def test_interrupted_create_that_is_still_wanted_is_continued(client: FakeClient, folder: Path) -> None:
    interrupt_create(folder, "s")
    assert run(client, lost_key="k").warnings == []


def test_interrupted_create_that_is_no_longer_wanted_ends_the_run(client: FakeClient, folder: Path) -> None:
    interrupt_create(folder, "t")
    what = (
        "an earlier run was interrupted while it created flow logs that the stack file no longer declares (1): run"
        " `make recover` first"
    )
    assert refused(client, lost_key="k") == [Problem("routers", what)]
    assert run(client, state=managed(target("a", stream="t"), parent=None)).warnings == []


def test_interrupted_create_ends_the_run_if_the_state_lost_the_key(client: FakeClient, folder: Path) -> None:
    interrupt_create(folder, "s")
    what = (
        "an earlier run on this machine created flow logs, or was creating them, and the state has lost them (1): run"
        " `make recover` first"
    )
    assert refused(client) == [Problem("routers", what)]


def test_unreadable_journal_ends_the_run(client: FakeClient, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "create.json").write_text("{")
    (problem,) = refused(client)
    assert problem.key == "routers"
    assert problem.what.startswith(f"the journal of creates in {folder} cannot be read (")


@pytest.mark.parametrize("state", [BOTH, managed(target("b"))], ids=["state", "last run"])
def test_attachments_of_earlier_runs_are_requested_if_unlisted(
    client: FakeClient, state: Mapping[FlowLogTarget, ManagedFlowLog]
) -> None:
    client.unlisted = {"a"}
    assert set(run(client, state=state).plan.desired) == {target("a"), target("b")}


def test_flow_logs_of_a_program_are_not_the_stack_files(client: FakeClient) -> None:
    decision = run(client, state=BOTH | managed(target("a", router_id="er-9"), parent=None))
    assert decision.notes.reasons == {}
    assert set(decision.plan.inventory.attachments) == {"er-1"}

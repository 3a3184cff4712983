"""What a run is to do, and what ends it: everything is told at once, before anything changes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from providers import journal
from providers.er import Client, Deadline
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.quotas import Quota
from stacks.decision import Before, Decision, decide
from stacks.errors import Problem, StackError
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import LastAttachment, LastRouter
from stacks.state.managed import ManagedFlowLog
from tests.unit.plans import GROUPS, STREAMS, attachment, config, flow_log, managed, router, target, urn

SHOP, DATA = attachment("a", "vpc-shop"), attachment("b", "vpc-data")
LAST = LastRouter(
    id="er-1",
    name="er-core",
    first_name="er-core",
    attachments={one.id: LastAttachment(name=one.name, first_name=one.name) for one in (SHOP, DATA)},
    selections={"core": "all"},
)
ONE_OF_TWO = {"core": {"attachments": ["vpc-data"]}}
BY_HAND = flow_log("b", "by-hand", id_="1")


class World:
    """The parts of the client that a decision asks."""

    def __init__(
        self, attachments: Sequence[Attachment], flow_logs: Sequence[FlowLog], quota: Quota | ApiError | None
    ) -> None:
        self._attachments, self._quota = attachments, quota
        self.deadline = Deadline()
        self.routers = self.attachments = self.quotas = self
        self.log_groups, self.log_streams = SimpleNamespace(list=self.groups), SimpleNamespace(list=self.streams)
        self.flow_logs: Any = _FlowLogs(self, flow_logs)
        self.asked_for_quota = 0

    def list(self, er_id: str | None = None) -> Iterator[Any]:
        return iter([router("er-1", "er-core")] if er_id is None else self._attachments)

    def get(self, _er_id: str, _id: str) -> Attachment:
        raise NotFoundError("gone")

    def groups(self) -> Sequence[LogGroup]:
        return GROUPS

    def streams(self, group_id: str) -> Sequence[LogStream]:
        return STREAMS[group_id]

    def with_deadline(self, _patience: Deadline) -> World:
        return self

    def quota(self) -> Quota | None:
        self.asked_for_quota += 1
        if isinstance(self._quota, ApiError):
            raise self._quota
        return self._quota


class _FlowLogs:
    """Both the calls on flow logs, and that on their quota."""

    def __init__(self, world: World, flow_logs: Sequence[FlowLog]) -> None:
        self._world, self._flow_logs = world, flow_logs

    def list(self, _er_id: str) -> Iterator[FlowLog]:
        return iter(self._flow_logs)

    def __call__(self) -> Quota | None:
        return self._world.quota()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stack's creates are recorded."""
    monkeypatch.chdir(tmp_path)
    return journal.FOLDER / "local"


NOTHING: Mapping[FlowLogTarget, ManagedFlowLog] = {}


def decided(
    routers: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    attachments: Sequence[Attachment] = (SHOP, DATA),
    existing: Sequence[FlowLog] = (),
    state: Mapping[FlowLogTarget, ManagedFlowLog] = NOTHING,
    quota: Quota | ApiError | None = None,
    is_preview: bool = False,
    rules: Mapping[str, Any] | None = None,
    max_deletes: int | None = None,
    world: World | None = None,
) -> Decision:
    values = config(routers or {"core": {}}, max_deletes=max_deletes).model_dump(exclude_unset=True)
    stack_file = StackConfig.model_validate({**values, "rules": dict(rules or {})})
    before = Before(last={"er-1": LAST} if state else {}, managed=state, has_key=bool(state))
    client = cast(Client, world or World(attachments, existing, quota))
    return decide(client, stack_file, before, stack="local", is_preview=is_preview)


def refused(*args: Any, **kwargs: Any) -> list[Problem]:
    with pytest.raises(StackError) as caught:
        decided(*args, **kwargs)
    return caught.value.problems


def warned(found: Decision) -> list[str]:
    """The warnings, but that the state here has names of its own."""
    return [one for one in found.warnings if not one.startswith("this run gives the flow logs in the state")]


def keys(problems: Sequence[Problem]) -> list[str]:
    return [one.key for one in problems]


BOTH = managed(target("a"), target("b"))


def test_a_first_run_declares_what_the_stack_file_wants() -> None:
    found = decided()
    assert set(found.plan.desired) == {target("a"), target("b")}
    assert (found.outputs["deletions"], found.warnings, found.adopted) == ({}, [], {})
    assert found.outputs["coverage"] == {"logged": 2, "loggable": 2, "skipped": 0}


def test_what_a_run_deletes_is_warned_of_and_in_the_outputs() -> None:
    found = decided(ONE_OF_TWO, state=BOTH)
    ((name, reason),) = found.outputs["deletions"].items()
    assert name == BOTH[target("a")].logical_name
    (warning,) = warned(found)
    assert warning.endswith(reason)
    assert "vpc-shop" in warning


def test_the_guard_ends_a_run() -> None:
    assert keys(refused(ONE_OF_TWO, state=BOTH, max_deletes=0)) == ["max_deletes"]


def test_mistakes_and_broken_rules_are_told_at_once() -> None:
    problems = refused({"core": {"attachments": ["nope"]}}, rules={"never_disabled": True, "names": ["x"]})
    assert keys(problems) == ["routers.core.attachments[0]"]
    problems = refused({"core": {}, "lab": {"log_stream": "nope"}}, rules={"names": ["x"]}, state=BOTH, max_deletes=0)
    assert keys(problems) == ["routers.lab.log_stream", "rules.names"]


def test_a_mistake_never_makes_a_deletion() -> None:
    # What the mistake leaves out would look unwanted.
    assert keys(refused({"core": {"log_group": "nope"}}, state=BOTH, max_deletes=0)) == ["routers.core.log_group"]


def test_all_reasons_against_a_run_are_told_at_once() -> None:
    problems = refused(
        ONE_OF_TWO,
        existing=[BY_HAND],
        state=managed(target("a")),
        rules={"every_attachment": True},
        max_deletes=0,
    )
    assert keys(problems) == ["rules.every_attachment", "max_deletes", "routers.core"]


# Trouble with some flow logs


MINE = managed(target("a"))


def test_trouble_ends_a_preview() -> None:
    assert keys(refused(existing=[BY_HAND], state=MINE, is_preview=True)) == ["routers.core"]


def test_trouble_ends_a_first_run() -> None:
    assert keys(refused(existing=[BY_HAND])) == ["routers.core"]


def test_trouble_ends_a_run_that_would_delete_anything() -> None:
    state = managed(target("a"), target("a", stream="t"))
    assert keys(refused(existing=[BY_HAND], state=state)) == ["routers.core"]


def test_trouble_ends_a_run_that_would_move_anything() -> None:
    state = managed(target("a", stream="t"))
    assert keys(refused(existing=[BY_HAND], state=state)) == ["routers.core"]


def test_any_other_run_warns_of_trouble_and_does_what_it_can() -> None:
    found = decided(existing=[BY_HAND], state=MINE)
    (warning,) = warned(found)
    assert warning.startswith("routers.core: wants flow logs that are on er-core already and not this stack's")
    assert set(found.plan.desired) == {target("a"), target("b")}


def test_what_is_to_be_adopted_is_no_trouble() -> None:
    found = decided({"core": {"adopt": True}}, existing=[BY_HAND], state=MINE, is_preview=True)
    assert found.adopted == {target("b"): BY_HAND}


# The quota


def test_a_full_quota_ends_a_first_run() -> None:
    assert keys(refused(quota=Quota(limit=1, used=1))) == ["routers"]


def test_a_full_quota_ends_a_move() -> None:
    state = managed(target("a", stream="t"), target("b"))
    existing = [flow_log("a", "x", id_="1", stream="t"), flow_log("b", "y", id_="2")]
    (problem,) = refused(existing=existing, state=state, quota=Quota(limit=2, used=2))
    assert "1 of them in place of others, which are deleted only when all new ones are there" in problem.what


def test_a_quota_that_cannot_be_had_is_a_warning() -> None:
    assert list(decided(quota=ApiError("no permission")).warnings) == [
        "whether the quota has room for all flow logs to be created is not known: no permission"
    ]


def test_the_quota_is_not_asked_for_where_nothing_is_created() -> None:
    world = World([SHOP, DATA], [], Quota(limit=0, used=0))
    assert warned(decided(state=BOTH, world=world)) == []
    assert world.asked_for_quota == 0


# Interrupted runs


def interrupted(folder: Path, stream: str) -> None:
    """Leave the record of a create whose provider was killed."""
    inputs = {"er_id": "er-1", "resource_id": "a", "log_group_id": "g", "log_stream_id": stream}
    with journal.recorded("local", urn("x"), inputs):
        (file,) = folder.iterdir()
        text = file.read_text()
    assert json.loads(text)["inputs"] == inputs
    file.write_text(text)


def test_an_interrupted_create_that_is_still_wanted_goes_on(folder: Path) -> None:
    interrupted(folder, "s")
    assert decided().warnings == []


def test_an_interrupted_create_that_nobody_wants_any_more_ends_the_run(folder: Path) -> None:
    interrupted(folder, "t")
    (problem,) = refused()
    assert problem == Problem(
        "routers",
        "an earlier run was interrupted while it created flow logs that the stack file no longer wants (1): run `make"
        " recover` first",
    )


# What the stack has known


@pytest.mark.parametrize("knows", ["the state", "the last run"])
def test_an_attachment_that_the_stack_has_known_is_looked_at_by_itself(knows: str) -> None:
    class Lagging(World):
        def get(self, _er_id: str, id_: str) -> Attachment:
            return {"a": SHOP, "b": DATA}[id_]

    world = Lagging([DATA], [], None)
    state = BOTH if knows == "the state" else managed(target("b"))
    assert set(decided(state=state, world=world).plan.desired) == {target("a"), target("b")}


def test_flow_logs_of_a_program_make_no_router_of_ours() -> None:
    theirs = managed(target("a", router_id="er-9"), parent=None)
    found = decided(state=BOTH | theirs)
    assert found.outputs["deletions"] == {}
    assert set(found.plan.inventory.attachments) == {"er-1"}

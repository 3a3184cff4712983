"""Records, plans, a client over records in memory, and stacks from run to run, for the tests of the stack program."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, TypeVar

from providers.er import Deadline
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.quotas import Quota
from providers.er.routers import Router
from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE
from stacks.checks.deletions import Deletion, check_deletions, find_deletions
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.lookup import find_matches
from stacks.planning.naming import logical_name
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter, make_plan
from stacks.planning.selection import Selection, cannot_be_logged
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import LastRun, read_last_run
from stacks.state.managed import ManagedFlowLog
from stacks.state.outputs import make_outputs

T = TypeVar("T")

GROUPS = (LogGroup(id="g", name="group"), LogGroup(id="g2", name="audit"))
STREAMS = {
    "g": [LogStream(id="s", name="stream"), LogStream(id="t", name="other")],
    "g2": [LogStream(id="s2", name="all")],
}


def attachment(
    id_: str, name: str = "", type_: str = "vpc", state: str = "available", tags: Mapping[str, str] | None = None
) -> Attachment:
    return Attachment(id=id_, name=name, state=state, resource_type=type_, resource_id="r", tags=dict(tags or {}))


def router(id_: str = "er-1", name: str | None = None, state: str = "available") -> Router:
    return Router(id=id_, name=f"{id_}-name" if name is None else name, state=state)


def target(attachment_id: str, *, router_id: str = "er-1", group: str = "g", stream: str = "s") -> FlowLogTarget:
    return FlowLogTarget(er_id=router_id, resource_id=attachment_id, log_group_id=group, log_stream_id=stream)


def flow_log(
    attachment_id: str,
    name: str,
    *,
    id_: str = "",
    router_id: str = "er-1",
    group: str = "g",
    stream: str = "s",
    state: str = "available",
    enabled: bool = True,
    description: str = "",
    created_at: str = "",
) -> FlowLog:
    """One that exists on the attachment."""
    return FlowLog(
        id=id_ or f"flow-log-of-{attachment_id}",
        name=name,
        description=description,
        project_id="p",
        target=target(attachment_id, router_id=router_id, group=group, stream=stream),
        log_aggregation_interval=600,
        created_at=created_at,
        updated_at="",
        state=state,
        enabled=enabled,
    )


def urn(name: str, *, parent: str | None = COMPONENT_TYPE) -> str:
    """That of a FlowLog in the state; without a parent, of one that a program declares by itself."""
    types = f"{parent}${FLOW_LOG_TYPE}" if parent else FLOW_LOG_TYPE
    return f"urn:pulumi:local::otc-flow-logs::{types}::{name}"


def managed(
    *targets: FlowLogTarget, parent: str | None = COMPONENT_TYPE, created_at: str = ""
) -> dict[FlowLogTarget, ManagedFlowLog]:
    """A state with a flow log for each target, under its usual logical name."""
    flow_logs = {}
    for place in targets:
        logs_to = f"{place.log_group_id}/{place.log_stream_id}"
        name = logical_name(place.resource_id, logs_to, readable=place.resource_id)
        flow_logs[place] = ManagedFlowLog(urn(name, parent=parent), place, created_at)
    return flow_logs


def resolved_router(
    key: str,
    attachments: Sequence[tuple[str, str]],
    *,
    router_id: str = "er-1",
    existing: Sequence[FlowLog] = (),
    others: Sequence[Attachment] = (),
    disabled: Collection[str] = (),
    stream: str = "s",
) -> ResolvedRouter:
    """A router with a flow log for each of these attachments (ids with names), named like them, to group/stream.

    Args:
        key: The router's key.
        attachments: Those that are logged.
        router_id: The router's id.
        existing: The flow logs that the router has.
        others: Attachments that are not selected, or cannot be logged.
        disabled: The ids of those whose flow log is to be disabled.
        stream: The id of another stream than that of the default name.
    """
    logged = [attachment(id_, name) for id_, name in attachments]
    logs_to = "group/stream" if stream == "s" else f"group/{stream}"
    return ResolvedRouter(
        router=router(router_id),
        component=f"{router_id}-name",
        attachments=[*logged, *others],
        existing=list(existing),
        selections={
            key: Selection(
                requested=[selected.id for selected in logged],
                logged=logged,
                left_out=[other for other in others if not cannot_be_logged(other)],
            )
        },
        flow_logs=[
            DesiredFlowLog(
                attachment=selected,
                target=target(selected.id, router_id=router_id, stream=stream),
                logical_name=logical_name(selected.id, logs_to, readable=selected.name),
                name=selected.name,
                description="",
                enabled=selected.id not in disabled,
                logs_to=logs_to,
                key=key,
                first_key=key,
            )
            for selected in logged
        ],
    )


def plan(
    *routers: ResolvedRouter,
    other_routers: Sequence[Router] = (),
    groups: Sequence[LogGroup] = GROUPS,
    problems: Sequence[Problem] = (),
) -> Plan:
    """The plan of these routers, over an inventory that has them, and others. Keys of one router share it."""
    merged: dict[str, ResolvedRouter] = {}
    for resolved in routers:
        known = merged.setdefault(resolved.router.id, resolved)
        if known is not resolved:
            merged[resolved.router.id] = replace(
                known, selections=known.selections | resolved.selections, flow_logs=known.flow_logs + resolved.flow_logs
            )
    return Plan(
        routers=list(merged.values()),
        problems=list(problems),
        inventory=Inventory(
            routers=[*(resolved.router for resolved in merged.values()), *other_routers],
            groups=list(groups),
            streams={"g": [LogStream(id="s", name="stream")]},
            attachments={id_: resolved.attachments for id_, resolved in merged.items()},
            flow_logs={id_: resolved.existing for id_, resolved in merged.items()},
        ),
    )


def config(routers: Mapping[str, Mapping[str, Any]], *, max_deletes: int | None = None) -> StackConfig:
    """A stack file: each router is er-core and logs all to group/stream, as far as nothing else is given."""
    usual = {"router": "er-core", "log_group": "group", "log_stream": "stream"}
    values = {key: {**usual, **own} for key, own in routers.items()}
    return StackConfig.model_validate({"routers": values, "max_deletes": max_deletes})


class FakeClient:
    """The requests that planning makes, answered from records in memory. By default router er-1 has no attachment.

    Attributes:
        routers_there: All routers of the project.
        attachments_of: By router id; a router that is missing here is gone.
        flow_logs_of: By router id.
        groups: All log groups.
        streams_of: By log group id.
        quota: The quota, or the error when it is requested.
        unlisted: Ids of attachments that lists lack.
        refused: The request that the service refuses.
        requests: How often each thing was requested.
    """

    def __init__(self) -> None:
        self.routers_there = [router("er-1", "er-core")]
        self.attachments_of: dict[str, list[Attachment]] = {"er-1": []}
        self.flow_logs_of: dict[str, list[FlowLog]] = {}
        self.groups = list(GROUPS)
        self.streams_of = STREAMS
        self.quota: Quota | ApiError | None = None
        self.unlisted: set[str] = set()
        self.refused = ""
        self.requests: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.deadline = Deadline()
        self.routers = SimpleNamespace(list=lambda: self._answer("routers", self.routers_there))
        self.attachments = SimpleNamespace(list=self._list_attachments, get=self._get_attachment)
        self.flow_logs = SimpleNamespace(list=self._list_flow_logs)
        self.log_groups = SimpleNamespace(list=lambda: self._answer("groups", self.groups))
        self.log_streams = SimpleNamespace(list=lambda id_: self._answer(f"streams of {id_}", self.streams_of[id_]))
        self.quotas = SimpleNamespace(flow_logs=self._get_quota)

    def with_deadline(self, _deadline: Deadline) -> FakeClient:
        return self

    def _answer(self, request: str, records: list[T]) -> list[T]:
        with self._lock:
            self.requests[request] += 1
        if request == self.refused:
            raise ApiError("refused")
        return records

    def _router(self, id_: str) -> list[Attachment]:
        if id_ not in self.attachments_of:
            raise NotFoundError("no such router")
        return self.attachments_of[id_]

    def _list_attachments(self, id_: str) -> list[Attachment]:
        listed = [there for there in self._router(id_) if there.id not in self.unlisted]
        return self._answer(f"attachments of {id_}", listed)

    def _get_attachment(self, router_id: str, id_: str) -> Attachment:
        found = self._answer(f"{id_} of {router_id}", [there for there in self._router(router_id) if there.id == id_])
        if not found:
            raise NotFoundError("no such attachment")
        return found[0]

    def _list_flow_logs(self, id_: str) -> list[FlowLog]:
        self._router(id_)
        return self._answer(f"flow logs of {id_}", self.flow_logs_of.get(id_, []))

    def _get_quota(self) -> Quota | None:
        self._answer("quota", [])
        if isinstance(self.quota, ApiError):
            raise self.quota
        return self.quota


@dataclass(frozen=True)
class Run:
    """What a run would do."""

    plan: Plan
    deletions: Sequence[Deletion]
    refusals: Sequence[Problem]

    @property
    def sentences(self) -> list[str]:
        return [deletion.sentence for deletion in self.deletions]

    @property
    def reasons(self) -> list[str]:
        return [deletion.reason for deletion in self.deletions]

    @property
    def logical_names(self) -> list[str]:
        return sorted(desired.logical_name for desired in self.plan.desired.values())

    @property
    def names(self) -> dict[str, str]:
        """The flow logs' names, by the attachment's id."""
        return {desired.attachment.id: desired.name for desired in self.plan.desired.values()}


class Stack:
    """A stack from run to run. Tests may change everything between runs.

    Attributes:
        routers: By id, the name of each.
        attachments: By router id.
        managed: The state.
        existing: What lists of flow logs show.
        router_state: That of each router.
        outputs: Those of the last run.
    """

    def __init__(self, *attachments: Attachment) -> None:
        self.routers = {"er-1": "er-core"}
        self.attachments = {"er-1": list(attachments)}
        self.managed: dict[FlowLogTarget, ManagedFlowLog] = {}
        self.existing: list[FlowLog] = []
        self.router_state = "available"
        self.outputs: dict[str, Any] = {}

    def change(self, *attachments: Attachment, router_id: str = "er-1") -> None:
        """Change the attachments of the router."""
        self.attachments[router_id] = list(attachments)

    @property
    def last(self) -> LastRun:
        return read_last_run(self.outputs)

    def preview(self, routers: Mapping[str, Mapping[str, Any]] | None = None, *, max_deletes: int | None = None) -> Run:
        """What a run with this stack file would do."""
        stack_file = config(routers or {"core": {}}, max_deletes=max_deletes)
        named = {group.id for key in stack_file.routers.values() for group in find_matches(key.log_group, GROUPS)}
        inventory = Inventory(
            routers=[router(id_, name, self.router_state) for id_, name in self.routers.items()],
            groups=list(GROUPS),
            streams={id_: STREAMS[id_] for id_ in named},
            attachments=self.attachments,
            flow_logs={id_: [log for log in self.existing if log.target.er_id == id_] for id_ in self.attachments},
        )
        found = make_plan(stack_file, inventory, stack="local", last_run=self.last, managed=self.managed)
        if found.problems:
            return Run(found, [], found.problems)
        leaving = find_deletions(found, self.managed, self.last)
        return Run(found, leaving, check_deletions(stack_file, found, self.managed, leaving))

    def up(self, routers: Mapping[str, Mapping[str, Any]] | None = None, *, max_deletes: int | None = None) -> Run:
        """A run that is not refused, and its effects on state and outputs."""
        run = self.preview(routers, max_deletes=max_deletes)
        assert run.refusals == []
        self.outputs = json.loads(json.dumps(make_outputs(run.plan, self.last)))
        others = {target: flow_log for target, flow_log in self.managed.items() if not flow_log.is_in_component}
        created = {
            target: ManagedFlowLog(urn(desired.logical_name), target) for target, desired in run.plan.desired.items()
        }
        self.managed = others | created
        return run

"""Plans, and stacks from run to run over a world of records, for the tests of what a stack program makes of them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from providers.urn import FLOW_LOG_TYPE
from stacks.checks.deletions import Deletion, check_deletions, deletions
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.lookup import matching
from stacks.planning.naming import COMPONENT_TYPE, logical_name
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter, resolve
from stacks.planning.selection import Selection, cannot_be_logged
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import LastRun, last_run
from stacks.state.managed import ManagedFlowLog
from stacks.state.outputs import outputs

GROUPS = (LogGroup(id="g", name="group"), LogGroup(id="g2", name="audit"))
STREAMS = {
    "g": [LogStream(id="s", name="stream"), LogStream(id="t", name="other")],
    "g2": [LogStream(id="s2", name="all")],
}


def attachment(
    id_: str, name: str = "", type_: str = "vpc", state: str = "available", tags: Mapping[str, str] | None = None
) -> Attachment:
    return Attachment(id=id_, name=name, state=state, resource_type=type_, resource_id="r", tags=dict(tags or {}))


def router(id_: str = "er-1", name: str | None = None) -> Router:
    return Router(id=id_, name=f"{id_}-name" if name is None else name, state="available")


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
    names = {
        one: logical_name(one.resource_id, f"{one.log_group_id}/{one.log_stream_id}", readable=one.resource_id)
        for one in targets
    }
    return {one: ManagedFlowLog(urn(name, parent=parent), one, created_at) for one, name in names.items()}


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
    """A router with a flow log for each of these attachments (ids with names), called as they are, to group/stream.

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
    stream_name = "stream" if stream == "s" else stream
    return ResolvedRouter(
        key=key,
        router=router(router_id),
        component=f"{router_id}-name",
        asked_for=[one.id for one in logged],
        attachments=[*logged, *others],
        selection=Selection(logged=logged, left_out=[one for one in others if not cannot_be_logged(one)]),
        flow_logs=[
            DesiredFlowLog(
                attachment=one,
                target=target(one.id, router_id=router_id, stream=stream),
                logical_name=logical_name(one.id, f"group/{stream_name}", readable=one.name),
                name=one.name,
                description="",
                enabled=one.id not in disabled,
                logs_to=f"group/{stream_name}",
                key=key,
            )
            for one in logged
        ],
        existing=list(existing),
    )


def plan(
    *routers: ResolvedRouter,
    other_routers: Sequence[Router] = (),
    groups: Sequence[LogGroup] = GROUPS,
    problems: Sequence[Problem] = (),
) -> Plan:
    """The plan of these routers, over an inventory that has them, and others."""
    by_id = {one.router.id: one for one in routers}
    return Plan(
        routers=list(routers),
        problems=list(problems),
        inventory=Inventory(
            routers=[*(one.router for one in by_id.values()), *other_routers],
            groups=list(groups),
            streams={"g": [LogStream(id="s", name="stream")]},
            attachments={id_: one.attachments for id_, one in by_id.items()},
            flow_logs={id_: one.existing for id_, one in by_id.items()},
        ),
    )


def config(routers: Mapping[str, Mapping[str, Any]], *, max_deletes: int | None = None) -> StackConfig:
    """A stack file: each router is er-core and logs all to group/stream, as far as nothing else is given."""
    usual = {"router": "er-core", "log_group": "group", "log_stream": "stream"}
    values = {key: {**usual, **own} for key, own in routers.items()}
    return StackConfig.model_validate({"routers": values, "max_deletes": max_deletes})


@dataclass(frozen=True)
class Run:
    """What a run would do."""

    plan: Plan
    deletions: Sequence[Deletion]
    refusals: Sequence[Problem]

    @property
    def sentences(self) -> list[str]:
        return [one.sentence for one in self.deletions]

    @property
    def reasons(self) -> list[str]:
        return [one.reason for one in self.deletions]

    @property
    def logical_names(self) -> list[str]:
        return sorted(one.logical_name for one in self.plan.desired.values())

    @property
    def names(self) -> dict[str, str]:
        """The flow logs' names, by the attachment's id."""
        return {one.attachment.id: one.name for one in self.plan.desired.values()}


class Stack:
    """A stack from run to run. The world and what the last run left are anybody's to change.

    Attributes:
        routers: By id, the name of each.
        attachments: By router id.
        managed: The state.
        outputs: Those of the last run.
    """

    def __init__(self, *attachments: Attachment) -> None:
        self.routers = {"er-1": "er-core"}
        self.attachments = {"er-1": list(attachments)}
        self.managed: dict[FlowLogTarget, ManagedFlowLog] = {}
        self.outputs: dict[str, Any] = {}

    def now(self, *attachments: Attachment, router_id: str = "er-1") -> None:
        """From now on the router has these."""
        self.attachments[router_id] = list(attachments)

    @property
    def last(self) -> LastRun:
        return last_run(self.outputs)

    def preview(self, routers: Mapping[str, Mapping[str, Any]] | None = None, *, max_deletes: int | None = None) -> Run:
        """What a run with this stack file would do."""
        stack_file = config(routers or {"core": {}}, max_deletes=max_deletes)
        named = {one.id for key in stack_file.routers.values() for one in matching(key.log_group, GROUPS)}
        inventory = Inventory(
            routers=[router(id_, name) for id_, name in self.routers.items()],
            groups=list(GROUPS),
            streams={id_: STREAMS[id_] for id_ in named},
            attachments=self.attachments,
            flow_logs={id_: [] for id_ in self.attachments},
        )
        found = resolve(stack_file, inventory, stack="local", last=self.last, managed=self.managed)
        if found.problems:
            return Run(found, [], found.problems)
        leaving = deletions(found, self.managed, self.last)
        return Run(found, leaving, check_deletions(stack_file, found, self.managed, leaving))

    def up(self, routers: Mapping[str, Mapping[str, Any]] | None = None, *, max_deletes: int | None = None) -> Run:
        """A run that is not refused, and all that it leaves."""
        run = self.preview(routers, max_deletes=max_deletes)
        assert run.refusals == []
        self.outputs = json.loads(json.dumps(outputs(run.plan, run.deletions, self.last)))
        others = {target: one for target, one in self.managed.items() if not one.is_of_a_router}
        made = {one.target: ManagedFlowLog(urn(one.logical_name), one.target) for one in run.plan.desired.values()}
        self.managed = others | made
        return run

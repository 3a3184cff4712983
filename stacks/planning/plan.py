"""From the stack file, one look at the world and what the last run left to the flow logs that are to be.

Nothing here asks anybody anything: the same values give the same plan.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeVar

from providers.er.attachments import Attachment
from providers.er.flow_logs import LEAVING_STATES, FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.lookup import find
from stacks.planning.naming import component_names, flow_log_name, logical_name
from stacks.planning.selection import FROZEN, Meant, Selection, select
from stacks.stackfile.model import Override, RouterConfig, Selector, StackConfig
from stacks.state.last_run import LastAttachment, LastRouter, LastRun
from stacks.state.managed import Managed

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DesiredFlowLog:
    """One flow log to declare.

    Attributes:
        logical_name: Its name in the stack: that which the state has for the target; a new one follows from the target.
        logs_to: `GROUP/STREAM` that it writes to, by name.
        key: The router's key in the stack file when the flow log was first declared.
    """

    attachment: Attachment
    target: FlowLogTarget
    logical_name: str
    name: str
    description: str
    enabled: bool
    logs_to: str
    key: str
    protect: bool = False


@dataclass(frozen=True, kw_only=True)
class ResolvedRouter:
    """One router of the stack file, with all that is to be declared for it.

    Attributes:
        key: Its key in the stack file.
        router: The router.
        component: The name of its component in the stack.
        asked_for: What the stack file says of attachments, as JSON.
        attachments: All that the router has.
        selection: What becomes of them.
        flow_logs: What to declare.
        existing: The flow logs that the router has, whoever's.
    """

    key: str
    router: Router
    component: str
    asked_for: Any
    attachments: list[Attachment]
    selection: Selection
    flow_logs: list[DesiredFlowLog]
    existing: list[FlowLog] = field(default_factory=list)

    @cached_property
    def holders(self) -> dict[FlowLogTarget, FlowLog]:
        """What has each target now. One that is on its way out holds nothing for long."""
        return {one.target: one for one in self.existing if one.state not in LEAVING_STATES}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the stack file wants, as far as it was found.

    Attributes:
        routers: The routers that were found, in the order of their keys. What the file wants of log groups and streams
            that were not found is missing in them.
        problems: Mistakes in the stack file.
        warnings: What the stack file should say otherwise.
        inventory: What there is.
    """

    routers: list[ResolvedRouter]
    problems: list[Problem]
    inventory: Inventory
    warnings: list[str] = field(default_factory=list)

    @cached_property
    def desired(self) -> dict[FlowLogTarget, DesiredFlowLog]:
        """All flow logs to declare, by target."""
        return {one.target: one for router in self.routers for one in router.flow_logs}

    @cached_property
    def by_attachment(self) -> dict[tuple[str, str], list[DesiredFlowLog]]:
        """The flow logs of each attachment, by the ids of its router and its own."""
        found: dict[tuple[str, str], list[DesiredFlowLog]] = {}
        for one in self.desired.values():
            found.setdefault(one.target.attachment, []).append(one)
        return found

    @cached_property
    def by_router(self) -> dict[str, list[ResolvedRouter]]:
        """The keys of each router, by its id."""
        found: dict[str, list[ResolvedRouter]] = {}
        for router in self.routers:
            found.setdefault(router.router.id, []).append(router)
        return found

    @property
    def other_routers(self) -> list[Router]:
        """The project's routers that the stack file does not name."""
        return [one for one in self.inventory.routers if one.id not in self.by_router]


def resolve(config: StackConfig, inventory: Inventory, *, stack: str, last: LastRun | None, managed: Managed) -> Plan:
    """What the stack file wants.

    Args:
        config: The stack file.
        inventory: What there is.
        stack: The stack's name.
        last: What the last run left; None, where that is not known, takes every attachment that is named and not there
            for one that was.
        managed: The flow logs in the state.
    """
    problems = _Problems()
    found = {
        key: problems.unless_found(find(f"routers.{key}.router", "router", one.router, inventory.routers))
        for key, one in config.routers.items()
    }
    groups = {
        key: problems.unless_found(find(f"routers.{key}.log_group", "log group", one.log_group, inventory.groups))
        for key, one in config.routers.items()
    }
    remembered = {
        one.id: (last or {}).get(one.id) or LastRouter(id=one.id, name=one.name, first_name=one.name)
        for one in found.values()
        if one
    }
    components = component_names({id_: one.first_name for id_, one in remembered.items()})
    routers: list[ResolvedRouter] = []
    warnings: list[str] = []
    for key, router_config in config.routers.items():
        router, group = found[key], groups[key]
        attachments = inventory.attachments.get(router.id, []) if router else []
        selection = Selection()
        if router:
            meant: Meant = (lambda _text: "") if last is None else remembered[router.id].meant
            selection = select(key, router_config, attachments, meant=meant)
            problems += selection.problems
            warnings += selection.warnings
        streams = _streams(key, router_config, group, inventory, selection, problems) if group else {}
        if router:
            flow_logs = [
                _flow_log(
                    FlowLogTarget(
                        er_id=router.id, resource_id=one.id, log_group_id=group.id, log_stream_id=streams[one.id].id
                    ),
                    one,
                    router_config,
                    selection.overrides.get(one.id, ("", Override()))[1],
                    stack=stack,
                    key=key,
                    logs_to=f"{group.name}/{streams[one.id].name}",
                    last=remembered[router.id],
                    managed=managed,
                )
                for one in selection.logged
                if group and one.id in streams
            ]
            routers.append(
                ResolvedRouter(
                    key=key,
                    router=router,
                    component=components[router.id],
                    asked_for=_json(router_config.attachments),
                    attachments=attachments,
                    selection=selection,
                    flow_logs=flow_logs,
                    existing=inventory.flow_logs.get(router.id, []),
                )
            )
    problems += [*_frozen(routers, managed), *_duplicates(routers)]
    _give_own_names(routers, managed)
    return Plan(routers=routers, problems=problems, inventory=inventory, warnings=warnings)


def _json(selection: str | list[str] | Selector) -> Any:
    return selection.model_dump(exclude_unset=True) if isinstance(selection, Selector) else selection


class _Problems(list[Problem]):
    def unless_found(self, found: T | Problem) -> T | None:
        """What was found; a problem is added to the list instead."""
        if isinstance(found, Problem):
            self.append(found)
            return None
        return found


def _streams(
    key: str,
    config: RouterConfig,
    group: LogGroup,
    inventory: Inventory,
    selection: Selection,
    problems: _Problems,
) -> dict[str, LogStream]:
    """The log stream of each attachment that is logged. All that the stack file names are looked up, so that all
    mistakes show; where one is not there, its attachments are missing."""
    what, streams = f"log stream in group {group.name!r}", inventory.streams[group.id]
    default = problems.unless_found(find(f"routers.{key}.log_stream", what, config.log_stream, streams))
    found = {one.id: default for one in selection.logged}
    for id_, (where, override) in selection.overrides.items():
        if override.log_stream:
            found[id_] = problems.unless_found(find(f"{where}.log_stream", what, override.log_stream, streams))
    return {id_: stream for id_, stream in found.items() if stream}


def _flow_log(
    target: FlowLogTarget,
    attachment: Attachment,
    config: RouterConfig,
    override: Override,
    *,
    stack: str,
    key: str,
    logs_to: str,
    last: LastRouter,
    managed: Managed,
) -> DesiredFlowLog:
    remembered = last.attachments.get(attachment.id) or LastAttachment(name=attachment.name, first_name=attachment.name)
    # That another key of the stack file has it now changes no name.
    first_key = remembered.key_of(logs_to) or key
    own_name = logical_name(attachment.id, logs_to, readable=remembered.first_name)
    held = managed.get(target)
    return DesiredFlowLog(
        attachment=attachment,
        target=target,
        logical_name=held.logical_name if held and held.is_of_a_router else own_name,
        name=override.name or flow_log_name(config.name, stack=stack, router=first_key, attachment=attachment),
        description=config.description if override.description is None else override.description,
        enabled=config.enabled if override.enabled is None else override.enabled,
        logs_to=logs_to,
        key=first_key,
        protect=config.protect,
    )


def _frozen(routers: Sequence[ResolvedRouter], managed: Managed) -> list[Problem]:
    """Leave out what cannot be made, since its attachment is frozen.

    Returns:
        Those that were to take the place of another flow log, which must stay as it is.
    """
    enabled = {one.target: one.enabled for router in routers for one in router.flow_logs}
    losing = {
        target.attachment
        for target, one in managed.items()
        if one.is_of_a_router and (target not in enabled or (one.enabled and not enabled[target]))
    }
    problems = []
    for router in routers:
        for one in list(router.flow_logs):
            if one.attachment.state != FROZEN or one.target in managed or one.target in router.holders:
                continue
            if one.target.attachment in losing:
                what = (
                    f"attachment {one.attachment.name or one.attachment.id!r} is frozen, so no flow log of it can be"
                    f" made to {one.logs_to}: give it a router key of its own, with log group and stream as they were"
                )
                problems.append(Problem(f"routers.{router.key}", what))
            else:
                router.selection.skipped[one.attachment.id] = "is frozen, so no flow log of it can be made"
                router.flow_logs.remove(one)
    return problems


def _give_own_names(routers: Sequence[ResolvedRouter], managed: Managed) -> None:
    """Where streams share a name, or had each other's, what is new is named by ids, too."""
    counts = Counter(one.logical_name for router in routers for one in router.flow_logs)
    for router in routers:
        for index, one in enumerate(router.flow_logs):
            if counts[one.logical_name] > 1 and one.target not in managed:
                ids = f"{one.logs_to} {one.target.log_group_id}/{one.target.log_stream_id}"
                readable = one.logical_name.rpartition("-")[0]
                own = logical_name(one.attachment.id, ids, readable=readable)
                router.flow_logs[index] = replace(one, logical_name=own)


def _duplicates(routers: Sequence[ResolvedRouter]) -> list[Problem]:
    """Targets asked for twice: the API would refuse the second one in the middle of an update."""
    problems = []
    first: dict[FlowLogTarget, str] = {}
    for router in routers:
        for desired in router.flow_logs:
            holder = first.setdefault(desired.target, router.key)
            if holder != router.key:
                name = desired.attachment.name or desired.attachment.id
                problems.append(
                    Problem(
                        f"routers.{router.key}",
                        f"attachment {name!r} already logs to {desired.logs_to}"
                        f" by routers.{holder}; leave it out of one of them or use another stream",
                    )
                )
    return problems

"""From the stack file, one look at the world and what the last run left to the flow logs that are to be.

Nothing here asks anybody anything: the same values give the same plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from providers.er.attachments import Attachment
from providers.er.flow_logs import LEAVING_STATES, FlowLog, FlowLogTarget
from providers.er.log_tank import LogGroup, LogStream
from providers.er.routers import Router
from stacks.config import Override, RouterConfig, Selector, StackConfig
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.lookup import find
from stacks.planning.naming import component_names, flow_log_name, logical_name, target_digest
from stacks.planning.selection import FROZEN, Meant, Selection, select
from stacks.state.last_run import LastAttachment, LastRouter, LastRun
from stacks.state.managed import Managed

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DesiredFlowLog:
    """One flow log to declare, and the names of what it writes to.

    Attributes:
        logical_name: Its name in the stack, which follows from the target.
        former_urn: Where the state has it, if that is under another name.
        key: The router's key in the stack file when the flow log was first declared.
    """

    attachment: Attachment
    target: FlowLogTarget
    logical_name: str
    name: str
    description: str
    enabled: bool
    log_group: str
    log_stream: str
    key: str
    protect: bool = False
    former_urn: str | None = None

    @property
    def logs_to(self) -> str:
        """`GROUP/STREAM`, by name."""
        return f"{self.log_group}/{self.log_stream}"


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
            found.setdefault((one.target.er_id, one.attachment.id), []).append(one)
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
    routers: list[ResolvedRouter] = []
    warnings: list[str] = []
    found = {
        key: problems.unless_found(find(f"routers.{key}.router", "router", one.router, inventory.routers))
        for key, one in config.routers.items()
    }
    groups = {
        key: problems.unless_found(find(f"routers.{key}.log_group", "log group", one.log_group, inventory.groups))
        for key, one in config.routers.items()
    }
    remembered = last or {}
    first_names = {
        router.id: remembered[router.id].first_name if router.id in remembered else router.name
        for router in found.values()
        if router
    }
    components = component_names(first_names)
    for key, router_config in config.routers.items():
        router, group = found[key], groups[key]
        attachments = inventory.attachments.get(router.id, []) if router else []
        selection = Selection()
        if router:
            meant: Meant = _anything if last is None else _meant(remembered.get(router.id))
            selection = select(key, router_config, attachments, meant=meant)
            problems += selection.problems
            warnings += selection.warnings
        streams = _Streams(key, router_config, group, inventory, selection, problems) if group else None
        if router:
            flow_logs: list[DesiredFlowLog] = []
            naming = _Naming(stack, key, router_config, remembered.get(router.id), managed)
            if streams:
                flow_logs = _flow_logs(router_config, router, selection, streams, naming)
                problems += _frozen(key, flow_logs, selection, managed)
            routers.append(
                ResolvedRouter(
                    key=key,
                    router=router,
                    component=components[router.id],
                    asked_for=_json(router_config.attachments),
                    attachments=attachments,
                    selection=selection,
                    flow_logs=[one for one in flow_logs if one.attachment.id not in selection.skipped],
                    existing=inventory.flow_logs.get(router.id, []),
                )
            )
    problems += _duplicates(routers)
    return Plan(routers=routers, problems=problems, inventory=inventory, warnings=warnings)


def _json(selection: str | list[str] | Selector) -> Any:
    return selection.model_dump(exclude_unset=True) if isinstance(selection, Selector) else selection


def _anything(_text: str) -> str:
    return ""


def _meant(router: LastRouter | None) -> Meant:
    return router.meant if router else lambda _text: None


class _Problems(list[Problem]):
    def unless_found(self, found: T | Problem) -> T | None:
        """What was found; a problem is added to the list instead."""
        if isinstance(found, Problem):
            self.append(found)
            return None
        return found


class _Streams:
    """The log streams that one router of the stack file writes to. All are looked up, so that all mistakes show."""

    def __init__(
        self,
        key: str,
        config: RouterConfig,
        group: LogGroup,
        inventory: Inventory,
        selection: Selection,
        problems: _Problems,
    ) -> None:
        self.group = group
        what = f"log stream in group {group.name!r}"
        streams = inventory.streams[group.id]
        default = find(f"routers.{key}.log_stream", what, config.log_stream, streams)
        self._default = problems.unless_found(default)
        self._by_attachment = {
            id_: problems.unless_found(find(f"{where}.log_stream", what, override.log_stream, streams))
            for id_, (where, override) in selection.overrides.items()
            if override.log_stream
        }

    def of(self, attachment_id: str) -> LogStream | None:
        """The attachment's stream; None if the stack file names one that is not there."""
        return self._by_attachment.get(attachment_id, self._default)


class _Naming:
    """What the flow logs of one key are called."""

    def __init__(self, stack: str, key: str, config: RouterConfig, last: LastRouter | None, managed: Managed) -> None:
        self._stack, self._key, self._config, self._managed = stack, key, config, managed
        self._last = last.attachments if last else {}

    def key(self, attachment: Attachment, logs_to: str) -> str:
        """The key under which the flow log was first declared: that another has it now changes no name."""
        return self._remembered(attachment).key_of(logs_to) or self._key

    def name(self, attachment: Attachment, override: Override, key: str) -> str:
        """The flow log's name."""
        return override.name or flow_log_name(self._config.name, stack=self._stack, router=key, attachment=attachment)

    def place(self, target: FlowLogTarget, attachment: Attachment, logs_to: str) -> tuple[str, str | None]:
        """Its logical name; and where the state has it, if that is under another."""
        usual = logical_name(attachment.id, logs_to, readable=self._remembered(attachment).first_name)
        held = self._managed.get(target)
        if held is None or not held.is_of_a_router:
            return usual, None
        if held.logical_name.rpartition("-")[2] == target_digest(attachment.id, logs_to):
            return held.logical_name, None
        return usual, held.urn

    def _remembered(self, attachment: Attachment) -> LastAttachment:
        return self._last.get(attachment.id) or LastAttachment(name=attachment.name, first_name=attachment.name)


def _flow_logs(
    config: RouterConfig, router: Router, selection: Selection, streams: _Streams, naming: _Naming
) -> list[DesiredFlowLog]:
    flow_logs = []
    for attachment in selection.logged:
        _, override = selection.overrides.get(attachment.id, ("", Override()))
        stream = streams.of(attachment.id)
        if stream is None:
            continue
        target = FlowLogTarget(
            er_id=router.id, resource_id=attachment.id, log_group_id=streams.group.id, log_stream_id=stream.id
        )
        logs_to = f"{streams.group.name}/{stream.name}"
        key = naming.key(attachment, logs_to)
        own_name, former_urn = naming.place(target, attachment, logs_to)
        flow_logs.append(
            DesiredFlowLog(
                attachment=attachment,
                target=target,
                logical_name=own_name,
                former_urn=former_urn,
                name=naming.name(attachment, override, key),
                description=config.description if override.description is None else override.description,
                enabled=config.enabled if override.enabled is None else override.enabled,
                log_group=streams.group.name,
                log_stream=stream.name,
                key=key,
                protect=config.protect,
            )
        )
    return flow_logs


def _frozen(key: str, flow_logs: Sequence[DesiredFlowLog], selection: Selection, managed: Managed) -> list[Problem]:
    """Skip those that cannot be made, for their attachment is frozen; a frozen attachment keeps what it has.

    Returns:
        Those that would have to move.
    """
    had = {(target.er_id, target.resource_id) for target in managed}
    problems = []
    for one in flow_logs:
        if one.attachment.state != FROZEN or one.target in managed:
            continue
        if (one.target.er_id, one.attachment.id) in had:
            what = (
                f"attachment {one.attachment.name or one.attachment.id!r} is frozen, so no flow log of it can be made"
                f" to {one.logs_to}: leave its log stream as it was, with an override"
            )
            problems.append(Problem(f"routers.{key}", what))
        else:
            selection.skipped[one.attachment.id] = "is frozen, so no flow log of it can be made"
    return problems


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

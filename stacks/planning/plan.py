"""Works out the flow logs to declare from the stack file, the inventory and the last run. It fetches nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from providers.er.attachments import FROZEN, Attachment
from providers.er.flow_logs import LEAVING_STATES, FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.named import Named
from providers.er.routers import Router
from stacks.errors import Problem
from stacks.planning.inventory import Inventory
from stacks.planning.log_groups import DesiredLogStore, add_declared, desire_log_groups
from stacks.planning.lookup import find, why_hidden
from stacks.planning.naming import component_names, flow_log_name, logical_name
from stacks.planning.selection import Selection, select
from stacks.stackfile.model import Override, RouterConfig, StackConfig
from stacks.state.last_run import LastAttachment, LastRouter, LastRun
from stacks.state.managed import ManagedFlowLogs

T = TypeVar("T")
N = TypeVar("N", bound=Named)


@dataclass(frozen=True, kw_only=True)
class DesiredFlowLog:
    """A flow log to declare.

    Attributes:
        logical_name: Its name in the stack: that of the target in the state, or a new one that follows from the target.
        logs_to: `GROUP/STREAM` that it writes to, by name.
        key: The router's key in the stack file.
        first_key: The router's key when the flow log was first declared.
    """

    attachment: Attachment
    target: FlowLogTarget
    logical_name: str
    name: str
    description: str
    enabled: bool
    logs_to: str
    key: str
    first_key: str
    protect: bool = False


@dataclass(frozen=True, kw_only=True)
class ResolvedRouter:
    """A router of the stack file, which may have several keys for it.

    Attributes:
        component: The name of its component in the stack.
        attachments: All that the router has.
        existing: The flow logs that the router has, whoever created them.
        selections: What becomes of the attachments, by key of the stack file.
        flow_logs: Those to declare.
    """

    router: Router
    component: str
    attachments: list[Attachment]
    existing: list[FlowLog]
    selections: dict[str, Selection] = field(default_factory=dict)
    flow_logs: list[DesiredFlowLog] = field(default_factory=list)

    @cached_property
    def holders(self) -> dict[FlowLogTarget, FlowLog]:
        """The flow log that occupies each target now; one that is being deleted does not for long."""
        return {flow_log.target: flow_log for flow_log in self.existing if flow_log.state not in LEAVING_STATES}

    @property
    def skipped(self) -> dict[str, str]:
        """The reasons of all keys' skipped attachments; see `Selection`."""
        return {text: reason for selection in self.selections.values() for text, reason in selection.skipped.items()}

    @property
    def stale_names(self) -> dict[str, str]:
        """Those of all keys; see `Selection`."""
        return {text: id_ for selection in self.selections.values() for text, id_ in selection.stale_names.items()}

    @property
    def selected(self) -> set[str]:
        """The ids of the attachments that any key selects and that can be logged."""
        return {attachment.id for selection in self.selections.values() for attachment in selection.logged}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the stack file declares.

    Attributes:
        routers: The routers that exist, in the order of the stack file. Flow logs to log groups and streams that do not
            exist are left out.
        problems: Mistakes in the stack file.
        inventory: What exists, and the log groups and streams to declare.
        log_groups: Those to declare, with their streams.
        warnings: What the stack file should rather contain.
    """

    routers: list[ResolvedRouter]
    problems: list[Problem]
    inventory: Inventory
    warnings: list[Problem] = field(default_factory=list)
    log_groups: list[DesiredLogStore] = field(default_factory=list)

    @property
    def log_stores(self) -> list[DesiredLogStore]:
        """The log groups and log streams to declare, as one list."""
        return [store for group in self.log_groups for store in (group, *group.streams)]

    @cached_property
    def desired(self) -> dict[FlowLogTarget, DesiredFlowLog]:
        """All flow logs to declare, by target."""
        return {flow_log.target: flow_log for router in self.routers for flow_log in router.flow_logs}

    @cached_property
    def by_attachment(self) -> dict[tuple[str, str], list[DesiredFlowLog]]:
        """The flow logs to declare for each attachment, by the ids of its router and its own."""
        grouped: dict[tuple[str, str], list[DesiredFlowLog]] = {}
        for flow_log in self.desired.values():
            grouped.setdefault(flow_log.target.attachment, []).append(flow_log)
        return grouped

    @property
    def other_routers(self) -> list[Router]:
        """The project's routers that the stack file does not name."""
        return [router for router in self._unnamed if not router.is_shared]

    @property
    def left_out(self) -> list[Router]:
        """The routers that others share with the project, and that the stack file does not name."""
        return [router for router in self._unnamed if router.is_shared]

    @property
    def _unnamed(self) -> list[Router]:
        named = {router.router.id for router in self.routers} | self.inventory.hidden.keys()
        return [router for router in self.inventory.routers if router.id not in named]


def make_plan(
    config: StackConfig, inventory: Inventory, *, stack: str, last_run: LastRun | None, managed: ManagedFlowLogs
) -> Plan:
    """What the stack file declares.

    Args:
        config: The stack file.
        inventory: What exists.
        stack: The stack's name.
        last_run: What the last run left. If None, that is unknown, and a named attachment that does not exist counts as
            gone, not as a mistake.
        managed: The flow logs in the state.
    """
    log_groups = desire_log_groups(config.log_groups, inventory)
    inventory = add_declared(inventory, log_groups)
    planner = _Planner(config, inventory, stack, last_run, managed)
    for key in config.routers:
        planner.add(key)
    routers = list(planner.resolved.values())
    problems = [*planner.problems, *_leave_out_frozen(routers, managed), *_find_duplicates(routers)]
    _resolve_name_clashes(routers, managed)
    return Plan(
        routers=routers,
        problems=problems,
        inventory=inventory,
        warnings=planner.warnings,
        log_groups=log_groups,
    )


class _Planner:
    """Resolves one key of the stack file after another."""

    def __init__(
        self, config: StackConfig, inventory: Inventory, stack: str, last_run: LastRun | None, managed: ManagedFlowLogs
    ) -> None:
        self._config, self._inventory, self._stack, self._managed = config, inventory, stack, managed
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.resolved: dict[str, ResolvedRouter] = {}
        self._knows_last_run = last_run is not None
        self._routers = self._without_hidden(self._find_all("router", inventory.routers))
        self._groups = self._find_all("log_group", inventory.groups)
        self._last = {
            router.id: (last_run or {}).get(router.id)
            or LastRouter(id=router.id, name=router.name, first_name=router.name)
            for router in self._routers.values()
        }
        self._components = component_names({id_: last.first_name for id_, last in self._last.items()})

    def add(self, key: str) -> None:
        """Select the attachments of this key, and work out their flow logs."""
        config, router, group = self._config.routers[key], self._routers.get(key), self._groups.get(key)
        selection = self._select(key, config, router) if router else Selection()
        streams = self._find_streams(key, config, group, selection) if group else {}
        if router and group:
            self.resolved[router.id].flow_logs.extend(
                self._desire(key, router, attachment, group, stream, selection)
                for attachment in selection.logged
                for stream in streams[attachment.id].values()
            )

    def _select(self, key: str, config: RouterConfig, router: Router) -> Selection:
        if router.id not in self.resolved:
            self.resolved[router.id] = ResolvedRouter(
                router=router,
                component=self._components[router.id],
                attachments=self._inventory.attachments.get(router.id, []),
                existing=self._inventory.flow_logs.get(router.id, []),
            )
        resolved = self.resolved[router.id]
        previous_id = self._last[router.id].previous_id if self._knows_last_run else lambda _text: ""
        accepted = {target.resource_id for target in (*self._managed, *resolved.holders)}
        selection = select(key, config, resolved.attachments, previous_id=previous_id, accepted=accepted)
        resolved.selections[key] = selection
        self.problems += selection.problems
        self.warnings += selection.warnings
        return selection

    def _find_streams(
        self, key: str, config: RouterConfig, group: LogGroup, selection: Selection
    ) -> dict[str, dict[str, LogStream]]:
        """The log streams of each attachment that is logged, by the ids of both; without those that do not exist.

        Every stream that the stack file names is checked, even if nothing uses it, so that all mistakes show.
        """

        def find_stream(place: str, text: str) -> dict[str, LogStream]:
            kind = f"log stream in group {group.name!r}"
            stream = self._keep(find(place, kind, text, self._inventory.streams[group.id]))
            return {stream.id: stream} if stream else {}

        default = find_stream(f"routers.{key}.log_stream", config.log_stream)
        chosen: dict[str, dict[str, LogStream]] = {}
        for text, ids in selection.streams.items():
            stream = find_stream(f"routers.{key}.streams.{text}", text)
            for id_ in ids:
                chosen.setdefault(id_, {}).update(stream)
        for id_, (override_key, override) in selection.overrides.items():
            if override.log_stream:
                chosen[id_] = find_stream(f"{override_key}.log_stream", override.log_stream)
        return {attachment.id: chosen.get(attachment.id, default) for attachment in selection.logged}

    def _desire(
        self, key: str, router: Router, attachment: Attachment, group: LogGroup, stream: LogStream, selection: Selection
    ) -> DesiredFlowLog:
        config = self._config.routers[key]
        _, override = selection.overrides.get(attachment.id, ("", Override()))
        target = FlowLogTarget(
            er_id=router.id, resource_id=attachment.id, log_group_id=group.id, log_stream_id=stream.id
        )
        logs_to = f"{group.name}/{stream.name}"
        last = self._last[router.id].attachments.get(attachment.id) or LastAttachment(
            name=attachment.name, first_name=attachment.name
        )
        managed = self._managed.get(target)
        # A flow log keeps its name when it comes under another key of the stack file.
        first_key = (managed and self._last[router.id].first_key_of(managed.logical_name)) or key
        return DesiredFlowLog(
            attachment=attachment,
            target=target,
            logical_name=managed.logical_name
            if managed and managed.is_in_component
            else logical_name(attachment.id, logs_to, readable=last.first_name),
            name=override.name
            or flow_log_name(
                config.name, stack=self._stack, router=first_key, attachment=attachment, stream=stream.name
            ),
            description=config.description if override.description is None else override.description,
            enabled=config.enabled if override.enabled is None else override.enabled,
            logs_to=logs_to,
            key=key,
            first_key=first_key,
            protect=config.protect,
        )

    def _find_all(self, field_name: str, things: Sequence[N]) -> dict[str, N]:
        """What each key of the stack file names in this field; without what does not exist."""
        kind = field_name.replace("_", " ")
        matches = {
            key: self._keep(find(f"routers.{key}.{field_name}", kind, getattr(router, field_name), things))
            for key, router in self._config.routers.items()
        }
        return {key: match for key, match in matches.items() if match}

    def _without_hidden(self, routers: Mapping[str, Router]) -> dict[str, Router]:
        hidden = self._inventory.hidden
        self.problems += [
            Problem(f"routers.{key}.router", why_hidden(router, hidden[router.id]))
            for key, router in routers.items()
            if router.id in hidden
        ]
        return {key: router for key, router in routers.items() if router.id not in hidden}

    def _keep(self, match: T | Problem) -> T | None:
        if isinstance(match, Problem):
            self.problems.append(match)
            return None
        return match


def _leave_out_frozen(routers: Sequence[ResolvedRouter], managed: ManagedFlowLogs) -> list[Problem]:
    """Remove the flow logs that cannot be created because their attachment or router is frozen.

    One that is in the state stays declared, because what a list lacks may still exist; unless it has failed for good.

    Returns:
        A problem for each that was to replace another flow log, which must stay as it is.
    """
    enabled = {flow_log.target: flow_log.enabled for router in routers for flow_log in router.flow_logs}
    losing = {
        target.attachment
        for target, flow_log in managed.items()
        if flow_log.is_in_component and (target not in enabled or (flow_log.enabled and not enabled[target]))
    }
    problems = []
    for router in routers:
        for flow_log in list(router.flow_logs):
            attachment, target = flow_log.attachment, flow_log.target
            holder = router.holders.get(target)
            has_failed = target in managed and holder is not None and holder.state == "failed"
            stays = (target in managed or holder is not None) and not has_failed
            if stays or FROZEN not in (attachment.state, router.router.state):
                continue
            how = "" if attachment.state == FROZEN else " with its router"
            if target.attachment in losing:
                what = (
                    f"attachment {attachment.display_name!r} is frozen{how}, so it cannot have a new flow log to"
                    f" {flow_log.logs_to}: keep its log group and log stream, with a router key of its own"
                )
                problems.append(Problem(f"routers.{flow_log.key}", what))
            else:
                reason = f"is frozen{how}, so it cannot have a new flow log"
                router.selections[flow_log.key].skipped[attachment.id] = reason
                router.flow_logs.remove(flow_log)
    return problems


def _resolve_name_clashes(routers: Sequence[ResolvedRouter], managed: ManagedFlowLogs) -> None:
    """Give new flow logs with the same logical name another one, with ids in its hash.

    Two log streams may share a name, or one may have the former name of the other.
    """
    counts = Counter(flow_log.logical_name for router in routers for flow_log in router.flow_logs)
    for router in routers:
        for index, flow_log in enumerate(router.flow_logs):
            target = flow_log.target
            if counts[flow_log.logical_name] > 1 and target not in managed:
                ids = f"{flow_log.logs_to} {target.log_group_id}/{target.log_stream_id}"
                readable = flow_log.logical_name.rpartition("-")[0]
                name = logical_name(target.resource_id, ids, readable=readable)
                router.flow_logs[index] = replace(flow_log, logical_name=name)


def _find_duplicates(routers: Sequence[ResolvedRouter]) -> list[Problem]:
    """Targets under two keys: the API would refuse the second flow log in the middle of an update."""
    problems = []
    first: dict[FlowLogTarget, str] = {}
    for flow_log in (flow_log for router in routers for flow_log in router.flow_logs):
        other_key = first.setdefault(flow_log.target, flow_log.key)
        if other_key != flow_log.key:
            what = (
                f"attachment {flow_log.attachment.display_name!r} already logs to {flow_log.logs_to} because of"
                f" routers.{other_key}; deselect it in one of the two, or use another log stream"
            )
            problems.append(Problem(f"routers.{flow_log.key}", what))
    return problems

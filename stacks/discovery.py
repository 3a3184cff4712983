"""What the stack file names, found through the API: routers, attachments, log groups and streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.flow_logs import LEAVING_STATES, FlowLog, FlowLogTarget
from providers.er.log_tank import LogGroup, LogStream
from providers.er.routers import Router
from stacks.config import Override, RouterConfig, StackConfig
from stacks.errors import Problem
from stacks.lookup import find
from stacks.names import flow_log_name
from stacks.selection import ANYTHING, Selected, select

T = TypeVar("T")

WIDTH = 8  # routers or log groups asked at once


@dataclass(frozen=True, kw_only=True)
class WantedFlowLog:
    """One flow log to declare, and the names of what it writes to."""

    attachment: Attachment
    target: FlowLogTarget
    name: str
    description: str
    enabled: bool
    log_group: str
    log_stream: str
    protect: bool = False

    @property
    def logs_to(self) -> str:
        """`GROUP/STREAM`, by name."""
        return f"{self.log_group}/{self.log_stream}"


@dataclass(frozen=True, kw_only=True)
class RouterPlan:
    """One router of the stack file, with all that is to be declared for it, and the flow logs that it has, whosever."""

    key: str
    router: Router
    attachments: list[Attachment]
    selected: Selected
    flow_logs: list[WantedFlowLog]
    existing: list[FlowLog] = field(default_factory=list)

    @cached_property
    def holders(self) -> dict[FlowLogTarget, FlowLog]:
        """What has each target now. One that is on its way out holds nothing for long."""
        return {one.target: one for one in self.existing if one.state not in LEAVING_STATES}


@dataclass(frozen=True, kw_only=True)
class Discovery:
    """What the stack file names, as far as it was found.

    Attributes:
        plans: The routers that were found, in the order of their keys. What the file wants of log groups and streams
            that were not found is missing in them.
        problems: Mistakes in the stack file.
        other_routers: The project's routers that the stack file does not name.
        groups: All log groups of the project.
        streams: By log group, those of the groups that the stack file names.
    """

    plans: list[RouterPlan]
    problems: list[Problem]
    other_routers: list[Router]
    groups: list[LogGroup]
    streams: dict[str, list[LogStream]]


def discover(
    client: Client, config: StackConfig, *, stack: str, seen_before: Mapping[str, Collection[str]] | None
) -> Discovery:
    """Everything the stack wants; each thing is asked for once.

    Args:
        client: The API.
        config: The stack file.
        stack: The stack's name.
        seen_before: By router id, what the attachments of the last run were called; None takes every attachment that
            is named and not there for one that was.

    Raises:
        ApiError: The API refused or did not answer.
    """
    problems = _Problems()

    def seen(router_id: str) -> Collection[str]:
        return ANYTHING if seen_before is None else seen_before.get(router_id, ())

    routers, groups = list(client.routers.list()), client.log_tank.groups()
    found_routers = {
        key: problems.unless_found(find(f"routers.{key}.router", "router", router_config.router, routers))
        for key, router_config in config.routers.items()
    }
    found_groups = {
        key: problems.unless_found(find(f"routers.{key}.log_group", "log group", router_config.log_group, groups))
        for key, router_config in config.routers.items()
    }
    with ThreadPoolExecutor(WIDTH) as pool:
        attachments = _for_each(pool, found_routers.values(), lambda id_: _attachments(client, id_, seen(id_)))
        streams = _for_each(pool, found_groups.values(), client.log_tank.streams)
        existing = _for_each(pool, found_routers.values(), lambda id_: list(client.flow_logs.list(id_)))

    plans = []
    for key, router_config in config.routers.items():
        router, group = found_routers[key], found_groups[key]
        selected = Selected()
        if router:
            selected = select(key, router_config, attachments[router.id], seen_before=seen(router.id))
            problems += selected.problems
        names = _Streams(key, router_config, group, streams[group.id], selected, problems) if group else None
        if router:
            plans.append(
                RouterPlan(
                    key=key,
                    router=router,
                    attachments=attachments[router.id],
                    selected=selected,
                    flow_logs=_flow_logs(stack, key, router_config, router, selected, names) if names else [],
                    existing=existing[router.id],
                )
            )
    named = {router.id for router in found_routers.values() if router}
    return Discovery(
        plans=plans,
        problems=[*problems, *_duplicates(plans)],
        other_routers=[router for router in routers if router.id not in named],
        groups=groups,
        streams=streams,
    )


def _attachments(client: Client, router_id: str, seen_before: Collection[str]) -> list[Attachment]:
    """The router's attachments. Where some of the last run are missing it is asked again: a list may be incomplete."""
    found = {one.id: one for one in client.attachments.list(router_id)}
    if not found.keys() | {one.name for one in found.values()} >= set(seen_before):
        found |= {one.id: one for one in client.attachments.list(router_id)}
    return list(found.values())


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
        streams: Sequence[LogStream],
        selected: Selected,
        problems: _Problems,
    ) -> None:
        self.group = group
        what = f"log stream in group {group.name!r}"
        default = find(f"routers.{key}.log_stream", what, config.log_stream, streams)
        self._default = problems.unless_found(default)
        self._by_attachment = {
            id_: problems.unless_found(find(f"{where}.log_stream", what, override.log_stream, streams))
            for id_, (where, override) in selected.overrides.items()
            if override.log_stream
        }

    def of(self, attachment_id: str) -> LogStream | None:
        """The attachment's stream; None if the stack file names one that is not there."""
        return self._by_attachment.get(attachment_id, self._default)


def _flow_logs(
    stack: str, key: str, config: RouterConfig, router: Router, selected: Selected, streams: _Streams
) -> list[WantedFlowLog]:
    flow_logs = []
    for attachment in selected.logged:
        _, override = selected.overrides.get(attachment.id, ("", Override()))
        stream = streams.of(attachment.id)
        if stream is None:
            continue
        flow_logs.append(
            WantedFlowLog(
                attachment=attachment,
                target=FlowLogTarget(
                    er_id=router.id,
                    resource_id=attachment.id,
                    log_group_id=streams.group.id,
                    log_stream_id=stream.id,
                ),
                name=override.name or flow_log_name(config.name, stack=stack, router=key, attachment=attachment),
                description=config.description if override.description is None else override.description,
                enabled=config.enabled if override.enabled is None else override.enabled,
                log_group=streams.group.name,
                log_stream=stream.name,
                protect=config.protect,
            )
        )
    return flow_logs


def _for_each(
    pool: ThreadPoolExecutor, things: Iterable[Router | LogGroup | None], ask: Callable[[str], T]
) -> dict[str, T]:
    """What `ask` answers for the id of each thing, asked in parallel and once."""
    ids = sorted({thing.id for thing in things if thing})
    return dict(zip(ids, pool.map(ask, ids), strict=True))


def _duplicates(plans: Sequence[RouterPlan]) -> list[Problem]:
    """Targets asked for twice: the API would refuse the second one in the middle of an update."""
    problems = []
    first: dict[FlowLogTarget, str] = {}
    for plan in plans:
        for wanted in plan.flow_logs:
            holder = first.setdefault(wanted.target, plan.key)
            if holder != plan.key:
                name = wanted.attachment.name or wanted.attachment.id
                problems.append(
                    Problem(
                        f"routers.{plan.key}",
                        f"attachment {name!r} already logs to {wanted.logs_to}"
                        f" by routers.{holder}; leave it out of one of them or use another stream",
                    )
                )
    return problems

"""What the stack file names, found through the API: routers, attachments, log groups and streams."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLogTarget
from providers.er.log_tank import LogGroup, LogStream
from providers.er.routers import Router
from stacks.config import RouterConfig, StackConfig
from stacks.errors import Problem, StackError
from stacks.names import flow_log_name
from stacks.selection import Selected, select

WIDTH = 8  # routers asked for their attachments at once


class _Named(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)


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


@dataclass(frozen=True, kw_only=True)
class RouterPlan:
    """One router of the stack file, with all that is to be declared for it."""

    key: str
    router: Router
    attachments: list[Attachment]
    selected: Selected
    flow_logs: list[WantedFlowLog]


def discover(
    client: Client, config: StackConfig, *, stack: str, seen_before: Mapping[str, Collection[str]]
) -> list[RouterPlan]:
    """Everything the stack wants, in the order of the routers' keys.

    Args:
        client: The API.
        config: The stack file.
        stack: The stack's name.
        seen_before: By router key, ids and names of the attachments of the last run.

    Raises:
        StackError: With every problem in the stack file, each with its key.
        ApiError: The API refused or did not answer.
    """
    problems: list[Problem] = []
    routers, groups = list(client.routers.list()), client.log_tank.groups()

    def resolved(key: str, router_config: RouterConfig) -> tuple[Router | None, LogGroup | None]:
        where = f"routers.{key}"
        return (
            _find(problems, f"{where}.router", "router", router_config.router, routers),
            _find(problems, f"{where}.log_group", "log group", router_config.log_group, groups),
        )

    found = {key: resolved(key, router_config) for key, router_config in config.routers.items()}
    with ThreadPoolExecutor(WIDTH) as pool:
        attachments = _in_parallel(
            pool, {router.id for router, _ in found.values() if router}, lambda id_: list(client.attachments.list(id_))
        )
        streams = _in_parallel(pool, {group.id for _, group in found.values() if group}, client.log_tank.streams)

    plans = []
    for key, router_config in config.routers.items():
        router, group = found[key]
        if router is None:
            continue
        selected = select(key, router_config, attachments[router.id], seen_before=seen_before.get(key, ()))
        problems += selected.problems
        if group is None:
            continue
        planner = _Planner(stack, key, router_config, router, group, streams[group.id], problems)
        flow_logs = [wanted for attachment in selected.logged if (wanted := planner.flow_log(attachment))]
        plans.append(
            RouterPlan(
                key=key,
                router=router,
                attachments=attachments[router.id],
                selected=selected,
                flow_logs=flow_logs,
            )
        )
    problems += _duplicates(plans)
    if problems:
        # One mistake in the stack file can be met for many attachments.
        raise StackError(list(dict.fromkeys(problems)))
    return plans


class _Planner:
    """The flow logs of one router of the stack file."""

    def __init__(
        self,
        stack: str,
        key: str,
        config: RouterConfig,
        router: Router,
        group: LogGroup,
        streams: Sequence[LogStream],
        problems: list[Problem],
    ) -> None:
        self._stack = stack
        self._key = key
        self._config = config
        self._router = router
        self._group = group
        self._streams = streams
        self._problems = problems
        # Looked up even if no attachment uses it, so that a mistake shows at once.
        self._stream = self._find_stream("log_stream", config.log_stream)

    def flow_log(self, attachment: Attachment) -> WantedFlowLog | None:
        named = attachment.id if attachment.id in self._config.overrides else attachment.name
        override = self._config.overrides.get(named)
        stream, name, enabled = self._stream, None, self._config.enabled
        if override:
            name = override.name
            if override.log_stream:
                stream = self._find_stream(f"overrides.{named}.log_stream", override.log_stream)
            if override.enabled is not None:
                enabled = override.enabled
        if stream is None:
            return None
        return WantedFlowLog(
            attachment=attachment,
            target=FlowLogTarget(
                er_id=self._router.id,
                resource_id=attachment.id,
                log_group_id=self._group.id,
                log_stream_id=stream.id,
            ),
            name=name or flow_log_name(self._config.name, stack=self._stack, router=self._key, attachment=attachment),
            description=self._config.description,
            enabled=enabled,
            log_group=self._group.name,
            log_stream=stream.name,
        )

    def _find_stream(self, key: str, name: str) -> LogStream | None:
        what = f"log stream in group {self._group.name!r}"
        return _find(self._problems, f"routers.{self._key}.{key}", what, name, self._streams)


T = TypeVar("T")


def _in_parallel(pool: ThreadPoolExecutor, ids: Collection[str], ask: Callable[[str], T]) -> dict[str, T]:
    ordered = sorted(ids)
    return dict(zip(ordered, pool.map(ask, ordered), strict=True))


def _find(problems: list[Problem], where: str, what: str, name: str, candidates: Sequence[N]) -> N | None:
    """The candidate of this id, or else of this name."""
    found = [one for one in candidates if one.id == name] or [one for one in candidates if one.name == name]
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        problems.append(Problem(where, f"{len(found)} have the name {name!r}; use an id: {ids}"))
    elif not found:
        known = ", ".join(sorted(one.name or one.id for one in candidates)) or "none"
        problems.append(Problem(where, f"there is no {what} with id or name {name!r}; there are: {known}"))
    return found[0] if len(found) == 1 else None


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
                        f"attachment {name!r} already logs to {wanted.log_group}/{wanted.log_stream}"
                        f" by routers.{holder}; leave it out of one of them or use another stream",
                    )
                )
    return problems

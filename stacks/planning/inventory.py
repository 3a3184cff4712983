"""Fetches what exists of all that the stack file names and the stack has. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TypeVar

from providers import journal
from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.quotas import Quota
from providers.er.routers import Router
from providers.schema import target_of
from stacks.errors import Problem
from stacks.planning.lookup import find_matches
from stacks.stackfile.model import StackConfig

T = TypeVar("T")

MAX_PARALLEL = 8  # requests at once
QUOTA_TIMEOUT = 5.0  # seconds; a run can do without the quota


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What exists.

    Attributes:
        routers: All routers of the project, and those that others share with it.
        groups: All log groups of the project.
        streams: By the id of a log group that the stack file names or declares, or that the stack has.
        attachments: By the id of a router that the stack file names or the stack has; without routers that are gone.
        flow_logs: Likewise, or by the id of each router of the project, whoever created them.
        hidden: By the id of a shared router that the stack file names, the refusal to show these.
    """

    routers: list[Router]
    groups: list[LogGroup]
    streams: Mapping[str, list[LogStream]] = field(default_factory=dict)
    attachments: Mapping[str, list[Attachment]] = field(default_factory=dict)
    flow_logs: Mapping[str, list[FlowLog]] = field(default_factory=dict)
    hidden: Mapping[str, ApiError] = field(default_factory=dict)

    @cached_property
    def names(self) -> dict[str, str]:
        """The names of all of these but flow logs, by id; without those that have none."""
        named = chain(self.routers, *self.attachments.values(), self.groups, *self.streams.values())
        return {thing.id: thing.name for thing in named if thing.name}


def take_inventory(
    client: Client,
    config: StackConfig,
    known: Mapping[str, Collection[str]],
    log_groups: Collection[str] = (),
    *,
    has_all_flow_logs: bool = False,
) -> Inventory:
    """Everything that a run has to know; each thing is requested once.

    Args:
        client: The API.
        config: The stack file.
        known: By router id, the attachments that earlier runs knew. Each that is missing from its router's list is
            requested by itself, because lists may lag.
        log_groups: The names of the log groups that the stack has.
        has_all_flow_logs: Whether to request the flow logs of all routers of the project.

    Raises:
        ApiError: The API refused or did not answer.
    """
    hidden: dict[str, ApiError] = {}

    def list_of(router_id: str, fetch: Callable[[str], Iterable[T]]) -> list[T] | None:
        try:
            return list(fetch(router_id))
        except ApiError as error:
            if router_id in named and named[router_id].hides(error):
                hidden[router_id] = error
            elif not isinstance(error, NotFoundError):
                raise
            return None

    with ThreadPoolExecutor(MAX_PARALLEL) as pool:
        all_routers = pool.submit(lambda: list(client.routers.list()))
        groups = client.log_groups.list()
        routers = all_routers.result()
        keys = config.routers.values()
        names = {*(key.log_group for key in keys), *config.log_groups, *log_groups}
        group_ids = sorted({group.id for name in names for group in find_matches(name, groups)})
        named = {router.id: router for key in keys for router in find_matches(key.router, routers)}
        router_ids = sorted(named.keys() | known.keys())
        streams = pool.map(client.log_streams.list, group_ids)
        attachment_lists = pool.map(lambda id_: list_of(id_, client.attachments.list), router_ids)
        others = {router.id for router in routers if has_all_flow_logs and not router.is_shared}
        with_flow_logs = sorted({*router_ids, *others})
        flow_log_lists = pool.map(lambda id_: list_of(id_, client.flow_logs.list), with_flow_logs)
        attachments = _without_missing(router_ids, attachment_lists)
        unlisted = [
            (router_id, id_)
            for router_id, present in attachments.items()
            for id_ in sorted(set(known.get(router_id, ())) - {attachment.id for attachment in present})
        ]
        shown = pool.map(lambda ids: _unless_gone(lambda: client.attachments.get(*ids)), unlisted)
        for (router_id, _), attachment in zip(unlisted, shown, strict=True):
            attachments[router_id] += [attachment] if attachment else []
        return Inventory(
            routers=routers,
            groups=groups,
            streams=dict(zip(group_ids, streams, strict=True)),
            attachments=attachments,
            flow_logs=_without_missing(with_flow_logs, flow_log_lists),
            hidden=hidden,
        )


def fetch_quota(client: Client) -> Quota | ApiError | None:
    """The project's quota of flow logs: None if the service names none, the error if it cannot be fetched."""
    try:
        return client.with_deadline(replace(client.deadline, seconds=QUOTA_TIMEOUT)).quotas.flow_logs()
    except ApiError as error:
        return error


def read_interrupted_creates(stack: str) -> list[FlowLogTarget] | Problem:
    """The targets of creates whose provider was killed on this machine, or the problem with reading them."""
    try:
        return [target_of(create["inputs"]) for create in journal.unfinished(stack)]
    except (OSError, ValueError) as error:
        what = f"the journal of creates in {journal.FOLDER / stack} cannot be read ({error}): check who owns its files"
        return Problem("routers", what)


def _unless_gone(fetch: Callable[[], T]) -> T | None:
    try:
        return fetch()
    except NotFoundError:
        return None


def _without_missing(ids: Iterable[str], lists: Iterable[list[T] | None]) -> dict[str, list[T]]:
    return {id_: present for id_, present in zip(ids, lists, strict=True) if present is not None}

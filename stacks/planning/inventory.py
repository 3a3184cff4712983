"""One look at the world: what there is of all that the stack file names and the stack has. It decides nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import NotFoundError
from providers.er.flow_logs import FlowLog
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from stacks.planning.lookup import matching
from stacks.stackfile.model import StackConfig

T = TypeVar("T")

WIDTH = 8  # questions at once


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """What there is.

    Attributes:
        routers: All routers of the project.
        groups: All log groups of the project.
        streams: By the id of a log group that the stack file names.
        attachments: By the id of a router that the stack file names or the stack has; one that is gone is missing.
        flow_logs: Likewise, whoever made them.
    """

    routers: list[Router]
    groups: list[LogGroup]
    streams: Mapping[str, list[LogStream]] = field(default_factory=dict)
    attachments: Mapping[str, list[Attachment]] = field(default_factory=dict)
    flow_logs: Mapping[str, list[FlowLog]] = field(default_factory=dict)


def look(client: Client, config: StackConfig, expected: Mapping[str, Collection[str]]) -> Inventory:
    """Everything that a run has to know; each thing is asked for once.

    Args:
        client: The API.
        config: The stack file.
        expected: By router id, the attachments that the stack has known. What a list of a router lacks of them is
            looked at one by one, for lists may lag.

    Raises:
        ApiError: The API refused or did not answer.
    """
    with ThreadPoolExecutor(WIDTH) as pool:
        all_routers = pool.submit(lambda: list(client.routers.list()))
        groups = client.log_groups.list()
        routers = all_routers.result()
        named_groups = sorted({one.id for key in config.routers.values() for one in matching(key.log_group, groups)})
        named = {one.id for key in config.routers.values() for one in matching(key.router, routers)}
        looked_at = sorted(named | expected.keys())
        streams = pool.map(client.log_streams.list, named_groups)
        listed = pool.map(lambda id_: _unless_gone(client.attachments.list, id_), looked_at)
        flow_logs = pool.map(lambda id_: _unless_gone(client.flow_logs.list, id_), looked_at)
        attachments = {id_: found for id_, found in zip(looked_at, listed, strict=True) if found is not None}
        missing = [
            (router_id, id_)
            for router_id, found in attachments.items()
            for id_ in sorted(set(expected.get(router_id, ())) - {one.id for one in found})
        ]
        shown = pool.map(lambda place: _shown(client, *place), missing)
        for (router_id, _), attachment in zip(missing, shown, strict=True):
            attachments[router_id] += [attachment] if attachment else []
        return Inventory(
            routers=routers,
            groups=groups,
            streams=dict(zip(named_groups, streams, strict=True)),
            attachments=attachments,
            flow_logs={id_: found for id_, found in zip(looked_at, flow_logs, strict=True) if found is not None},
        )


def _unless_gone(ask: Callable[[str], Iterable[T]], router_id: str) -> list[T] | None:
    with contextlib.suppress(NotFoundError):
        return list(ask(router_id))
    return None


def _shown(client: Client, router_id: str, attachment_id: str) -> Attachment | None:
    with contextlib.suppress(NotFoundError):
        return client.attachments.get(router_id, attachment_id)
    return None

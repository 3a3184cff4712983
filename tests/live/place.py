"""Where the flow log is to be made, found through the API as a stack file's names are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import Named, find
from stacks.planning.selection import cannot_be_logged
from tests.live.opt_in import OptIn

MARK = "otc-flow-logs-live-check-"
_MARKED = re.compile(rf"{MARK}[0-9a-f]{{8}}(-renamed)?")

N = TypeVar("N", bound=Named)


class RefusedError(Exception):
    """The walk cannot begin; the text says why, and nothing was changed."""


@dataclass(frozen=True)
class Place:
    """What is logged, and where to."""

    router: Router
    attachment: Attachment
    group: LogGroup
    stream: LogStream

    @property
    def target(self) -> FlowLogTarget:
        """In ids."""
        return FlowLogTarget(
            er_id=self.router.id,
            resource_id=self.attachment.id,
            log_group_id=self.group.id,
            log_stream_id=self.stream.id,
        )

    def __str__(self) -> str:
        attachment, router = self.attachment.name or self.attachment.id, self.router.name or self.router.id
        return f"attachment {attachment} of {router}, to {self.group.name}/{self.stream.name}"


def look_up(client: Client, opt_in: OptIn) -> Place:
    """The place that was named.

    Raises:
        RefusedError: Something of it is not there, or cannot be logged; with all candidates.
        ApiError: The API could not be asked.
    """
    problems: list[Problem] = []

    def named(variable: str, what: str, things: Sequence[N]) -> N | None:
        found = find(variable, what, opt_in.named[variable], things)
        if isinstance(found, Problem):
            problems.append(found)
            return None
        return found

    router = named("LIVE_ROUTER", "router", list(client.routers.list()))
    attachments = list(client.attachments.list(router.id)) if router else []
    attachment = named("LIVE_ATTACHMENT", f"attachment of router {router.name!r}", attachments) if router else None
    group = named("LIVE_LOG_GROUP", "log group", client.log_groups.list())
    streams = client.log_streams.list(group.id) if group else []
    stream = named("LIVE_LOG_STREAM", f"log stream in group {group.name!r}", streams) if group else None
    if attachment and (reason := cannot_be_logged(attachment)):
        problems.append(Problem("LIVE_ATTACHMENT", f"{attachment.name or attachment.id} {reason}"))
    if not (router and attachment and group and stream) or problems:
        raise RefusedError("; ".join(f"{problem.key}: {problem.what}" for problem in problems))
    return Place(router, attachment, group, stream)


def flow_logs_of(client: Client, place: Place) -> list[FlowLog]:
    """The flow logs of the attachment, whosever: listed, and there when they were looked at.

    Raises:
        ApiError: The API could not be asked.
    """
    found = []
    for listed in client.flow_logs.list(place.router.id, resource_ids=[place.attachment.id]):
        if listed.target.resource_id != place.attachment.id:
            continue
        try:
            shown = client.flow_logs.get(place.router.id, listed.id)
        except NotFoundError:
            continue
        if shown.state != "deleted":
            found.append(shown)
    return found


def leftovers(place: Place, flow_logs: Sequence[FlowLog]) -> list[FlowLog]:
    """Those of them that have the target, all of which an earlier walk left behind.

    Raises:
        RefusedError: Somebody else's has it.
    """
    holders = [one for one in flow_logs if one.target == place.target]
    for one in holders:
        if not _MARKED.fullmatch(one.name):
            raise RefusedError(
                f"{place} has flow log {display_name(one.name)!r} already, id {one.id}, in state"
                f" {display_name(one.state)}: name another attachment or another log stream"
            )
    return holders

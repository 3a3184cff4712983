"""Where the flow log is to be created, looked up by the same rules as the names in a stack file."""

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
from providers.er.named import Named
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import find
from stacks.planning.selection import cannot_be_logged
from tests.live.opt_in import OptIn

MARK = "otc-flow-logs-live-check-"
_MARKED = re.compile(rf"{MARK}[0-9a-f]{{8}}(-renamed)?")

N = TypeVar("N", bound=Named)


class RefusedError(Exception):
    """The walk cannot begin; the text says why, and nothing was changed."""


@dataclass(frozen=True)
class Place:
    """An attachment, and the log stream for its flow log."""

    router: Router
    attachment: Attachment
    group: LogGroup
    stream: LogStream

    @property
    def target(self) -> FlowLogTarget:
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
    """Look up the place that the environment names.

    Raises:
        RefusedError: A part of it does not exist (with all candidates), or cannot be logged.
        ApiError: A request failed.
    """
    problems: list[Problem] = []

    def find_named(variable: str, what: str, candidates: Sequence[N]) -> N | None:
        found = find(variable, what, opt_in.named[variable], candidates)
        if isinstance(found, Problem):
            problems.append(found)
            return None
        return found

    router = find_named("LIVE_ROUTER", "router", list(client.routers.list()))
    attachments = list(client.attachments.list(router.id)) if router else []
    attachment = find_named("LIVE_ATTACHMENT", f"attachment of router {router.name!r}", attachments) if router else None
    group = find_named("LIVE_LOG_GROUP", "log group", client.log_groups.list())
    streams = client.log_streams.list(group.id) if group else []
    stream = find_named("LIVE_LOG_STREAM", f"log stream in group {group.name!r}", streams) if group else None
    if attachment and (reason := cannot_be_logged(attachment)):
        problems.append(Problem("LIVE_ATTACHMENT", f"{attachment.name or attachment.id} {reason}"))
    if not (router and attachment and group and stream) or problems:
        raise RefusedError("; ".join(f"{problem.key}: {problem.what}" for problem in problems))
    return Place(router, attachment, group, stream)


def flow_logs_of(client: Client, place: Place) -> list[FlowLog]:
    """The flow logs of the attachment, whoever's; a show confirms that each still exists.

    Raises:
        ApiError: A request failed.
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


def find_leftovers(place: Place, flow_logs: Sequence[FlowLog]) -> list[FlowLog]:
    """The flow logs with the target, all of which an earlier walk has left behind.

    Raises:
        RefusedError: A flow log with the target is somebody else's.
    """
    found = [flow_log for flow_log in flow_logs if flow_log.target == place.target]
    for flow_log in found:
        if not _MARKED.fullmatch(flow_log.name):
            raise RefusedError(
                f"{place} has flow log {display_name(flow_log.name)!r} already, id {flow_log.id}, in state"
                f" {display_name(flow_log.state)}: name another attachment or another log stream"
            )
    return found

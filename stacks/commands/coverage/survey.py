"""Coverage as the API tells it now: what each attachment has, whoever made it."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.sanitizing import display_name
from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.errors import StackError, stack_file
from stacks.planning.lookup import Named
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter
from stacks.planning.selection import GONE, NOT_SELECTED, cannot_be_logged

UNCLEAR = "a mistake in the stack file leaves open where to"
ATTACHMENT_GONE = "its attachment is gone"
NOT_WRITING = {
    "pending": "is still being created",
    "deleting": "is being deleted",
    "deleted": "has been deleted",
    "failed": "has failed",
}
"""States of a flow log in which nothing is written, and what to say of it."""


def survey(client: Client, plan: Plan, *, stack: str, now: datetime) -> Coverage:
    """What is logged now.

    Args:
        client: The API; it is asked for the streams of log groups that only others write to.
        plan: What the stack file names.
        stack: The stack's name.
        now: The time, with its zone.
    """
    names = _names(client, plan)
    routers = _distinguished([*(keys[0].router for keys in plan.by_router.values()), *plan.other_routers])
    return Coverage(
        stack=stack,
        seen_at=now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        routers=[_router(keys, names, called=routers[id_]) for id_, keys in plan.by_router.items()],
        other_routers=[routers[router.id] for router in plan.other_routers],
        mistakes=StackError(plan.problems).sentences(stack_file(stack)).splitlines(),
    )


def _names(client: Client, plan: Plan) -> dict[str, str]:
    """The names of log groups and streams, by id, as far as they can be had."""
    streams = dict(plan.inventory.streams)
    groups = {group.id: group.name for group in plan.inventory.groups}
    used = {one.target.log_group_id for router in plan.routers for one in router.existing}
    for group_id in used & groups.keys() - streams.keys():
        with contextlib.suppress(ApiError):
            streams[group_id] = client.log_streams.list(group_id)
    return groups | {stream.id: stream.name for group in streams.values() for stream in group}


def _distinguished(things: Sequence[Named]) -> dict[str, str]:
    """What to call things, by id: by name, with the id where that is shared, or the id alone."""
    counts = Counter(one.name for one in things)
    shared = {one.id: f"{one.name} ({one.id})" if counts[one.name] > 1 else one.name for one in things}
    return {one.id: display_name(shared[one.id] if one.name else one.id) for one in things}


def _router(keys: Sequence[ResolvedRouter], names: Mapping[str, str], *, called: str) -> RouterCoverage:
    """A router; more than one key of the stack file may be about it."""
    first = keys[0]
    desired = {one.target: one for key in keys for one in key.flow_logs}
    selected = {one.id for key in keys for one in key.selection.logged}
    attachments = _distinguished(first.attachments)
    entries = [
        replace(entry, attachment=attachments[one.id])
        for one in first.attachments
        for entry in _entries(one, first.existing, desired, names, is_selected=one.id in selected)
    ]
    entries += _without_attachment(first, names)
    entries += [_gone(named, GONE) for named in sorted({named for key in keys for named in key.selection.gone})]
    return RouterCoverage(
        key=", ".join(key.key for key in keys),
        id=first.router.id,
        name=called,
        entries=sorted(entries, key=lambda entry: (entry.attachment, entry.attachment_id, entry.logs_to)),
    )


def _entries(
    attachment: Attachment,
    existing: Sequence[FlowLog],
    desired: Mapping[FlowLogTarget, DesiredFlowLog],
    names: Mapping[str, str],
    *,
    is_selected: bool,
) -> Iterator[Entry]:
    here = [one for one in existing if one.target.resource_id == attachment.id]
    there = {one.target for one in here}
    missing = [one for target, one in desired.items() if target.resource_id == attachment.id and target not in there]
    refused = cannot_be_logged(attachment)

    def entry(reason: str, *, flow_log: str = "", logs_to: str = "", is_ours: bool = True) -> Entry:
        status = Status.NOT_LOGGED if reason else Status.LOGGED
        return Entry(
            attachment_id=attachment.id,
            attachment=display_name(attachment.name),
            type=display_name(attachment.resource_type),
            state=display_name(attachment.state),
            status=Status.CANNOT_BE_LOGGED if refused else status,
            reason=refused or reason,
            flow_log=display_name(flow_log),
            logs_to=display_name(logs_to),
            is_ours=is_ours,
        )

    for one in here:
        yield entry(_why_silent(one), flow_log=one.name, logs_to=_goes_to(one, names), is_ours=one.target in desired)
    for awaited in missing:
        yield entry(display_name(f"has no flow log to {awaited.logs_to} yet"))
    if not here and not missing:
        yield entry(UNCLEAR if is_selected else NOT_SELECTED)


def _without_attachment(router: ResolvedRouter, names: Mapping[str, str]) -> Iterator[Entry]:
    """Flow logs whose attachment is gone."""
    attachments = {one.id for one in router.attachments}
    for one in router.existing:
        id_ = one.target.resource_id
        if id_ not in attachments:
            yield _gone(
                id_, ATTACHMENT_GONE, flow_log=display_name(one.name), logs_to=display_name(_goes_to(one, names))
            )


def _gone(named: str, reason: str, *, flow_log: str = "", logs_to: str = "") -> Entry:
    return Entry(
        attachment_id=named,
        attachment=display_name(named),
        type="-",
        state="-",
        status=Status.CANNOT_BE_LOGGED,
        reason=reason,
        flow_log=flow_log,
        logs_to=logs_to,
    )


def _why_silent(flow_log: FlowLog) -> str:
    """Why a flow log writes nothing; empty if it does."""
    return NOT_WRITING.get(flow_log.state, "" if flow_log.enabled else "is disabled")


def _goes_to(flow_log: FlowLog, names: Mapping[str, str]) -> str:
    group, stream = flow_log.target.log_group_id, flow_log.target.log_stream_id
    return f"{names.get(group, group)}/{names.get(stream, stream)}"

"""The coverage of a stack now: every attachment with its flow logs, whoever created them."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.named import Named
from providers.er.sanitizing import display_name
from stacks.commands.command_line import Values, fetch_outputs
from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.errors import StackError
from stacks.planning.inventory import take_inventory
from stacks.planning.lookup import why_left_out
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter, make_plan
from stacks.planning.selection import GONE, NOT_SELECTED, cannot_be_logged
from stacks.stackfile.loader import load_defaults, parse_stack_file
from stacks.stackfile.location import stack_file
from stacks.state.last_run import read_last_run

UNCLEAR = "the log stream is unknown because of a mistake in the stack file"
ATTACHMENT_GONE = "its attachment is gone"
NOT_WRITING = {
    "pending": "is still being created",
    "deleting": "is being deleted",
    "deleted": "has been deleted",
    "failed": "has failed",
}
"""States of a flow log in which nothing is written, as reasons."""


def survey_stack(client: Client, values: Values, *, stack: str) -> Coverage:
    """The coverage of the stack with this config now.

    Raises:
        StackError: The stack file has mistakes that leave nothing to show.
        DefaultsError: stacks/defaults.yaml has mistakes.
        OutputsError: The outputs of the last run cannot be read.
        ApiError: The API refused or did not answer.
    """
    stack_config = parse_stack_file(values.plain, is_secret=values.is_secret, defaults=load_defaults())
    inventory = take_inventory(client, stack_config, {})
    plan = make_plan(stack_config, inventory, stack=stack, last_run=None, managed={})
    if any(selection.gone for router in plan.routers for selection in router.selections.values()):
        # A name in the stack file that does not exist may have been renamed: the last run knew it.
        last = read_last_run(fetch_outputs(stack))
        plan = make_plan(stack_config, inventory, stack=stack, last_run=last or None, managed={})
    return survey(client, plan, stack=stack, now=datetime.now(timezone.utc))


def survey(client: Client, plan: Plan, *, stack: str, now: datetime) -> Coverage:
    """The coverage of the stack now.

    Args:
        client: The API; it lists the streams of log groups that the stack file does not name.
        plan: The plan of the stack file.
        stack: The stack's name.
        now: The time, with its zone.
    """
    names = _names(client, plan)
    routers = _distinguished([*(router.router for router in plan.routers), *plan.other_routers])
    return Coverage(
        stack=stack,
        seen_at=now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        routers=[_router(router, names, called=routers[router.router.id]) for router in plan.routers],
        other_routers=[routers[router.id] for router in plan.other_routers],
        left_out=[why_left_out(router) for router in plan.left_out],
        mistakes=StackError(plan.problems).sentences(stack_file(stack)).splitlines(),
    )


def _names(client: Client, plan: Plan) -> dict[str, str]:
    """The names of log groups and streams, by id, as far as they can be listed."""
    streams = dict(plan.inventory.streams)
    groups = {group.id: group.name for group in plan.inventory.groups}
    used = {flow_log.target.log_group_id for router in plan.routers for flow_log in router.existing}
    for group_id in used & groups.keys() - streams.keys():
        with contextlib.suppress(ApiError):
            streams[group_id] = client.log_streams.list(group_id)
    return groups | {stream.id: stream.name for group in streams.values() for stream in group}


def _distinguished(things: Sequence[Named]) -> dict[str, str]:
    """Unique names, by id: the name, followed by the id if the name is shared; the id if there is no name."""
    counts = Counter(thing.name for thing in things)

    def distinguish(thing: Named) -> str:
        return f"{thing.name} ({thing.id})" if thing.name and counts[thing.name] > 1 else thing.display_name

    return {thing.id: display_name(distinguish(thing)) for thing in things}


def _router(router: ResolvedRouter, names: Mapping[str, str], *, called: str) -> RouterCoverage:
    """A router; several keys of the stack file may name it."""
    desired = {flow_log.target: flow_log for flow_log in router.flow_logs}
    attachments = _distinguished(router.attachments)
    entries = [entry for at in router.attachments for entry in _entries(router, at, attachments[at.id], desired, names)]
    ids = {attachment.id for attachment in router.attachments}
    for flow_log in router.existing:
        if flow_log.target.resource_id not in ids:
            entries.append(_gone(flow_log.target.resource_id, ATTACHMENT_GONE, **_shown(flow_log, names)))
    entries += [_gone(text, GONE) for text, id_ in router.stale_names.items() if not id_]
    return RouterCoverage(
        key=", ".join(router.selections),
        id=router.router.id,
        name=called,
        entries=sorted(entries, key=lambda entry: (entry.attachment, entry.attachment_id, entry.logs_to)),
    )


def _entries(
    router: ResolvedRouter,
    attachment: Attachment,
    called: str,
    desired: Mapping[FlowLogTarget, DesiredFlowLog],
    names: Mapping[str, str],
) -> Iterator[Entry]:
    """An entry for each flow log that the attachment has or is to have, or one for the attachment alone."""
    flow_logs = [flow_log for flow_log in router.existing if flow_log.target.resource_id == attachment.id]
    missing = desired.keys() - {flow_log.target for flow_log in flow_logs}
    planned = [desired[target] for target in desired if target.resource_id == attachment.id and target in missing]
    is_logged = bool(flow_logs or planned)
    refused = cannot_be_logged(attachment, is_tried=is_logged)
    if not is_logged:
        refused = router.skipped.get(attachment.id) or refused

    def entry(reason: str, flow_log: FlowLog | None = None, wanted: DesiredFlowLog | None = None) -> Entry:
        status = Status.NOT_LOGGED if reason else Status.LOGGED
        return Entry(
            attachment_id=attachment.id,
            attachment=called,
            type=attachment.resource_type,
            state=attachment.state or "-",
            status=Status.CANNOT_BE_LOGGED if refused else status,
            reason=refused or reason,
            is_in_stack=flow_log is None or wanted is not None,
            is_expected=wanted is not None and wanted.enabled,
            record=flow_log,
            **(_shown(flow_log, names) if flow_log else {}),
        )

    yield from (entry(_why_silent(flow_log), flow_log, desired.get(flow_log.target)) for flow_log in flow_logs)
    yield from (entry(display_name(f"has no flow log to {wanted.logs_to} yet"), wanted=wanted) for wanted in planned)
    if not is_logged:
        yield entry(UNCLEAR if attachment.id in router.selected else NOT_SELECTED)


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


def _shown(flow_log: FlowLog, names: Mapping[str, str]) -> dict[str, str]:
    """What an entry shows of its flow log."""
    group, stream = flow_log.target.log_group_id, flow_log.target.log_stream_id
    logs_to = f"{names.get(group, group)}/{names.get(stream, stream)}"
    return {"flow_log": display_name(flow_log.name), "logs_to": display_name(logs_to)}


def _why_silent(flow_log: FlowLog) -> str:
    """Why a flow log writes nothing; empty if it does."""
    return NOT_WRITING.get(flow_log.state, "" if flow_log.enabled else "is disabled")

"""The coverage of a stack now: every attachment with its flow logs, whoever created them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLog
from providers.er.named import Named
from providers.er.sanitizing import display_name
from stacks.commands.command_line import Values, fetch_snapshot
from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status
from stacks.commands.destinations import find_names, logs_to
from stacks.errors import StackError
from stacks.planning.inventory import take_inventory
from stacks.planning.lookup import why_left_out
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter, make_plan
from stacks.planning.selection import GONE, cannot_be_logged
from stacks.stackfile.loader import load_defaults, parse_stack_file
from stacks.stackfile.location import stack_file
from stacks.state.last_run import LastRun, own_outputs, read_last_run
from stacks.state.managed import ManagedFlowLogs, find_managed_flow_logs
from stacks.state.snapshot import find_stack_outputs

DESELECTED = "is not selected in the stack file"
UNCLEAR = "the log stream is unknown because of a mistake in the stack file"
ATTACHMENT_GONE = "its attachment is gone"
NOT_WRITING = {
    "pending": "is still being created",
    "deleting": "is being deleted",
    "deleted": "has been deleted",
    "failed": "has failed",
}
"""States of a flow log in which nothing is written, as reasons."""


def survey_stack(client: Client, values: Values, *, stack: str, cli_name: str) -> Coverage:
    """The coverage of the stack with this config now.

    Args:
        client: The API.
        values: The config.
        stack: The stack's short name.
        cli_name: What the CLI calls it; empty for the selected one.

    Raises:
        StackError: The stack file has mistakes that leave nothing to show.
        DefaultsError: stacks/defaults.yaml has mistakes.
        OutputsError: The outputs of the last run cannot be read.
        ApiError: The API refused or did not answer.
    """
    config = parse_stack_file(values.plain, is_secret=values.is_secret, defaults=load_defaults())
    inventory = take_inventory(client, config, {})
    plan = make_plan(config, inventory, stack=stack, last_run=None, managed={})
    last_run: LastRun = {}
    managed: ManagedFlowLogs = {}
    if _has_unknown(plan):
        snapshot = fetch_snapshot(cli_name)
        last_run = read_last_run(own_outputs(find_stack_outputs(snapshot)))
        managed = find_managed_flow_logs(snapshot)
        plan = make_plan(config, inventory, stack=stack, last_run=last_run or None, managed=managed)
    return survey(client, plan, stack=stack, now=datetime.now(timezone.utc), last_run=last_run, managed=managed)


def _has_unknown(plan: Plan) -> bool:
    """Whether anything exists, or is gone, of which only the stack's state may know.

    A flow log that is not declared may be the stack's all the same, and what is gone may have been renamed.
    """
    gone = any(selection.gone for router in plan.routers for selection in router.selections.values())
    existing = {flow_log.target for router in plan.routers for flow_log in router.existing}
    return gone or bool(plan.problems) or bool(existing - plan.desired.keys())


def survey(
    client: Client,
    plan: Plan,
    *,
    stack: str,
    now: datetime,
    last_run: LastRun,
    managed: ManagedFlowLogs,
) -> Coverage:
    """The coverage of the stack now.

    Args:
        client: The API; it lists the streams of log groups that the stack file does not name.
        plan: The plan of the stack file.
        stack: The stack's name.
        now: The time, with its zone.
        last_run: What the last run left; it has the names of log streams that no longer exist.
        managed: The flow logs in the state: they are the stack's, whether they are declared or not.
    """
    existing = [flow_log for router in plan.routers for flow_log in router.existing]
    inventory = plan.inventory
    listed = find_names(client, existing, groups=inventory.groups, streams=inventory.streams)
    names = _last_names(last_run, managed) | listed
    routers = _distinguished([*(router.router for router in plan.routers), *plan.other_routers])
    own_routers = {target.er_id for target in managed}
    return Coverage(
        stack=stack,
        seen_at=now.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        routers=[_Survey(router, names, managed).coverage(routers[router.router.id]) for router in plan.routers],
        other_routers=[routers[router.id] for router in plan.other_routers if router.id not in own_routers],
        left_out=[why_left_out(router) for router in plan.left_out],
        mistakes=StackError(plan.problems).sentences(stack_file(stack)).splitlines(),
    )


def _last_names(last_run: LastRun, managed: ManagedFlowLogs) -> dict[str, str]:
    """The names that log groups and streams of the stack's flow logs had at the last run, by id."""
    names: dict[str, str] = {}
    for target, flow_log in managed.items():
        router = last_run.get(target.er_id)
        destination = router.destination(target.log_stream_id, flow_log.logical_name) if router else ""
        if destination:
            group, _, stream = destination.partition("/")
            names |= {target.log_group_id: group, target.log_stream_id: stream}
    return names


def _distinguished(things: Sequence[Named]) -> dict[str, str]:
    """Unique names, by id: the name, followed by the id if the name is shared; the id if there is no name."""
    counts = Counter(thing.name for thing in things)

    def distinguish(thing: Named) -> str:
        return f"{thing.name} ({thing.id})" if thing.name and counts[thing.name] > 1 else thing.display_name

    return {thing.id: display_name(distinguish(thing)) for thing in things}


class _Survey:
    """Surveys one router; several keys of the stack file may name it."""

    def __init__(self, router: ResolvedRouter, names: Mapping[str, str], managed: ManagedFlowLogs) -> None:
        self._router, self._names, self._managed = router, names, managed
        self._desired = {flow_log.target: flow_log for flow_log in router.flow_logs}
        self._skipped, self._selected = router.skipped, router.selected
        self._existing: dict[str, list[FlowLog]] = defaultdict(list)
        for flow_log in router.existing:
            self._existing[flow_log.target.resource_id].append(flow_log)
        existing = {flow_log.target for flow_log in router.existing}
        self._missing: dict[str, list[DesiredFlowLog]] = defaultdict(list)
        for desired in router.flow_logs:
            if desired.target not in existing:
                self._missing[desired.attachment.id].append(desired)

    def coverage(self, called: str) -> RouterCoverage:
        """The coverage of the router, which is called so."""
        attachments = _distinguished(self._router.attachments)
        entries = [entry for at in self._router.attachments for entry in self._entries(at, attachments[at.id])]
        for id_ in self._existing.keys() - attachments.keys():
            entries += [_gone(id_, ATTACHMENT_GONE, **self._shown(flow_log)) for flow_log in self._existing[id_]]
        entries += [_gone(text, GONE) for text, id_ in self._router.stale_names.items() if not id_]
        return RouterCoverage(
            key=", ".join(self._router.selections),
            id=self._router.router.id,
            name=called,
            entries=sorted(entries, key=lambda entry: (entry.attachment, entry.attachment_id, entry.logs_to)),
        )

    def _entries(self, attachment: Attachment, called: str) -> Iterator[Entry]:
        """An entry for each flow log that the attachment has or is to have, or one for the attachment alone."""
        flow_logs, missing = self._existing[attachment.id], self._missing[attachment.id]
        is_logged = bool(flow_logs or missing)
        refused = cannot_be_logged(attachment, is_tried=is_logged)
        if not is_logged:
            refused = self._skipped.get(attachment.id) or refused
        declared = [desired for flow_log in flow_logs if (desired := self._desired.get(flow_log.target))] + missing
        is_unclear = attachment.id in self._selected and not declared

        def entry(reason: str, flow_log: FlowLog | None = None, desired: DesiredFlowLog | None = None) -> Entry:
            status = _status(reason, is_desired=desired.enabled if desired else is_unclear)
            own = self._managed.get(flow_log.target) if flow_log else None
            expected = desired or (own if is_unclear else None)
            return Entry(
                attachment_id=attachment.id,
                attachment=called,
                type=attachment.resource_type,
                state=attachment.state or "-",
                status=Status.CANNOT_BE_LOGGED if refused else status,
                reason=refused or reason,
                is_in_stack=flow_log is None or desired is not None or own is not None,
                is_expected=expected is not None and expected.enabled,
                record=flow_log,
                **(self._shown(flow_log) if flow_log else {}),
            )

        for flow_log in flow_logs:
            desired = self._desired.get(flow_log.target)
            yield entry(_why_silent(flow_log, desired), flow_log, desired)
        for desired in missing:
            yield entry(display_name(f"has no flow log to {desired.logs_to} yet"), desired=desired)
        if not is_logged:
            yield entry(UNCLEAR if is_unclear else DESELECTED)

    def _shown(self, flow_log: FlowLog) -> dict[str, str]:
        """What an entry shows of its flow log."""
        return {"flow_log": display_name(flow_log.name), "logs_to": logs_to(flow_log, self._names)}


def _status(reason: str, *, is_desired: bool) -> Status:
    if not reason:
        return Status.LOGGED
    return Status.NOT_LOGGED if is_desired else Status.DESELECTED


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


def _why_silent(flow_log: FlowLog, desired: DesiredFlowLog | None) -> str:
    """Why a flow log writes nothing; empty if it does."""
    if flow_log.state in NOT_WRITING:
        return NOT_WRITING[flow_log.state]
    if flow_log.enabled:
        return ""
    return "is disabled" if desired is None or desired.enabled else "is disabled in the stack file"

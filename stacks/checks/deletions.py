"""What a run would delete, with the reason for each deletion, and the guard: a typo must not stop a network's logs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.er.attachments import Attachment
from providers.er.flow_logs import LEAVING_STATES
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import join_names
from stacks.planning.plan import Plan, ResolvedRouter
from stacks.planning.selection import cannot_be_logged, matches_any
from stacks.stackfile.model import Selector, StackConfig
from stacks.state.last_run import LastAttachment, LastRouter, LastRun
from stacks.state.managed import ManagedFlowLog, ManagedFlowLogs

ALLOWED_SHARE = 10  # per cent of the attachments that are logged
ALWAYS_ALLOWED = 1


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """A flow log in the state that the stack file no longer declares.

    Attributes:
        flow_log: As it is in the state.
        router: The router's name or id.
        attachment: The attachment's name or id.
        logs_to: `GROUP/STREAM` that it writes to; empty if their names are unknown.
        reason: Why it is deleted, in words.
        moves_to: `GROUP/STREAM` of the flow log that replaces it, and is created first; empty if there is none.
        is_disabled: Whether all flow logs that its attachment is to have are disabled.
        is_last: Whether its attachment exists, is logged by it so far, and will have no flow log.
        is_protected: Whether it was protected at the last run.
    """

    flow_log: ManagedFlowLog
    router: str
    attachment: str
    logs_to: str
    reason: str
    moves_to: str = ""
    is_disabled: bool = False
    is_last: bool = False
    is_protected: bool = False

    @property
    def sentence(self) -> str:
        """What will happen, and why."""
        if self.moves_to:
            return move_sentence(self.router, self.attachment, self.reason, is_disabled=self.is_disabled)
        return loss_sentence(self.router, self.attachment, self.logs_to, self.reason)


def former_stream(logs_to: str, moves_to: str) -> str:
    """What to call the stream that a flow log moves from: if it was deleted by hand, the new one has its name."""
    return f"{logs_to} (gone)" if logs_to == moves_to else logs_to


def move_sentence(router: str, attachment: str, reason: str, *, is_disabled: bool) -> str:
    """What will happen to a flow log that moves."""
    outcome = "is disabled, so nothing is written" if is_disabled else "is created first, so the record has no gap"
    return f"{router}: {attachment} {reason}; the new flow log {outcome}"


def loss_sentence(router: str, attachment: str, logs_to: str, reason: str) -> str:
    """What will happen to a flow log that is not replaced."""
    return f"{router}: {attachment} loses its flow log{f' to {logs_to}' if logs_to else ''}: {reason}"


def find_deletions(plan: Plan, managed: ManagedFlowLogs, last_run: LastRun) -> list[Deletion]:
    """What this run would delete: attachments that lose all flow logs first, moves last."""
    deletions = [
        _explain(plan, flow_log, managed, last_run.get(target.er_id) or LastRouter(id=target.er_id, name=""))
        for target, flow_log in managed.items()
        if flow_log.is_in_component and target not in plan.desired
    ]
    return sorted(
        deletions, key=lambda item: (not item.is_last, bool(item.moves_to), item.router, item.attachment, item.logs_to)
    )


def _explain(plan: Plan, flow_log: ManagedFlowLog, managed: ManagedFlowLogs, last: LastRouter) -> Deletion:
    router_id, attachment_id = flow_log.target.attachment
    known = last.attachments.get(attachment_id) or LastAttachment(name="")
    present = {attachment.id: attachment for attachment in plan.inventory.attachments.get(router_id, ())}
    attachment = present.get(attachment_id)
    successors = plan.by_attachment.get(flow_log.target.attachment, [])
    moves_to = join_names([successor.logs_to for successor in successors if successor.target not in managed])
    existing = plan.inventory.flow_logs.get(router_id, ())
    has_failed = any(found.target == flow_log.target and found.state == "failed" for found in existing)
    logs_to = last.destination(flow_log.target.log_stream_id, flow_log.logical_name) or _destination(flow_log, plan)
    if moves_to:
        reason = f"moves from {former_stream(logs_to, moves_to) or 'another log stream'} to {moves_to}"
    elif successors:
        kept = join_names([successor.logs_to for successor in successors])
        reason = f"the stack file declares only a flow log to {kept}"
    else:
        reason = _why_not_logged(plan, router_id, attachment, known, last)
    return Deletion(
        flow_log=flow_log,
        router=display_name(plan.inventory.names.get(router_id) or last.name or router_id),
        attachment=display_name((attachment or known).name or attachment_id),
        logs_to=logs_to,
        reason=reason,
        moves_to=moves_to,
        is_disabled=bool(successors) and not any(successor.enabled for successor in successors),
        is_last=not (successors or has_failed) and attachment is not None and attachment.state not in LEAVING_STATES,
        is_protected=flow_log.logical_name in last.protected,
    )


def _destination(flow_log: ManagedFlowLog, plan: Plan) -> str:
    names = plan.inventory.names
    group, stream = (names.get(id_) for id_ in (flow_log.target.log_group_id, flow_log.target.log_stream_id))
    return f"{group}/{stream}" if group and stream else ""


def _why_not_logged(
    plan: Plan, router_id: str, attachment: Attachment | None, known: LastAttachment, last: LastRouter
) -> str:
    """Why an attachment is to have no flow log at all."""
    if router_id not in plan.inventory.attachments:
        return "its router is gone"
    if attachment is None:
        return "the attachment is gone"
    router = next((router for router in plan.routers if router.router.id == router_id), None)
    if router is None:
        return "its router is no longer in the stack file"
    if reason := router.skipped.get(attachment.id) or cannot_be_logged(attachment, is_tried=True):
        return f"the attachment {reason}"
    before = last.selections
    reasons = [
        _why_not_selected(key, selection.requested, before[key], attachment, known)
        for key, selection in router.selections.items()
        if key in before
    ]
    if removed := sorted(f"routers.{key}" for key in before.keys() - router.selections.keys()):
        reasons.append(f"it is no longer selected because {join_names(removed)} was removed from the stack file")
    return next(filter(None, reasons), "it is no longer selected: nothing in the stack file selects it")


def _why_not_selected(key: str, requested: Any, before: Any, attachment: Attachment, known: LastAttachment) -> str:
    """What has changed for this key of the stack file: its selection, or the attachment; empty if nothing has."""
    if requested != before:
        shown = requested if isinstance(requested, str) else json.dumps(requested, ensure_ascii=False)
        return f"it is no longer selected because the stack file has routers.{key}.attachments: {shown}"
    if not isinstance(before, Mapping):
        return ""
    return next(_find_changes(Selector.model_validate(before), attachment, known), "")


def _find_changes(selector: Selector, attachment: Attachment, known: LastAttachment) -> Iterator[str]:
    """The conditions that the attachment met at the last run and no longer meets."""
    for tag, value in selector.tags.items():
        now = attachment.tags.get(tag)
        if known.tags.get(tag) == value and now != value:
            state = f"now {display_name(now)!r}" if now is not None else "gone"
            tag_name, old_value = display_name(tag), display_name(value)
            yield f"it is no longer selected because its tag {tag_name!r} is {state} (was {old_value!r})"
    globs = selector.names
    if globs is not None and matches_any(known.name, globs) and not matches_any(attachment.name, globs):
        names = f"{display_name(attachment.name)!r} (was {display_name(known.name)!r})"
        yield f"it is no longer selected because its name is now {names}"


def check_deletions(
    config: StackConfig, plan: Plan, managed: ManagedFlowLogs, deletions: Sequence[Deletion]
) -> list[Problem]:
    """Refuse a run in which too many attachments lose their flow log, or a protected flow log is deleted.

    Args:
        config: The stack file.
        plan: What it declares.
        managed: The flow logs in the state.
        deletions: What this run would delete.
    """
    logged = {flow_log.target.attachment for flow_log in managed.values() if flow_log.is_in_component}
    lost = {deletion.flow_log.target.attachment: deletion for deletion in deletions if deletion.is_last}
    problems = []
    for router in plan.routers:
        count = sum(router_id == router.router.id for router_id, _ in lost)
        problems += _check_selection(config, router, count)
        problems += _check_protection(config, router, deletions)
    limit = config.max_deletes
    if limit is None:
        limit = max(ALWAYS_ALLOWED, len(logged) * ALLOWED_SHARE // 100)
    if len(lost) > limit:
        names = join_names([f"{item.router}: {item.attachment} ({item.reason})" for item in lost.values()])
        what = (
            f"{len(lost)} of {len(logged)} attachments would lose their flow log, but at most {limit} may: {names};"
            f" if this is intended, set max_deletes to {len(lost)} for this run"
        )
        problems.append(Problem("max_deletes", what))
    return problems


def _check_selection(config: StackConfig, router: ResolvedRouter, lost: int) -> list[Problem]:
    """Refuse selections that match nothing any more; an empty list says that this is intended."""
    if not lost or router.flow_logs:
        return []
    what = (
        f"no attachment of router {router.router.name!r} matches and can be logged any more, but {lost} were logged;"
        " if this is intended, write [] here"
    )
    keys = [key for key in router.selections if config.routers[key].attachments != []]
    return [Problem(f"routers.{key}.attachments", what) for key in keys]


def _check_protection(config: StackConfig, router: ResolvedRouter, deletions: Sequence[Deletion]) -> list[Problem]:
    protected = [
        deletion.attachment
        for deletion in deletions
        if deletion.is_protected and deletion.flow_log.target.er_id == router.router.id
    ]
    if not protected:
        return []
    what = (
        f"protected flow logs would be deleted: {join_names(protected)}; first set protect: false here in a separate"
        " run (if the attachment is gone, also use `pulumi state unprotect`)"
    )
    return [Problem(f"routers.{key}.protect", what) for key in router.selections if config.routers[key].protect]

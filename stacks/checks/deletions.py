"""What a run would delete, each flow log with its reason, and the guard: a typo must not end a network's record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from providers.er.attachments import Attachment
from providers.er.flow_logs import LEAVING_STATES
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import listed
from stacks.planning.plan import Plan
from stacks.planning.selection import cannot_be_logged, fits_any
from stacks.stackfile.model import Selector, StackConfig
from stacks.state.last_run import LastAttachment, LastRouter, LastRun
from stacks.state.managed import Managed, ManagedFlowLog

ALLOWED_SHARE = 10  # per cent of the attachments that are logged
ALWAYS_ALLOWED = 1
GONE = "the attachment is gone"


@dataclass(frozen=True, kw_only=True)
class Deletion:
    """A flow log that the stack has and no longer wants.

    Attributes:
        flow_log: As the state has it.
        router: What to call its router.
        attachment: What to call its attachment.
        logs_to: `GROUP/STREAM` that it writes to; empty where nobody knows their names.
        reason: Why it is deleted, in words.
        moves_to: `GROUP/STREAM` of the flow log that takes its place, and is made before; empty if there is none.
        is_silenced: Whether all that its attachment is to have is disabled.
        is_last: Whether its attachment is there, and is not logged from then on.
        is_protected: Whether the last run had it protected.
    """

    flow_log: ManagedFlowLog
    router: str
    attachment: str
    logs_to: str
    reason: str
    moves_to: str = ""
    is_silenced: bool = False
    is_last: bool = False
    is_protected: bool = False

    @property
    def sentence(self) -> str:
        """What is to happen, and why."""
        if self.moves_to:
            return move_sentence(self.router, self.attachment, self.reason, is_silenced=self.is_silenced)
        return loss(self.router, self.attachment, self.logs_to) + self.reason


def move_sentence(router: str, attachment: str, reason: str, *, is_silenced: bool) -> str:
    """What is to happen to a flow log that moves."""
    outcome = "is disabled, so nothing is written" if is_silenced else "is made first, so the record has no gap"
    return f"{router}: {attachment} {reason}; the new flow log {outcome}"


def loss(router: str, attachment: str, logs_to: str) -> str:
    """What is to happen to a flow log that nothing takes the place of; the reason follows."""
    return f"{router}: {attachment} loses its flow log{f' to {logs_to}' if logs_to else ''}: "


def deletions(plan: Plan, managed: Managed, last: LastRun) -> list[Deletion]:
    """What this run would delete, first what takes the record from an attachment, then moves."""
    leaving = [one for target, one in managed.items() if one.is_of_a_router and target not in plan.desired]
    found = [_deletion(plan, one, managed, last.get(one.target.er_id)) for one in leaving]
    return sorted(found, key=lambda one: (not one.is_last, bool(one.moves_to), one.router, one.attachment, one.logs_to))


def _deletion(plan: Plan, flow_log: ManagedFlowLog, managed: Managed, last: LastRouter | None) -> Deletion:
    router_id, id_ = flow_log.target.er_id, flow_log.target.resource_id
    remembered = last.attachments.get(id_) if last else None
    there = {one.id: one for one in plan.inventory.attachments.get(router_id, ())}
    attachment = there.get(id_)
    names = {router.id: router.name for router in plan.inventory.routers}
    successors = plan.by_attachment.get(flow_log.target.attachment, [])
    new = [one.logs_to for one in successors if one.target not in managed]
    logs_to = _logs_to(flow_log, remembered, plan)
    if new:
        reason = f"moves from {logs_to or 'another log stream'} to {listed(new)}"
    elif successors:
        reason = f"the stack file wants it in {listed([one.logs_to for one in successors])} only"
    else:
        reason = _why(plan, router_id, attachment, remembered, last)
    return Deletion(
        flow_log=flow_log,
        router=display_name(names.get(router_id) or (last.name if last else "") or router_id),
        attachment=display_name((attachment.name if attachment else remembered.name if remembered else "") or id_),
        logs_to=logs_to,
        reason=reason,
        moves_to=listed(new),
        is_silenced=bool(successors) and not any(one.enabled for one in successors),
        is_last=not successors and attachment is not None and attachment.state not in LEAVING_STATES,
        is_protected=_is_protected(flow_log, remembered),
    )


def _is_protected(flow_log: ManagedFlowLog, remembered: LastAttachment | None) -> bool:
    known = remembered.flow_logs.get(flow_log.logical_name) if remembered else None
    return known is not None and known.is_protected


def _logs_to(flow_log: ManagedFlowLog, remembered: LastAttachment | None, plan: Plan) -> str:
    known = remembered.flow_logs if remembered else {}
    if flow_log.logical_name in known:
        return known[flow_log.logical_name].logs_to
    groups = {one.id: one.name for one in plan.inventory.groups}
    group = flow_log.target.log_group_id
    streams = {one.id: one.name for one in plan.inventory.streams.get(group, ())}
    stream = streams.get(flow_log.target.log_stream_id)
    return f"{groups[group]}/{stream}" if stream else ""


def _why(
    plan: Plan,
    router_id: str,
    attachment: Attachment | None,
    remembered: LastAttachment | None,
    last: LastRouter | None,
) -> str:
    """Why an attachment is no longer logged at all."""
    if router_id not in plan.inventory.attachments:
        return "its router is gone"
    if attachment is None:
        return GONE
    keys = plan.by_router.get(router_id)
    if not keys:
        return "its router left the stack file"
    if reason := cannot_be_logged(attachment):
        return f"the attachment {reason}"
    before = last.selections if last else {}
    reasons = [
        _not_selected(router.key, router.asked_for, before.get(router.key), attachment, remembered) for router in keys
    ]
    if left := sorted(f"routers.{key}" for key in before.keys() - {router.key for router in keys}):
        reasons.append(f"is no longer selected since {listed(left)} left the stack file")
    return next(filter(None, reasons), "is no longer selected: nothing in the stack file asks for it")


def _not_selected(
    key: str, asked_for: Any, before: Any, attachment: Attachment, remembered: LastAttachment | None
) -> str:
    """What has changed, as far as this key of the stack file is concerned: its selection, or the attachment."""
    if before is None:
        return ""
    if asked_for != before:
        return f"is no longer selected since the stack file says routers.{key}.attachments: {_shown(asked_for)}"
    if not isinstance(before, Mapping) or remembered is None:
        return ""
    return next(_changes(Selector.model_validate(before), attachment, remembered), "")


def _changes(selector: Selector, attachment: Attachment, remembered: LastAttachment) -> Iterator[str]:
    """What was as the selector asks and no longer is. What never was does not belong to this key."""
    for tag, value in selector.tags.items():
        now = attachment.tags.get(tag)
        if remembered.tags.get(tag) == value and now != value:
            told = f"now {display_name(now)!r}" if now is not None else "gone"
            yield f"is no longer selected because its tag {display_name(tag)!r} is {told} (was {display_name(value)!r})"
    globs = selector.names
    if globs is not None and fits_any(remembered.name, globs) and not fits_any(attachment.name, globs):
        names = f"{display_name(attachment.name)!r} (was {display_name(remembered.name)!r})"
        yield f"is no longer selected because its name is now {names}"


def _shown(selection: Any) -> str:
    return selection if isinstance(selection, str) else json.dumps(selection, ensure_ascii=False)


def check_deletions(config: StackConfig, plan: Plan, managed: Managed, found: Sequence[Deletion]) -> list[Problem]:
    """What speaks against this run: attachments that are logged and would be no more.

    Args:
        config: The stack file.
        plan: What it wants.
        managed: The flow logs in the state.
        found: What this run would delete.
    """
    problems = []
    logged = {one.target.attachment for one in managed.values() if one.is_of_a_router}
    lost = {one.flow_log.target.attachment: one for one in found if one.is_last}
    for router_id, keys in plan.by_router.items():
        before = sum(router == router_id for router, _ in lost)
        asking = [one.key for one in keys if config.routers[one.key].attachments != []]
        if before and not any(one.flow_logs for one in keys):
            what = (
                f"router {keys[0].router.name!r} has no attachment left that fits and can be logged, but {before} were;"
                " if that is meant, write [] here"
            )
            problems += [Problem(f"routers.{key}.attachments", what) for key in asking]
        protected = [one for one in found if one.is_protected and one.flow_log.target.er_id == router_id]
        for key in (one.key for one in keys if protected and config.routers[one.key].protect):
            what = (
                f"protected flow logs would be deleted: {listed([one.attachment for one in protected])}; set protect:"
                " false here in a run of its own first (where the attachment is gone, `pulumi state unprotect`, too)"
            )
            problems.append(Problem(f"routers.{key}.protect", what))
    limit = max(ALWAYS_ALLOWED, len(logged) * ALLOWED_SHARE // 100)
    if config.max_deletes is not None:
        limit = config.max_deletes
    if len(lost) > limit:
        names = listed([f"{one.router}: {one.attachment} ({one.reason})" for one in lost.values()])
        problems.append(
            Problem(
                "max_deletes",
                f"{len(lost)} of {len(logged)} attachments would lose their flow log, but at most {limit} may: {names};"
                f" if that is meant, set max_deletes to {len(lost)} for this run",
            )
        )
    return problems

"""Writes the stack's outputs: what is logged, what is not and why. The next run reads them (`stacks.state.last_run`).

They contain nothing that is known only after a flow log was created, such as its id. So the engine has them as soon as
the program has run, and they are stored even if the run fails later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.er.attachments import Attachment
from providers.er.named import Named
from stacks.checks.deletions import Deletion
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter
from stacks.planning.selection import NOT_SELECTED, cannot_be_logged
from stacks.state.last_run import LastAttachment, LastRouter, LastRun


def make_outputs(plan: Plan, deletions: Sequence[Deletion], last_run: LastRun) -> dict[str, Any]:
    """The stack's outputs.

    Args:
        plan: What this run declares.
        deletions: What it deletes.
        last_run: What the last run left.
    """
    logged = sum(flow_log.enabled for flow_log in plan.desired.values())
    loggable = skipped = 0
    for router in plan.routers:
        left_out = {attachment.id for selection in router.selections.values() for attachment in selection.left_out}
        loggable += len(router.flow_logs) + len(left_out - router.selected)
        skipped += len(router.skipped)
    return {
        "routers": {router.component: _router(router, last_run.get(router.router.id)) for router in plan.routers},
        "coverage": {"logged": logged, "loggable": loggable, "skipped": skipped},
        "deletions": {deletion.flow_log.logical_name: deletion.reason for deletion in deletions},
    }


def _router(router: ResolvedRouter, last: LastRouter | None) -> dict[str, Any]:
    flow_logs: dict[str, list[DesiredFlowLog]] = {}
    for flow_log in router.flow_logs:
        flow_logs.setdefault(flow_log.attachment.id, []).append(flow_log)
    selections = {key: selection.requested for key, selection in router.selections.items()}
    selectors = [requested for requested in selections.values() if isinstance(requested, Mapping)]
    tags = {tag for selector in selectors for tag in selector.get("tags", ())}
    skipped, stale_names = router.skipped, router.stale_names
    known = last.attachments if last else {}
    return {
        "id": router.router.id,
        **_names(router.router, last),
        "attachments": {
            attachment.id: {
                **_names(attachment, known.get(attachment.id)),
                **_attachment(attachment, flow_logs.get(attachment.id, []), skipped, tags),
            }
            for attachment in router.attachments
        },
        **({"called": dict(sorted(stale_names.items()))} if stale_names else {}),
        "selections": selections,
    }


def _names(thing: Named, last: LastRouter | LastAttachment | None) -> dict[str, str]:
    """The name, and the one when it was first seen if that was another."""
    first_name = last.first_name if last else thing.name
    return {"name": thing.name, **({"first_name": first_name} if first_name != thing.name else {})}


def _attachment(
    attachment: Attachment, flow_logs: Sequence[DesiredFlowLog], skipped: Mapping[str, str], tags: set[str]
) -> dict[str, Any]:
    if not flow_logs:
        return {"not_logged": skipped.get(attachment.id) or cannot_be_logged(attachment) or NOT_SELECTED}
    named = {tag: value for tag, value in sorted(attachment.tags.items()) if tag in tags}
    return {
        **({"tags": named} if named else {}),
        "flow_logs": {flow_log.logical_name: _flow_log(flow_log) for flow_log in flow_logs},
    }


def _flow_log(flow_log: DesiredFlowLog) -> dict[str, Any]:
    protected = {"is_protected": True} if flow_log.protect else {}
    return {"logs_to": flow_log.logs_to, "key": flow_log.first_key, **protected}

"""The stack's outputs: what is logged, what is not and why. The next run reads them back (`stacks.state.last_run`).

They hold nothing that is known only when a flow log has been made, such as its id: so the engine keeps them as soon as
the program has run, and also a run that fails half way is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from providers.er.attachments import Attachment
from stacks.checks.deletions import Deletion
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter
from stacks.planning.selection import NOT_SELECTED, cannot_be_logged
from stacks.state.last_run import LastAttachment, LastRouter, LastRun


def outputs(plan: Plan, deletions: Sequence[Deletion], last: LastRun) -> dict[str, Any]:
    """The stack's outputs.

    Args:
        plan: What this run wants.
        deletions: What it deletes.
        last: What the last run left.
    """
    logged = sum(one.enabled for one in plan.desired.values())
    loggable = skipped = 0
    routers = {}
    for router_id, keys in plan.by_router.items():
        left_out = _left_out(keys)
        loggable += sum(len(one.flow_logs) for one in keys) + len(left_out)
        skipped += len({text for one in keys for text in one.selection.skipped})
        routers[keys[0].component] = _router(keys, last.get(router_id))
    return {
        "routers": routers,
        "coverage": {"logged": logged, "loggable": loggable, "skipped": skipped},
        "deletions": {one.flow_log.logical_name: one.reason for one in deletions},
    }


def _left_out(keys: Sequence[ResolvedRouter]) -> set[str]:
    """Attachments that no key of the router asks for."""
    logged = {one.id for router in keys for one in router.selection.logged}
    return {one.id for router in keys for one in router.selection.left_out} - logged


def _router(keys: Sequence[ResolvedRouter], last: LastRouter | None) -> dict[str, Any]:
    first, router = keys[0], keys[0].router
    flow_logs: dict[str, list[DesiredFlowLog]] = {}
    for desired in (one for key in keys for one in key.flow_logs):
        flow_logs.setdefault(desired.attachment.id, []).append(desired)
    tags = {tag for one in keys if isinstance(one.asked_for, Mapping) for tag in one.asked_for.get("tags", ())}
    skipped = {text: reason for one in keys for text, reason in one.selection.skipped.items()}
    remembered = last.attachments if last else {}
    called = {text: id_ for one in keys for text, id_ in one.selection.called.items()}
    return {
        "id": router.id,
        "name": router.name,
        **_unless({"first_name": last.first_name if last else router.name}, {"first_name": router.name}),
        "attachments": {
            one.id: _attachment(one, flow_logs.get(one.id, []), skipped, tags, remembered.get(one.id))
            for one in first.attachments
        },
        **({"called": dict(sorted(called.items()))} if called else {}),
        "selections": {one.key: one.asked_for for one in keys},
    }


def _attachment(
    attachment: Attachment,
    flow_logs: Sequence[DesiredFlowLog],
    skipped: Mapping[str, str],
    tags: set[str],
    last: LastAttachment | None,
) -> dict[str, Any]:
    first_name = last.first_name if last else attachment.name
    named = {tag: value for tag, value in sorted(attachment.tags.items()) if tag in tags}
    return {
        "name": attachment.name,
        **_unless({"first_name": first_name}, {"first_name": attachment.name}),
        **({"tags": named} if named and flow_logs else {}),
        **(
            {"flow_logs": {one.logical_name: _flow_log(one) for one in flow_logs}}
            if flow_logs
            else {"not_logged": skipped.get(attachment.id) or cannot_be_logged(attachment) or NOT_SELECTED}
        ),
    }


def _flow_log(desired: DesiredFlowLog) -> dict[str, Any]:
    protected = {"is_protected": True} if desired.protect else {}
    return {"logs_to": desired.logs_to, "key": desired.key, **protected}


def _unless(value: dict[str, Any], usual: dict[str, Any]) -> dict[str, Any]:
    return {} if value == usual else value

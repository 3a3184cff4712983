"""Makes the stack's outputs: what is logged, for people and programs, and what the next run must know.

The next run reads the latter with `stacks.state.last_run`. It has nothing that is known only after a flow log was
created, such as its id, so that it can be stored even if the run fails.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

from providers.er.attachments import Attachment
from providers.er.named import Named
from stacks.planning.log_groups import find_new_streams
from stacks.planning.plan import Plan, ResolvedRouter
from stacks.state.last_run import FORGOTTEN, LAST_RUN, LastAttachment, LastRouter, LastRun

ABOUT = "for the next run of this stack, not for people or other programs: its form may change"


def make_outputs(plan: Plan, last_run: LastRun, forgotten: Set[str] = frozenset()) -> dict[str, Any]:
    """The outputs that are known before the run.

    Args:
        plan: What this run declares.
        last_run: What the last run left.
        forgotten: The ids of the flow logs that the stack has stopped managing.
    """
    new = find_new_streams(plan.log_groups)
    routers = {router.router.id: _router(router, last_run.get(router.router.id), new) for router in plan.routers}
    optional = {FORGOTTEN: sorted(forgotten)} if forgotten else {}
    return {"coverage": _coverage(plan), LAST_RUN: {"about": ABOUT, "routers": routers, **optional}}


def list_flow_logs(plan: Plan, ids: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The flow logs of each attachment, by its name.

    An attachment whose name another one has, too, is `ROUTER/ATTACHMENT`; or its id, if that is not unique, either.

    Args:
        plan: What this run declares.
        ids: The ids of the flow logs, by logical name. A flow log whose id is not a text is left out.
    """
    logged = {
        flow_log.attachment.id: (flow_log.attachment.name, f"{router.router.name}/{flow_log.attachment.name}")
        for router in plan.routers
        for flow_log in router.flow_logs
    }
    counts = Counter(name for names in logged.values() for name in names)
    found: dict[str, list[dict[str, Any]]] = {}
    for flow_log in plan.desired.values():
        if not isinstance(ids[flow_log.logical_name], str):
            continue
        id_ = flow_log.attachment.id
        names = logged[id_] if flow_log.attachment.name else ()
        key = next((name for name in names if counts[name] == 1), id_)
        found.setdefault(key, []).append(
            {"id": ids[flow_log.logical_name], "name": flow_log.name, "logs_to": flow_log.logs_to}
        )
    return found


def _coverage(plan: Plan) -> dict[str, int]:
    """How many attachments are logged, could be, and are selected but cannot be."""
    logged = loggable = skipped = 0
    for router in plan.routers:
        declared = {flow_log.attachment.id for flow_log in router.flow_logs}
        not_logged = router.skipped.keys() - declared
        left_out = {attachment.id for selection in router.selections.values() for attachment in selection.left_out}
        logged += len({flow_log.attachment.id for flow_log in router.flow_logs if flow_log.enabled})
        loggable += len(declared | left_out - not_logged)
        skipped += len(not_logged)
    return {"logged": logged, "loggable": loggable, "skipped": skipped}


def _router(router: ResolvedRouter, last: LastRouter | None, new_streams: set[str]) -> dict[str, Any]:
    selections = {key: selection.requested for key, selection in router.selections.items()}
    selectors = [requested for requested in selections.values() if isinstance(requested, Mapping)]
    tags = {tag for selector in selectors for tag in selector.get("tags", ())}
    known = last.attachments if last else {}
    first_keys = {flow_log.logical_name: flow_log.first_key for flow_log in router.flow_logs}
    counts = Counter(first_keys.values())
    first_key = max(counts, key=counts.__getitem__, default="")
    optional = {
        "stale_names": dict(sorted(router.stale_names.items())),
        "other_first_keys": {name: key for name, key in first_keys.items() if key != first_key},
        "protected": sorted(flow_log.logical_name for flow_log in router.flow_logs if flow_log.protect),
    }
    return {
        **_names(router.router, last),
        "attachments": {
            attachment.id: _attachment(attachment, known.get(attachment.id), tags) for attachment in router.attachments
        },
        "selections": selections,
        "logs_to": {
            flow_log.target.log_stream_id: flow_log.logs_to
            for flow_log in router.flow_logs
            if flow_log.target.log_stream_id not in new_streams
        },
        "first_key": first_key,
        **{key: value for key, value in optional.items() if value},
    }


def _attachment(attachment: Attachment, last: LastAttachment | None, tags: set[str]) -> dict[str, Any] | str:
    """Its name alone, if there is nothing else to know."""
    named = {tag: value for tag, value in sorted(attachment.tags.items()) if tag in tags}
    known = {**_names(attachment, last), **({"tags": named} if named else {})}
    return known if len(known) > 1 else attachment.name


def _names(thing: Named, last: LastRouter | LastAttachment | None) -> dict[str, str]:
    """The name, and the one when it was first seen if that was another."""
    first_name = last.first_name if last else thing.name
    return {"name": thing.name, **({"first_name": first_name} if first_name != thing.name else {})}

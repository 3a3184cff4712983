"""The stack's outputs: what is logged, what is not and why. The next run reads them back as what was there before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stacks.discovery import RouterPlan
from stacks.selection import cannot_be_logged


@dataclass(frozen=True)
class PreviousRouter:
    """A router of the stack as the last run left it. `attachments` is names by id, `logged` ids."""

    router_id: str
    attachments: dict[str, str] = field(default_factory=dict)
    logged: frozenset[str] = frozenset()


def outputs(plans: Sequence[RouterPlan], flow_log_ids: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The stack's outputs.

    Args:
        plans: The routers.
        flow_log_ids: By router key and attachment id, the flow logs' ids, which may be Pulumi outputs.
    """
    routers = {plan.key: _router(plan, flow_log_ids[plan.key]) for plan in plans}
    totals = [router["coverage"] for router in routers.values()]
    return {
        "routers": routers,
        "coverage": {
            "logged": sum(total["logged"] for total in totals),
            "loggable": sum(total["loggable"] for total in totals),
            "skipped": sum(len(total["skipped"]) for total in totals),
        },
    }


def previous(outputs: Mapping[str, Any]) -> dict[str, PreviousRouter]:
    """The routers in the outputs of the last run, by key; none if there was none."""
    return {
        key: PreviousRouter(
            router_id=router["router"]["id"],
            attachments={id_: attachment["name"] for id_, attachment in router["attachments"].items()},
            logged=frozenset(router["flow_logs"]),
        )
        for key, router in outputs.get("routers", {}).items()
    }


def _router(plan: RouterPlan, flow_log_ids: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {flow_log.attachment.id: flow_log for flow_log in plan.flow_logs}
    attachments: dict[str, Any] = {}
    for attachment in plan.attachments:
        facts: dict[str, Any] = {
            "name": attachment.name,
            "type": attachment.resource_type,
            "state": attachment.state,
        }
        if attachment.id in wanted:
            flow_log = wanted[attachment.id]
            facts["flow_log"] = flow_log.name
            facts["logs_to"] = f"{flow_log.log_group}/{flow_log.log_stream}"
            facts["enabled"] = flow_log.enabled
        else:
            facts["not_logged"] = cannot_be_logged(attachment) or "is not selected in the stack file"
        attachments[attachment.id] = facts
    names = {attachment.id: attachment.name or attachment.id for attachment in plan.attachments}
    return {
        "router": {"id": plan.router.id, "name": plan.router.name},
        "attachments": attachments,
        "flow_logs": dict(flow_log_ids),
        "coverage": {
            "logged": sum(flow_log.enabled for flow_log in plan.flow_logs),
            "loggable": len(plan.flow_logs) + len(plan.selected.left_out),
            "skipped": {names.get(id_, id_): reason for id_, reason in plan.selected.skipped.items()},
        },
    }

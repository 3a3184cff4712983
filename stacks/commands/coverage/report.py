"""Coverage for programs, as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage


def describe(coverage: Coverage) -> dict[str, Any]:
    """Everything that the table has, and the ids."""
    return {
        "stack": coverage.stack,
        "seen_at": coverage.seen_at,
        "counts": asdict(coverage.counts),
        "routers": [
            {"router": router.name, "router_id": router.id, "counts": asdict(router.counts)}
            for router in coverage.routers
        ],
        "other_routers": list(coverage.other_routers),
        "left_out": list(coverage.left_out),
        "mistakes": list(coverage.mistakes),
        "attachments": [_object(router, entry) for router in coverage.routers for entry in router.entries],
    }


def _object(router: RouterCoverage, entry: Entry) -> dict[str, object]:
    return {
        **identify(router, entry),
        "type": entry.type,
        "attachment_state": entry.state,
        "flow_log_state": entry.record.state if entry.record else None,
        "is_expected": entry.is_expected,
        "status": entry.status.value,
        "reason": entry.reason or None,
        **({"delivery": entry.delivery} if entry.delivery else {}),
    }


def identify(router: RouterCoverage, entry: Entry) -> dict[str, object]:
    """The names and ids of an entry, and whether it is the stack's."""
    return {
        "router": router.name,
        "router_id": router.id,
        "attachment": entry.attachment,
        "attachment_id": entry.attachment_id,
        "flow_log": entry.flow_log or None,
        "flow_log_id": entry.record.id if entry.record else None,
        "logs_to": entry.logs_to or None,
        "is_in_stack": entry.is_in_stack,
    }

"""The stack's outputs: what is logged, what is not and why. The next run reads them back as what was there before.

They hold nothing that is known only when a flow log has been made, such as its id: so the engine keeps them as soon as
the program has run, and also a run that fails half way is remembered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from stacks.discovery import RouterPlan
from stacks.selection import NOT_SELECTED, cannot_be_logged


@dataclass(frozen=True)
class PreviousRouter:
    """A router of the stack as the last run left it.

    Attributes:
        router_id: Its id.
        attachments: Names by id.
        logged: By attachment id, the name of its flow log.
        logs_to: By attachment id, `GROUP/STREAM` that it writes to.
        gone: What the stack file named and the router no longer had.
        former_keys: What the stack file called the router earlier.
    """

    router_id: str
    attachments: dict[str, str] = field(default_factory=dict)
    logged: dict[str, str] = field(default_factory=dict)
    logs_to: dict[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    former_keys: frozenset[str] = frozenset()

    @property
    def called(self) -> set[str]:
        """All that the attachments were called, by id and by name."""
        return {*self.attachments, *self.attachments.values(), *self.gone} - {""}


@dataclass(frozen=True, order=True)
class Loss:
    """An attachment's flow log that the stack no longer wants: which, what to call it, and the flow log's name.

    It is kept until it is seen to be gone: a run with `--target`, or one that fails, deletes nothing.
    """

    label: str
    router_id: str
    attachment_id: str
    flow_log: str


class OutputsError(ValueError):
    """Outputs that cannot be read back; the text is one sentence."""


def outputs(
    plans: Sequence[RouterPlan], former_keys: Mapping[str, Collection[str]], losses: Sequence[Loss]
) -> dict[str, Any]:
    """The stack's outputs: by router its attachments, the names of their flow logs, and how many are logged.

    Args:
        plans: The routers.
        former_keys: By router key, what the stack file called the router earlier.
        losses: What this run is to delete.
    """
    routers = {plan.key: _router(plan, former_keys[plan.key]) for plan in plans}
    totals = [router["coverage"] for router in routers.values()]
    return {
        "routers": routers,
        "leaving": [asdict(loss) for loss in losses],
        "coverage": {
            "logged": sum(total["logged"] for total in totals),
            "loggable": sum(total["loggable"] for total in totals),
            "skipped_count": sum(len(total["skipped"]) for total in totals),
        },
    }


def previous(outputs: Mapping[str, Any]) -> dict[str, PreviousRouter]:
    """The routers in the outputs of the last run, by key; none if there was none.

    Raises:
        OutputsError: They have another form than this module gives them.
    """
    try:
        return {
            key: PreviousRouter(
                router_id=_text(router["router"]["id"]),
                attachments={id_: _text(one["name"]) for id_, one in router["attachments"].items()},
                logged={id_: _text(name) for id_, name in router["flow_logs"].items()},
                logs_to={id_: _text(router["attachments"][id_]["logs_to"]) for id_ in router["flow_logs"]},
                gone=frozenset(_text(name) for name in router["gone"]),
                former_keys=frozenset(_text(name) for name in router["former_keys"]),
            )
            for key, router in outputs.get("routers", {}).items()
        }
    except (KeyError, TypeError, AttributeError):
        raise OutputsError(_UNREADABLE) from None


def leaving(outputs: Mapping[str, Any]) -> list[Loss]:
    """What the last run was to delete.

    Raises:
        OutputsError: The outputs have another form than this module gives them.
    """
    try:
        return [Loss(**{key: _text(value) for key, value in loss.items()}) for loss in outputs.get("leaving", [])]
    except (TypeError, AttributeError):
        raise OutputsError(_UNREADABLE) from None


_UNREADABLE = (
    "the outputs of the stack's last run have not the form that this version writes, so nothing can tell which"
    " flow logs would be lost; use the version that wrote them, or take them out of the state"
    " (pulumi stack export, edit, pulumi stack import)"
)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _router(plan: RouterPlan, former_keys: Collection[str]) -> dict[str, Any]:
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
            facts["logs_to"] = flow_log.logs_to
            facts["enabled"] = flow_log.enabled
        else:
            facts["not_logged"] = cannot_be_logged(attachment) or NOT_SELECTED
        attachments[attachment.id] = facts
    return {
        "router": {"id": plan.router.id, "name": plan.router.name},
        "attachments": attachments,
        "gone": sorted(plan.selected.gone),
        "former_keys": sorted(former_keys),
        "flow_logs": {id_: flow_log.name for id_, flow_log in wanted.items()},
        "coverage": {
            "logged": sum(flow_log.enabled for flow_log in plan.flow_logs),
            "loggable": len(plan.flow_logs) + len(plan.selected.left_out),
            "skipped": plan.selected.skipped,
        },
    }

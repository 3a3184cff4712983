"""The flow logs in the stack's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers import urn as urns
from providers.er.flow_logs import FlowLogTarget
from providers.flow_log_provider import TYPE_TOKEN
from providers.schema import target
from stacks.planning.naming import COMPONENT_TYPE, IDEMPOTENCY_KEY, KEY_TYPE


@dataclass(frozen=True)
class ManagedFlowLog:
    """A flow log in the state.

    Attributes:
        urn: Its URN.
        target: What it logs, and where to.
        created_at: When the service created it; empty if that is unknown.
        enabled: Whether it is to write logs.
    """

    urn: str
    target: FlowLogTarget
    created_at: str = ""
    enabled: bool = True

    @property
    def logical_name(self) -> str:
        return urns.name(self.urn)

    @property
    def is_in_component(self) -> bool:
        """Whether it belongs to a component of this project, and is not a FlowLog that a program declares itself."""
        return COMPONENT_TYPE in urns.types(self.urn)


ManagedFlowLogs = Mapping[FlowLogTarget, ManagedFlowLog]
"""The flow logs in the state, by target."""


def find_managed_flow_logs(snapshot: Mapping[str, Mapping[str, Any]]) -> dict[FlowLogTarget, ManagedFlowLog]:
    """The flow logs among the resources of `stacks.state.snapshot`."""
    flow_logs = (
        ManagedFlowLog(
            urn,
            target(resource["outputs"]),
            created_at=resource["outputs"].get("created_at", ""),
            enabled=resource["outputs"].get("enabled", True),
        )
        for urn, resource in snapshot.items()
        if resource["type"] == TYPE_TOKEN
    )
    return {flow_log.target: flow_log for flow_log in flow_logs}


def has_idempotency_key(snapshot: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the state has the stack's idempotency key, which a repeated create needs to find an interrupted one."""
    return any(
        resource["type"] == KEY_TYPE and urns.name(urn) == IDEMPOTENCY_KEY for urn, resource in snapshot.items()
    )

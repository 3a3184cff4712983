"""The flow logs that the stack's state has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.er.flow_logs import FlowLogTarget
from providers.schema import target_of
from providers.urn import FLOW_LOG_TYPE, RANDOM_UUID_TYPE, Urn
from stacks.planning.naming import COMPONENT_TYPE, IDEMPOTENCY_KEY


@dataclass(frozen=True)
class ManagedFlowLog:
    """A flow log in the state.

    Attributes:
        urn: Where it stands there.
        target: What it logs, and where to.
        created_at: When the service created it; empty where nobody knows.
        enabled: Whether it is to write logs.
    """

    urn: str
    target: FlowLogTarget
    created_at: str = ""
    enabled: bool = True

    @property
    def logical_name(self) -> str:
        return Urn.parse(self.urn).name

    @property
    def is_of_a_router(self) -> bool:
        """Whether it is in a component of ours, and not a FlowLog that a program declares by itself."""
        return COMPONENT_TYPE in Urn.parse(self.urn).parent_types


Managed = Mapping[FlowLogTarget, ManagedFlowLog]
"""The flow logs in the state, by target."""


def managed_flow_logs(snapshot: Mapping[str, Mapping[str, Any]]) -> dict[FlowLogTarget, ManagedFlowLog]:
    """The flow logs among the resources of `stacks.state.snapshot`."""
    found = (
        ManagedFlowLog(
            urn,
            target_of(one["outputs"]),
            created_at=one["outputs"].get("created_at", ""),
            enabled=one["outputs"].get("enabled", True),
        )
        for urn, one in snapshot.items()
        if one["type"] == FLOW_LOG_TYPE
    )
    return {one.target: one for one in found}


def has_idempotency_key(snapshot: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the stack has its own, by which a repeated create finds what an interrupted one has made."""
    return any(
        one["type"] == RANDOM_UUID_TYPE and Urn.parse(urn).name == IDEMPOTENCY_KEY for urn, one in snapshot.items()
    )

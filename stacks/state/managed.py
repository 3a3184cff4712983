"""The flow logs, log groups and log streams in the stack's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.er.flow_logs import FlowLogTarget
from providers.inputs import IDEMPOTENCY_KEY
from providers.schema import target_of
from providers.urn import (
    COMPONENT_TYPE,
    FLOW_LOG_TYPE,
    LOG_GROUP_TYPE,
    LOG_GROUPS_COMPONENT_TYPE,
    LOG_STREAM_TYPE,
    RANDOM_UUID_TYPE,
    Urn,
)
from stacks.planning.naming import IDEMPOTENCY_KEY_NAME


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
        """Its name in the stack."""
        return Urn.parse(self.urn).name

    @property
    def is_in_component(self) -> bool:
        """Whether it belongs to a component of this project, and is not a FlowLog that a program declares itself."""
        return COMPONENT_TYPE in Urn.parse(self.urn).parent_types


ManagedFlowLogs = Mapping[FlowLogTarget, ManagedFlowLog]
"""The flow logs in the state, by target."""


def find_managed_flow_logs(snapshot: Mapping[str, Mapping[str, Any]]) -> dict[FlowLogTarget, ManagedFlowLog]:
    """The flow logs among the resources of `stacks.state.snapshot`."""
    flow_logs = (
        ManagedFlowLog(
            urn,
            target_of(resource["outputs"]),
            created_at=resource["outputs"].get("created_at", ""),
            enabled=resource["outputs"].get("enabled", True),
        )
        for urn, resource in snapshot.items()
        if resource["type"] == FLOW_LOG_TYPE
    )
    return {flow_log.target: flow_log for flow_log in flow_logs}


def find_attachments(managed: ManagedFlowLogs) -> dict[str, set[str]]:
    """By router id, the attachments of the flow logs that belong to components of this project."""
    found: dict[str, set[str]] = {}
    for target, flow_log in managed.items():
        if flow_log.is_in_component:
            found.setdefault(target.er_id, set()).add(target.resource_id)
    return found


ManagedLogStores = Mapping[str, bool]
"""The log groups and log streams in the state: by `GROUP` or `GROUP/STREAM`, whether it is deleted, with its records,
when it is no longer declared."""


def find_managed_log_stores(snapshot: Mapping[str, Mapping[str, Any]]) -> dict[str, bool]:
    """The log groups and log streams that the stack file declared, among the resources of `stacks.state.snapshot`."""
    resources = ((Urn.parse(text), resource) for text, resource in snapshot.items())
    return {
        urn.name: resource["outputs"].get("delete_with_data") is True
        for urn, resource in resources
        if urn.type_token in (LOG_GROUP_TYPE, LOG_STREAM_TYPE) and LOG_GROUPS_COMPONENT_TYPE in urn.parent_types
    }


def has_idempotency_key(snapshot: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the state has the stack's idempotency key, which a repeated create needs to find an interrupted one."""
    return any(
        resource["type"] == RANDOM_UUID_TYPE and Urn.parse(urn).name == IDEMPOTENCY_KEY_NAME
        for urn, resource in snapshot.items()
    )


def find_lost_idempotency_key(snapshot: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The stack's idempotency key, if the state has lost it and has it only in recovered flow logs.

    (A state of version 0.1 has other keys.)
    """
    if any(resource["type"] == RANDOM_UUID_TYPE for resource in snapshot.values()):
        return None
    keys = {
        resource["outputs"].get(IDEMPOTENCY_KEY)
        for urn, resource in snapshot.items()
        if resource["type"] == FLOW_LOG_TYPE and COMPONENT_TYPE in Urn.parse(urn).parent_types
    }
    return next(iter(sorted(filter(None, keys))), None)

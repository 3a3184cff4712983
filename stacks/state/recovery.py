"""Recovers interrupted creates: the state says that they were started, and their outcome is unknown.

A service may have lost what a run had sent it, even the whole state. The creates are still recorded on the run's
machine, as are those of a killed provider, which the engine has forgotten.

The stack's idempotency key finds what such a create has made. So each flow log is put into the state with its inputs
and a provisional id, whatever the stack file has become since. The next refresh replaces the id by the real one, or
leaves it for the next `up` to resolve.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from providers import journal, watchdog
from providers.inputs import IDEMPOTENCY_KEY
from providers.schema import IDENTITY, UNKNOWN_STATE, provisional_id, target_of
from providers.urn import (
    COMPONENT_TYPE,
    FLOW_LOG_TYPE,
    LOG_GROUP_TYPE,
    LOG_GROUPS_COMPONENT_TYPE,
    LOG_STREAM_TYPE,
    RANDOM_UUID_TYPE,
    provider_reference,
)
from stacks.state.snapshot import find_resources
from stacks.state.updates import Update, has_settled

PROVIDER_TYPE = "pulumi:providers:pulumi-python"

OWN_TYPES = (
    *(FLOW_LOG_TYPE, LOG_GROUP_TYPE, LOG_STREAM_TYPE),
    *(COMPONENT_TYPE, LOG_GROUPS_COMPONENT_TYPE, RANDOM_UUID_TYPE, "pulumi:"),
)
"""The types of this project's resources, as prefixes.

Log groups and log streams are created again, which finds what an interrupted create has created. All others but flow
logs exist only in the state.
"""

_PROVIDER_EXIT_TIME = 10 * watchdog.CHECK_INTERVAL  # seconds, in which a provider notices that its engine was killed

Export = Mapping[str, Any]
"""A stack's exported state."""


def find_pending_operations(export: Export) -> list[dict[str, Any]]:
    """The operations that were in progress when the state was written."""
    return (export.get("deployment") or {}).get("pending_operations") or []


def find_interrupted_creates(export: Export) -> list[dict[str, Any]]:
    """The resources of interrupted creates."""
    return [operation["resource"] for operation in find_pending_operations(export) if operation["type"] == "creating"]


def forget_settled_creates(
    export: Export, stack: str, fetch_updates: Callable[[], Sequence[Update]]
) -> list[dict[str, Any]]:
    """Forget the creates recorded on this machine that are settled; the others, whose flow logs the state lacks.

    Settled are those that the state has; and with a service, those that a later run has settled: it may have forgotten
    the flow log on purpose, in another clone.

    Args:
        export: The state.
        stack: The stack's short name.
        fetch_updates: Fetches the updates of the stack; called only if a service's creates are recorded.

    Raises:
        OSError: The records cannot be read or removed.
    """
    known = {
        (resource["urn"], target_of(resource["inputs"]))
        for resource in find_resources(export)
        if resource["type"] == FLOW_LOG_TYPE and not (resource.get("delete") or resource.get("pendingReplacement"))
    }
    recorded = journal.unfinished(stack)
    updates = fetch_updates() if any("service" in create for create in recorded) else ()
    unfinished = []
    for create in recorded:
        is_known = (create["urn"], target_of(create["inputs"])) in known
        if is_known or ("service" in create and has_settled(updates, create["time"])):
            journal.forget(stack, create["urn"], {key: create["inputs"][key] for key in IDENTITY})
        else:
            unfinished.append(create)
    return unfinished


def add_unfinished_creates(export: Export, unfinished: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The state with the creates that it lacks, as pending operations.

    Args:
        export: The state, which may have lost everything.
        unfinished: These creates, from `forget_settled_creates`.
    """
    common = {"custom": True, "type": FLOW_LOG_TYPE}
    # Without any provider, the engine makes the default one, with the stack's config.
    if providers := [resource for resource in find_resources(export) if resource["type"] == PROVIDER_TYPE]:
        common["provider"] = provider_reference(providers[0]["urn"], providers[0]["id"])
    creates = [
        {"type": "creating", "resource": {"urn": create["urn"], "inputs": create["inputs"], **common}}
        for create in unfinished
    ]
    pending = [*find_pending_operations(export), *creates]
    return {**export, "deployment": {**(export.get("deployment") or {}), "pending_operations": pending}}


def take_over_creates(export: Export) -> dict[str, Any]:
    """The state with the flow logs of interrupted creates, and without this project's pending operations.

    The project's other resources are created by the engine alone, and are created again. Operations on resources of
    other kinds, which a program may have, stay.
    """
    deployment = {key: value for key, value in (export.get("deployment") or {}).items() if key != "pending_operations"}
    if foreign := find_foreign_operations(export):
        deployment["pending_operations"] = foreign
    creates = [create for create in _find_flow_logs(export) if IDEMPOTENCY_KEY in create["inputs"]]
    urns = {create["urn"] for create in creates}
    # A resource that such a create was to replace has already been deleted.
    kept = [
        resource
        for resource in find_resources(export)
        if not (resource["urn"] in urns and resource.get("pendingReplacement"))
    ]
    targets = {
        resource["urn"]: target_of(resource["inputs"])
        for resource in kept
        if resource["urn"] in urns and not resource.get("delete")
    }
    known = set(targets.items())
    recovered = []
    # The engine keeps them from run to run, the newest first, even if a later run has created the resource.
    for create in creates:
        place = (create["urn"], target_of(create["inputs"]))
        if place not in known:
            known.add(place)
            recovered.append(_make_resource(create, kept, is_replaced=create["urn"] in targets))
            targets.setdefault(*place)
    deployment["resources"] = kept + recovered
    return {**export, "deployment": deployment}


def _make_resource(
    create: Mapping[str, Any], others: Sequence[Mapping[str, Any]], *, is_replaced: bool
) -> dict[str, Any]:
    """The resource of an interrupted create; if the state has another target for it, it is to be deleted."""
    projects = [resource["outputs"].get("project_id") for resource in others if resource["type"] == FLOW_LOG_TYPE]
    project = {"project_id": projects[0]} if projects and projects[0] else {}
    return {
        **create,
        "id": provisional_id(),
        "outputs": {**create["inputs"], **project, "state": UNKNOWN_STATE},
        "initErrors": ["the run that created it was interrupted"],
        **({"delete": True} if is_replaced else {}),
    }


def find_foreign_operations(export: Export) -> list[dict[str, Any]]:
    """The pending operations on resources that are not this project's."""
    return [
        operation
        for operation in find_pending_operations(export)
        if not operation["resource"]["type"].startswith(OWN_TYPES)
    ]


def find_unrecoverable(export: Export) -> list[str]:
    """The names of flow logs whose interrupted creates had no idempotency key, so that nothing finds them again."""
    return [create["inputs"]["name"] for create in _find_flow_logs(export) if IDEMPOTENCY_KEY not in create["inputs"]]


def _find_flow_logs(export: Export) -> list[dict[str, Any]]:
    return [create for create in find_interrupted_creates(export) if create["type"] == FLOW_LOG_TYPE]


def count_live_creates(stack: str) -> int:
    """How many creates a live run on this machine has in progress.

    If an engine was just killed, this waits a moment for its provider to end.
    """
    deadline = time.monotonic() + _PROVIDER_EXIT_TIME
    while (number := journal.under_way(stack)) and time.monotonic() < deadline:
        time.sleep(watchdog.CHECK_INTERVAL)
    return number

"""Creates that were interrupted, of which the state says that they were begun and nobody knows how they ended.

pulumi stack export | python -m stacks.pending refuse STACK       end with 1 if there are any: others would forget them
pulumi stack export | python -m stacks.pending take-over STACK    print the state in which the next refresh finds them
python -m stacks.pending refuse-live STACK                        end with 1 if a run on this machine is creating now

The first two do what the third does, too: what is under way in a run that is alive is not interrupted, and to take it
over would double it.

What such a create made is found by the stack's idempotency key. So each flow log is put into the state with its inputs
and an id that says so, whatever the stack file has become since; the refresh has its real id from the service, or
leaves it as it is for the next `up` to settle.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

from providers import journal, watchdog
from providers.schema import IDEMPOTENCY_KEY, UNKNOWN_STATE, provisional_id, target_of
from providers.urn import FLOW_LOG_TYPE, RANDOM_UUID_TYPE, provider_reference
from stacks.planning.naming import COMPONENT_TYPE
from stacks.stackfile.location import short_name

PROVIDER_TYPE = "pulumi:providers:pulumi-python"

OURS = (FLOW_LOG_TYPE, COMPONENT_TYPE, RANDOM_UUID_TYPE, "pulumi:")
"""How the types begin of what a stack of ours has; its keys and what is Pulumi's own are nowhere but in the state."""

_MOMENT = 10 * watchdog.CHECK_INTERVAL  # seconds, in which a provider notices that its engine was killed


def operations(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was under way when the state was written, in a stack's exported state."""
    return (export.get("deployment") or {}).get("pending_operations") or []


def with_journal(export: Mapping[str, Any], unfinished: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The state with the creates of killed providers, which the engine has forgotten, among the pending operations.

    Args:
        export: The state.
        unfinished: These creates, as `providers.journal` has them.
    """
    deployment = dict(export.get("deployment") or {})
    providers = [one for one in deployment.get("resources") or [] if one["type"] == PROVIDER_TYPE]
    if unfinished and providers:
        reference = provider_reference(providers[0]["urn"], providers[0]["id"])
        creates = [
            {"type": "creating", "resource": {**create, "custom": True, "type": FLOW_LOG_TYPE, "provider": reference}}
            for create in unfinished
        ]
        deployment["pending_operations"] = [*operations(export), *creates]
    return {**export, "deployment": deployment}


def interrupted_creates(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The resources of the creates that nobody knows the end of, in a stack's exported state."""
    return [one["resource"] for one in operations(export) if one["type"] == "creating"]


def taken_over(export: Mapping[str, Any]) -> dict[str, Any]:
    """The state with the flow logs of such creates, and without pending operations.

    All else that a stack of ours has is made by the engine alone, and is made again. Operations on what is not ours
    stay: in a program of somebody's own there may be some.
    """
    deployment = {key: value for key, value in (export.get("deployment") or {}).items() if key != "pending_operations"}
    if foreign := others(export):
        deployment["pending_operations"] = foreign
    creates = [one for one in _flow_logs(export) if IDEMPOTENCY_KEY in one["inputs"]]
    begun = {one["urn"] for one in creates}
    # What such a create was to replace is deleted already.
    kept = [
        one for one in deployment.get("resources", []) if not (one["urn"] in begun and one.get("pendingReplacement"))
    ]
    places = {one["urn"]: target_of(one["inputs"]) for one in kept if one["urn"] in begun and not one.get("delete")}
    known = set(places.items())
    projects = [one["outputs"].get("project_id") for one in kept if one["type"] == FLOW_LOG_TYPE]
    project = {"project_id": projects[0]} if projects and projects[0] else {}
    found = []
    # The engine keeps them from run to run, those of the last one first, also if a later run has made the resource.
    for resource in creates:
        urn, place = resource["urn"], target_of(resource["inputs"])
        if (urn, place) in known:
            continue
        known.add((urn, place))
        found.append(
            {
                **resource,
                "id": provisional_id(),
                "outputs": {**resource["inputs"], **project, "state": UNKNOWN_STATE},
                "initErrors": ["the run that created it was interrupted"],
                **({"delete": True} if urn in places else {}),
            }
        )
        places.setdefault(urn, place)
    deployment["resources"] = kept + found
    return {**export, "deployment": deployment}


def others(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The pending operations on resources that no stack of ours has."""
    return [one for one in operations(export) if not one["resource"]["type"].startswith(OURS)]


def forgotten(export: Mapping[str, Any]) -> list[str]:
    """The names of the flow logs of such creates that nobody can find again: they have no idempotency key."""
    return [one["inputs"]["name"] for one in _flow_logs(export) if IDEMPOTENCY_KEY not in one["inputs"]]


def _flow_logs(export: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [one for one in interrupted_creates(export) if one["type"] == FLOW_LOG_TYPE]


def creating_now(stack: str) -> int:
    """How many creates a run that is alive on this machine has under way.

    After an engine was killed, this waits a moment for its provider to end.
    """
    deadline = time.monotonic() + _MOMENT
    while (number := journal.under_way(stack)) and time.monotonic() < deadline:
        time.sleep(watchdog.CHECK_INTERVAL)
    return number


def _refuse_live(stack: str) -> None:
    """Exit with a sentence if a run on this machine is creating now."""
    if number := creating_now(stack):
        sys.exit(
            f"error: another run is at work on this stack now, with {number} creates under way: wait until it has ended"
        )


def _refuse(export: Mapping[str, Any], unfinished: Sequence[Mapping[str, Any]]) -> None:
    """Exit with a sentence if there are creates of which nobody knows how they ended."""
    here = {one["urn"] for one in unfinished}
    urns = {one["urn"] for one in interrupted_creates(export)} | here
    if urns - here:
        sys.exit(
            f"error: another run creates {len(urns)} resources, or was interrupted while it did: if nobody is at work"
            " on this stack, run `make recover` first"
        )
    if urns:
        sys.exit(
            f"error: an earlier run was interrupted while it created {len(urns)} resources: if nobody is at work on"
            " this stack, run `make recover` first"
        )


def _take_over(export: Mapping[str, Any]) -> None:
    """Print the state with what was interrupted, and tell on stderr what that is."""
    json.dump(taken_over(export), sys.stdout)
    foreign = others(export)
    number = len({one["urn"] for one in interrupted_creates(export)} - {one["resource"]["urn"] for one in foreign})
    print(
        f"interrupted: {number} creates; the service is asked what came of them" if number else "interrupted: nothing",
        file=sys.stderr,
    )
    if foreign:
        print(
            f"warning: {len(foreign)} operations on other resources were interrupted as well. `pulumi stack import`"
            " drops them: look whether these are there, and import or delete them:"
            f" {', '.join(one['resource']['urn'] for one in foreign)}",
            file=sys.stderr,
        )
    if names := forgotten(export):
        print(
            f"warning: {len(names)} flow logs without an idempotency_key may have been created and cannot be found"
            f" again: {', '.join(names)}; look for them and import or delete them",
            file=sys.stderr,
        )


def main(what: str, stack: str) -> None:
    """Do what the first argument says; but for `refuse-live`, with the stack's state on standard input."""
    stack = short_name(stack)
    if what == "refuse-live":
        _refuse_live(stack)
        return
    text = sys.stdin.read()
    if not text.strip():
        sys.exit(1)  # `pulumi stack export` has failed, and has said why
    _refuse_live(stack)
    unfinished = journal.unfinished(stack)
    export = with_journal(json.loads(text), unfinished)
    if what == "take-over":
        _take_over(export)
    else:
        _refuse(export, unfinished)


if __name__ == "__main__":
    main(*sys.argv[1:])

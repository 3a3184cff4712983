"""The state that a journal of protocol version 1 makes of the state before the run.

A run's entries name resources of that earlier state by their index there, and the run's own ones by the number of the
operation that made them (see backend/journal.go and apitype/journal.go of pulumi 3.259). Not covered: aliases, which
this project does not use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from enum import IntEnum
from typing import Any

Deployment = dict[str, Any]
Entry = Mapping[str, Any]
Resource = dict[str, Any]

EMPTY: Deployment = {"manifest": {"time": "0001-01-01T00:00:00Z", "magic": "", "version": ""}, "resources": None}
"""The state of a new stack. A server that is written in Go has `null` for no resources."""


class Kind(IntEnum):
    """What an entry reports."""

    BEGIN = 0
    SUCCESS = 1
    FAILURE = 2
    REFRESH_SUCCESS = 3
    OUTPUTS = 4
    WRITE = 5
    SECRETS_MANAGER = 6
    REBUILT_BASE_STATE = 7
    EXTENSION_PARAMETERIZE = 8
    SNIPPETS = 9


def replay(deployment: Deployment, entries: Iterable[Entry]) -> Deployment:
    """The state after these entries, in the order of their sequence numbers.

    Args:
        deployment: The state before them, which is changed.
        entries: The entries.

    Raises:
        ValueError: An entry is of a kind that this server does not know.
    """
    run = _Run(deployment)
    for entry in entries:
        run.add(entry)
    return run.deployment()


class _Run:
    def __init__(self, base: Deployment) -> None:
        self._has_refreshed = False
        self._start(base)

    def _start(self, base: Deployment) -> None:
        self._base = base
        self._old: list[Resource | None] = list(base.get("resources") or [])
        self._new: dict[int, Resource] = {}
        self._begun: dict[int, Entry] = {}

    def add(self, entry: Entry) -> None:
        kind, operation = Kind(entry["kind"]), entry["operationID"]
        if kind is Kind.BEGIN:
            self._begun[operation] = entry
        elif kind is Kind.SUCCESS:
            self._succeed(operation, entry)
        elif kind is Kind.FAILURE:
            self._begun.pop(operation, None)
        elif kind is Kind.REFRESH_SUCCESS:
            self._begun.pop(operation, None)
            self._has_refreshed = True
            self._put(entry)
        elif kind is Kind.OUTPUTS:
            self._put(entry)
        elif kind is Kind.WRITE:
            self._start(entry["newSnapshot"])
        elif kind is Kind.SECRETS_MANAGER:
            self._base["secrets_providers"] = entry.get("secretsProvider")
        elif kind is Kind.REBUILT_BASE_STATE:
            self._start(self.deployment())
        else:
            raise ValueError(f"journal entries of kind {kind.name} are not supported")

    def deployment(self) -> Deployment:
        """The state so far. Creates that have begun and not ended are pending, as are those of earlier runs."""
        resources = [*self._new.values(), *(old for old in self._old if old is not None)]
        if self._has_refreshed:
            _drop_dangling_references(resources)
        begun = [entry["operation"] for entry in self._begun.values() if entry.get("operation")]
        earlier = [found for found in self._base.get("pending_operations") or [] if found["type"] == "creating"]
        manifest = {"time": datetime.now(timezone.utc).isoformat(), "magic": "", "version": ""}
        changed = {"manifest": manifest, "resources": resources or None, "pending_operations": [*begun, *earlier]}
        return {**self._base, **changed}

    def _succeed(self, operation: int, entry: Entry) -> None:
        self._begun.pop(operation, None)
        self._has_refreshed |= entry.get("isRefresh", False)
        for resource in self._named(entry, "delete"):
            resource["delete"] = True
        for resource in self._named(entry, "pendingReplacement"):
            resource["pendingReplacement"] = True
        self._put({**entry, "state": None})
        if state := entry.get("state"):
            self._new[operation] = state

    def _put(self, entry: Entry) -> None:
        """Replace the resource that the entry removes by its state, if it has one."""
        old, new, state = entry.get("removeOld"), entry.get("removeNew"), entry.get("state")
        if old is not None and self._old[old] is not None:
            self._old[old] = state
        if new is not None:
            if state:
                self._new[new] = state
            else:
                self._new.pop(new)

    def _named(self, entry: Entry, mark: str) -> Iterable[Resource]:
        old, new = entry.get(f"{mark}Old"), entry.get(f"{mark}New")
        if old is not None and (resource := self._old[old]) is not None:
            yield resource
        if new is not None:
            yield self._new[new]


def _drop_dangling_references(resources: list[Resource]) -> None:
    """Forget what depends on resources that a refresh has found to be gone."""
    known: set[str] = set()
    for resource in resources:
        for key in ("dependencies", "replaceWith"):
            if urns := resource.get(key):
                resource[key] = [urn for urn in urns if urn in known]
        for key, urns in (resource.get("propertyDependencies") or {}).items():
            resource["propertyDependencies"][key] = [urn for urn in urns if urn in known]
        for key in ("parent", "deletedWith"):
            if resource.get(key) not in known:
                resource.pop(key, None)
        known.add(resource["urn"])

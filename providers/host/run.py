"""What the host remembers of one run of the engine, to decide whether a resource may be deleted.

The engine deletes what the program no longer declares and what it has replaced. It does not know that two of its
resources may be the same flow log (or log group, or log stream), nor that some deletions must wait for a create:

- A target has one flow log. A second declaration of a target is refused before anything is changed.
- A create with the idempotency key of an earlier create answers with the same flow log. If another resource had it,
  only the old name goes. If the same resource had it (a forced `--replace`), nothing takes its place, so it stays. The
  service does not recognise a flow log by the key after it was renamed, but the state still has its id.
- An attachment keeps its old flow log, enabled, until everything that the program declares for it exists. A create may
  fail, or never begin because a dependency failed: PULUMI_CONTINUE_ON_ERROR still continues with the deletions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from providers.inputs import is_unknown
from providers.urn import Urn

_Attachment = tuple[str, str]
"""The ids of a router and of its attachment."""


class Run:
    """The memory of one run; safe to use from many threads. Resources are known by their URNs."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._lock = threading.Lock()
        self._declared: set[str] = set()
        self._by_identity: dict[tuple[str, ...], str] = {}  # by type and identity, the first resource that declares it
        self._in_state: dict[str, str] = {}  # by resource, its id in the state, as far as the engine has shown it
        self._owners: dict[str, str] = {}  # by id, the resource that has it after this run
        self._incomplete: dict[str, _Attachment] = {}  # by declared resource that is not there yet as declared
        self._failed: set[str] = set()  # the resources of which a create or update has failed

    def record_declared(self, urn: str, inputs: Mapping[str, Any], identity: Sequence[str]) -> str | None:
        """Remember a resource of the program; return the logical name of another one that has the same identity.

        Args:
            urn: The resource.
            inputs: Its inputs.
            identity: The inputs that only one resource of the type may have together.
        """
        with self._lock:
            self._declared.add(urn)
            if _are_known(inputs, "er_id", "resource_id"):
                self._incomplete[urn] = _attachment(inputs)
            if not _are_known(inputs, *identity):
                return None
            place = (Urn.parse(urn).type_token, *(inputs[key] for key in identity))
            first = self._by_identity.setdefault(place, urn)
        return None if first == urn else Urn.parse(first).name

    def record_kept(self, urn: str, id_: str) -> None:
        """Remember that a resource stays as it is, if the program declares it.

        A refresh also asks for diffs of resources that the program no longer declares.
        """
        with self._lock:
            if urn in self._declared:
                self._owners[id_] = urn
                self._incomplete.pop(urn, None)

    def record_in_state(self, urn: str, id_: str) -> None:
        """Remember the id that a resource has in the state."""
        with self._lock:
            self._in_state[urn] = id_

    def record_created(self, urn: str, id_: str) -> None:
        """Remember the id with which a create has ended."""
        with self._lock:
            self._owners[id_] = urn
            if urn not in self._failed:
                self._incomplete.pop(urn, None)

    def record_failed(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """Remember that a create or update has failed."""
        with self._lock:
            self._incomplete[urn] = _attachment(inputs)
            self._failed.add(urn)

    def record_deleted(self, urn: str) -> None:
        """Remember that the engine removes a resource from the state."""
        with self._lock:
            self._in_state.pop(urn, None)

    def is_in_state(self, id_: str) -> bool:
        """Whether any resource in the state has this id."""
        with self._lock:
            return id_ in self._in_state.values()

    def is_in_use(self, id_: str) -> bool:
        """Whether a resource has this id after the run.

        The engine asks for no diff of a resource that `--target` leaves out, so what the state has counts too.
        """
        with self._lock:
            return id_ in self._owners or id_ in self._in_state.values()

    def is_needed(self, urn: str, properties: Mapping[str, Any]) -> bool:
        """Whether a resource's flow log must stay, because another one declared for its attachment is missing.

        A failed flow log writes nothing, and is deleted before it is created again.
        """
        if properties.get("state") == "failed":
            return False
        with self._lock:
            return any(
                attachment == _attachment(properties) and (other != urn or other in self._failed)
                for other, attachment in self._incomplete.items()
            )

    def has_failure(self, properties: Mapping[str, Any]) -> bool:
        """Whether a create or update has failed for the attachment of these properties."""
        with self._lock:
            return any(self._incomplete[urn] == _attachment(properties) for urn in self._failed)


def _are_known(inputs: Mapping[str, Any], *keys: str) -> bool:
    return not any(inputs.get(key) is None or is_unknown(inputs[key]) for key in keys)


def _attachment(properties: Mapping[str, Any]) -> _Attachment:
    return properties["er_id"], properties["resource_id"]

"""What one run of the engine has done so far, as far as it decides whether a deletion is right.

The engine deletes what the program no longer declares, and what it takes for replaced. It does not know that two of its
resources may be one flow log, nor that a deletion only makes sense once something else exists:

- A target has one flow log. So a second declaration of a target in one program is refused before anything is changed.
- A create with the idempotency key of an earlier one answers with the flow log of that one. Where another resource held
  that, it is held by this one now, and what the engine then deletes is only the old name. Where the same resource held
  it (a forced `--replace`), there is nothing in its place, so it stays. Of what has been renamed since it was made the
  service cannot tell whose it is by the key; the state can.
- An attachment keeps its old flow log, enabled, unless all that the program declares for it came to be: a create may
  fail, or never begin because what it depends on failed (PULUMI_CONTINUE_ON_ERROR goes on to deletions all the same).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from providers.er.flow_logs import FlowLogTarget
from providers.schema import IDENTITY, is_unknown, target
from providers.urn import Urn

_Attachment = tuple[str, str]
"""The ids of a router and of its attachment."""


class Run:
    """The memory of one run; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._declared: dict[FlowLogTarget, str] = {}  # by target, the first resource of the program that has it
        self._registered: set[str] = set()
        self._had: dict[str, str] = {}  # by resource, the flow log that the state had for it, as far as the engine told
        self._holders: dict[str, str] = {}  # by flow log id, the resource that has it and will have it
        self._awaited: dict[str, _Attachment] = {}  # by resource that is declared and not there yet as it should be
        self._failed: set[str] = set()  # those of which a create or update has failed

    def declares(self, urn: str, inputs: Mapping[str, Any]) -> str | None:
        """Take note of a resource of the program; the logical name of another one that has its target, if any has."""
        with self._lock:
            self._registered.add(urn)
            if not any(is_unknown(inputs.get(key)) or inputs.get(key) is None for key in ("er_id", "resource_id")):
                self._awaited[urn] = _attachment(inputs)
            if any(is_unknown(inputs.get(key)) or inputs.get(key) is None for key in IDENTITY):
                return None
            first = self._declared.setdefault(target(inputs), urn)
        return None if first == urn else Urn.parse(first).name

    def keeps(self, urn: str, id_: str) -> None:
        """Take note that the resource has this flow log and goes on to have it, if the program declares it.

        A refresh asks for diffs, too, of whatever is in the state.
        """
        with self._lock:
            if urn in self._registered:
                self._holders[id_] = urn
                self._awaited.pop(urn, None)

    def had(self, urn: str, id_: str) -> None:
        """Take note of the flow log that the state has for a resource."""
        with self._lock:
            self._had[urn] = id_

    def is_of_the_stack(self, id_: str) -> bool:
        """Whether the state has this flow log, for whichever resource."""
        with self._lock:
            return id_ in self._had.values()

    def created(self, urn: str, id_: str) -> None:
        """Take note of the flow log that a create has ended with."""
        with self._lock:
            self._holders[id_] = urn
            if urn not in self._failed:
                self._awaited.pop(urn, None)

    def failed(self, urn: str, inputs: Mapping[str, Any]) -> None:
        """Take note of a create or update that did not end with a flow log that is as it should be."""
        with self._lock:
            self._awaited[urn] = _attachment(inputs)
            self._failed.add(urn)

    def is_held(self, urn: str, id_: str) -> bool:
        """Whether the flow log that is to be deleted as this resource's stays: another has it, or this one goes on to.

        The engine does not ask about a resource that `--target` leaves out: what a refresh has told of it counts.
        """
        with self._lock:
            self._had.pop(urn, None)
            return id_ in self._holders or id_ in self._had.values()

    def is_needed(self, urn: str, properties: Mapping[str, Any]) -> bool:
        """Whether this resource's flow log must stay: something that is declared for its attachment is not there.

        What has failed logs nothing, and goes first when it is replaced.
        """
        if properties.get("state") == "failed":
            return False
        with self._lock:
            return any(
                attachment == _attachment(properties) and (other != urn or other in self._failed)
                for other, attachment in self._awaited.items()
            )

    def has_failed(self, properties: Mapping[str, Any]) -> bool:
        """Whether a create or update for the attachment of these properties has failed."""
        with self._lock:
            return any(self._awaited[urn] == _attachment(properties) for urn in self._failed)


def _attachment(properties: Mapping[str, Any]) -> _Attachment:
    return properties["er_id"], properties["resource_id"]

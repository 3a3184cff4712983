"""Names for the ids in a preview, from the stack's outputs before and after the run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from providers.inputs import is_unknown
from stacks.checks.deletions import GONE
from stacks.commands.review.preview import Preview, State
from stacks.commands.review.values import UNKNOWN
from stacks.state.last_run import LastRun, OutputsError, read_last_run

STACK_TYPE = "pulumi:pulumi:Stack"
DESTROYED = "the stack is destroyed"

_Stream = tuple[str, str]
"""The ids of a log group and of a log stream."""


class Names:
    """Looks up names for the ids in a preview; what has no name keeps its id."""

    def __init__(self, preview: Preview) -> None:
        before, self._after = _read(preview.outputs_before), _read(preview.outputs_after)
        runs = (before, self._after)
        self._routers = {id_: router.name for run in runs for id_, router in run.items() if router.name}
        self._attachments = {
            (router.id, id_): attachment.name
            for run in runs
            for router in run.values()
            for id_, attachment in router.attachments.items()
            if attachment.name
        }
        self._before = _destinations(before)
        self._destinations = {**self._before, **_destinations(self._after)}
        self._streams = {
            _stream(state): self._destinations[step.name]
            for step in preview.steps
            for state in (step.old, step.new)
            if state and step.name in self._destinations
        }
        self._is_destroy = any(step.type == STACK_TYPE and step.op == "delete" for step in preview.steps)
        self._reasons = preview.outputs_after.get("deletions")

    def router(self, state: State) -> str:
        """The router's name; its component's if no output names it."""
        id_ = _id(state, "er_id")
        return self._routers.get(id_) or (state.parent.name if state.parent else "") or id_

    def attachment(self, state: State) -> str:
        """The attachment's name."""
        id_ = _id(state, "resource_id")
        return self._attachments.get((_id(state, "er_id"), id_)) or id_

    def logs_to(self, state: State) -> str:
        """`GROUP/STREAM` that it writes to; the first characters of ids that have no name."""
        stream = _stream(state)
        if any(map(is_unknown, stream)):  # as are those of all streams that do not exist yet
            return self._destinations.get(state.name, UNKNOWN)
        return self._streams.get(stream) or "/".join(f"{id_[:8]}…" if len(id_) > 8 else id_ for id_ in stream)

    def reason(self, name: str, state: State) -> str:
        """Why the flow log of this logical name is deleted; empty if unknown."""
        reason = self._reasons.get(name) if isinstance(self._reasons, Mapping) else None
        if isinstance(reason, str):
            return reason
        if self._is_destroy:
            return DESTROYED
        router = self._after.get(_id(state, "er_id"))
        return GONE if router and _id(state, "resource_id") not in router.attachments else ""

    def count_unchanged(self, changed: Iterable[str]) -> int:
        """How many flow logs of the last run have none of these logical names."""
        return len(self._before.keys() - set(changed))


def _read(outputs: Mapping[str, Any]) -> LastRun:
    try:
        return read_last_run(outputs)
    except OutputsError:
        return {}  # written by another version: ids are shown


def _destinations(run: LastRun) -> dict[str, str]:
    """`GROUP/STREAM` by the logical name of each flow log."""
    return {
        name: flow_log.logs_to
        for router in run.values()
        for attachment in router.attachments.values()
        for name, flow_log in attachment.flow_logs.items()
    }


def _stream(state: State) -> _Stream:
    return _id(state, "log_group_id"), _id(state, "log_stream_id")


def _id(state: State, key: str) -> str:
    value = state.value(key)
    return value if isinstance(value, str) else ""

"""Names for the ids in a preview, from the outputs of the stack: those of its last run, and those it is to have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stacks.checks.deletions import GONE
from stacks.commands.review.preview import Preview, State
from stacks.state.last_run import LastRun, OutputsError, read_last_run

_Stream = tuple[str, str]
"""The ids of a log group and of a log stream."""


class Names:
    """Poller up what a preview calls things by id; what has no name there keeps its id."""

    def __init__(self, preview: Preview) -> None:
        before, self._after = _read(preview.outputs_before), _read(preview.outputs_after)
        runs = (before, self._after)
        self._routers = {id_: router.name for run in runs for id_, router in run.items() if router.name}
        self._attachments = {
            (router.id, id_): one.name
            for run in runs
            for router in run.values()
            for id_, one in router.attachments.items()
            if one.name
        }
        self._before = _destinations(before)
        destinations = {**self._before, **_destinations(self._after)}
        self._streams = {
            _stream(state): destinations[step.name]
            for step in preview.steps
            for state in (step.old, step.new)
            if state and step.name in destinations
        }
        self._reasons = preview.outputs_after.get("deletions")

    def router(self, state: State) -> str:
        """The router's name; its component's, where no output names it."""
        id_ = _id(state, "er_id")
        return self._routers.get(id_) or (state.parent.name if state.parent else "") or id_

    def attachment(self, state: State) -> str:
        """The attachment's name."""
        id_ = _id(state, "resource_id")
        return self._attachments.get((_id(state, "er_id"), id_)) or id_

    def logs_to(self, state: State) -> str:
        """`GROUP/STREAM` that it writes to; of ids their beginning, which is enough to distinguish them."""
        stream = _stream(state)
        return self._streams.get(stream) or "/".join(f"{id_[:8]}…" if len(id_) > 8 else id_ for id_ in stream)

    def reason(self, name: str, state: State) -> str:
        """Why the flow log of this logical name is deleted, as far as that is known."""
        told = self._reasons.get(name) if isinstance(self._reasons, Mapping) else None
        if isinstance(told, str):
            return told
        router = self._after.get(_id(state, "er_id"))
        return GONE if router and _id(state, "resource_id") not in router.attachments else ""

    def unchanged(self, touched: Iterable[str]) -> int:
        """How many flow logs of the last run have none of these logical names."""
        return len(self._before.keys() - set(touched))


def _read(outputs: Mapping[str, Any]) -> LastRun:
    try:
        return read_last_run(outputs)
    except OutputsError:
        return {}  # of another version: ids will do


def _destinations(run: LastRun) -> dict[str, str]:
    """`GROUP/STREAM` by the logical name of each flow log."""
    return {
        name: one.logs_to
        for router in run.values()
        for attachment in router.attachments.values()
        for name, one in attachment.flow_logs.items()
    }


def _stream(state: State) -> _Stream:
    return _id(state, "log_group_id"), _id(state, "log_stream_id")


def _id(state: State, key: str) -> str:
    value = state.value(key)
    return value if isinstance(value, str) else ""

"""Names for the ids in a preview, from its notes, from the stack's last run, and from its log groups and streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.inputs import is_unknown
from providers.urn import COMPONENT_TYPE, STACK_TYPE
from stacks.commands.review.log_stores import LOG_STORE_TYPES
from stacks.commands.review.preview import Preview, State, Step
from stacks.commands.review.values import UNKNOWN, show_value
from stacks.state.last_run import LastRun, OutputsError, own_outputs, read_last_run

NOT_DECLARED = "it is no longer declared"


class Names:
    """Looks up names for the ids in a preview; what has no name keeps its id.

    Attributes:
        skipped: The attachments that are selected, but cannot be logged.
        is_destroy: Whether the stack is destroyed.
    """

    def __init__(self, preview: Preview) -> None:
        last_run, notes = _read(preview.outputs_before), preview.notes
        routers = last_run.values()
        # A preview of `destroy` has no notes, because it runs no program.
        self._names = {
            **{router.id: router.name for router in routers if router.name},
            **{id_: known.name for router in routers for id_, known in router.attachments.items() if known.name},
            **_log_stores(preview),
            **notes.names,
        }
        self._logs_to = {**{key: name for router in routers for key, name in router.logs_to.items()}, **notes.logs_to}
        self._reasons = notes.reasons
        self.is_destroy = any(step.type == STACK_TYPE and step.op == "delete" for step in preview.steps)
        self.skipped = notes.skipped

    def router(self, state: State) -> str:
        """The router's name; that of its component, first seen, if nothing else names it."""
        id_, parent = _text(state, "er_id"), state.parent
        component = parent.name if parent and parent.type_token == COMPONENT_TYPE else ""
        return self._names.get(id_) or component or id_

    def attachment(self, state: State) -> str:
        """The attachment's name."""
        id_ = _text(state, "resource_id")
        return self._names.get(id_) or id_

    def logs_to(self, state: State) -> str:
        """`GROUP/STREAM` that it writes to; the first characters of ids that have no name."""
        ids = (_text(state, "log_group_id"), _text(state, "log_stream_id"))
        if all(id_ in self._names for id_ in ids):
            return "/".join(self._names[id_] for id_ in ids)
        if name := self._logs_to.get(ids[1]) or self._logs_to.get(state.name):
            return name
        if any(map(is_unknown, ids)):  # as are those of all streams that do not exist yet
            return UNKNOWN
        return "/".join(self._names.get(id_) or (f"{id_[:8]}…" if len(id_) > 8 else id_) for id_ in ids)

    def log_store(self, step: Step) -> str:
        """`GROUP` or `GROUP/STREAM`; without the group if that is not known."""
        state = step.new or step.old
        if step.urn.is_of_stack_file or not state:
            return step.name
        group = self._names.get(_text(state, "log_group_id"), "")
        return "/".join(filter(None, [group, show_value(state.value("name"))]))

    def reason(self, state: State) -> str:
        """Why this flow log is deleted; empty if the stack is destroyed."""
        return self._reasons.get(state.name) or ("" if self.is_destroy else NOT_DECLARED)


def _read(outputs: Mapping[str, Any]) -> LastRun:
    try:
        return read_last_run(own_outputs(outputs))
    except OutputsError:
        return {}  # written by another version, or a program's own: ids are shown


def _log_stores(preview: Preview) -> dict[str, str]:
    """The log groups and log streams among the resources: the last run does not know those that it created."""
    states = (state for step in preview.steps if step.type in LOG_STORE_TYPES for state in (step.old, step.new))
    return {state.id: name for state in states if state and state.id and (name := _text(state, "name"))}


def _text(state: State, key: str) -> str:
    value = state.value(key)
    return value if isinstance(value, str) else ""

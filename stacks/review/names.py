"""Names for the ids in a preview, from the outputs of the stack: those of its last run, and those it is to have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from stacks.outputs import OutputsError, PreviousRouter, previous
from stacks.review.preview import Preview, State

_Stream = tuple[str, str]
"""The ids of a log group and of a log stream."""


class Names:
    """Looks up what a preview calls things by id; what has no name there keeps its id."""

    def __init__(self, preview: Preview) -> None:
        self._before = _routers(preview.outputs_before)
        self._after = _routers(preview.outputs_after)
        self._router_names = {**_router_names(preview.outputs_before), **_router_names(preview.outputs_after)}
        self._attachments = {
            (router.router_id, id_): name
            for routers in (self._before, self._after)
            for router in routers.values()
            for id_, name in router.attachments.items()
            if name
        }
        self._streams = _stream_names(
            _written(self._after, (step.new for step in preview.steps)),
            _written(self._before, (step.old for step in preview.steps)),
        )

    def router(self, state: State) -> str:
        """The router's name; the key that the stack file has for it, where no output names it."""
        id_ = _id(state, "er_id")
        return self._router_names.get(id_) or _key(state) or id_

    def attachment(self, state: State) -> str:
        """The attachment's name."""
        id_ = _id(state, "resource_id")
        return self._attachments.get((_id(state, "er_id"), id_)) or id_

    def logs_to(self, state: State) -> str:
        """`GROUP/STREAM` that it writes to; of ids their beginning, which is enough to tell them apart."""
        stream = _stream(state)
        return self._streams.get(stream) or "/".join(f"{id_[:8]}…" if len(id_) > 8 else id_ for id_ in stream)

    def is_gone(self, state: State) -> bool:
        """Whether the router no longer has the attachment, as far as that is known."""
        routers = [one for one in self._after.values() if one.router_id == _id(state, "er_id")]
        return bool(routers) and not any(_id(state, "resource_id") in one.attachments for one in routers)

    def unchanged(self, touched: Iterable[State]) -> int:
        """How many flow logs of the last run are not among these."""
        logged = Counter((router.router_id, id_) for router in self._before.values() for id_ in router.logged)
        logged.subtract((_id(state, "er_id"), _id(state, "resource_id")) for state in touched)
        return sum(number for number in logged.values() if number > 0)


def _routers(outputs: Mapping[str, Any]) -> Mapping[str, PreviousRouter]:
    try:
        return previous(outputs)
    except OutputsError:
        return {}  # of another version: ids will do


def _router_names(outputs: Mapping[str, Any]) -> dict[str, str]:
    return {
        router.router_id: name
        for key, router in _routers(outputs).items()
        if isinstance(name := outputs["routers"][key]["router"].get("name"), str)
    }


def _written(routers: Mapping[str, PreviousRouter], states: Iterable[State | None]) -> set[tuple[_Stream, str]]:
    """Ids of streams beside what the outputs call what these flow logs write to."""
    found = set()
    for state in states:
        router = routers.get(_key(state)) if state else None
        if state and router and router.router_id == _id(state, "er_id"):
            name = router.logs_to.get(_id(state, "resource_id"))
            if name:
                found.add((_stream(state), name))
    return found


def _stream_names(*pairs: set[tuple[_Stream, str]]) -> dict[_Stream, str]:
    """Names by ids, from what is most certain to what is least.

    After a run that failed half way the outputs tell what was wanted, not what is in the state. So what does not match
    one to one is not believed.
    """
    names: dict[_Stream, str] = {}
    for several in pairs:
        by_stream, by_name = defaultdict(set), defaultdict(set)
        for stream, name in several:
            by_stream[stream].add(name)
            by_name[name].add(stream)
        taken = set(names.values())
        for stream, (name, *others) in ((stream, sorted(found)) for stream, found in by_stream.items()):
            if stream not in names and not others and len(by_name[name]) == 1 and name not in taken:
                names[stream] = name
    return names


def _key(state: State | None) -> str:
    """The router's key in the stack file: the name of the component that the flow log is in."""
    return state.parent.split("::", 3)[-1] if state and state.parent else ""


def _stream(state: State) -> _Stream:
    return _id(state, "log_group_id"), _id(state, "log_stream_id")


def _id(state: State, key: str) -> str:
    value = state.value(key)
    return value if isinstance(value, str) else ""

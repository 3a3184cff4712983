"""What the last run left behind in the stack's outputs, in one typed value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any


class OutputsError(ValueError):
    """Outputs that cannot be read back; the text is one sentence."""


@dataclass(frozen=True)
class LastFlowLog:
    """A flow log that the last run wanted.

    Attributes:
        logs_to: `GROUP/STREAM` that it writes to.
        key: The router's key in the stack file when the flow log was first declared.
        is_protected: Whether the stack file had it protected.
    """

    logs_to: str
    key: str
    is_protected: bool = False


@dataclass(frozen=True, kw_only=True)
class LastAttachment:
    """An attachment as the last run saw it.

    Attributes:
        name: Its name then.
        first_name: Its name when it was first seen.
        tags: Those that its selector named.
        flow_logs: By logical name.
    """

    name: str
    first_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    flow_logs: Mapping[str, LastFlowLog] = field(default_factory=dict)

    def key_of(self, logs_to: str) -> str | None:
        """The key under which the flow log that writes there was first declared."""
        return next((one.key for one in self.flow_logs.values() if one.logs_to == logs_to), None)


@dataclass(frozen=True, kw_only=True)
class LastRouter:
    """A router as the last run saw it.

    Attributes:
        id: Its id.
        name: Its name then.
        first_name: Its name when it was first seen.
        attachments: By id.
        called: What the stack file calls attachments that have another name, by id; empty ids for those that are gone.
        selections: By key of the stack file, which attachments it asked for.
    """

    id: str
    name: str
    first_name: str = ""
    attachments: Mapping[str, LastAttachment] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)
    selections: Mapping[str, Any] = field(default_factory=dict)

    def meant(self, text: str) -> str | None:
        """The id of the attachment that this text of the stack file meant; empty if that was gone, None if none."""
        if text in self.attachments:
            return text
        found = self.called.get(text)
        return self._by_name.get(text) if found is None else found

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """Ids by name, of names that were one attachment's alone: another one the stack file could not mean."""
        counts = Counter(one.name for one in self.attachments.values())
        return {one.name: id_ for id_, one in self.attachments.items() if one.name and counts[one.name] == 1}


LastRun = Mapping[str, LastRouter]
"""By router id; empty if there was no earlier run."""


def last_run(outputs: Mapping[str, Any]) -> dict[str, LastRouter]:
    """What the outputs of the last run tell.

    Raises:
        OutputsError: They have another form than `stacks.state.outputs` gives them.
    """
    try:
        found: dict[str, LastRouter] = {}
        for key, data in outputs.get("routers", {}).items():
            router = _router_by_key(key, data) if "router" in data else _router(data)
            found[router.id] = _merged(found[router.id], router) if router.id in found else router
        return found
    except (KeyError, TypeError, ValueError, AttributeError):
        raise OutputsError(
            "the outputs of the stack's last run do not have the form that this version writes, so nothing can tell"
            " which flow logs would be lost; use the version that wrote them, or take them out of the state"
            " (pulumi stack export, edit, pulumi stack import)"
        ) from None


def _router(data: Mapping[str, Any]) -> LastRouter:
    return LastRouter(
        id=_text(data["id"]),
        name=_text(data["name"]),
        first_name=_text(data.get("first_name", data["name"])),
        attachments={id_: _attachment(one) for id_, one in data["attachments"].items()},
        called=_texts(data.get("called", {})),
        selections=dict(data["selections"]),
    )


def _attachment(data: Mapping[str, Any]) -> LastAttachment:
    return LastAttachment(
        name=_text(data["name"]),
        first_name=_text(data.get("first_name", data["name"])),
        tags=_texts(data.get("tags", {})),
        flow_logs={
            name: LastFlowLog(_text(one["logs_to"]), _text(one["key"]), one.get("is_protected") is True)
            for name, one in data.get("flow_logs", {}).items()
        },
    )


def _router_by_key(key: str, data: Mapping[str, Any]) -> LastRouter:
    """A router in the form of version 0.1, which had one entry for each key of the stack file."""

    def attachment(id_: str, one: Mapping[str, Any]) -> LastAttachment:
        name = _text(one["name"])
        logs_to = _text(one["logs_to"]) if id_ in data["flow_logs"] else ""
        flow_logs = {f"{key}-{id_}": LastFlowLog(logs_to, key)} if logs_to else {}
        return LastAttachment(name=name, first_name=name, flow_logs=flow_logs)

    return LastRouter(
        id=_text(data["router"]["id"]),
        name=_text(data["router"]["name"]),
        first_name=_text(data["router"]["name"]),
        attachments={id_: attachment(id_, one) for id_, one in data["attachments"].items()},
        called={_text(name): "" for name in data.get("gone", ())},
    )


def _merged(first: LastRouter, second: LastRouter) -> LastRouter:
    """Two entries of one router."""
    attachments = dict(first.attachments)
    for id_, one in second.attachments.items():
        others = attachments[id_].flow_logs if id_ in attachments else {}
        attachments[id_] = replace(one, flow_logs={**others, **one.flow_logs})
    return replace(
        first,
        attachments=attachments,
        called={**first.called, **second.called},
        selections={**first.selections, **second.selections},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {key: _text(value) for key, value in values.items()}

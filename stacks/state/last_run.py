"""Reads what the last run left in the stack's outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any


class OutputsError(ValueError):
    """Outputs that cannot be read; the text is one sentence."""


@dataclass(frozen=True)
class LastFlowLog:
    """A flow log that the last run declared.

    Attributes:
        logs_to: `GROUP/STREAM` that it writes to.
        key: The router's key in the stack file when the flow log was first declared.
        is_protected: Whether it was protected.
    """

    logs_to: str
    key: str
    is_protected: bool = False


@dataclass(frozen=True, kw_only=True)
class LastAttachment:
    """An attachment at the last run.

    Attributes:
        name: Its name then.
        first_name: Its name when it was first seen.
        tags: Those that a selector names.
        flow_logs: By logical name.
    """

    name: str
    first_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    flow_logs: Mapping[str, LastFlowLog] = field(default_factory=dict)

    def key_of(self, logs_to: str) -> str | None:
        """The key under which the flow log that writes there was first declared."""
        return next((flow_log.key for flow_log in self.flow_logs.values() if flow_log.logs_to == logs_to), None)


@dataclass(frozen=True, kw_only=True)
class LastRouter:
    """A router at the last run.

    Attributes:
        id: Its id.
        name: Its name then.
        first_name: Its name when it was first seen.
        attachments: By id.
        stale_names: By text in the stack file, the id of the attachment that had another name; empty if it was gone.
        selections: The attachments that the stack file selected, by its key.
    """

    id: str
    name: str
    first_name: str = ""
    attachments: Mapping[str, LastAttachment] = field(default_factory=dict)
    stale_names: Mapping[str, str] = field(default_factory=dict)
    selections: Mapping[str, Any] = field(default_factory=dict)

    def previous_id(self, text: str) -> str | None:
        """The id of the attachment that this text named; empty if that was gone, None if there was none."""
        if text in self.attachments:
            return text
        id_ = self.stale_names.get(text)
        return self._unique_names.get(text) if id_ is None else id_

    @cached_property
    def _unique_names(self) -> dict[str, str]:
        """Ids by name, of names that only one attachment had: a stack file cannot use the others."""
        counts = Counter(attachment.name for attachment in self.attachments.values())
        return {
            attachment.name: id_
            for id_, attachment in self.attachments.items()
            if attachment.name and counts[attachment.name] == 1
        }


LastRun = Mapping[str, LastRouter]
"""By router id; empty if there was no earlier run."""


def read_last_run(outputs: Mapping[str, Any]) -> dict[str, LastRouter]:
    """What the outputs of the last run contain.

    Raises:
        OutputsError: They have another form than `stacks.state.outputs` gives them.
    """
    try:
        routers: dict[str, LastRouter] = {}
        for key, data in outputs.get("routers", {}).items():
            router = _read_router_by_key(key, data) if "router" in data else _read_router(data)
            routers[router.id] = _merge(routers[router.id], router) if router.id in routers else router
        return routers
    except (KeyError, TypeError, ValueError, AttributeError):
        raise OutputsError(
            "the outputs of the stack's last run do not have the form that this version writes, so it is unknown"
            " which flow logs would be lost; use the version that wrote them, or remove them from the state"
            " (pulumi stack export, edit, pulumi stack import)"
        ) from None


def _read_router(data: Mapping[str, Any]) -> LastRouter:
    return LastRouter(
        id=_text(data["id"]),
        name=_text(data["name"]),
        first_name=_text(data.get("first_name", data["name"])),
        attachments={id_: _read_attachment(attachment) for id_, attachment in data["attachments"].items()},
        stale_names=_texts(data.get("called", {})),
        selections=dict(data["selections"]),
    )


def _read_attachment(data: Mapping[str, Any]) -> LastAttachment:
    return LastAttachment(
        name=_text(data["name"]),
        first_name=_text(data.get("first_name", data["name"])),
        tags=_texts(data.get("tags", {})),
        flow_logs={
            name: LastFlowLog(_text(flow_log["logs_to"]), _text(flow_log["key"]), flow_log.get("is_protected") is True)
            for name, flow_log in data.get("flow_logs", {}).items()
        },
    )


def _read_router_by_key(key: str, data: Mapping[str, Any]) -> LastRouter:
    """A router in the form of version 0.1, which had one entry for each key of the stack file."""

    def read_attachment(id_: str, attachment: Mapping[str, Any]) -> LastAttachment:
        name = _text(attachment["name"])
        logs_to = _text(attachment["logs_to"]) if id_ in data["flow_logs"] else ""
        flow_logs = {f"{key}-{id_}": LastFlowLog(logs_to, key)} if logs_to else {}
        return LastAttachment(name=name, first_name=name, flow_logs=flow_logs)

    return LastRouter(
        id=_text(data["router"]["id"]),
        name=_text(data["router"]["name"]),
        first_name=_text(data["router"]["name"]),
        attachments={id_: read_attachment(id_, attachment) for id_, attachment in data["attachments"].items()},
        stale_names={_text(name): "" for name in data.get("gone", ())},
    )


def _merge(first: LastRouter, second: LastRouter) -> LastRouter:
    """Two entries of the same router as one."""
    attachments = dict(first.attachments)
    for id_, attachment in second.attachments.items():
        others = attachments[id_].flow_logs if id_ in attachments else {}
        attachments[id_] = replace(attachment, flow_logs={**others, **attachment.flow_logs})
    return replace(
        first,
        attachments=attachments,
        stale_names={**first.stale_names, **second.stale_names},
        selections={**first.selections, **second.selections},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {key: _text(value) for key, value in values.items()}

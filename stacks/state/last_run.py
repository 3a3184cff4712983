"""Reads what the last run left in the stack's outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

OUTPUT = "otc_flow_logs"
"""The output that contains all others in a program of one's own. The stack program exports them directly."""

LAST_RUN = "last_run"
"""The output that the next run reads."""

FLOW_LOGS = "flow_logs"
"""The output that lists the flow logs, by the attachment's name."""

FORGOTTEN = "forgotten"
"""The key of `LAST_RUN` with the ids of the flow logs that `make forget` has removed from the state."""


class OutputsError(ValueError):
    """Outputs that cannot be read; the text is one sentence."""


@dataclass(frozen=True, kw_only=True)
class LastAttachment:
    """An attachment at the last run.

    Attributes:
        name: Its name then.
        first_name: Its name when it was first seen.
        tags: Those that a selector names.
    """

    name: str
    first_name: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


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
        logs_to: `GROUP/STREAM` by the id of the log stream; in earlier forms, by the logical name of the flow log.
        first_key: The router's key in the stack file when its flow logs were first declared; empty if unknown.
        other_first_keys: The same, by logical name, of the flow logs that have another one.
        protected: The logical names of the flow logs that were protected.
    """

    id: str
    name: str
    first_name: str = ""
    attachments: Mapping[str, LastAttachment] = field(default_factory=dict)
    stale_names: Mapping[str, str] = field(default_factory=dict)
    selections: Mapping[str, Any] = field(default_factory=dict)
    logs_to: Mapping[str, str] = field(default_factory=dict)
    first_key: str = ""
    other_first_keys: Mapping[str, str] = field(default_factory=dict)
    protected: Set[str] = frozenset()

    def first_key_of(self, logical_name: str) -> str:
        """The key under which the flow log of this name was first declared; empty if unknown."""
        return self.other_first_keys.get(logical_name, self.first_key)

    def destination(self, log_stream_id: str, logical_name: str) -> str:
        """`GROUP/STREAM` to which the flow log of this name writes; empty if unknown."""
        return self.logs_to.get(log_stream_id) or self.logs_to.get(logical_name, "")

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


def own_outputs(outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Those of a stack's outputs that are this project's: all of them, or one in a program of one's own."""
    own: Mapping[str, Any] = outputs.get(OUTPUT, outputs)
    return own


def read_last_run(outputs: Mapping[str, Any]) -> dict[str, LastRouter]:
    """What the outputs of the last run contain.

    Raises:
        OutputsError: They have another form than `stacks.state.outputs` gives them, now or in earlier versions.
    """
    try:
        if LAST_RUN in outputs:
            return {id_: _read_router(id_, router) for id_, router in outputs[LAST_RUN]["routers"].items()}
        routers: dict[str, LastRouter] = {}
        for key, data in outputs.get("routers", {}).items():
            router = _read_router_by_key(key, data) if "router" in data else _read_router_by_name(data)
            routers[router.id] = _merge(routers[router.id], router) if router.id in routers else router
        return routers
    except (KeyError, TypeError, ValueError, AttributeError):
        raise OutputsError(
            "the outputs of the stack's last run do not have the form that this version writes, so it is unknown"
            " which flow logs would be lost; use the version that wrote them, or remove them from the state"
            " (pulumi stack export, edit, pulumi stack import)"
        ) from None


def read_forgotten(outputs: Mapping[str, Any]) -> frozenset[str]:
    """The ids of the flow logs that the stack has stopped managing, and that no later run has adopted."""
    return frozenset(outputs.get(LAST_RUN, {}).get(FORGOTTEN, ()))


def _read_router(id_: str, data: Mapping[str, Any]) -> LastRouter:
    return LastRouter(
        id=id_,
        name=_text(data["name"]),
        first_name=_text(data.get("first_name", data["name"])),
        attachments={id_: _read_attachment(attachment) for id_, attachment in data["attachments"].items()},
        stale_names=_texts(data.get("stale_names", {})),
        selections=dict(data["selections"]),
        logs_to=_texts(data["logs_to"]),
        first_key=_text(data["first_key"]),
        other_first_keys=_texts(data.get("other_first_keys", {})),
        protected=frozenset(map(_text, data.get("protected", ()))),
    )


def _read_attachment(data: Mapping[str, Any] | str) -> LastAttachment:
    if isinstance(data, str):
        return LastAttachment(name=data, first_name=data)
    return LastAttachment(
        name=_text(data["name"]),
        first_name=_text(data.get("first_name", data["name"])),
        tags=_texts(data.get("tags", {})),
    )


def _read_router_by_name(data: Mapping[str, Any]) -> LastRouter:
    """A router in the form of development versions after 0.1, which had each flow log with its attachment."""
    flow_logs = {
        name: flow_log
        for attachment in data["attachments"].values()
        for name, flow_log in attachment.get("flow_logs", {}).items()
    }
    keys = _texts({name: flow_log["key"] for name, flow_log in flow_logs.items()})
    known = {
        "stale_names": data.get("called", {}),
        "logs_to": {name: flow_log["logs_to"] for name, flow_log in flow_logs.items()},
        "first_key": "",
        "other_first_keys": keys,
        "protected": [name for name, flow_log in flow_logs.items() if flow_log.get("is_protected") is True],
    }
    return _read_router(_text(data["id"]), {**data, **known})


def _read_router_by_key(key: str, data: Mapping[str, Any]) -> LastRouter:
    """A router in the form of version 0.1, which had one entry for each key of the stack file."""
    flow_logs = {
        f"{key}-{id_}": attachment["logs_to"]
        for id_, attachment in data["attachments"].items()
        if id_ in data["flow_logs"]
    }
    known = {
        "name": data["router"]["name"],
        "attachments": {id_: attachment["name"] for id_, attachment in data["attachments"].items()},
        "stale_names": {_text(name): "" for name in data.get("gone", ())},
        "selections": {},
        "logs_to": flow_logs,
        "first_key": "",
        "other_first_keys": dict.fromkeys(flow_logs, key),
    }
    return _read_router(_text(data["router"]["id"]), known)


def _merge(first: LastRouter, second: LastRouter) -> LastRouter:
    """Two entries of the same router as one."""
    return replace(
        first,
        attachments={**first.attachments, **second.attachments},
        stale_names={**first.stale_names, **second.stale_names},
        logs_to={**first.logs_to, **second.logs_to},
        other_first_keys={**first.other_first_keys, **second.other_first_keys},
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    return {key: _text(value) for key, value in values.items()}

"""What somebody means by a stack file, in plain sets and dictionaries, with no code of the product.

A name in the file stands for the attachment that it meant when it was written.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from emulator.flow_logs import AVAILABLE, FAILED, FlowLog
from emulator.network import Attachment
from emulator.store import Store

LOGGABLE = ("vpc", "vpn", "vgw")
FROZEN = "freezed"

Target = tuple[str, str, str, str]
"""The ids of a router, an attachment, a log group and a log stream."""


@dataclass(frozen=True)
class Snapshot:
    """The cloud at one instant.

    Attributes:
        routers: Ids by name.
        attachments: By id.
        streams: The ids of group and stream by their names.
        flow_logs: By id, whoever made them.
    """

    routers: Mapping[str, str]
    attachments: Mapping[str, Attachment]
    streams: Mapping[tuple[str, str], tuple[str, str]]
    flow_logs: Mapping[str, FlowLog]


def take_snapshot(store: Store) -> Snapshot:
    """The cloud now."""
    return Snapshot(
        routers={one.name: one.id for one in store.network.all_routers()},
        attachments={one.id: one for one in store.network.all_attachments()},
        streams={
            (group.name, stream.name): (group.id, stream.id)
            for group in store.log_tank.groups()
            for stream in store.log_tank.streams(group.project_id, group.id)
        },
        flow_logs={one.id: one for one in store.flow_logs.live()},
    )


def ever_failed(store: Store) -> set[str]:
    """The ids of the flow logs that the service has let fail at any time."""
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute("SELECT DISTINCT flow_log_id FROM flow_log_version WHERE state = ?", (FAILED,))
        return {str(id_) for (id_,) in rows}


def target_of(flow_log: FlowLog) -> Target:
    return flow_log.er_id, flow_log.resource_id, flow_log.log_group_id, flow_log.log_stream_id


def is_at_work(flow_log: FlowLog) -> bool:
    return flow_log.state == AVAILABLE and flow_log.enabled


@dataclass(frozen=True)
class Ref:
    """An attachment as the file names it: by its name when that was written, or by its id."""

    text: str
    id: str


@dataclass(frozen=True)
class Selector:
    """The long form of `attachments`."""

    types: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] | None = None
    include: tuple[Ref, ...] = ()
    exclude: tuple[Ref, ...] = ()


@dataclass(frozen=True)
class Override:
    """What is different for one attachment."""

    stream: str | None = None
    enabled: bool | None = None
    name: str | None = None
    description: str | None = None


Selection = Literal["all"] | tuple[Ref, ...] | Selector


@dataclass(frozen=True)
class RouterKey:
    """One key of `routers`, with the names of what it is about."""

    router: str
    group: str
    stream: str
    selection: Selection = "all"
    enabled: bool = True
    description: str = ""
    overrides: Mapping[Ref, Override] = field(default_factory=dict)


@dataclass
class StackFile:
    """The stack file."""

    keys: dict[str, RouterKey]
    max_deletes: int | None = None

    def config(self) -> dict[str, Any]:
        """What it says, without namespace."""
        limit = {} if self.max_deletes is None else {"max_deletes": self.max_deletes}
        return {"routers": {name: _written(key) for name, key in self.keys.items()}, **limit}

    def rewritten(self, names: Mapping[str, str]) -> StackFile:
        """The same with these names for attachments, by id; those that are missing are left out."""
        return StackFile({name: _rewritten(key, names) for name, key in self.keys.items()}, self.max_deletes)


@dataclass(frozen=True)
class ExpectedFlowLog:
    """One flow log that the file asks for; a name or description of None may be anything."""

    enabled: bool
    description: str
    name: str | None


@dataclass(frozen=True)
class Expectations:
    """All that the file asks for.

    Attributes:
        flow_logs: By target.
        impossible: What of it nobody can do; a run has to be refused because of it.
    """

    flow_logs: Mapping[Target, ExpectedFlowLog]
    impossible: tuple[str, ...] = ()

    @property
    def enabled(self) -> set[str]:
        """The attachments that are to be logged at every instant."""
        return {target[1] for target, wish in self.flow_logs.items() if wish.enabled}


def expect(file: StackFile, seen: Snapshot, ours: Set[Target]) -> Expectations:
    """What the file asks for in this cloud, where the stack has these flow logs."""
    found: dict[Target, ExpectedFlowLog] = {}
    impossible = []
    frozen = []
    for key in file.keys.values():
        for attachment in selected(key, seen):
            override = _override(key, attachment, seen)
            ids = seen.streams[key.group, override.stream or key.stream]
            target = (attachment.er_id, attachment.id, *ids)
            if attachment.state == FROZEN and target not in ours:
                frozen.append(attachment)
                continue
            if target in found:
                impossible.append(f"{attachment.name} is wanted twice in {key.group}/{override.stream or key.stream}")
            found[target] = ExpectedFlowLog(
                enabled=key.enabled if override.enabled is None else override.enabled,
                description=key.description if override.description is None else override.description,
                name=override.name,
            )
    at_work = {_target(one) for one in seen.flow_logs.values() if one.enabled}
    losing = {target[1] for target in ours if target not in found or (target in at_work and not found[target].enabled)}
    impossible += [f"{one.name} is frozen and would have to move" for one in frozen if one.id in losing]
    return Expectations(found, tuple(impossible))


def _target(flow_log: FlowLog) -> Target:
    return flow_log.er_id, flow_log.resource_id, flow_log.log_group_id, flow_log.log_stream_id


def selected(key: RouterKey, seen: Snapshot) -> list[Attachment]:
    """The attachments that a key asks for and that can be logged."""
    router_id = seen.routers[key.router]
    there = [one for one in seen.attachments.values() if one.er_id == router_id and one.resource_type in LOGGABLE]
    selection = key.selection
    if selection == "all":
        return there
    if isinstance(selection, tuple):
        chosen = {resolved(ref, router_id, seen) for ref in selection}
        return [one for one in there if one.id in chosen]
    assert isinstance(selection, Selector)
    included = {resolved(ref, router_id, seen) for ref in selection.include}
    excluded = {resolved(ref, router_id, seen) for ref in selection.exclude}
    return [one for one in there if (_fits(selection, one) or one.id in included) and one.id not in excluded]


def resolved(ref: Ref, router_id: str, seen: Snapshot) -> str | None:
    """The id of the attachment; if that is gone, of the one that has taken its name."""
    if ref.id in seen.attachments:
        return ref.id
    return next((one.id for one in seen.attachments.values() if one.er_id == router_id and one.name == ref.text), None)


def _fits(selector: Selector, attachment: Attachment) -> bool:
    if not _asks(selector):
        return not selector.include
    if selector.types is not None and attachment.resource_type not in selector.types:
        return False
    if selector.names is not None and not any(fnmatchcase(attachment.name, glob) for glob in selector.names):
        return False
    return all(attachment.tags.get(tag) == value for tag, value in selector.tags.items())


def _asks(selector: Selector) -> bool:
    return selector.types is not None or selector.names is not None or bool(selector.tags)


def _override(key: RouterKey, attachment: Attachment, seen: Snapshot) -> Override:
    router_id = seen.routers[key.router]
    for ref, override in key.overrides.items():
        if resolved(ref, router_id, seen) == attachment.id:
            return override
    return Override()


def _written(key: RouterKey) -> dict[str, Any]:
    written: dict[str, Any] = {
        "router": key.router,
        "log_group": key.group,
        "log_stream": key.stream,
        "attachments": _written_selection(key.selection),
        "enabled": key.enabled,
        "description": key.description,
    }
    if key.overrides:
        written["overrides"] = {
            ref.text: {
                field: value
                for field, value in (
                    ("log_stream", one.stream),
                    ("enabled", one.enabled),
                    ("name", one.name),
                    ("description", one.description),
                )
                if value is not None
            }
            for ref, one in key.overrides.items()
        }
    return written


def _written_selection(selection: Selection) -> Any:
    if isinstance(selection, Selector):
        written: dict[str, Any] = {}
        if selection.types is not None:
            written["types"] = list(selection.types)
        if selection.tags:
            written["tags"] = dict(selection.tags)
        if selection.names is not None:
            written["names"] = list(selection.names)
        if selection.include:
            written["include"] = [ref.text for ref in selection.include]
        if selection.exclude:
            written["exclude"] = [ref.text for ref in selection.exclude]
        return written
    return "all" if selection == "all" else [ref.text for ref in selection]


def _rewritten(key: RouterKey, names: Mapping[str, str]) -> RouterKey:
    def refs(old: tuple[Ref, ...]) -> tuple[Ref, ...]:
        return tuple(Ref(names[ref.id], ref.id) for ref in old if ref.id in names)

    selection = key.selection
    if isinstance(selection, tuple):
        selection = refs(selection)
    elif isinstance(selection, Selector):
        included = refs(selection.include)
        is_nothing = selection.include and not included and not _asks(selection)
        # A selector that includes nothing and asks for nothing means everything.
        selection = () if is_nothing else replace(selection, include=included, exclude=refs(selection.exclude))
    overrides = {Ref(names[ref.id], ref.id): one for ref, one in key.overrides.items() if ref.id in names}
    return replace(key, selection=selection, overrides=overrides)

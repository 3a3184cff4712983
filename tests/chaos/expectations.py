"""What a stack file asks for, in plain sets and dictionaries, without any code of the product.

A name in the file means the attachment that had it when it was written.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from emulator.flow_logs import AVAILABLE, FAILED, FlowLog
from emulator.log_tank import LogGroup, LogStream
from emulator.network import Attachment
from emulator.store import Store

LOGGABLE = ("vpc", "vpn", "vgw")
CREATION_TAG = "otc-flow-logs"
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
        log_stores: By `GROUP` or `GROUP/STREAM`, no matter who created them.
        flow_logs: By id, no matter who created them.
    """

    routers: Mapping[str, str]
    attachments: Mapping[str, Attachment]
    streams: Mapping[tuple[str, str], tuple[str, str]]
    log_stores: Mapping[str, LogGroup | LogStream]
    flow_logs: Mapping[str, FlowLog]

    def place(self, group: str, stream: str) -> tuple[str, str]:
        """The ids of a group and its stream; the names in place of them if there is no such stream."""
        return self.streams.get((group, stream), (group, stream))


def take_snapshot(store: Store) -> Snapshot:
    groups = [(group, store.log_tank.streams(group.project_id, group.id)) for group in store.log_tank.groups()]
    return Snapshot(
        routers={router.name: router.id for router in store.network.all_routers()},
        attachments={attachment.id: attachment for attachment in store.network.all_attachments()},
        streams={(group.name, stream.name): (group.id, stream.id) for group, streams in groups for stream in streams},
        log_stores={
            **{group.name: group for group, _ in groups},
            **{f"{group.name}/{stream.name}": stream for group, streams in groups for stream in streams},
        },
        flow_logs={flow_log.id: flow_log for flow_log in store.flow_logs.live()},
    )


def ever_failed(store: Store) -> set[str]:
    """The ids of the flow logs that have failed at any time."""
    with contextlib.closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute("SELECT DISTINCT flow_log_id FROM flow_log_version WHERE state = ?", (FAILED,))
        return {str(id_) for (id_,) in rows}


def target_of(flow_log: FlowLog) -> Target:
    return flow_log.er_id, flow_log.resource_id, flow_log.log_group_id, flow_log.log_stream_id


def is_logging(flow_log: FlowLog) -> bool:
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

    @property
    def has_conditions(self) -> bool:
        return self.types is not None or self.names is not None or bool(self.tags)

    def matches(self, attachment: Attachment) -> bool:
        if not self.has_conditions:
            return not self.include
        if self.types is not None and attachment.resource_type not in self.types:
            return False
        if self.names is not None and not any(fnmatchcase(attachment.name, glob) for glob in self.names):
            return False
        return all(attachment.tags.get(tag) == value for tag, value in self.tags.items())


@dataclass(frozen=True)
class Override:
    """What is different for one attachment."""

    log_stream: str | None = None
    enabled: bool | None = None
    name: str | None = None
    description: str | None = None


Selection = Literal["all"] | tuple[Ref, ...] | Selector


@dataclass(frozen=True)
class RouterKey:
    """One key of `routers`; this and its parts have the field names of the stack file."""

    router: str
    log_group: str
    log_stream: str
    attachments: Selection = "all"
    enabled: bool = True
    description: str = ""
    overrides: Mapping[Ref, Override] = field(default_factory=dict)


@dataclass(frozen=True)
class LogStoreSpec:
    """A log group or log stream; without `ttl_in_days`, any retention will do."""

    ttl_in_days: int | None
    tags: Mapping[str, str]
    delete: bool

    def is_met_by(self, store: LogGroup | LogStream) -> bool:
        tags = {key: value for key, value in store.tags.items() if key != CREATION_TAG}
        return self.ttl_in_days in (None, store.ttl_in_days) and tags == self.tags


@dataclass
class StackFile:
    """The stack file; its log groups and log streams by `GROUP` or `GROUP/STREAM`."""

    keys: dict[str, RouterKey]
    log_stores: dict[str, LogStoreSpec] = field(default_factory=dict)
    max_deletes: int | None = None

    @property
    def expected_log_stores(self) -> dict[str, LogStoreSpec]:
        """Those of the file, with the retention of its group for a log stream that has none of its own."""
        groups = {name: self.log_stores[name.partition("/")[0]] for name in self.log_stores}
        return {
            name: replace(spec, ttl_in_days=spec.ttl_in_days or groups[name].ttl_in_days)
            for name, spec in self.log_stores.items()
        }

    def deletes(self, name: str) -> bool:
        """Whether a log group or log stream is to be deleted with its records; with a group, its streams are."""
        return any(self.log_stores[part].delete for part in (name, name.partition("/")[0]))

    def config(self) -> dict[str, Any]:
        """Its values, by key without namespace."""
        limit = {} if self.max_deletes is None else {"max_deletes": self.max_deletes}
        groups: dict[str, Any] = {}
        for name in sorted(self.log_stores):
            spec = replace(self.log_stores[name], delete=self.deletes(name))
            group, _, stream = name.partition("/")
            if stream:
                groups[group]["streams"][stream] = _document(spec)
            else:
                groups[group] = {**_document(spec), "streams": {}}
        return {"routers": _document(self.keys), "log_groups": groups, **limit}

    def rewritten(self, names: Mapping[str, str]) -> StackFile:
        """The same with these names for attachments, by id; attachments without one are left out."""
        return replace(self, keys={name: _rewritten(key, names) for name, key in self.keys.items()})


@dataclass(frozen=True)
class ExpectedFlowLog:
    """One flow log that the file asks for; any name will do if it is None."""

    enabled: bool
    description: str
    name: str | None

    def is_met_by(self, flow_log: FlowLog) -> bool:
        return (
            flow_log.state == AVAILABLE
            and (flow_log.enabled, flow_log.description) == (self.enabled, self.description)
            and self.name in (None, flow_log.name)
        )


@dataclass(frozen=True)
class Expectations:
    """All that the file asks for.

    Attributes:
        flow_logs: By target.
        impossible: What of it cannot be done; a run has to be refused because of it.
    """

    flow_logs: Mapping[Target, ExpectedFlowLog]
    impossible: tuple[str, ...] = ()

    @property
    def enabled(self) -> set[str]:
        """The attachments that are to be logged at every instant."""
        return {target[1] for target, flow_log in self.flow_logs.items() if flow_log.enabled}


def expect(file: StackFile, snapshot: Snapshot, stack_targets: Set[Target]) -> Expectations:
    """What the file asks for in this cloud, if the stack has flow logs with these targets."""
    expected: dict[Target, ExpectedFlowLog] = {}
    impossible = []
    frozen = []
    # What has failed is created again, which is not possible for a frozen attachment.
    kept = stack_targets - {target_of(log) for log in snapshot.flow_logs.values() if log.state == FAILED}
    for key in file.keys.values():
        for attachment in selected(key, snapshot):
            override = override_of(key, attachment, snapshot)
            stream = override.log_stream or key.log_stream
            target = (attachment.er_id, attachment.id, *snapshot.place(key.log_group, stream))
            if (key.log_group, stream) not in snapshot.streams and f"{key.log_group}/{stream}" not in file.log_stores:
                impossible.append(f"there is no log stream {key.log_group}/{stream}")
            if attachment.state == FROZEN and target not in kept:
                frozen.append(attachment)
                continue
            if target in expected:
                impossible.append(f"{attachment.name} is wanted twice in {key.log_group}/{stream}")
            expected[target] = ExpectedFlowLog(
                enabled=key.enabled if override.enabled is None else override.enabled,
                description=key.description if override.description is None else override.description,
                name=override.name,
            )
    enabled = {target_of(flow_log) for flow_log in snapshot.flow_logs.values() if flow_log.enabled}
    losing = {
        target[1]
        for target in stack_targets
        if target not in expected or (target in enabled and not expected[target].enabled)
    }
    impossible += [
        f"{attachment.name} is frozen and would have to move" for attachment in frozen if attachment.id in losing
    ]
    return Expectations(expected, tuple(impossible))


def selected(key: RouterKey, snapshot: Snapshot) -> list[Attachment]:
    """The attachments that a key selects and that can be logged."""
    router_id = snapshot.routers[key.router]
    loggable = [
        attachment
        for attachment in snapshot.attachments.values()
        if attachment.er_id == router_id and attachment.resource_type in LOGGABLE
    ]

    def ids(refs: tuple[Ref, ...]) -> set[str | None]:
        return {resolved(ref, router_id, snapshot) for ref in refs}

    selection = key.attachments
    if selection == "all":
        return loggable
    if isinstance(selection, tuple):
        chosen = ids(selection)
        return [attachment for attachment in loggable if attachment.id in chosen]
    assert isinstance(selection, Selector)
    included, excluded = ids(selection.include), ids(selection.exclude)
    return [
        attachment
        for attachment in loggable
        if (selection.matches(attachment) or attachment.id in included) and attachment.id not in excluded
    ]


def resolved(ref: Ref, router_id: str, snapshot: Snapshot) -> str | None:
    """The id of the attachment; if that is gone, the id of the attachment that has taken its name."""
    if ref.id in snapshot.attachments:
        return ref.id
    attachments = snapshot.attachments.values()
    return next((found.id for found in attachments if (found.er_id, found.name) == (router_id, ref.text)), None)


def override_of(key: RouterKey, attachment: Attachment, snapshot: Snapshot) -> Override:
    router_id = snapshot.routers[key.router]
    for ref, override in key.overrides.items():
        if resolved(ref, router_id, snapshot) == attachment.id:
            return override
    return Override()


def _document(value: Any) -> Any:
    """A value as the stack file has it, without what is not set."""
    if isinstance(value, Ref):
        return value.text
    if isinstance(value, tuple):
        return [_document(part) for part in value]
    if isinstance(value, Mapping):
        return {_document(key): _document(part) for key, part in value.items()}
    if isinstance(value, Selector):
        return {key: _document(part) for key, part in vars(value).items() if part}
    if isinstance(value, RouterKey | Override | LogStoreSpec):
        return {key: _document(part) for key, part in vars(value).items() if part is not None}
    return value


def _rewritten(key: RouterKey, names: Mapping[str, str]) -> RouterKey:
    def rewrite(refs: tuple[Ref, ...]) -> tuple[Ref, ...]:
        return tuple(Ref(names[ref.id], ref.id) for ref in refs if ref.id in names)

    selection = key.attachments
    if isinstance(selection, tuple):
        selection = rewrite(selection)
    elif isinstance(selection, Selector):
        included = rewrite(selection.include)
        # A selector without conditions that includes nothing selects everything.
        is_empty = selection.include and not included and not selection.has_conditions
        selection = () if is_empty else replace(selection, include=included, exclude=rewrite(selection.exclude))
    overrides = {Ref(names[ref.id], ref.id): override for ref, override in key.overrides.items() if ref.id in names}
    return replace(key, attachments=selection, overrides=overrides)

"""Edits of a stack file and of the cloud, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from random import Random
from typing import Any

from bench.emulator_process import PROJECT_ID, TYPES
from bench.emulator_process import seed as world_of
from emulator.flow_logs import AVAILABLE, FAILED, PENDING, FlowLog, NewFlowLog
from emulator.log_tank import LogGroup, Settings
from emulator.network import Attachment
from emulator.rules import UNLIMITED
from emulator.store import Store
from tests.chaos.desired import OWN, RETENTIONS, TAGS, draw_log_store
from tests.chaos.expectations import (
    FROZEN,
    Expectations,
    Override,
    Ref,
    RouterKey,
    Selection,
    Selector,
    Snapshot,
    StackFile,
    Target,
    expect,
    override_of,
    resolved,
    selected,
    take_snapshot,
    target_of,
)

ROUTERS = ("er-bench", "er-bench-1")
GROUPS = {"network": ("er-flow-logs", "archive"), "security": ("audit", "perimeter")}
ATTACHMENTS = (4, 6)  # of each router
BY_ID = 0.2  # probabilities
MANY = 99
SOMEBODY_ELSE = "of-somebody-else"


def seed_document(rng: Random) -> dict[str, Any]:
    """A small cloud, as the emulator's seed file describes it."""
    fewest, most = ATTACHMENTS
    document = world_of(most, routers=len(ROUTERS))
    (project,) = document["projects"]
    project["log_groups"] = [
        {"name": group, "streams": [{"name": stream} for stream in streams]} for group, streams in GROUPS.items()
    ]
    for router in project["routers"]:
        del router["attachments"][rng.randint(fewest, most) :]
        for attachment in router["attachments"]:
            attachment |= {"resource_type": rng.choice(TYPES), "tags": rng.choice(TAGS)}
    return document


def first_file(rng: Random) -> StackFile:
    """A stack file for that cloud."""
    group = rng.choice(list(GROUPS))
    keys = {
        f"key-{number}": RouterKey(router, group, rng.choice(GROUPS[group])) for number, router in enumerate(ROUTERS)
    }
    stores = {name: draw_log_store(rng, name) for name in OWN}
    if rng.random() < 0.5:
        group, _, stream = rng.choice(OWN[1:]).partition("/")
        keys["key-0"] = RouterKey(ROUTERS[0], group, stream)
    return StackFile(keys, stores, max_deletes=MANY)


@dataclass
class Editor:
    """Edits the stack file, the cloud, and somebody else's flow logs.

    Attributes:
        rng: Decides.
        store: The cloud.
        file: The stack file.
        others: The ids of somebody else's flow logs.
        removed: Names of attachments that were removed.
        dropped: Log groups and log streams that were declared before; by name, whether they are deleted then.
        bearers: By name, the ids of all attachments that ever had it.
    """

    rng: Random
    store: Store
    file: StackFile
    others: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)
    dropped: dict[str, bool] = field(default_factory=dict)
    bearers: dict[str, set[str]] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self._record_names()

    def edit(self) -> str:
        """Edit something; what, in words."""
        while True:
            choice = self.rng.choice(EDITS)
            if done := choice(self):
                self._record_names()
                return f"{choice.__name__}: {done}"

    @property
    def has_trouble(self) -> bool:
        """Whether a run may have to be refused, or may fail, although the product is right."""
        snapshot = take_snapshot(self.store)
        expected = expect(self.file, snapshot, self.stack_targets(snapshot))
        logged = {target[1] for target in self.stack_targets(snapshot)}
        return bool(
            expected.impossible
            or self._drops_in_use(expected, snapshot)
            or self.others
            or self.file.max_deletes != MANY
            or self._has_quota
            or any(len(bearers) > 1 for bearers in self.bearers.values())
            or any(attachment.state == FROZEN for attachment in snapshot.attachments.values())
            or any(flow_log.state != AVAILABLE for flow_log in snapshot.flow_logs.values())
            or any(not self._is_current(ref, snapshot) for key in self.file.keys.values() for ref in _refs(key))
            # A router on which nothing is left to log is taken for a mistake.
            or any(
                logged.intersection(found.id for found in snapshot.attachments.values() if found.er_id == router_id)
                and not any(target[0] == router_id for target in expected.flow_logs)
                for router_id in snapshot.routers.values()
            )
        )

    @property
    def may_fail(self) -> bool:
        """Whether a run may fail for a reason that cannot be known in advance.

        What the quota counts is not certain, and a flow log with the very same words may be that of an interrupted run.
        """
        flow_logs = {flow_log.id: flow_log for flow_log in self.store.flow_logs.live()}
        return (
            self._has_quota
            or any(flow_logs[id_].name != SOMEBODY_ELSE for id_ in self.others if id_ in flow_logs)
            or any(flow_log.state != AVAILABLE for flow_log in flow_logs.values())
        )

    def stack_targets(self, snapshot: Snapshot) -> set[Target]:
        """The targets of the stack's flow logs."""
        return {target_of(flow_log) for id_, flow_log in snapshot.flow_logs.items() if id_ not in self.others}

    def end_all_trouble(self) -> None:
        """Thaw, lift the quota, delete what is in the way, and write names as they are now."""
        self.store.set_quota(UNLIMITED)
        for attachment in self.store.network.all_attachments():
            self.store.set_attachment_state(attachment.id, AVAILABLE)
        for flow_log in self.store.flow_logs.live():
            if flow_log.id in self.others:
                self.store.delete_flow_log(flow_log.id)
            elif flow_log.state == PENDING:
                self.store.set_flow_log_state(flow_log.id, AVAILABLE)
        self.others.clear()
        snapshot = take_snapshot(self.store)
        self.file = self.file.rewritten(self._clear_names(snapshot))
        self.file.max_deletes = MANY
        self._declare_all_log_stores(snapshot)
        self._drop_duplicates(snapshot)
        self._deselect_where_nothing_is_left(snapshot)

    def _drops_in_use(self, expected: Expectations, snapshot: Snapshot) -> bool:
        """Whether anything is to be deleted that flow logs write to, or with which more would be deleted."""
        targets = {id_ for target in expected.flow_logs for id_ in target[2:]}
        for name, is_deleted in self.dropped.items():
            store = snapshot.log_stores.get(name)
            if store and is_deleted:
                kept = [other for other in snapshot.log_stores if other.startswith(f"{name}/")]
                if store.id in targets or not all(self.dropped.get(other) for other in kept):
                    return True
        named = {f"{key.log_group}/{stream}" for key in self.file.keys.values() for stream in _streams(key)}
        return not named <= snapshot.log_stores.keys() | self.file.log_stores.keys()

    def _declare_all_log_stores(self, snapshot: Snapshot) -> None:
        """Declare all that exists of the stack's, and all that flow logs are to write to."""
        named = {f"{key.log_group}/{stream}" for key in self.file.keys.values() for stream in _streams(key)}
        for name in sorted(named | snapshot.log_stores.keys()):
            if name.partition("/")[0] not in GROUPS:
                self._declare(name.partition("/")[0])
                self._declare(name)

    def _declare(self, name: str) -> None:
        if name not in self.file.log_stores:
            self.file.log_stores[name] = draw_log_store(self.rng, name)
            self.dropped.pop(name, None)

    def _drop_duplicates(self, snapshot: Snapshot) -> None:
        """Where two keys want the same target, deselect it in the later one."""
        while expect(self.file, snapshot, self.stack_targets(snapshot)).impossible:
            taken: set[tuple[str, str, str]] = set()
            for name, key in self.file.keys.items():
                kept = []
                for attachment in selected(key, snapshot):
                    target = attachment.id, key.log_group, _stream(key, attachment, snapshot)
                    if target not in taken:
                        taken.add(target)
                        kept.append(Ref(attachment.id, attachment.id))
                self._replace_key(name, attachments=tuple(kept))

    def _deselect_where_nothing_is_left(self, snapshot: Snapshot) -> None:
        expected = expect(self.file, snapshot, self.stack_targets(snapshot))
        for name, key in self.file.keys.items():
            if not any(target[0] == snapshot.routers[key.router] for target in expected.flow_logs):
                self._replace_key(name, attachments=())

    def _record_names(self) -> None:
        for attachment in self.store.network.all_attachments():
            self.bearers.setdefault(attachment.name, set()).add(attachment.id)

    def _is_current(self, ref: Ref, snapshot: Snapshot) -> bool:
        return ref.id in snapshot.attachments and ref.text in (ref.id, snapshot.attachments[ref.id].name)

    def _clear_names(self, snapshot: Snapshot) -> dict[str, str]:
        """By id, how to name each attachment: by its id if others have had its name, too."""
        return {
            found.id: found.name if len(self.bearers[found.name]) == 1 else found.id
            for found in snapshot.attachments.values()
        }

    @property
    def _has_quota(self) -> bool:
        return self.store.quotas.of(PROJECT_ID).limit != UNLIMITED

    # The stack file.

    def rename_key(self) -> str:
        old = self._key()
        new = self._fresh("key")
        self.file.keys = {new if name == old else name: key for name, key in self.file.keys.items()}
        return f"{old} is {new}"

    def merge_keys(self) -> str:
        if not (pairs := self._pairs()):
            return ""
        kept, gone = self.rng.choice(pairs)
        snapshot = take_snapshot(self.store)
        key, merged = self.file.keys[kept], self.file.keys.pop(gone)
        own = selected(key, snapshot)
        added = [attachment for attachment in selected(merged, snapshot) if attachment not in own]
        overrides = dict(key.overrides)
        for attachment in added:
            stream = _stream(merged, attachment, snapshot) if merged.log_group == key.log_group else None
            _set(
                overrides, self._ref(attachment), replace(override_of(merged, attachment, snapshot), log_stream=stream)
            )
        self._replace_key(kept, attachments=self._refs([*own, *added]), overrides=overrides)
        return f"{gone} into {kept}"

    def split_key(self) -> str:
        old = self._key()
        key, snapshot = self.file.keys[old], take_snapshot(self.store)
        attachments = selected(key, snapshot)
        if len(attachments) < 2 or len(self.file.keys) > 4:
            return ""
        self.rng.shuffle(attachments)
        middle = len(attachments) // 2
        new = self._fresh("key")

        def part(chosen: list[Attachment]) -> RouterKey:
            return replace(key, attachments=self._refs(chosen), overrides=_overrides_for(key, chosen, snapshot))

        self.file.keys[old] = part(attachments[:middle])
        stream = self.rng.choice(
            [key.log_stream, key.log_stream, _other(self.rng, self._streams(key.log_group), key.log_stream)]
        )
        self.file.keys[new] = replace(part(attachments[middle:]), log_stream=stream)
        return f"{old} into {old} and {new}, which logs to {stream}"

    def swap_keys(self) -> str:
        """Swap two keys, or only what they log to."""
        if len(self.file.keys) < 2:
            return ""
        first, second = self.rng.sample(list(self.file.keys), 2)
        key, other = self.file.keys[first], self.file.keys[second]
        if swaps_all := self.rng.random() < 0.5:
            self.file.keys[first], self.file.keys[second] = other, key
        else:
            self._set_stream(first, other.log_group, other.log_stream)
            self._set_stream(second, key.log_group, key.log_stream)
        return f"{first} and {second}{'' if swaps_all else ', their streams'}"

    def move(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        group = self.rng.choice(self._groups())
        stream = _other(self.rng, self._streams(group), key.log_stream)
        self._set_stream(name, group, stream)
        return f"{name} to {group}/{stream}"

    def change_selection(self) -> str:
        name = self._key()
        selection = self._selection(self._attachments_of(self.file.keys[name].router))
        self._replace_key(name, attachments=selection)
        return f"{name} selects {selection}"

    def change_override(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        ref = self._ref(self.rng.choice(self._attachments_of(key.router)))
        override = Override(
            log_stream=self.rng.choice([None, *self._streams(key.log_group)]),
            enabled=self.rng.choice([None, True, False]),
            name=self.rng.choice([None, None, self._fresh("named")]),
            description=self.rng.choice([None, None, self._fresh("described")]),
        )
        self._set_override(name, ref, override)
        return f"{name} of {ref.text}: {override}"

    def drop_override(self) -> str:
        name = self._key()
        overrides = dict(self.file.keys[name].overrides)
        if not overrides:
            return ""
        ref = self.rng.choice(list(overrides))
        del overrides[ref]
        self._replace_key(name, overrides=overrides)
        return f"{name} of {ref.text}"

    def change_key(self) -> str:
        name = self._key()
        change = self.rng.choice(({"enabled": not self.file.keys[name].enabled}, {"description": self._fresh("text")}))
        self._replace_key(name, **change)
        return f"{name} {change}"

    def add_key(self) -> str:
        """Log attachments of a router to one more stream."""
        if len(self.file.keys) > 4:
            return ""
        router = self.rng.choice(ROUTERS)
        group = self.rng.choice(self._groups())
        taken = {key.log_stream for key in self.file.keys.values() if (key.router, key.log_group) == (router, group)}
        free = [stream for stream in self._streams(group) if stream not in taken]
        if not free:
            return ""
        attachments = self._attachments_of(router)
        chosen = self.rng.sample(attachments, self.rng.randint(1, len(attachments)))
        name = self._fresh("key")
        self.file.keys[name] = RouterKey(
            router, group, self.rng.choice(free), self._refs(chosen), enabled=self.rng.random() < 0.6
        )
        return f"{name}: {self.file.keys[name]}"

    def drop_key(self) -> str:
        if len(self.file.keys) < 3:
            return ""
        name = self._key()
        del self.file.keys[name]
        return name

    def flip(self) -> str:
        """Enable one of two flow logs of an attachment, and disable the other."""
        snapshot = take_snapshot(self.store)
        pairs = [
            (attachment, *pair)
            for pair in self._pairs()
            for attachment in selected(self.file.keys[pair[0]], snapshot)
            if attachment in selected(self.file.keys[pair[1]], snapshot)
        ]
        if not pairs:
            return self.add_key()
        attachment, first, second = self.rng.choice(pairs)
        override = override_of(self.file.keys[first], attachment, snapshot)
        enabled = self.file.keys[first].enabled if override.enabled is None else override.enabled
        for name, value in ((first, not enabled), (second, enabled)):
            override = replace(override_of(self.file.keys[name], attachment, snapshot), enabled=value)
            self._set_override(name, self._ref(attachment), override)
        return f"{attachment.name} of {first} {not enabled}, of {second} {enabled}"

    def limit_deletions(self) -> str:
        self.file.max_deletes = self.rng.choice([None, 0, 2, *[MANY] * 6])
        return str(self.file.max_deletes)

    # Log groups and log streams.

    def add_log_store(self) -> str:
        """Declare one more, perhaps one that was dropped, with a log stream if it is a group."""
        groups = [name for name in self.file.log_stores if "/" not in name]
        fresh = f"{self.rng.choice(groups)}/{self._fresh('stream')}" if groups else f"{self._fresh('group')}/flow"
        others = [f"{self._fresh('group')}/flow"] * (len(groups) < 3)
        name = self.rng.choice([fresh, *others, *sorted(self.dropped)])
        self._declare(name.partition("/")[0])
        self._declare(name)
        return f"{name} {self.file.log_stores[name]}"

    def change_log_store(self) -> str:
        if not self.file.log_stores:
            return ""
        name = self.rng.choice(list(self.file.log_stores))
        self.file.log_stores[name] = draw_log_store(self.rng, name)
        return f"{name} {self.file.log_stores[name]}"

    def drop_log_store(self) -> str:
        """Declare one no more, a group with its streams, whether flow logs write to it or not."""
        if not self.file.log_stores:
            return ""
        chosen = self.rng.choice(list(self.file.log_stores))
        for name in sorted(self.file.log_stores, reverse=True):  # streams first
            if name == chosen or name.startswith(f"{chosen}/"):
                self._drop(name)
        return chosen

    def leave_and_drop_log_stream(self) -> str:
        """Have all keys log elsewhere, and declare the log stream no more, in one edit."""
        streams = [name for name in self.file.log_stores if "/" in name]
        if not streams:
            return ""
        group, stream = (name := self.rng.choice(streams)).split("/")
        self._drop(name)
        for key_name, key in list(self.file.keys.items()):
            if key.log_group == group and stream in _streams(key):
                other = self.rng.choice(list(GROUPS))
                self._set_stream(key_name, other, self.rng.choice(GROUPS[other]))
        return name

    def change_log_store_by_hand(self) -> str:
        """Change the retention and the tags of one in the console."""
        if not (names := self._existing_log_stores()):
            return ""
        name = self.rng.choice(names)
        store = take_snapshot(self.store).log_stores[name]
        tags = {**store.tags, **self.rng.choice(TAGS)}
        settings = Settings(self.rng.choice(RETENTIONS), tags)
        if isinstance(store, LogGroup):
            self.store.log_tank.update_group(PROJECT_ID, store.id, settings)
        else:
            self.store.log_tank.update_stream(PROJECT_ID, store.log_group_id, store.id, settings)
        return f"{name} {settings.ttl_in_days} {tags}"

    def delete_log_store_by_hand(self) -> str:
        """Delete one that is declared, a group with its streams."""
        if not (names := self._existing_log_stores()):
            return ""
        group, _, stream = (name := self.rng.choice(names)).partition("/")
        if stream:
            self.store.remove_log_stream(group, stream)
        else:
            self.store.remove_log_group(group)
        return name

    # The console.

    def attach(self) -> str:
        type_ = self.rng.choice([*TYPES, *TYPES, "cfw"])
        name = self.rng.choice(self.removed) if self.removed and self.rng.random() < 0.3 else self._fresh(type_)
        if any(attachment.name == name for attachment in self._attachments()):
            name = self._fresh(type_)
        self.store.add_attachment(self.rng.choice(ROUTERS), name, resource_type=type_, tags=self.rng.choice(TAGS))
        return name

    def detach(self) -> str:
        attachments = self._attachments_of(self.rng.choice(ROUTERS))
        if len(attachments) < 3:
            return ""
        attachment = self.rng.choice(attachments)
        self.store.remove_attachment(attachment.id)
        self.removed.append(attachment.name)
        return attachment.name

    def rename_attachment(self) -> str:
        attachment = self.rng.choice(self._attachments())
        name = self._fresh(self.rng.choice(TYPES))
        self.store.rename_attachment(attachment.id, name)
        return f"{attachment.name} is {name}"

    def swap_names(self) -> str:
        first, second = self.rng.sample(self._attachments_of(self.rng.choice(ROUTERS)), 2)
        self.store.rename_attachment(first.id, second.name)
        self.store.rename_attachment(second.id, first.name)
        return f"{first.name} and {second.name}"

    def retag(self) -> str:
        attachment = self.rng.choice(self._attachments())
        tags = self.rng.choice(TAGS)
        self.store.tag_attachment(attachment.id, tags)
        return f"{attachment.name} has {tags}"

    def freeze(self) -> str:
        """Freeze an attachment, or thaw all."""
        frozen = [attachment for attachment in self._attachments() if attachment.state == FROZEN]
        is_thaw = bool(frozen) and self.rng.random() < 0.7
        for attachment in frozen if is_thaw else [self.rng.choice(self._attachments())]:
            self.store.set_attachment_state(attachment.id, AVAILABLE if is_thaw else FROZEN)
        return f"{len(frozen)} thawed" if is_thaw else "one more"

    def correct_names(self) -> str:
        """Write names as they are now, or ids if others have had the name, too."""
        snapshot = take_snapshot(self.store)
        refs = [ref for key in self.file.keys.values() for ref in _refs(key)]
        if all(self._is_current(ref, snapshot) and len(self.bearers.get(ref.text, ())) < 2 for ref in refs):
            return ""
        self.file = self.file.rewritten(self._clear_names(snapshot))
        return "all"

    # Trouble.

    def block(self) -> str:
        """Want a flow log whose target somebody else has taken."""
        name = self._key()
        key, snapshot = self.file.keys[name], take_snapshot(self.store)
        available = [attachment for attachment in selected(key, snapshot) if attachment.state == AVAILABLE]
        if not available:
            return ""
        attachment = self.rng.choice(available)
        stream = _other(self.rng, self._streams(key.log_group), _stream(key, attachment, snapshot))
        if (key.log_group, stream) not in snapshot.streams:
            return ""
        group_id, stream_id = snapshot.streams[key.log_group, stream]
        if (attachment.er_id, attachment.id, group_id, stream_id) in map(target_of, snapshot.flow_logs.values()):
            return ""
        flow_log_name = self._fresh("named")
        new = NewFlowLog(
            name=self.rng.choice([SOMEBODY_ELSE, SOMEBODY_ELSE, flow_log_name]),
            description="",
            resource_id=attachment.id,
            log_group_id=group_id,
            log_stream_id=stream_id,
        )
        self.store.set_quota(UNLIMITED)
        created = self.store.flow_logs.create(PROJECT_ID, attachment.er_id, new)
        self.store.set_flow_log_state(created.id, AVAILABLE)
        # It logs nothing: its records would hide a gap of the stack's flow logs.
        self.store.disable_flow_log(created.id)
        self.others.add(created.id)
        if self.rng.random() < 0.8:
            self._set_override(name, self._ref(attachment), Override(log_stream=stream, name=flow_log_name))
        return f"{attachment.name} in {key.log_group}/{stream} by {new.name}"

    def unblock(self) -> str:
        ids = self.others.intersection(flow_log.id for flow_log in self.store.flow_logs.live())
        for id_ in sorted(ids):
            self.store.delete_flow_log(id_)
        self.others.clear()
        return f"{len(ids)} flow logs" if ids else ""

    def change_quota(self) -> str:
        """Leave little room, or lift the limit."""
        limit = UNLIMITED if self._has_quota else len(self.store.flow_logs.live()) + self.rng.randint(0, 2)
        self.store.set_quota(limit)
        return str(limit)

    def fail(self) -> str:
        """Have one of the stack's flow logs fail."""
        if not (available := [flow_log for flow_log in self._live() if flow_log.state == AVAILABLE]):
            return ""
        flow_log = self.rng.choice(available)
        self.store.set_flow_log_state(flow_log.id, FAILED)
        return flow_log.name

    def delete_flow_log(self) -> str:
        """Delete one of the stack's flow logs, as somebody does with the console."""
        if not (flow_logs := self._live()):
            return ""
        flow_log = self.rng.choice(flow_logs)
        self.store.delete_flow_log(flow_log.id)
        return flow_log.name

    # What these need.

    def _pairs(self) -> list[tuple[str, str]]:
        """All two keys of one router."""
        keys = self.file.keys
        return [pair for pair in combinations(sorted(keys), 2) if keys[pair[0]].router == keys[pair[1]].router]

    def _drop(self, name: str) -> None:
        self.dropped[name] = self.file.deletes(name)
        del self.file.log_stores[name]

    def _existing_log_stores(self) -> list[str]:
        """Those of the stack that exist."""
        return [name for name in take_snapshot(self.store).log_stores if name in self.file.log_stores]

    def _groups(self) -> list[str]:
        """The log groups that have log streams, and that are declared or were there from the start."""
        return [*GROUPS, *dict.fromkeys(name.partition("/")[0] for name in self.file.log_stores if "/" in name)]

    def _streams(self, group: str) -> list[str]:
        """The log streams of a group, likewise."""
        own = [name.partition("/")[2] for name in self.file.log_stores if name.startswith(f"{group}/")]
        return [*GROUPS.get(group, ()), *own]

    def _replace_key(self, name: str, **changes: Any) -> None:
        self.file.keys[name] = replace(self.file.keys[name], **changes)

    def _set_override(self, name: str, ref: Ref, override: Override) -> None:
        overrides = dict(self.file.keys[name].overrides)
        _set(overrides, ref, override)
        self._replace_key(name, overrides=overrides)

    def _live(self) -> list[FlowLog]:
        """The stack's flow logs."""
        flow_logs = [flow_log for flow_log in self.store.flow_logs.live() if flow_log.id not in self.others]
        return sorted(flow_logs, key=target_of)

    def _key(self) -> str:
        return self.rng.choice(list(self.file.keys))

    def _fresh(self, what: str) -> str:
        self._number += 1
        return f"{what}-{self._number:03}"

    def _set_stream(self, name: str, group: str, stream: str) -> None:
        """Have a key log there, without overrides to streams that the group does not have."""
        streams = self._streams(group)
        overrides = {
            ref: replace(override, log_stream=override.log_stream if override.log_stream in streams else None)
            for ref, override in self.file.keys[name].overrides.items()
        }
        self._replace_key(name, log_group=group, log_stream=stream, overrides=overrides)

    def _attachments(self) -> list[Attachment]:
        return sorted(self.store.network.all_attachments(), key=lambda attachment: attachment.id)

    def _attachments_of(self, router: str) -> list[Attachment]:
        router_id = self.store.router(router).id
        return [attachment for attachment in self._attachments() if attachment.er_id == router_id]

    def _ref(self, attachment: Attachment) -> Ref:
        is_clear = len(self.bearers.get(attachment.name, ())) < 2
        by_id = self.rng.random() < (BY_ID if is_clear else 0.8)
        return Ref(attachment.id if by_id else attachment.name, attachment.id)

    def _refs(self, attachments: Sequence[Attachment]) -> tuple[Ref, ...]:
        return tuple(map(self._ref, attachments))

    def _some(self, attachments: Sequence[Attachment]) -> tuple[Ref, ...]:
        return self._refs(self.rng.sample(attachments, self.rng.randint(0, min(2, len(attachments)))))

    def _selection(self, attachments: Sequence[Attachment]) -> Selection:
        kind = self.rng.choice(("all", "all", "list", "types", "tags", "names", "include"))
        if kind == "all":
            return "all"
        if kind == "list":
            return self._refs(self.rng.sample(attachments, self.rng.randint(1, len(attachments))))
        return Selector(
            types=tuple(self.rng.sample(TYPES, 2)) if kind == "types" else None,
            tags={"env": self.rng.choice(("prod", "test"))} if kind == "tags" else {},
            names=(f"{self.rng.choice(TYPES)}-*", "v*-*1") if kind == "names" else None,
            include=self._some(attachments),
            exclude=self._some(attachments),
        )


_WEIGHTS: Mapping[int, Sequence[Callable[[Editor], str]]] = {
    2: (
        Editor.drop_override,
        Editor.drop_key,
        Editor.swap_names,
        Editor.fail,
        Editor.delete_flow_log,
    ),
    3: (Editor.detach, Editor.retag),
    4: (
        Editor.rename_key,
        Editor.merge_keys,
        Editor.split_key,
        Editor.change_log_store_by_hand,
        Editor.delete_log_store_by_hand,
        Editor.drop_log_store,
    ),
    5: (
        Editor.change_log_store,
        Editor.leave_and_drop_log_stream,
        Editor.change_key,
        Editor.add_key,
        Editor.attach,
        Editor.rename_attachment,
        Editor.block,
    ),
    6: (Editor.add_log_store, Editor.change_selection, Editor.correct_names, Editor.freeze, Editor.change_quota),
    8: (Editor.change_override, Editor.flip, Editor.swap_keys, Editor.limit_deletions, Editor.unblock),
    10: (Editor.move,),
}
EDITS = [edit for weight, edits in _WEIGHTS.items() for edit in edits for _ in range(weight)]
"""All edits, each as often as it is likely."""


def _other(rng: Random, values: Sequence[str], than: str) -> str:
    return rng.choice([value for value in values if value != than] or [than])


def _set(overrides: dict[Ref, Override], ref: Ref, override: Override) -> None:
    """Set an attachment's override in place of all others that it has."""
    for old in [old for old in overrides if old.id == ref.id or old.text == ref.text]:
        del overrides[old]
    overrides[ref] = override


def _refs(key: RouterKey) -> list[Ref]:
    selection = key.attachments
    if isinstance(selection, Selector):
        return [*selection.include, *selection.exclude, *key.overrides]
    return [*(selection if isinstance(selection, tuple) else ()), *key.overrides]


def _streams(key: RouterKey) -> list[str]:
    """The log streams that a key names."""
    return [key.log_stream, *(override.log_stream for override in key.overrides.values() if override.log_stream)]


def _overrides_for(key: RouterKey, attachments: Sequence[Attachment], snapshot: Snapshot) -> dict[Ref, Override]:
    ids, router_id = {attachment.id for attachment in attachments}, snapshot.routers[key.router]
    return {ref: override for ref, override in key.overrides.items() if resolved(ref, router_id, snapshot) in ids}


def _stream(key: RouterKey, attachment: Attachment, snapshot: Snapshot) -> str:
    return override_of(key, attachment, snapshot).log_stream or key.log_stream

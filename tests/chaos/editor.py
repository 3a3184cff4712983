"""Edits of a stack file and of the cloud behind it, drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from emulator.flow_logs import AVAILABLE, FAILED, PENDING, NewFlowLog
from emulator.network import Attachment
from emulator.rules import UNLIMITED
from emulator.store import Store
from tests.chaos.expectations import (
    FROZEN,
    Override,
    Ref,
    RouterKey,
    Selection,
    Selector,
    Snapshot,
    StackFile,
    Target,
    expect,
    resolved,
    selected,
    take_snapshot,
    target_of,
)

PROJECT, PROJECT_ID = "eu-de", "0605767a9980d5762fbcc00b3537e757"
DOMAIN, USER, PASSWORD = "OTC-CHAOS", "chaos", "only-on-loopback"
ROUTERS = ("er-core", "er-edge")
GROUPS = {"network": ("er-flow-logs", "archive"), "security": ("audit", "perimeter")}
TYPES = ("vpc", "vpn", "vgw")
TAGS: tuple[dict[str, str], ...] = ({"env": "prod"}, {"env": "test"}, {})
ATTACHMENTS = (4, 6)  # of each router
BY_ID = 0.2  # probabilities
MANY = 99
SOMEBODY_ELSE = "of-somebody-else"


def seed_document(rng: Random) -> dict[str, Any]:
    """A small cloud, as a seed file has it."""
    return {
        "domain": {"name": DOMAIN},
        "users": [{"name": USER, "password": PASSWORD}],
        "projects": [
            {
                "id": PROJECT_ID,
                "name": PROJECT,
                "quotas": {"flow_log": UNLIMITED},
                "routers": [_router(rng, number, name) for number, name in enumerate(ROUTERS)],
                "log_groups": [
                    {"name": group, "streams": [{"name": stream} for stream in streams]}
                    for group, streams in GROUPS.items()
                ],
            }
        ],
    }


def _router(rng: Random, router: int, name: str) -> dict[str, Any]:
    attachments = []
    for number in range(rng.randint(*ATTACHMENTS)):
        type_ = rng.choice(TYPES)
        attachments.append(
            {
                "id": f"00000000-0000-4000-a000-{router:06}{number:06}",
                "name": f"{type_}-{router}{number}",
                "resource_type": type_,
                "resource_id": f"00000000-0000-4000-c000-{router:06}{number:06}",
                "tags": rng.choice(TAGS),
            }
        )
    return {"id": f"00000000-0000-4000-8000-{router:012}", "name": name, "attachments": attachments}


def first_file(rng: Random) -> StackFile:
    """A stack file for that cloud."""
    group = rng.choice(list(GROUPS))
    keys = {
        f"key-{number}": RouterKey(router, group, rng.choice(GROUPS[group])) for number, router in enumerate(ROUTERS)
    }
    return StackFile(keys, max_deletes=MANY)


@dataclass
class Editor:
    """Somebody who edits the stack file, the console, and others' flow logs.

    Attributes:
        rng: Decide.
        store: The cloud.
        file: The stack file.
        others: The ids of others' flow logs.
        removed: Names of attachments that were removed.
        bearers: By name, the ids of all attachments that ever had it.
    """

    rng: Random
    store: Store
    file: StackFile
    others: set[str] = field(default_factory=set)
    removed: list[str] = field(default_factory=list)
    bearers: dict[str, set[str]] = field(default_factory=dict)
    _number: int = 0

    def __post_init__(self) -> None:
        self._note_names()

    def edit(self) -> str:
        """Edit something; what, in words."""
        choices = list(EDITS)
        while True:
            choice = self.rng.choices(choices, [EDITS[one] for one in choices])[0]
            if done := choice(self):
                self._note_names()
                return f"{choice.__name__}: {done}"

    @property
    def has_trouble(self) -> bool:
        """Whether a run may have to be refused, or may fail, although nothing is wrong with the product."""
        seen = take_snapshot(self.store)
        expected = expect(self.file, seen, self.ours(seen))
        logged = {target[1] for target in self.ours(seen)}
        return bool(
            expected.impossible
            or self.others
            or self.file.max_deletes != MANY
            or self.store.quotas.of(PROJECT_ID).limit != UNLIMITED
            or any(len(bearers) > 1 for bearers in self.bearers.values())
            or any(one.state == FROZEN for one in seen.attachments.values())
            or any(one.state != AVAILABLE for one in seen.flow_logs.values())
            or any(not self._is_current(ref, seen) for key in self.file.keys.values() for ref in _refs(key))
            # A router on which nothing is left to log is taken for a mistake.
            or any(
                logged.intersection(one.id for one in seen.attachments.values() if one.er_id == router_id)
                and not any(target[0] == router_id for target in expected.flow_logs)
                for router_id in seen.routers.values()
            )
        )

    @property
    def may_fail(self) -> bool:
        """Whether a run may fail for a reason that nobody can know before."""
        flow_logs = {one.id: one for one in self.store.flow_logs.live()}
        return (
            # What the quota counts is not certain, and one in the very words may be what an interrupted run has made.
            self.store.quotas.of(PROJECT_ID).limit != UNLIMITED
            or any(flow_logs[id_].name != SOMEBODY_ELSE for id_ in self.others if id_ in flow_logs)
            or any(one.state != AVAILABLE for one in flow_logs.values())
        )

    def ours(self, seen: Snapshot) -> set[Target]:
        """The targets of the stack's flow logs."""
        return {target_of(one) for id_, one in seen.flow_logs.items() if id_ not in self.others}

    def lift_all_trouble(self) -> None:
        """Thaw, lift the quota, take away what is in the way, and write names as they are now."""
        self.store.set_quota(UNLIMITED)
        for attachment in self.store.network.all_attachments():
            self.store.set_attachment_state(attachment.id, AVAILABLE)
        for flow_log in self.store.flow_logs.live():
            if flow_log.id in self.others:
                self.store.delete_flow_log(flow_log.id)
            elif flow_log.state == PENDING:
                self.store.set_flow_log_state(flow_log.id, AVAILABLE)
        self.others.clear()
        seen = take_snapshot(self.store)
        # A name that several have had says to the product that one may be mistaken for another.
        names = {one.id: one.name if len(self.bearers[one.name]) == 1 else one.id for one in seen.attachments.values()}
        self.file = self.file.rewritten(names)
        self.file.max_deletes = MANY
        self._drop_duplicates(take_snapshot(self.store))
        self._say_nothing_where_nothing_is_left(seen)

    def _drop_duplicates(self, seen: Snapshot) -> None:
        """Of two keys that want the same, let the later one do without."""
        while expect(self.file, seen, self.ours(seen)).impossible:
            taken: set[tuple[str, str, str]] = set()
            for name, key in self.file.keys.items():
                kept = []
                for attachment in selected(key, seen):
                    stream = _stream(key, attachment, seen)
                    if (attachment.id, key.group, stream) not in taken:
                        taken.add((attachment.id, key.group, stream))
                        kept.append(Ref(attachment.id, attachment.id))
                self.file.keys[name] = replace(key, selection=tuple(kept))

    def _say_nothing_where_nothing_is_left(self, seen: Snapshot) -> None:
        expected = expect(self.file, seen, self.ours(seen))
        for name, key in self.file.keys.items():
            if not any(target[0] == seen.routers[key.router] for target in expected.flow_logs):
                self.file.keys[name] = replace(key, selection=())

    def _note_names(self) -> None:
        for one in self.store.network.all_attachments():
            self.bearers.setdefault(one.name, set()).add(one.id)

    def _is_current(self, ref: Ref, seen: Snapshot) -> bool:
        return ref.id in seen.attachments and ref.text in (ref.id, seen.attachments[ref.id].name)

    # The stack file.

    def rename_key(self) -> str:
        old = self._key()
        new = self._fresh("key")
        self.file.keys = {new if name == old else name: key for name, key in self.file.keys.items()}
        return f"{old} is {new}"

    def merge_keys(self) -> str:
        pairs = [
            (one, other)
            for one in self.file.keys
            for other in self.file.keys
            if one < other and self.file.keys[one].router == self.file.keys[other].router
        ]
        if not pairs:
            return ""
        kept, gone = self.rng.choice(pairs)
        seen = take_snapshot(self.store)
        key, merged = self.file.keys[kept], self.file.keys.pop(gone)
        own = selected(key, seen)
        added = [one for one in selected(merged, seen) if one.id not in {one.id for one in own}]
        overrides = dict(key.overrides)
        for attachment in added:
            override = _override_of(merged, attachment, seen)
            stream = _stream(merged, attachment, seen)
            _set(
                overrides,
                self._ref(attachment),
                replace(override, stream=stream if merged.group == key.group else None),
            )
        self.file.keys[kept] = replace(key, selection=self._refs([*own, *added]), overrides=overrides)
        return f"{gone} into {kept}"

    def split_key(self) -> str:
        old = self._key()
        key, seen = self.file.keys[old], take_snapshot(self.store)
        there = selected(key, seen)
        if len(there) < 2 or len(self.file.keys) > 4:
            return ""
        self.rng.shuffle(there)
        first, second = there[: len(there) // 2], there[len(there) // 2 :]
        new = self._fresh("key")
        self.file.keys[old] = replace(key, selection=self._refs(first), overrides=_overrides_for(key, first, seen))
        stream = self.rng.choice([key.stream, key.stream, _other(self.rng, GROUPS[key.group], key.stream)])
        self.file.keys[new] = replace(
            key, stream=stream, selection=self._refs(second), overrides=_overrides_for(key, second, seen)
        )
        return f"{old} into {old} and {new}, which logs to {stream}"

    def swap_keys(self) -> str:
        if len(self.file.keys) < 2:
            return ""
        one, other = self.rng.sample(list(self.file.keys), 2)
        self.file.keys[one], self.file.keys[other] = self.file.keys[other], self.file.keys[one]
        return f"{one} and {other}"

    def swap_streams(self) -> str:
        if len(self.file.keys) < 2:
            return ""
        one, other = self.rng.sample(list(self.file.keys), 2)
        first, second = self.file.keys[one], self.file.keys[other]
        self._put(one, replace(first, group=second.group, stream=second.stream))
        self._put(other, replace(second, group=first.group, stream=first.stream))
        return f"{one} and {other}"

    def move_stream(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        stream = _other(self.rng, GROUPS[key.group], key.stream)
        self._put(name, replace(key, stream=stream))
        return f"{name} to {stream}"

    def move_group(self) -> str:
        name = self._key()
        group = _other(self.rng, list(GROUPS), self.file.keys[name].group)
        self._put(name, replace(self.file.keys[name], group=group, stream=self.rng.choice(GROUPS[group])))
        return f"{name} to {group}"

    def change_selection(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        selection = self._selection(self._there(key.router))
        self.file.keys[name] = replace(key, selection=selection)
        return f"{name} selects {selection}"

    def change_override(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        ref = self._ref(self.rng.choice(self._there(key.router)))
        override = Override(
            stream=self.rng.choice([None, *GROUPS[key.group]]),
            enabled=self.rng.choice([None, True, False]),
            name=self.rng.choice([None, None, self._fresh("named")]),
            description=self.rng.choice([None, None, self._fresh("described")]),
        )
        overrides = dict(key.overrides)
        _set(overrides, ref, override)
        self.file.keys[name] = replace(key, overrides=overrides)
        return f"{name} of {ref.text}: {override}"

    def drop_override(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        if not key.overrides:
            return ""
        ref = self.rng.choice(list(key.overrides))
        self.file.keys[name] = replace(
            key, overrides={one: value for one, value in key.overrides.items() if one != ref}
        )
        return f"{name} of {ref.text}"

    def toggle_enabled(self) -> str:
        name = self._key()
        key = self.file.keys[name]
        self.file.keys[name] = replace(key, enabled=not key.enabled)
        return f"{name} {not key.enabled}"

    def describe(self) -> str:
        name = self._key()
        self.file.keys[name] = replace(self.file.keys[name], description=self._fresh("described"))
        return name

    def add_key(self) -> str:
        """One that logs attachments of a router to one more stream."""
        if len(self.file.keys) > 4:
            return ""
        router = self.rng.choice(ROUTERS)
        group = self.rng.choice(list(GROUPS))
        free = [
            stream
            for stream in GROUPS[group]
            if not any(
                (key.router, key.group, key.stream) == (router, group, stream) for key in self.file.keys.values()
            )
        ]
        if not free:
            return ""
        there = self._there(router)
        chosen = self.rng.sample(there, self.rng.randint(1, len(there)))
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
        """Of two flow logs of one attachment, enable the one and disable the other."""
        seen = take_snapshot(self.store)
        doubles = [
            (attachment, one, other)
            for one, key in self.file.keys.items()
            for other, second in self.file.keys.items()
            if one != other and key.router == second.router
            for attachment in selected(key, seen)
            if attachment.id in {there.id for there in selected(second, seen)}
        ]
        if not doubles:
            return self.add_key()
        attachment, one, other = self.rng.choice(doubles)
        enabled = _is_enabled(self.file.keys[one], attachment, seen)
        for name, value in ((one, not enabled), (other, enabled)):
            key = self.file.keys[name]
            overrides = dict(key.overrides)
            _set(overrides, self._ref(attachment), replace(_override_of(key, attachment, seen), enabled=value))
            self.file.keys[name] = replace(key, overrides=overrides)
        return f"{attachment.name} of {one} {not enabled}, of {other} {enabled}"

    def limit_deletions(self) -> str:
        self.file.max_deletes = self.rng.choice([None, 0, 2])
        return str(self.file.max_deletes)

    def allow_deletions(self) -> str:
        if self.file.max_deletes == MANY:
            return ""
        self.file.max_deletes = MANY
        return str(MANY)

    # The console.

    def attach(self) -> str:
        type_ = self.rng.choice([*TYPES, *TYPES, "cfw"])
        name = self.rng.choice(self.removed) if self.removed and self.rng.random() < 0.3 else self._fresh(type_)
        if any(one.name == name for one in self._attachments()):
            name = self._fresh(type_)
        self.store.add_attachment(self.rng.choice(ROUTERS), name, resource_type=type_, tags=self.rng.choice(TAGS))
        return name

    def detach(self) -> str:
        router = self.rng.choice(ROUTERS)
        if len(there := self._there(router)) < 3:
            return ""
        attachment = self.rng.choice(there)
        self.store.remove_attachment(attachment.id)
        self.removed.append(attachment.name)
        return attachment.name

    def rename_attachment(self) -> str:
        attachment = self.rng.choice(self._attachments())
        name = self._fresh(self.rng.choice(TYPES))
        self.store.rename_attachment(attachment.id, name)
        return f"{attachment.name} is {name}"

    def swap_names(self) -> str:
        one, other = self.rng.sample(self._there(self.rng.choice(ROUTERS)), 2)
        self.store.rename_attachment(one.id, other.name)
        self.store.rename_attachment(other.id, one.name)
        return f"{one.name} and {other.name}"

    def retag(self) -> str:
        attachment = self.rng.choice(self._attachments())
        tags = self.rng.choice(TAGS)
        self.store.tag_attachment(attachment.id, tags)
        return f"{attachment.name} has {tags}"

    def freeze(self) -> str:
        attachment = self.rng.choice(self._attachments())
        self.store.set_attachment_state(attachment.id, FROZEN)
        return attachment.name

    def thaw(self) -> str:
        frozen = [one for one in self._attachments() if one.state == FROZEN]
        for attachment in frozen:
            self.store.set_attachment_state(attachment.id, AVAILABLE)
        return ", ".join(one.name for one in frozen)

    def correct_names(self) -> str:
        """Write names as they are now, or ids where a name has been another's."""
        seen = take_snapshot(self.store)
        refs = [ref for key in self.file.keys.values() for ref in _refs(key)]
        if all(self._is_current(ref, seen) and len(self.bearers.get(ref.text, ())) < 2 for ref in refs):
            return ""
        names = {one.id: one.name if len(self.bearers[one.name]) == 1 else one.id for one in seen.attachments.values()}
        self.file = self.file.rewritten(names)
        return "all"

    # Trouble.

    def block(self) -> str:
        """Want a flow log whose target somebody else has."""
        name = self._key()
        key, seen = self.file.keys[name], take_snapshot(self.store)
        free = [one for one in selected(key, seen) if one.state == AVAILABLE]
        if not free:
            return ""
        attachment = self.rng.choice(free)
        stream = _other(self.rng, GROUPS[key.group], _stream(key, attachment, seen))
        group_id, stream_id = seen.streams[key.group, stream]
        if (attachment.er_id, attachment.id, group_id, stream_id) in map(target_of, seen.flow_logs.values()):
            return ""
        wanted = self._fresh("named")
        new = NewFlowLog(
            name=self.rng.choice([SOMEBODY_ELSE, SOMEBODY_ELSE, wanted]),
            description="",
            resource_id=attachment.id,
            log_group_id=group_id,
            log_stream_id=stream_id,
        )
        self.store.set_quota(UNLIMITED)
        made = self.store.flow_logs.create(PROJECT_ID, attachment.er_id, new)
        self.store.set_flow_log_state(made.id, AVAILABLE)
        # It logs nothing: what it did would hide a gap of ours.
        self.store.disable_flow_log(made.id)
        self.others.add(made.id)
        if self.rng.random() < 0.8:
            overrides = dict(key.overrides)
            _set(overrides, self._ref(attachment), Override(stream=stream, name=wanted))
            self.file.keys[name] = replace(key, overrides=overrides)
        return f"{attachment.name} in {key.group}/{stream} by {new.name}"

    def unblock(self) -> str:
        there = sorted(self.others.intersection(one.id for one in self.store.flow_logs.live()))
        for id_ in there:
            self.store.delete_flow_log(id_)
        self.others.clear()
        return f"{len(there)} flow logs" if there else ""

    def fill_quota(self) -> str:
        limit = len(self.store.flow_logs.live()) + self.rng.randint(0, 2)
        self.store.set_quota(limit)
        return str(limit)

    def lift_quota(self) -> str:
        if self.store.quotas.of(PROJECT_ID).limit == UNLIMITED:
            return ""
        self.store.set_quota(UNLIMITED)
        return "unlimited"

    def lose(self) -> str:
        """The service lets one of the stack's flow logs fail."""
        ours = [one for one in self.store.flow_logs.live() if one.id not in self.others and one.state == AVAILABLE]
        if not ours:
            return ""
        flow_log = self.rng.choice(sorted(ours, key=target_of))
        self.store.set_flow_log_state(flow_log.id, FAILED)
        return flow_log.name

    def vanish(self) -> str:
        """Somebody deletes one of the stack's flow logs."""
        ours = [one for one in self.store.flow_logs.live() if one.id not in self.others]
        if not ours:
            return ""
        flow_log = self.rng.choice(sorted(ours, key=target_of))
        self.store.delete_flow_log(flow_log.id)
        return flow_log.name

    # What these need.

    def _key(self) -> str:
        return self.rng.choice(list(self.file.keys))

    def _fresh(self, what: str) -> str:
        self._number += 1
        return f"{what}-{self._number:03}"

    def _put(self, name: str, key: RouterKey) -> None:
        """The key, without the streams that its group does not have."""
        streams = GROUPS[key.group]
        overrides = {
            ref: replace(one, stream=one.stream if one.stream in streams else None)
            for ref, one in key.overrides.items()
        }
        self.file.keys[name] = replace(key, overrides=overrides)

    def _attachments(self) -> list[Attachment]:
        return sorted(self.store.network.all_attachments(), key=lambda one: one.id)

    def _there(self, router: str) -> list[Attachment]:
        router_id = self.store.router(router).id
        return [one for one in self._attachments() if one.er_id == router_id]

    def _ref(self, attachment: Attachment) -> Ref:
        is_clear = len(self.bearers.get(attachment.name, ())) < 2
        by_id = self.rng.random() < (BY_ID if is_clear else 0.8)
        return Ref(attachment.id if by_id else attachment.name, attachment.id)

    def _refs(self, attachments: Sequence[Attachment]) -> tuple[Ref, ...]:
        return tuple(map(self._ref, attachments))

    def _some(self, attachments: Sequence[Attachment], most: int) -> tuple[Ref, ...]:
        return self._refs(self.rng.sample(attachments, self.rng.randint(0, min(most, len(attachments)))))

    def _selection(self, there: Sequence[Attachment]) -> Selection:
        kind = self.rng.choice(("all", "all", "list", "types", "tags", "names", "include"))
        if kind == "all":
            return "all"
        if kind == "list":
            return self._refs(self.rng.sample(there, self.rng.randint(1, len(there))))
        return Selector(
            types=tuple(self.rng.sample(TYPES, 2)) if kind == "types" else None,
            tags={"env": self.rng.choice(("prod", "test"))} if kind == "tags" else {},
            names=(f"{self.rng.choice(TYPES)}-*", "v*-0*") if kind == "names" else None,
            include=self._some(there, 2),
            exclude=self._some(there, 2),
        )


Edit = Callable[[Editor], str]

EDITS: dict[Edit, int] = {
    Editor.rename_key: 4,
    Editor.merge_keys: 4,
    Editor.split_key: 5,
    Editor.swap_keys: 4,
    Editor.swap_streams: 4,
    Editor.move_stream: 6,
    Editor.move_group: 4,
    Editor.change_selection: 6,
    Editor.change_override: 8,
    Editor.drop_override: 2,
    Editor.toggle_enabled: 3,
    Editor.describe: 2,
    Editor.add_key: 5,
    Editor.drop_key: 2,
    Editor.flip: 8,
    Editor.limit_deletions: 2,
    Editor.allow_deletions: 6,
    Editor.attach: 4,
    Editor.detach: 3,
    Editor.rename_attachment: 4,
    Editor.swap_names: 2,
    Editor.retag: 3,
    Editor.freeze: 3,
    Editor.thaw: 6,
    Editor.correct_names: 6,
    Editor.block: 4,
    Editor.unblock: 8,
    Editor.fill_quota: 3,
    Editor.lift_quota: 8,
    Editor.lose: 2,
    Editor.vanish: 2,
}
"""Each with how often it is drawn."""


def _other(rng: Random, these: Sequence[str], than: str) -> str:
    return rng.choice([one for one in these if one != than])


def _set(overrides: dict[Ref, Override], ref: Ref, override: Override) -> None:
    """Put it there in place of what is written of the same attachment."""
    for old in [old for old in overrides if old.id == ref.id or old.text == ref.text]:
        del overrides[old]
    overrides[ref] = override


def _refs(key: RouterKey) -> list[Ref]:
    selection = key.selection
    chosen: tuple[Ref, ...] = selection if isinstance(selection, tuple) else ()
    if isinstance(selection, Selector):
        chosen = selection.include + selection.exclude
    return [*chosen, *key.overrides]


def _overrides_for(key: RouterKey, attachments: Sequence[Attachment], seen: Snapshot) -> dict[Ref, Override]:
    ids = {one.id for one in attachments}
    return {ref: one for ref, one in key.overrides.items() if resolved(ref, seen.routers[key.router], seen) in ids}


def _override_of(key: RouterKey, attachment: Attachment, seen: Snapshot) -> Override:
    return next(iter(_overrides_for(key, [attachment], seen).values()), Override())


def _stream(key: RouterKey, attachment: Attachment, seen: Snapshot) -> str:
    return _override_of(key, attachment, seen).stream or key.stream


def _is_enabled(key: RouterKey, attachment: Attachment, seen: Snapshot) -> bool:
    override = _override_of(key, attachment, seen)
    return key.enabled if override.enabled is None else override.enabled

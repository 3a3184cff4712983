"""The flow logs that a stack should have, drawn from a seed: for which attachments, where to, and with what name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random

from emulator.log_tank import LogGroup, LogStream
from emulator.store import Store
from tests.chaos.expectations import LogStoreSpec, take_snapshot

LOGGED = 0.8  # probabilities
ENABLED = 0.85
CHANGED = 0.3
DELETED = 0.3
STREAMS = ("network/er-flow-logs", "network/archive", "own/flow", "own/more")
OWN = ("own", "own/flow", "own/more")
"""The log group and the log streams of the stack's own."""

RETENTIONS = (7, 30, 90)  # days
TAGS: tuple[dict[str, str], ...] = ({"env": "prod"}, {"env": "test"}, {})

LOST, DOUBLED = "lost", "doubled"
"""The first words of complaints."""


@dataclass(frozen=True)
class FlowLogSpec:
    """One flow log, with the names that things have in the cloud; the stream is `GROUP/STREAM`."""

    attachment: str
    stream: str
    name: str
    enabled: bool


def draw(rng: Random, attachments: Sequence[str]) -> dict[str, FlowLogSpec]:
    """Draw a first set, by attachment."""
    return {attachment: _draw_one(rng, attachment) for attachment in attachments if rng.random() < LOGGED}


def change(rng: Random, before: Mapping[str, FlowLogSpec], attachments: Sequence[str]) -> dict[str, FlowLogSpec]:
    """Draw the set after an edit of the stack file: some flow logs are added, removed or replaced by others."""
    after = dict(before)
    for attachment in attachments:
        if rng.random() < CHANGED:
            after.pop(attachment, None)
            if rng.random() < LOGGED:
                after[attachment] = _draw_one(rng, attachment)
    return after


def draw_log_store(rng: Random, name: str) -> LogStoreSpec:
    """Draw a log group or a log stream, which may leave its retention to its group."""
    ttl = rng.choice((*RETENTIONS, None) if "/" in name else RETENTIONS)
    return LogStoreSpec(ttl, tags=rng.choice(TAGS), delete=rng.random() < DELETED)


def draw_log_stores(rng: Random, flow_logs: Mapping[str, FlowLogSpec]) -> dict[str, LogStoreSpec]:
    """Draw the stack's own: the group, and each stream that flow logs write to, or perhaps not."""
    used = {spec.stream for spec in flow_logs.values()}
    stores = {name: draw_log_store(rng, name) for name in OWN}
    return {name: spec for name, spec in stores.items() if name in ("own", *used) or rng.random() < 0.5}


def find_log_store_differences(
    desired: Mapping[str, LogStoreSpec], existing: Mapping[str, LogGroup | LogStream], in_state: Mapping[str, str]
) -> list[str]:
    """The differences between the log groups and log streams that are declared, those that exist, and the state.

    Args:
        desired: Those that are declared.
        existing: Those that exist, no matter who created them.
        in_state: The ids in the state. All are by `GROUP` or `GROUP/STREAM`.
    """
    found = []
    for name, spec in desired.items():
        if name not in existing:
            found.append(f"{LOST}: {name} does not exist, expected is {spec}")
        elif not spec.is_met_by(existing[name]):
            found.append(f"{name} is {existing[name]}, expected is {spec}")
        elif in_state.get(name) != existing[name].id:
            found.append(f"{LOST}: {name} is not in the state, which has {in_state.get(name)}")
    return found + [f"{name} is still in the state" for name in in_state.keys() - desired.keys()]


def find_differences(desired: Mapping[str, FlowLogSpec], store: Store, *, others: Mapping[str, object]) -> list[str]:
    """The differences between the cloud and what is desired: each flow log once and as specified, and no other.

    Args:
        desired: By attachment.
        store: The cloud.
        others: By id, somebody else's flow logs.
    """
    names = {attachment.id: attachment.name for attachment in store.network.all_attachments()}
    streams = {stream_id: "/".join(names) for names, (_, stream_id) in take_snapshot(store).streams.items()}
    live = {flow_log.id: flow_log for flow_log in store.flow_logs.live()}
    found = [f"{LOST}: somebody else's flow log {id_}" for id_, other in others.items() if live.pop(id_, None) != other]
    existing: dict[str, list[FlowLogSpec]] = {}
    for flow_log in live.values():
        attachment = names[flow_log.resource_id]
        spec = FlowLogSpec(attachment, streams[flow_log.log_stream_id], flow_log.name, flow_log.enabled)
        existing.setdefault(attachment, []).append(spec)
    for attachment in sorted(desired.keys() | existing.keys()):
        expected = [desired[attachment]] if attachment in desired else []
        actual = existing.get(attachment, [])
        if actual != expected:
            kind = LOST if len(actual) <= len(expected) else DOUBLED
            found.append(f"{kind}: {attachment} has {actual}, expected is {expected}")
    return found


def find_strays(in_cloud: Set[str], in_state: Set[str]) -> list[str]:
    """The ids that are in the cloud and not in the stack's state, or the other way round."""
    return [
        *(f"{LOST}: flow log {id_} is in nobody's state" for id_ in in_cloud - in_state),
        *(f"{LOST}: flow log {id_} is in the state, but does not exist" for id_ in in_state - in_cloud),
    ]


def _draw_one(rng: Random, attachment: str) -> FlowLogSpec:
    stream = rng.choice(STREAMS)
    return FlowLogSpec(attachment, stream, f"{attachment}-{rng.randrange(1000)}", rng.random() < ENABLED)

"""The flow logs that a stack should have, drawn from a seed: for which attachments, where to, and with what name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from random import Random

from emulator.store import Store

LOGGED = 0.8  # probabilities
ENABLED = 0.85
CHANGED = 0.3
STREAMS = ("er-flow-logs", "archive")

LOST, DOUBLED = "lost", "doubled"
"""The first words of complaints."""


@dataclass(frozen=True)
class FlowLogSpec:
    """One flow log, with the names that things have in the cloud."""

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


def find_differences(desired: Mapping[str, FlowLogSpec], store: Store, *, others: Mapping[str, object]) -> list[str]:
    """The differences between the cloud and what is desired: each flow log once and as specified, and no other.

    Args:
        desired: By attachment.
        store: The cloud.
        others: By id, somebody else's flow logs.
    """
    names = {attachment.id: attachment.name for attachment in store.network.all_attachments()}
    streams = {
        stream.id: stream.name
        for group in store.log_tank.groups()
        for stream in store.log_tank.streams(group.project_id, group.id)
    }
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

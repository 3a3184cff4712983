"""What a stack wants, drawn from a seed: which attachments are logged, where to, and under what name."""

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
"""What complaints begin with."""


@dataclass(frozen=True)
class FlowLogSpec:
    """One flow log, in names of the cloud."""

    attachment: str
    stream: str
    name: str
    enabled: bool


def draw(rng: Random, attachments: Sequence[str]) -> dict[str, FlowLogSpec]:
    """A first set, by attachment."""
    return {attachment: _one(rng, attachment) for attachment in attachments if rng.random() < LOGGED}


def changed(rng: Random, before: Mapping[str, FlowLogSpec], attachments: Sequence[str]) -> dict[str, FlowLogSpec]:
    """The set after somebody has edited the stack file: some come, some go, some are another."""
    after = dict(before)
    for attachment in attachments:
        if rng.random() < CHANGED:
            after.pop(attachment, None)
            if rng.random() < LOGGED:
                after[attachment] = _one(rng, attachment)
    return after


def find_differences(wanted: Mapping[str, FlowLogSpec], store: Store, *, others: Mapping[str, object]) -> list[str]:
    """In what the cloud differs from what is wanted: each flow log there once and as it should be, and no other.

    Args:
        wanted: By attachment.
        store: The cloud.
        others: By id, somebody else's flow logs.
    """
    names = {one.id: one.name for one in store.network.all_attachments()}
    streams = {
        stream.id: stream.name
        for group in store.log_tank.groups()
        for stream in store.log_tank.streams(group.project_id, group.id)
    }
    live = {one.id: one for one in store.flow_logs.live()}
    found = [f"{LOST}: somebody else's flow log {id_}" for id_, one in others.items() if live.pop(id_, None) != one]
    there: dict[str, list[FlowLogSpec]] = {}
    for one in live.values():
        seen = FlowLogSpec(names[one.resource_id], streams[one.log_stream_id], one.name, one.enabled)
        there.setdefault(seen.attachment, []).append(seen)
    for attachment in sorted(wanted.keys() | there.keys()):
        expected = [wanted[attachment]] if attachment in wanted else []
        if there.get(attachment, []) != expected:
            kind = LOST if len(there.get(attachment, [])) <= len(expected) else DOUBLED
            found.append(f"{kind}: {attachment} has {there.get(attachment, [])}, wanted is {expected}")
    return found


def find_strays(there: Set[str], in_state: Set[str]) -> list[str]:
    """The flow logs of a stack that are there and not in its state, or the other way round, by id."""
    return [
        *(f"{LOST}: flow log {id_} is in nobody's state" for id_ in there - in_state),
        *(f"{LOST}: flow log {id_} is in the state, but not there" for id_ in in_state - there),
    ]


def _one(rng: Random, attachment: str) -> FlowLogSpec:
    return FlowLogSpec(attachment, rng.choice(STREAMS), f"{attachment}-{rng.randrange(1000)}", rng.random() < ENABLED)

"""A sequence of edits, each with its preview and its `up`, wherever the stack is."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Protocol

from emulator.clock import now
from emulator.faults.plan import Fault
from emulator.flow_logs import FlowLog
from emulator.store import Store
from providers import urn as urns
from providers.schema import is_outcome_unknown
from tests.chaos.audit import DONE, AuditedRun, RunResult, Steps, wrong
from tests.chaos.desired import LOST, find_strays
from tests.chaos.editor import Editor
from tests.chaos.engine import CREATE, DELETE, EVERYTHING, UPDATE, Options
from tests.chaos.expectations import StackFile, ever_failed, expect, take_snapshot

EDITS = 6  # in a sequence
TOGETHER = (1, 1, 2, 2, 3)  # so many before a run
FAULTY, LONG, PARTIAL, REPLACING, CONTINUING, OLD_NAMES = 0.35, 0.3, 0.15, 0.08, 0.3, 0.04  # probabilities
CREATES = "POST */flow-logs"
_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|127\.0\.0\.1:\d+|request id \S+")

FAULTS = {
    CREATE: (Fault("error", calls=CREATES, status=403), Fault("fail", calls=CREATES)),
    UPDATE: (
        Fault("error", calls="PUT *", status=403),
        Fault("error", calls="POST */enable", status=403),
        Fault("error", calls="POST */disable", status=403),
    ),
    DELETE: (Fault("error", calls="DELETE *", status=403),),
}
"""By operation, what meets the n-th of its calls."""

LONG_FAULTS = {
    CREATE: (
        Fault("error", calls=CREATES, status=503),
        Fault("error", calls=CREATES, status=500, when="after"),
        Fault("stuck", calls=CREATES),
    ),
    UPDATE: (Fault("error", calls="POST */enable", status=503), Fault("error", calls="PUT *", status=503)),
    DELETE: (Fault("error", calls="DELETE *", status=503),),
}
"""By operation, what meets the n-th of its calls and all after it: whoever meets it waits until its time is over."""


@dataclass(frozen=True)
class StateEntry:
    """A flow log in the state."""

    urn: str
    id: str
    attachment_id: str
    stream_id: str


class Stack(Protocol):
    """A stack and its cloud."""

    @property
    def store(self) -> Store:
        """The cloud."""

    @property
    def state_entries(self) -> Sequence[StateEntry]:
        """The flow logs in the state."""

    def preview(self, file: StackFile, options: Options) -> RunResult:
        """What `pulumi preview --refresh` does."""

    def up(self, file: StackFile, options: Options) -> RunResult:
        """What `pulumi up --refresh` does."""

    def inject(self, faults: Sequence[Fault], seed: int) -> None:
        """Have these faults from now on, and no others."""

    def injected(self) -> Mapping[str, int]:
        """How many there were of the last ones."""


@dataclass
class Scenario:
    """How a sequence went.

    Attributes:
        seed: Its seed.
        ends: How its runs ended.
        journal: What run.
        problems: What is not as it should be.
    """

    seed: int
    ends: Counter[str] = field(default_factory=Counter)
    journal: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def run_scenario(
    scenario: Scenario, stack: Stack, editor: Editor, *, waits: bool, name_as_before: Callable[[], None] | None = None
) -> None:
    """Go through a sequence.

    Args:
        scenario: ResultT what happens.
        stack: A stack in which nothing is up.
        editor: Edits it.
        waits: Whether to have faults for which operations wait until their time is over.
        name_as_before: Gives all in the state the names that an earlier version gave.
    """
    rng = editor.rng
    _step(scenario, stack, editor, ["the first run"], lambda _: UNDISTURBED)
    for _ in range(EDITS):
        words = [editor.edit() for _ in range(rng.choice(TOGETHER))]
        if name_as_before and rng.random() < OLD_NAMES:
            name_as_before()
            words.append("the state has names of an earlier version")
        _step(scenario, stack, editor, words, lambda announced: _draw(rng, stack.state_entries, announced, waits=waits))
    editor.lift_all_trouble()
    _step(scenario, stack, editor, ["all trouble is lifted"], lambda _: UNDISTURBED)


@dataclass(frozen=True)
class _How:
    """How a run is called, and what befalls it."""

    options: Options = EVERYTHING
    faults: Sequence[Fault] = ()
    fault_seed: int = 0

    @property
    def is_whole(self) -> bool:
        return self.options.targets is None and not self.options.replace

    def __str__(self) -> str:
        words = [f"{one.kind} {one.status} {one.when} {one.calls} number {one.skip + 1}" for one in self.faults]
        if self.options.targets is not None:
            words.append(f"--target {sorted(map(urns.name, self.options.targets))}")
        if self.options.replace:
            words.append(f"--replace {sorted(map(urns.name, self.options.replace))}")
        words += ["continues on error"] * self.options.continues_on_error
        words += ["stops at once"] * (not self.options.finishes)
        return f" [{', '.join(words)}]" if words else ""


UNDISTURBED = _How()


def _draw(rng: Random, state_entries: Sequence[StateEntry], announced: RunResult, *, waits: bool) -> _How:
    """How to run what was announced for the whole stack."""
    faults: list[Fault] = []
    options = Options(finishes=rng.random() < 0.7, continues_on_error=rng.random() < CONTINUING)
    there = sorted({one.urn for one in state_entries})
    known = sorted({*there, *(one for _, one in announced.steps)})
    operations = [operation for operation, _ in announced.steps if operation in FAULTS]
    if operations and rng.random() < FAULTY:
        operation = rng.choice(operations)
        is_long = rng.random() < LONG and waits
        fault = rng.choice((LONG_FAULTS if is_long else FAULTS)[operation])
        skip = rng.randrange(operations.count(operation))
        faults.append(replace(fault, skip=skip, times=None if is_long else 1))
    if there and rng.random() < REPLACING:
        options = replace(options, replace=frozenset({rng.choice(there)}))
    if known and rng.random() < PARTIAL:
        changing = [one for _, one in announced.steps] or known
        few, many = [rng.choice(changing)], rng.sample(known, rng.randint(1, len(known)))
        options = replace(options, targets=frozenset(rng.choice([few, many])))
    return _How(options, faults, rng.randrange(1_000_000))


def _step(
    scenario: Scenario, stack: Stack, editor: Editor, words: list[str], draw: Callable[[RunResult], _How]
) -> None:
    """One preview and one `up`, with all that is wrong."""
    before, since = take_snapshot(stack.store), now()
    wished = expect(editor.file, before, editor.ours(before))
    has_trouble, may_fail = editor.has_trouble, editor.may_fail
    preview = stack.preview(editor.file, EVERYTHING)
    how = draw(preview)
    if not how.is_whole:
        preview = stack.preview(editor.file, how.options)
    stack.inject(how.faults, how.fault_seed)
    up = stack.up(editor.file, how.options)
    injected = stack.injected()
    stack.inject((), 0)
    run = AuditedRun(
        before=before,
        after=take_snapshot(stack.store),
        others=editor.others,
        failed=ever_failed(stack.store),
        expectations=wished,
        preview=preview,
        up=up,
        gaps=stack.store.gaps(since=since, until=now() + 1, attachments=before.attachments),
        is_plain=how.is_whole and not how.faults,
        has_trouble=has_trouble,
        may_fail=may_fail,
    )
    found = wrong(run) + _unknown(stack.state_entries, run.ours(run.after))
    if run.is_plain and up.end == DONE:
        again = stack.preview(editor.file, EVERYTHING)
        if again.end != DONE or again.steps:
            found.append(f"left to do: one more preview is {again.end}: {_describe(again.steps)} {again.words}")
        found += find_strays(run.ours(run.after).keys(), {one.id for one in stack.state_entries})
    if how is UNDISTURBED and up.end != DONE:
        found.append(f"without any trouble, the run was {up.end}: {up.words}")
    scenario.ends[up.end] += 1
    number = scenario.ends.total()
    scenario.journal += [
        f"{number}: {'; '.join(words)}{how}",
        f"   preview {preview.end}: {_describe(preview.steps)} {_mask_ids(preview.words)}",
        f"   up {up.end}: {_describe(up.steps)} {_mask_ids(up.words)}{f' injected {injected}' if injected else ''}",
        *(f"   WRONG {_mask_ids(one)}" for one in found),
    ]
    scenario.problems += [f"{one} (run {number})" for one in found]


def _unknown(state_entries: Sequence[StateEntry], ours: Mapping[str, FlowLog]) -> list[str]:
    """The stack's flow logs that the state has neither by id nor as one of which nobody is sure."""
    ids = {one.id for one in state_entries}
    unsure = {(one.attachment_id, one.stream_id) for one in state_entries if is_outcome_unknown(one.id)}
    return [
        f"{LOST}: flow log {one.name} is in nobody's state"
        for id_, one in ours.items()
        if id_ not in ids and (one.resource_id, one.log_stream_id) not in unsure
    ]


def _describe(steps: Steps) -> str:
    return ", ".join(f"{operation} {urns.name(one)}" for operation, one in steps) or "nothing"


def _mask_ids(text: str) -> str:
    return _IDS.sub("…", text)

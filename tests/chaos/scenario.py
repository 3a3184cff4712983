"""A sequence of edits, each with its preview and its `up`, on a stack in process or of the real `pulumi`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Protocol

from emulator.clock import now
from emulator.faults.plan import Fault
from emulator.flow_logs import FlowLog
from emulator.store import Store
from providers.schema import is_provisional
from providers.urn import FLOW_LOG_TYPE, Urn
from tests.chaos.audit import DONE, AuditedRun, RunResult, Steps, audit
from tests.chaos.desired import LOST, find_log_store_differences, find_strays
from tests.chaos.editor import Editor
from tests.chaos.engine import CREATE, DELETE, EVERYTHING, UPDATE, Options
from tests.chaos.expectations import FROZEN, Snapshot, StackFile, ever_failed, expect, take_snapshot
from tests.chaos.outcome import Outcome

EDITS = 6  # in a sequence
EDITS_PER_RUN = (1, 1, 2, 2, 3)
FAULTY, LASTING, PARTIAL, REPLACING, CONTINUING, OLD_NAMES = 0.35, 0.3, 0.15, 0.08, 0.3, 0.04  # probabilities
CREATES = "POST */flow-logs"
LOG_TANK_CREATES = ("POST */groups", "POST */streams")
_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|127\.0\.0\.1:\d+|request id \S+")

FAULTS = {
    CREATE: (
        Fault("error", calls=CREATES, status=403),
        Fault("fail", calls=CREATES),
        *(Fault("error", calls=calls, status=403) for calls in LOG_TANK_CREATES),
        *(Fault("hang_up", calls=calls, when="after") for calls in LOG_TANK_CREATES),
    ),
    UPDATE: (
        Fault("error", calls="PUT *", status=403),
        Fault("error", calls="POST */enable", status=403),
        Fault("error", calls="POST */disable", status=403),
        Fault("error", calls="POST */groups/*", status=403),
    ),
    DELETE: (Fault("error", calls="DELETE *", status=403),),
}
"""By operation, the faults that its n-th call may meet."""

LASTING_FAULTS = {
    CREATE: (
        Fault("error", calls=CREATES, status=503),
        Fault("error", calls=CREATES, status=500, when="after"),
        Fault("stuck", calls=CREATES),
        *(Fault("error", calls=calls, status=500, when="after") for calls in LOG_TANK_CREATES),
    ),
    UPDATE: (Fault("error", calls="POST */enable", status=503), Fault("error", calls="PUT *", status=503)),
    DELETE: (Fault("error", calls="DELETE *", status=503),),
}
"""By operation, the faults that its n-th call and all later ones may meet: these operations wait for their time-out."""


@dataclass(frozen=True)
class StateEntry:
    """A flow log, log group or log stream in the state."""

    urn: str
    id: str
    outputs: Mapping[str, Any]

    @property
    def is_flow_log(self) -> bool:
        return Urn.parse(self.urn).type_token == FLOW_LOG_TYPE

    @property
    def place(self) -> tuple[str, str]:
        """Of a flow log, the attachment and the log stream."""
        return self.outputs["resource_id"], self.outputs["log_stream_id"]


class Stack(Protocol):
    """A stack and its cloud: `preview` and `up` with --refresh, and faults, which replace those injected before."""

    store: Store

    @property
    def state_entries(self) -> Sequence[StateEntry]: ...

    def preview(self, file: StackFile, options: Options) -> RunResult: ...

    def up(self, file: StackFile, options: Options) -> RunResult: ...

    def inject(self, faults: Sequence[Fault], seed: int) -> None: ...

    def injected(self) -> Mapping[str, int]: ...


@dataclass(frozen=True)
class _Conditions:
    """The options of a run, and the faults during it."""

    options: Options = EVERYTHING
    faults: Sequence[Fault] = ()
    fault_seed: int = 0

    @property
    def is_whole(self) -> bool:
        return self.options.targets is None and not self.options.replace

    def __str__(self) -> str:
        words = [
            f"{fault.kind} {fault.status} {fault.when} {fault.calls} number {fault.skip + 1}" for fault in self.faults
        ]
        if self.options.targets is not None:
            words.append(f"--target {sorted(Urn.parse(urn).name for urn in self.options.targets)}")
        if self.options.replace:
            words.append(f"--replace {sorted(Urn.parse(urn).name for urn in self.options.replace)}")
        words += ["continues on error"] * self.options.continues_on_error
        words += ["stops at once"] * (not self.options.finishes)
        return f" [{', '.join(words)}]" if words else ""


UNDISTURBED = _Conditions()


def run_scenario(
    outcome: Outcome, stack: Stack, editor: Editor, *, waits: bool, use_old_names: Callable[[], None] | None = None
) -> None:
    """Run a sequence.

    Args:
        outcome: Records what happens.
        stack: An empty stack.
        editor: Edits its stack file and its cloud.
        waits: Whether to inject faults for which operations wait until their time-out.
        use_old_names: Renames all resources in the state as an earlier version named them.
    """
    rng = editor.rng
    _step(outcome, stack, editor, ["the first run"], lambda _: UNDISTURBED)
    for _ in range(EDITS):
        words = [editor.edit() for _ in range(rng.choice(EDITS_PER_RUN))]
        if use_old_names and rng.random() < OLD_NAMES:
            use_old_names()
            words.append("the state has names of an earlier version")
        _step(outcome, stack, editor, words, lambda announced: _draw(rng, stack.state_entries, announced, waits=waits))
    editor.end_all_trouble()
    _step(outcome, stack, editor, ["all trouble ends"], lambda _: UNDISTURBED)


def _draw(rng: Random, state_entries: Sequence[StateEntry], announced: RunResult, *, waits: bool) -> _Conditions:
    """Draw the conditions of a run whose preview announced this."""
    faults: list[Fault] = []
    options = Options(finishes=rng.random() < 0.7, continues_on_error=rng.random() < CONTINUING)
    in_state = sorted({entry.urn for entry in state_entries})
    known = sorted({*in_state, *(urn for _, urn in announced.steps)})
    operations = [operation for operation, _ in announced.steps if operation in FAULTS]
    if operations and rng.random() < FAULTY:
        operation = rng.choice(operations)
        is_lasting = rng.random() < LASTING and waits
        fault = rng.choice((LASTING_FAULTS if is_lasting else FAULTS)[operation])
        skip = rng.randrange(operations.count(operation))
        faults.append(replace(fault, skip=skip, times=None if is_lasting else 1))
    if in_state and rng.random() < REPLACING:
        options = replace(options, replace=frozenset({rng.choice(in_state)}))
    if known and rng.random() < PARTIAL:
        changing = [urn for _, urn in announced.steps] or known
        few, many = [rng.choice(changing)], rng.sample(known, rng.randint(1, len(known)))
        options = replace(options, targets=frozenset(rng.choice([few, many])))
    return _Conditions(options, faults, rng.randrange(1_000_000))


def _step(
    outcome: Outcome, stack: Stack, editor: Editor, words: list[str], draw: Callable[[RunResult], _Conditions]
) -> None:
    """Run one preview and one `up`, and record all that is wrong."""
    before, since, entries = take_snapshot(stack.store), now(), stack.state_entries
    expectations = expect(editor.file, before, editor.stack_targets(before))
    has_trouble = editor.has_trouble
    may_fail = editor.may_fail or _has_lost_frozen(stack, before)
    preview = stack.preview(editor.file, EVERYTHING)
    conditions = draw(preview)
    if not conditions.is_whole:
        preview = stack.preview(editor.file, conditions.options)
    stack.inject(conditions.faults, conditions.fault_seed)
    up = stack.up(editor.file, conditions.options)
    injected = stack.injected()
    stack.inject((), 0)
    run = AuditedRun(
        before=before,
        after=take_snapshot(stack.store),
        others=editor.others,
        failed=ever_failed(stack.store),
        doomed={
            entry.id
            for entry in entries
            if entry.outputs.get("delete_with_data") and Urn.parse(entry.urn).name not in editor.file.log_stores
        },
        expectations=expectations,
        preview=preview,
        up=up,
        gaps=stack.store.gaps(since=since, until=now() + 1, attachments=before.attachments),
        is_plain=conditions.is_whole and not conditions.faults,
        has_trouble=has_trouble,
        may_fail=may_fail,
    )
    flow_logs = run.of_stack(run.after)
    problems = audit(run) + _find_lost(stack.state_entries, flow_logs)
    if run.is_plain and up.end == DONE:
        again = stack.preview(editor.file, EVERYTHING)
        if again.end != DONE or again.steps:
            problems.append(f"left to do: one more preview is {again.end}: {_describe(again.steps)} {again.errors}")
        in_state = {Urn.parse(entry.urn).name: entry.id for entry in stack.state_entries if not entry.is_flow_log}
        problems += find_log_store_differences(editor.file.expected_log_stores, run.after.log_stores, in_state)
        problems += find_strays(flow_logs.keys(), {entry.id for entry in stack.state_entries if entry.is_flow_log})
    if conditions is UNDISTURBED and up.end != DONE:
        problems.append(f"without any trouble, the run was {up.end}: {up.errors}")
    outcome.ends[up.end] += 1
    number = outcome.ends.total()
    outcome.journal += [
        f"{number}: {'; '.join(words)}{conditions}",
        f"   preview {preview.end}: {_describe(preview.steps)} {_mask_ids(preview.errors)}",
        f"   up {up.end}: {_describe(up.steps)} {_mask_ids(up.errors)}{f' injected {injected}' if injected else ''}",
        *(f"   WRONG {_mask_ids(problem)}" for problem in problems),
    ]
    outcome.problems += [f"{problem} (run {number})" for problem in problems]


def _has_lost_frozen(stack: Stack, before: Snapshot) -> bool:
    """Whether a flow log in the state is gone that cannot be created again: its attachment is frozen."""
    frozen = {attachment.id for attachment in before.attachments.values() if attachment.state == FROZEN}
    existing = {(log.resource_id, log.log_stream_id) for log in before.flow_logs.values()}
    return bool(frozen) and any(
        entry.place[0] in frozen and entry.place not in existing for entry in stack.state_entries if entry.is_flow_log
    )


def _find_lost(state_entries: Sequence[StateEntry], flow_logs: Mapping[str, FlowLog]) -> list[str]:
    """The flow logs that the state has neither by id nor as a create whose outcome is unknown."""
    ids = {entry.id for entry in state_entries}
    unknown = {entry.place for entry in state_entries if is_provisional(entry.id)}
    return [
        f"{LOST}: flow log {flow_log.name} is in nobody's state"
        for id_, flow_log in flow_logs.items()
        if id_ not in ids and (flow_log.resource_id, flow_log.log_stream_id) not in unknown
    ]


def _describe(steps: Steps) -> str:
    return ", ".join(f"{operation} {Urn.parse(urn).name}" for operation, urn in steps) or "nothing"


def _mask_ids(text: str) -> str:
    return _IDS.sub("…", text)

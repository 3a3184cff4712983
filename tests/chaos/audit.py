"""What is wrong with a run, judged by what the stack file asks for and what the cloud was and is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from emulator.flow_logs import FlowLog
from emulator.gaps import Gap
from tests.chaos.desired import DOUBLED, LOST
from tests.chaos.expectations import Expectations, Snapshot, Target, is_at_work, target_of

GAP, WRONG_DELETION, DIFFERS = "gap", "wrong deletion", "preview differs from up"
"""What complaints begin with, beside those of `tests.chaos.desired`."""

COMPLAINTS = {
    GAP: "gaps",
    WRONG_DELETION: "wrong deletions",
    DIFFERS: DIFFERS,
    LOST: LOST,
    DOUBLED: DOUBLED,
}
"""What a table calls each."""

DONE, REFUSED, FAILED_RUN = "done", "refused", "failed"

Steps = Sequence[tuple[str, str]]
"""What was announced or done to which URN."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a preview or an `up` ended."""

    end: str
    steps: Steps
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditedRun:
    """One edit, its preview and its `up`.

    Attributes:
        before: The cloud after the edit.
        after: The cloud in the end.
        others: The ids of somebody else's flow logs.
        failed: The ids of the flow logs that the service has let fail at any time.
        expectations: What the stack file asks for.
        preview: How the preview ended.
        up: How the `up` ended.
        gaps: When attachments were not logged, from before the preview to the end.
        is_plain: Whether nothing was injected, and the whole stack was meant.
        has_trouble: Whether there was a reason to refuse it, or for it to fail.
        may_fail: Whether there was a reason to fail that nobody can know before.
    """

    before: Snapshot
    after: Snapshot
    others: Collection[str]
    failed: Collection[str]
    expectations: Expectations
    preview: RunResult
    up: RunResult
    gaps: Sequence[Gap]
    is_plain: bool
    has_trouble: bool
    may_fail: bool

    def ours(self, seen: Snapshot) -> dict[str, FlowLog]:
        """The stack's flow logs, by id."""
        return {id_: one for id_, one in seen.flow_logs.items() if id_ not in self.others}


def wrong(run: AuditedRun) -> list[str]:
    """All that is wrong with it."""
    return [
        *_gaps(run),
        *_others(run),
        *_deletions(run),
        *_refusal(run),
        *_preview(run),
        *(_world(run) if run.is_plain and run.up.end == DONE else []),
    ]


def _gaps(run: AuditedRun) -> list[str]:
    """Attachments that were logged, are wanted, and were not logged all the time.

    Where the service lets a flow log fail that was at work, nobody can help it.
    """
    logged = {one.resource_id for id_, one in run.ours(run.before).items() if is_at_work(one) and id_ not in run.failed}
    meant = logged & run.expectations.enabled & run.after.attachments.keys()
    return [
        f"{GAP}: {_name(run, gap.attachment_id)} for {gap.seconds:.6f} s"
        for gap in run.gaps
        if gap.attachment_id in meant
    ]


def _others(run: AuditedRun) -> list[str]:
    return [
        f"{LOST}: somebody else's flow log {id_}"
        for id_ in run.others
        if run.before.flow_logs.get(id_) != run.after.flow_logs.get(id_)
    ]


def _deletions(run: AuditedRun) -> list[str]:
    before, after = run.ours(run.before), run.ours(run.after)
    logged = {one.resource_id for one in after.values() if is_at_work(one)}
    found = []
    for id_ in before.keys() - after.keys():
        gone = before[id_]
        what = f"{WRONG_DELETION}: of {_name(run, gone.resource_id)}, flow log {gone.name} ({gone.state})"
        if target_of(gone) in run.expectations.flow_logs and id_ not in run.failed:
            found.append(f"{what} is wanted")
        if is_at_work(gone) and id_ not in run.failed and gone.resource_id in run.expectations.enabled - logged:
            found.append(f"{what} has no other in its place")
    if run.preview.end == REFUSED and before.keys() - after.keys():
        found.append(f"{WRONG_DELETION}: of {len(before.keys() - after.keys())}, though the preview was refused")
    return found


def _refusal(run: AuditedRun) -> list[str]:
    found = []
    if run.up.end == REFUSED:
        if run.before.flow_logs != run.after.flow_logs:
            found.append("the run was refused, and has changed something")
        if run.preview.end != REFUSED:
            found.append(f"{DIFFERS}: the run was refused, the preview was {run.preview.end}")
    elif run.expectations.impossible:
        found.append(f"the run was not refused, although {'; '.join(run.expectations.impossible)}")
    if run.up.end == FAILED_RUN and run.preview.end == DONE and run.is_plain and not run.may_fail:
        found.append(f"{DIFFERS}: the run failed: {run.up.words}")
    if run.up.end != DONE and run.is_plain and not run.has_trouble:
        found.append(f"the run was {run.up.end} for no reason: {run.up.words}")
    return found


def _preview(run: AuditedRun) -> list[str]:
    if not run.is_plain or run.up.end != DONE or run.preview.end != DONE:
        return []
    announced, done = sorted(run.preview.steps), sorted(run.up.steps)
    if announced == done:
        return []
    return [f"{DIFFERS}: announced {_less(announced, done)}, done {_less(done, announced)}"]


def _world(run: AuditedRun) -> list[str]:
    """In what the cloud differs from what is asked for."""
    found = []
    there: dict[Target, list[FlowLog]] = {}
    for one in run.ours(run.after).values():
        there.setdefault(target_of(one), []).append(one)
    for target in sorted(there.keys() | run.expectations.flow_logs.keys()):
        flow_logs, wish = there.get(target, []), run.expectations.flow_logs.get(target)
        where = f"{_name(run, target[1])} in {_stream(run, target)}"
        if len(flow_logs) > (wish is not None):
            found.append(f"{DOUBLED}: {where} has {len(flow_logs)}, wanted is {wish}")
        elif wish and not flow_logs:
            found.append(f"{LOST}: {where} has none, wanted is {wish}")
        elif wish:
            (one,) = flow_logs
            if not (
                one.state == "available"
                and one.enabled == wish.enabled
                and one.description == wish.description
                and one.name == (wish.name or one.name)
            ):
                found.append(f"{where} is {one}, wanted is {wish}")
    return found


def _name(run: AuditedRun, attachment_id: str) -> str:
    for seen in (run.after, run.before):
        if attachment_id in seen.attachments:
            return seen.attachments[attachment_id].name
    return attachment_id


def _stream(run: AuditedRun, target: Target) -> str:
    names = {ids: "/".join(names) for names, ids in run.after.streams.items()}
    return names[target[2], target[3]]


def _less(steps: Steps, others: Steps) -> list[tuple[str, str]]:
    return [one for one in steps if one not in others]

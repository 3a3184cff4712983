"""What is wrong with a run: the cloud before and after it, compared with what the stack file asks for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from emulator.flow_logs import FlowLog
from emulator.gaps import Gap
from tests.chaos.desired import DOUBLED, LOST
from tests.chaos.expectations import Expectations, Snapshot, Target, is_logging, target_of

GAP, WRONG_DELETION, DIFFERS = "gap", "wrong deletion", "preview differs from up"
"""The first words of complaints, beside those of `tests.chaos.desired`."""

COMPLAINTS = {
    GAP: "gaps",
    WRONG_DELETION: "wrong deletions",
    DIFFERS: DIFFERS,
    LOST: LOST,
    DOUBLED: DOUBLED,
}
"""By first words, the heading in a table."""

DONE, REFUSED, FAILED_RUN = "done", "refused", "failed"

Steps = Sequence[tuple[str, str]]
"""Operations, announced or done, each with its URN."""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """How a preview or an `up` ended."""

    end: str
    steps: Steps
    errors: str = ""


@dataclass(frozen=True, kw_only=True)
class AuditedRun:
    """One edit, its preview and its `up`.

    Attributes:
        before: The cloud after the edit.
        after: The cloud in the end.
        others: The ids of somebody else's flow logs.
        failed: The ids of the flow logs that have failed at any time.
        doomed: The ids of the log groups and log streams that the run is to delete.
        expectations: What the stack file asks for.
        preview: How the preview ended.
        up: How the `up` ended.
        gaps: When attachments were not logged, from before the preview to the end.
        is_plain: Whether no fault was injected and no option left anything out.
        has_trouble: Whether there was a reason for a refusal or a failure.
        may_fail: Whether there was a reason for a failure that cannot be known in advance.
    """

    before: Snapshot
    after: Snapshot
    others: Collection[str]
    failed: Collection[str]
    doomed: Collection[str]
    expectations: Expectations
    preview: RunResult
    up: RunResult
    gaps: Sequence[Gap]
    is_plain: bool
    has_trouble: bool
    may_fail: bool

    def of_stack(self, snapshot: Snapshot) -> dict[str, FlowLog]:
        """The stack's flow logs, by id."""
        return {id_: flow_log for id_, flow_log in snapshot.flow_logs.items() if id_ not in self.others}


def audit(run: AuditedRun) -> list[str]:
    """All that is wrong with a run."""
    is_comparable = run.is_plain and run.up.end == DONE
    return [
        *_find_gaps(run),
        *_find_changes_of_others(run),
        *_find_wrong_deletions(run),
        *_find_lost_log_stores(run),
        *_find_wrong_refusals(run),
        *(_compare_preview(run) if is_comparable and run.preview.end == DONE else []),
        *(_compare_cloud(run) if is_comparable else []),
    ]


def _find_gaps(run: AuditedRun) -> list[str]:
    """Attachments that were logged, are to be logged, and were not logged all the time.

    A flow log that was logging and failed is not the stack's fault.
    """
    logged = {
        flow_log.resource_id
        for id_, flow_log in run.of_stack(run.before).items()
        if is_logging(flow_log) and id_ not in run.failed
    }
    expected = logged & run.expectations.enabled & run.after.attachments.keys()
    return [
        f"{GAP}: {_name(run, gap.attachment_id)} for {gap.seconds:.6f} s"
        for gap in run.gaps
        if gap.attachment_id in expected
    ]


def _find_changes_of_others(run: AuditedRun) -> list[str]:
    return [
        f"{LOST}: somebody else's flow log {id_}"
        for id_ in run.others
        if run.before.flow_logs.get(id_) != run.after.flow_logs.get(id_)
    ]


def _find_wrong_deletions(run: AuditedRun) -> list[str]:
    before, after = run.of_stack(run.before), run.of_stack(run.after)
    logged = {flow_log.resource_id for flow_log in after.values() if is_logging(flow_log)}
    # A flow log that has failed records nothing, and is deleted before the one that replaces it.
    deleted = before.keys() - after.keys() - set(run.failed)
    found = []
    for id_ in deleted:
        flow_log = before[id_]
        what = f"{WRONG_DELETION}: of {_name(run, flow_log.resource_id)}, flow log {flow_log.name} ({flow_log.state})"
        if target_of(flow_log) in run.expectations.flow_logs:
            found.append(f"{what} is declared")
        if is_logging(flow_log) and flow_log.resource_id in run.expectations.enabled - logged:
            found.append(f"{what} has no other in its place")
    if run.preview.end == REFUSED and deleted:
        found.append(f"{WRONG_DELETION}: of {len(deleted)}, though the preview was refused")
    return found


def _find_lost_log_stores(run: AuditedRun) -> list[str]:
    """Log groups and log streams that were deleted with their records, although they were to stay or are in use."""
    kept = {store.id for store in run.after.log_stores.values()}
    # Their flow logs may be those of others, and delivered nowhere before.
    used = {id_ for flow_log in run.after.flow_logs.values() for id_ in target_of(flow_log)}
    found = []
    for name, store in run.before.log_stores.items():
        if store.id not in kept and store.id not in run.doomed:
            found.append(f"{LOST}: {name}, which was to stay")
        elif store.id not in kept and store.id in used:
            found.append(f"{WRONG_DELETION}: {name}, although flow logs write to it")
    return found


def _find_wrong_refusals(run: AuditedRun) -> list[str]:
    found = []
    if run.up.end == REFUSED:
        if (run.before.flow_logs, run.before.log_stores) != (run.after.flow_logs, run.after.log_stores):
            found.append("the run was refused, and has changed something")
        if run.preview.end != REFUSED:
            found.append(f"{DIFFERS}: the run was refused, the preview was {run.preview.end}")
    elif run.expectations.impossible:
        found.append(f"the run was not refused, although {'; '.join(run.expectations.impossible)}")
    if run.up.end == FAILED_RUN and run.preview.end == DONE and run.is_plain and not run.may_fail:
        found.append(f"{DIFFERS}: the run failed: {run.up.errors}")
    if run.up.end != DONE and run.is_plain and not run.has_trouble:
        found.append(f"the run was {run.up.end} for no reason: {run.up.errors}")
    return found


def _compare_preview(run: AuditedRun) -> list[str]:
    announced, done = sorted(run.preview.steps), sorted(run.up.steps)
    if announced == done:
        return []
    return [f"{DIFFERS}: announced {_without(announced, done)}, done {_without(done, announced)}"]


def _compare_cloud(run: AuditedRun) -> list[str]:
    """The differences between the cloud and what the stack file asks for."""
    found = []
    existing: dict[Target, list[FlowLog]] = {}
    for flow_log in run.of_stack(run.after).values():
        existing.setdefault(target_of(flow_log), []).append(flow_log)
    names = {ids: "/".join(names) for names, ids in run.after.streams.items()}
    # A log stream that did not exist before the run has an id now.
    wanted = {
        (*target[:2], *run.after.place(*target[2:])): flow_log
        for target, flow_log in run.expectations.flow_logs.items()
    }
    for target in sorted(existing.keys() | wanted.keys()):
        flow_logs, expected = existing.get(target, []), wanted.get(target)
        where = f"{_name(run, target[1])} in {names.get(target[2:], 'a log stream that is gone')}"
        if len(flow_logs) > (expected is not None):
            found.append(f"{DOUBLED}: {where} has {len(flow_logs)}, expected is {expected}")
        elif expected and not flow_logs:
            found.append(f"{LOST}: {where} has none, expected is {expected}")
        elif expected and not expected.is_met_by(flow_logs[0]):
            found.append(f"{where} is {flow_logs[0]}, expected is {expected}")
    left = [name for name, store in run.after.log_stores.items() if store.id in run.doomed]
    return found + [f"{name} was to be deleted" for name in left]


def _name(run: AuditedRun, attachment_id: str) -> str:
    for snapshot in (run.after, run.before):
        if attachment_id in snapshot.attachments:
            return snapshot.attachments[attachment_id].name
    return attachment_id


def _without(steps: Steps, others: Steps) -> list[tuple[str, str]]:
    return [step for step in steps if step not in others]

"""What is wrong with a run, judged by what the stack file asks for and what the world was and is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from emulator.flow_logs import FlowLog
from emulator.gaps import Gap
from tests.chaos.intent import Seen, Target, Wishes, is_at_work, target_of
from tests.chaos.wanted import DOUBLED, LOST

GAP, WRONG_DELETION, DIFFERS = "gap", "wrong deletion", "preview differs from up"
"""What complaints begin with, beside those of `tests.chaos.wanted`."""

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
class Ended:
    """How a preview or an `up` ended."""

    end: str
    steps: Steps
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Happened:
    """One edit, its preview and its `up`.

    Attributes:
        before: The world after the edit.
        after: The world in the end.
        others: The ids of somebody else's flow logs.
        failed: The ids of the flow logs that the service has let fail at any time.
        wishes: What the stack file asks for.
        preview: How the preview ended.
        up: How the `up` ended.
        gaps: When attachments were not logged, from before the preview to the end.
        is_plain: Whether nothing was injected, and the whole stack was meant.
        has_trouble: Whether there was a reason to refuse it, or for it to fail.
        may_fail: Whether there was a reason to fail that nobody can know before.
    """

    before: Seen
    after: Seen
    others: Collection[str]
    failed: Collection[str]
    wishes: Wishes
    preview: Ended
    up: Ended
    gaps: Sequence[Gap]
    is_plain: bool
    has_trouble: bool
    may_fail: bool

    def ours(self, seen: Seen) -> dict[str, FlowLog]:
        """The stack's flow logs, by id."""
        return {id_: one for id_, one in seen.flow_logs.items() if id_ not in self.others}


def wrong(happened: Happened) -> list[str]:
    """All that is wrong with it."""
    return [
        *_gaps(happened),
        *_others(happened),
        *_deletions(happened),
        *_refusal(happened),
        *_preview(happened),
        *(_world(happened) if happened.is_plain and happened.up.end == DONE else []),
    ]


def _gaps(happened: Happened) -> list[str]:
    """Attachments that were logged, are wanted, and were not logged all the time.

    Where the service lets a flow log fail that was at work, nobody can help it.
    """
    logged = {
        one.resource_id
        for id_, one in happened.ours(happened.before).items()
        if is_at_work(one) and id_ not in happened.failed
    }
    meant = logged & happened.wishes.enabled & happened.after.attachments.keys()
    return [
        f"{GAP}: {_name(happened, gap.attachment_id)} for {gap.seconds:.6f} s"
        for gap in happened.gaps
        if gap.attachment_id in meant
    ]


def _others(happened: Happened) -> list[str]:
    return [
        f"{LOST}: somebody else's flow log {id_}"
        for id_ in happened.others
        if happened.before.flow_logs.get(id_) != happened.after.flow_logs.get(id_)
    ]


def _deletions(happened: Happened) -> list[str]:
    before, after = happened.ours(happened.before), happened.ours(happened.after)
    logged = {one.resource_id for one in after.values() if is_at_work(one)}
    found = []
    for id_ in before.keys() - after.keys():
        gone = before[id_]
        what = f"{WRONG_DELETION}: of {_name(happened, gone.resource_id)}, flow log {gone.name} ({gone.state})"
        if target_of(gone) in happened.wishes.flow_logs and id_ not in happened.failed:
            found.append(f"{what} is wanted")
        if is_at_work(gone) and id_ not in happened.failed and gone.resource_id in happened.wishes.enabled - logged:
            found.append(f"{what} has no other in its place")
    if happened.preview.end == REFUSED and before.keys() - after.keys():
        found.append(f"{WRONG_DELETION}: of {len(before.keys() - after.keys())}, though the preview was refused")
    return found


def _refusal(happened: Happened) -> list[str]:
    found = []
    if happened.up.end == REFUSED:
        if happened.before.flow_logs != happened.after.flow_logs:
            found.append("the run was refused, and has changed something")
        if happened.preview.end != REFUSED:
            found.append(f"{DIFFERS}: the run was refused, the preview was {happened.preview.end}")
    elif happened.wishes.impossible:
        found.append(f"the run was not refused, although {'; '.join(happened.wishes.impossible)}")
    if happened.up.end == FAILED_RUN and happened.preview.end == DONE and happened.is_plain and not happened.may_fail:
        found.append(f"{DIFFERS}: the run failed: {happened.up.words}")
    if happened.up.end != DONE and happened.is_plain and not happened.has_trouble:
        found.append(f"the run was {happened.up.end} for no reason: {happened.up.words}")
    return found


def _preview(happened: Happened) -> list[str]:
    if not happened.is_plain or happened.up.end != DONE or happened.preview.end != DONE:
        return []
    announced, done = sorted(happened.preview.steps), sorted(happened.up.steps)
    if announced == done:
        return []
    return [f"{DIFFERS}: announced {_less(announced, done)}, done {_less(done, announced)}"]


def _world(happened: Happened) -> list[str]:
    """In what the world differs from what is asked for."""
    found = []
    there: dict[Target, list[FlowLog]] = {}
    for one in happened.ours(happened.after).values():
        there.setdefault(target_of(one), []).append(one)
    for target in sorted(there.keys() | happened.wishes.flow_logs.keys()):
        flow_logs, wish = there.get(target, []), happened.wishes.flow_logs.get(target)
        where = f"{_name(happened, target[1])} in {_stream(happened, target)}"
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


def _name(happened: Happened, attachment_id: str) -> str:
    for seen in (happened.after, happened.before):
        if attachment_id in seen.attachments:
            return seen.attachments[attachment_id].name
    return attachment_id


def _stream(happened: Happened, target: Target) -> str:
    names = {ids: "/".join(names) for names, ids in happened.after.streams.items()}
    return names[target[2], target[3]]


def _less(steps: Steps, others: Steps) -> list[tuple[str, str]]:
    return [one for one in steps if one not in others]

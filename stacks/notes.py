"""What the program notes for whoever reviews a preview: names for the ids in it, and reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.preview_notes import PreviewNotes, SkippedAttachment
from stacks.checks.deletions import Deletion
from stacks.planning.log_groups import find_new_streams
from stacks.planning.plan import Plan, ResolvedRouter


def make_notes(plan: Plan, deletions: Sequence[Deletion], removals: Sequence[str] = ()) -> PreviewNotes:
    """The notes.

    Args:
        plan: What this run declares.
        deletions: What it deletes. Names that only the last run knew are in the stack's outputs.
        removals: Sentences on the log groups and log streams that are no longer declared.
    """
    new_streams = find_new_streams(plan.log_groups)
    skipped = [several for router in plan.routers if (several := _find_skipped(router, plan.inventory.names))]
    return PreviewNotes(
        names=plan.inventory.names,
        logs_to={
            flow_log.logical_name: flow_log.logs_to
            for target, flow_log in plan.desired.items()
            if target.log_stream_id in new_streams
        },
        reasons={deletion.flow_log.logical_name: deletion.reason for deletion in deletions},
        skipped=[item for several in skipped for item in several],
        warnings=[
            *(deletion.sentence for deletion in deletions),
            *(f"not logged on {several[0].router}: {_join(several)}" for several in skipped),
            *removals,
        ],
    )


def _find_skipped(router: ResolvedRouter, names: Mapping[str, str]) -> list[SkippedAttachment]:
    return [
        SkippedAttachment(router=router.router.name, attachment=names.get(text, text), reason=reason)
        for text, reason in router.skipped.items()
    ]


def _join(several: Sequence[SkippedAttachment]) -> str:
    return "; ".join(f"{skipped.attachment} {skipped.reason}" for skipped in several)

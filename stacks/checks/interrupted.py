"""Creates that an earlier run left unfinished, and that this run would forget."""

from __future__ import annotations

from collections.abc import Sequence

from providers.er.flow_logs import FlowLogTarget
from stacks.errors import Problem
from stacks.planning.plan import Plan


def check_interrupted_creates(plan: Plan, creates: Sequence[FlowLogTarget] | Problem) -> list[Problem]:
    """Refuse a run that no longer declares what an earlier run was creating when its provider was killed.

    Args:
        plan: What the stack file declares. Interrupted creates that it still declares are completed by the run.
        creates: The targets of the interrupted creates, or the problem with reading them.
    """
    if isinstance(creates, Problem):
        return [creates]
    forgotten = sum(target not in plan.desired for target in creates)
    if not forgotten:
        return []
    what = (
        f"an earlier run was interrupted while it created flow logs that the stack file no longer declares"
        f" ({forgotten}): run `make recover` first"
    )
    return [Problem("routers", what)]

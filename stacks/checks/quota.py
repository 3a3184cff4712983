"""Whether the quota has room for what a run creates, told before anything changes."""

from __future__ import annotations

from collections.abc import Sequence

from providers.er.flow_logs import LEAVING_STATES
from providers.er.quotas import UNLIMITED, Quota
from stacks.checks.deletions import Deletion
from stacks.errors import Problem
from stacks.planning.plan import DesiredFlowLog, Plan
from stacks.state.managed import Managed


def created(plan: Plan, managed: Managed) -> list[DesiredFlowLog]:
    """The flow logs that this run creates, as far as can be told: nothing has their target, nor does the state."""
    there = {target for router in plan.routers for target in router.holders} | managed.keys()
    return [one for target, one in plan.desired.items() if target not in there]


def check(plan: Plan, new: int, deletions: Sequence[Deletion], quota: Quota | None) -> tuple[list[Problem], list[str]]:
    """Whether there is room. What a run deletes it deletes last, so that makes none.

    Args:
        plan: What the stack file wants.
        new: How many flow logs this run creates.
        deletions: What this run would delete.
        quota: That of the project; None if the service names none.

    Returns:
        What will fail, and what may fail.
    """
    existing = {one.id: one for router in plan.routers for one in router.existing}
    leaving = sum(one.state in LEAVING_STATES for one in existing.values())
    if not new or quota is None or quota.limit <= UNLIMITED or quota.used - leaving + new <= quota.limit:
        return [], []
    room = max(0, quota.limit - quota.used)
    moves = sum(bool(one.moves_to) for one in deletions)
    moving = (
        f", {moves} of them in place of others, which are deleted only when all new ones are there" if moves else ""
    )
    some_at_a_time = f", or move {room} at a time, with overrides" if moves and room else ""
    what = (
        f"flow logs to be created: {new}{moving}; but the quota has room for {room}: {quota.used} of {quota.limit} are"
        f" in use; ask for a higher quota with a service ticket, delete flow logs nobody needs{some_at_a_time}"
    )
    # The reference does not say for certain what the quota counts: not the project's flow logs, if fewer than seen.
    is_certain = quota.used >= len(existing) and not leaving and (deletions or not room)
    return ([Problem("routers", what)], []) if is_certain else ([], [what])

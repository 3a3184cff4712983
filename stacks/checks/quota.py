"""Whether the quota has room for what a run creates."""

from __future__ import annotations

from collections.abc import Sequence

from providers.er.exceptions import ApiError
from providers.er.flow_logs import LEAVING_STATES
from providers.er.quotas import UNLIMITED, Quota
from stacks.checks.deletions import Deletion
from stacks.errors import Problem
from stacks.planning.plan import DesiredFlowLog, Plan
from stacks.state.managed import ManagedFlowLogs


def find_creates(plan: Plan, managed: ManagedFlowLogs) -> list[DesiredFlowLog]:
    """The flow logs that this run creates: neither the state nor the router has one with the same target."""
    existing = {target for router in plan.routers for target in router.holders} | managed.keys()
    return [flow_log for target, flow_log in plan.desired.items() if target not in existing]


def check_quota(
    plan: Plan, creates: int, deletions: Sequence[Deletion], quota: Quota | ApiError | None
) -> tuple[list[Problem], list[Problem]]:
    """Whether there is room for new flow logs. Deletions make no room, because they come last.

    Args:
        plan: What the stack file declares.
        creates: How many flow logs this run creates.
        deletions: What this run deletes.
        quota: The project's quota: None if the service names none, an error if it could not be fetched.

    Returns:
        What will fail, and what may fail.
    """
    if isinstance(quota, ApiError):
        return [], [Problem("routers", f"the quota could not be read, so it may be too small: {quota}")]
    existing = {flow_log.id: flow_log for router in plan.routers for flow_log in router.existing}
    leaving = sum(flow_log.state in LEAVING_STATES for flow_log in existing.values())
    if not creates or quota is None or quota.limit <= UNLIMITED or quota.used - leaving + creates <= quota.limit:
        return [], []
    problem = _explain(creates, quota, moves=sum(bool(deletion.moves_to) for deletion in deletions))
    # The API reference does not define what the quota counts. If it counts fewer flow logs than exist, it is not those.
    is_certain = quota.used >= len(existing) and not leaving and (deletions or quota.used >= quota.limit)
    return ([problem], []) if is_certain else ([], [problem])


def _explain(creates: int, quota: Quota, *, moves: int) -> Problem:
    room = max(0, quota.limit - quota.used)
    replacing = f", {moves} of them to replace others, which are deleted last" if moves else ""
    ways = ["request a higher quota", "delete unused flow logs"]
    if moves and room:
        ways.append(f"move {room} at a time, with overrides")
    what = (
        f"this run creates {creates} flow logs{replacing}, but the quota has room for {room} ({quota.used} of"
        f" {quota.limit} in use): {', '.join(ways[:-1])} or {ways[-1]}"
    )
    return Problem("routers", what)

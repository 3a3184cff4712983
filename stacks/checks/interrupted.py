"""Creates that an earlier run left unfinished, and that this run would forget."""

from __future__ import annotations

from collections.abc import Sequence

from providers.er.flow_logs import FlowLogTarget
from stacks.errors import Problem
from stacks.planning.plan import Plan
from stacks.stackfile.location import make_command
from stacks.state.managed import ManagedFlowLogs


def check_interrupted_creates(
    plan: Plan, creates: Sequence[FlowLogTarget] | Problem, managed: ManagedFlowLogs, *, stack: str, has_key: bool
) -> list[Problem]:
    """Refuse a run that would forget what an earlier run was creating when its provider was killed.

    Args:
        plan: What the stack file declares. Interrupted creates that it still declares are completed by the run.
        creates: The targets of the interrupted creates, or the problem with reading them.
        managed: The flow logs in the state.
        stack: The stack's name.
        has_key: Whether a repeated create finds them: a service may have lost the state with its idempotency key.
    """
    if isinstance(creates, Problem):
        return [creates]
    recover = make_command("recover", stack)
    missing = [target for target in creates if target not in managed]
    if missing and not has_key:
        what = (
            f"an earlier run on this machine created flow logs, or was creating them, and the state has lost them"
            f" ({len(missing)}): run `{recover}` first"
        )
        return [Problem("routers", what)]
    forgotten = sum(target not in plan.desired for target in missing)
    if not forgotten:
        return []
    what = (
        f"an earlier run was interrupted while it created flow logs that the stack file no longer declares"
        f" ({forgotten}): run `{recover}` first"
    )
    return [Problem("routers", what)]

"""Targets that somebody else's flow log has, told before anything changes; and which of those are taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import listed
from stacks.planning.plan import DesiredFlowLog, Plan
from stacks.stackfile.model import StackConfig
from stacks.state.managed import Managed, ManagedFlowLog


@dataclass(frozen=True)
class Conflicts:
    """What was found.

    Attributes:
        problems: What will fail.
        warnings: What may fail.
        adopted: The flow logs to take over, by target.
    """

    problems: Sequence[Problem] = field(default_factory=list)
    warnings: Sequence[str] = field(default_factory=list)
    adopted: Mapping[FlowLogTarget, FlowLog] = field(default_factory=dict)


def check(config: StackConfig, plan: Plan, managed: Managed, *, has_key: bool) -> Conflicts:
    """What stands in the way of the flow logs of this plan.

    Args:
        config: The stack file.
        plan: What it wants.
        managed: The flow logs in the state.
        has_key: Whether the state has an idempotency key: without one no interrupted run has made anything.
    """
    problems: list[Problem] = []
    warnings: list[str] = []
    adopted: dict[FlowLogTarget, FlowLog] = {}
    for router in plan.routers:
        where, on = f"routers.{router.key}", display_name(router.router.name or router.router.id)
        adopts = config.routers[router.key].adopt
        others = [
            (one, router.holders[one.target])
            for one in router.flow_logs
            if one.target in router.holders and not _is_ours(router.holders[one.target], managed.get(one.target))
        ]
        if adopts and not others:
            warnings.append(f"{where}.adopt: nothing is left to take over, remove it")
        failed = [one for one in others if one[1].state == "failed"]
        rest = [one for one in others if one not in failed]
        # What has the very name was made by an interrupted run, perhaps: then a repeated create finds it.
        doubtful = [one for one in rest if has_key and not adopts and one[1].name == one[0].name]
        taken = [one for one in rest if not adopts and one not in doubtful]
        adopted |= {desired.target: holder for desired, holder in rest if adopts}
        if failed:
            what = f"flow logs on {on} that are not this stack's have failed, delete them: {_listed(failed)}"
            problems.append(Problem(where, what))
        if taken:
            what = (
                f"wants flow logs that are on {on} already and not this stack's: {_listed(taken)}; to take them over,"
                " if they are no other stack's, set adopt: true here"
            )
            problems.append(Problem(where, what))
        if doubtful:
            warnings.append(
                f"{where} wants flow logs that are on {on} already, under the wanted names, and not in the state:"
                f" {_listed(doubtful)}; if no interrupted run of this stack has made them, set adopt: true there to"
                " take them over"
            )
    return Conflicts(problems, warnings, adopted)


def _is_ours(holder: FlowLog, managed: ManagedFlowLog | None) -> bool:
    """Whether what has a target is what the state has there, in a component of ours."""
    return bool(managed and managed.is_of_a_router and not _differ(holder.created_at, managed.created_at))


def _differ(one: str, other: str) -> bool:
    """Whether these are certainly two moments, in whatever way they are written."""
    try:
        first, second = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (one, other))
        return abs((first - second).total_seconds()) >= 1
    except (ValueError, TypeError):
        return False


def _listed(others: Sequence[tuple[DesiredFlowLog, FlowLog]]) -> str:
    return listed(
        [
            f"{display_name(one.attachment.name or one.attachment.id)} ({display_name(holder.name)}, {holder.id})"
            for one, holder in others
        ]
    )

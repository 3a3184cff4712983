"""Targets that somebody else's flow log has, told before anything changes; and which of those are taken over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.records import label
from stacks.config import StackConfig
from stacks.errors import Problem
from stacks.planning.lookup import listed
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter
from stacks.state.managed import Managed


@dataclass(frozen=True)
class Conflicts:
    """What was found.

    Attributes:
        problems: What will fail.
        warnings: What may fail.
        adopted: The flow logs to take over, by target.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    adopted: Mapping[FlowLogTarget, FlowLog] = field(default_factory=dict)

    def __add__(self, other: Conflicts) -> Conflicts:
        return Conflicts(
            self.problems + other.problems, self.warnings + other.warnings, {**self.adopted, **other.adopted}
        )


def check(config: StackConfig, plan: Plan, managed: Managed, *, has_keys: bool) -> Conflicts:
    """What stands in the way of the flow logs of this plan.

    Args:
        config: The stack file.
        plan: What it wants.
        managed: The flow logs in the state.
        has_keys: Whether the state has an idempotency key: without one no interrupted run has made anything.
    """
    found = Conflicts()
    for router in plan.routers:
        others = _others(router, managed)
        if config.routers[router.key].adopt:
            found += _adoptable(router, others)
            if not others:
                found.warnings.append(f"routers.{router.key}.adopt: nothing is left to take over, remove it")
        else:
            found += _taken(router, others, has_keys=has_keys)
    return found


Others = Sequence[tuple[DesiredFlowLog, FlowLog]]
"""Desired flow logs, each with the one that has its target and is not in the state."""


def _others(router: ResolvedRouter, managed: Managed) -> Others:
    held = [(one, router.holders[one.target]) for one in router.flow_logs if one.target in router.holders]
    return [
        (desired, holder)
        for desired, holder in held
        if desired.target not in managed or _differ(holder.created_at, managed[desired.target].created_at)
    ]


def _differ(one: str, other: str) -> bool:
    """Whether these are certainly two moments, in whatever way they are written."""
    try:
        first, second = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (one, other))
        return abs((first - second).total_seconds()) >= 1
    except (ValueError, TypeError):
        return False


def _taken(router: ResolvedRouter, others: Others, *, has_keys: bool) -> Conflicts:
    """Where somebody else's flow log is in the way."""
    # What has the very name was made by an interrupted run, perhaps: then a repeated create finds it.
    failed = [one for one in others if one[1].state == "failed"]
    doubtful = [one for one in others if has_keys and one not in failed and one[1].name == one[0].name]
    taken = [one for one in others if one not in failed and one not in doubtful]
    where = f"routers.{router.key}"
    found = _failed(where, router, failed)
    if taken:
        what = (
            f"wants flow logs that are on {_on(router)} already and not this stack's: {_listed(taken)}; to take them"
            " over, if they are no other stack's, set adopt: true here"
        )
        found.problems.append(Problem(where, what))
    if doubtful:
        found.warnings.append(
            f"{where} wants flow logs that are on {_on(router)} already, under the wanted names, and not in the state:"
            f" {_listed(doubtful)}; if no interrupted run of this stack has made them, set adopt: true there to"
            " take them over"
        )
    return found


def _adoptable(router: ResolvedRouter, others: Others) -> Conflicts:
    """What to take over."""
    failed = [one for one in others if one[1].state == "failed"]
    adopted = {desired.target: holder for desired, holder in others if holder.state != "failed"}
    return _failed(f"routers.{router.key}", router, failed) + Conflicts(adopted=adopted)


def _failed(where: str, router: ResolvedRouter, failed: Others) -> Conflicts:
    if not failed:
        return Conflicts()
    what = f"flow logs on {_on(router)} that are not this stack's have failed, delete them: {_listed(failed)}"
    return Conflicts(problems=[Problem(where, what)])


def _on(router: ResolvedRouter) -> str:
    return label(router.router.name or router.router.id)


def _listed(others: Others) -> str:
    return listed([_told(*one) for one in others])


def _told(desired: DesiredFlowLog, holder: FlowLog) -> str:
    attachment = label(desired.attachment.name or desired.attachment.id)
    return f"{attachment} ({label(holder.name)}, {holder.id})"

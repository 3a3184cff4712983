"""Targets that another flow log occupies, found before anything changes, and which of those are adopted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.sanitizing import display_name
from providers.er.validation import instant
from stacks.errors import Problem
from stacks.planning.lookup import join_names
from stacks.planning.plan import DesiredFlowLog, Plan, ResolvedRouter
from stacks.stackfile.location import make_command
from stacks.stackfile.model import StackConfig
from stacks.state.managed import ManagedFlowLogs

_Pairs = Sequence[tuple[DesiredFlowLog, FlowLog]]
"""Flow logs to declare, each with the one that occupies its target."""


@dataclass(frozen=True)
class Conflicts:
    """The result of the check.

    Attributes:
        refusals: What ends any run: else a repeated create would find the flow log, and the stack would manage it.
        problems: What will fail.
        warnings: What may fail.
        adopted: The flow logs to adopt, by target.
    """

    refusals: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    adopted: dict[FlowLogTarget, FlowLog] = field(default_factory=dict)


def check_conflicts(
    config: StackConfig,
    plan: Plan,
    managed: ManagedFlowLogs,
    *,
    stack: str,
    has_key: bool,
    forgotten: Collection[str] = (),
) -> Conflicts:
    """Find the flow logs of other stacks and people that occupy targets of this plan.

    Args:
        config: The stack file.
        plan: What it declares.
        managed: The flow logs in the state.
        stack: The stack's name.
        has_key: Whether the state has an idempotency key: without one no interrupted run has created anything.
        forgotten: The ids of flow logs that the stack has stopped managing.
    """
    conflicts = Conflicts()
    for router in plan.routers:
        for key in router.selections:
            others = [
                (desired, router.holders[desired.target])
                for desired in router.flow_logs
                if desired.key == key and _is_occupied(router, desired, managed)
            ]
            name, adopt = router.router.display_name, config.routers[key].adopt
            released = [pair for pair in others if pair[1].id in forgotten and not adopt]
            if released:
                what = (
                    f"these flow logs on {name} were forgotten by this stack: {_describe(released)}; run"
                    f" `{make_command('forget', stack)}` to change this file as well, or set adopt: true here to"
                    " manage them again"
                )
                conflicts.refusals.append(Problem(f"routers.{key}", what))
            others = [pair for pair in others if pair not in released]
            _check_key(conflicts, f"routers.{key}", name, others, adopt=adopt, has_key=has_key)
    return conflicts


def _check_key(conflicts: Conflicts, key: str, router: str, others: _Pairs, *, adopt: bool, has_key: bool) -> None:
    if adopt and not others:
        conflicts.warnings.append(Problem(f"{key}.adopt", "nothing is left to import: remove this key"))
    failed = [(desired, holder) for desired, holder in others if holder.state == "failed"]
    working = [(desired, holder) for desired, holder in others if holder.state != "failed"]
    if failed:
        what = (
            f"these flow logs on {router} do not belong to this stack and have failed: {_describe(failed)}; delete them"
        )
        conflicts.problems.append(Problem(key, what))
    if adopt:
        conflicts.adopted.update({desired.target: holder for desired, holder in working})
        return
    # An interrupted run may have created one with the same name. Then a repeated create finds it.
    uncertain = [(desired, holder) for desired, holder in working if has_key and holder.name == desired.name]
    foreign = [pair for pair in working if pair not in uncertain]
    if foreign:
        what = (
            f"these flow logs on {router} already exist and do not belong to this stack: {_describe(foreign)}; unless"
            " they belong to another stack, set adopt: true here to import them"
        )
        conflicts.problems.append(Problem(key, what))
    if uncertain:
        what = (
            f"these flow logs on {router} already exist under the declared names and are not in the state:"
            f" {_describe(uncertain)}; unless an interrupted run of this stack created them, set adopt: true here to"
            " import them"
        )
        conflicts.warnings.append(Problem(key, what))


def _is_occupied(router: ResolvedRouter, desired: DesiredFlowLog, managed: ManagedFlowLogs) -> bool:
    """Whether a flow log that is not the stack's own has this target."""
    holder, known = router.holders.get(desired.target), managed.get(desired.target)
    is_own = holder and known and known.is_in_component and not _differ(holder.created_at, known.created_at)
    return holder is not None and not is_own


def _differ(time: str, other_time: str) -> bool:
    """Whether these are certainly different times, in whatever format."""
    first, second = instant(time), instant(other_time)
    return first is not None and second is not None and abs((first - second).total_seconds()) >= 1


def _describe(pairs: _Pairs) -> str:
    names = [f"{desired.attachment.display_name} ({display_name(at.name)}, {at.id})" for desired, at in pairs]
    return join_names(names)

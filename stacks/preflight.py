"""What would go wrong, told before anything changes: targets that somebody else's flow log has, and the quota."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from providers.er import Client
from providers.er.errors import ApiError
from providers.er.flow_logs import LEAVING_STATES, FlowLog, FlowLogTarget
from providers.er.quotas import UNLIMITED
from providers.er.records import label
from stacks.config import StackConfig
from stacks.discovery import RouterPlan, WantedFlowLog
from stacks.errors import Problem
from stacks.lookup import listed
from stacks.outputs import PreviousRouter

QUOTA_TIMEOUT = 20.0  # seconds; it only helps

InState = Mapping[FlowLogTarget, str]
"""The targets of the flow logs in the state, each with its `created_at`; that is empty where nobody knows."""


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
        problems: What will fail.
        warnings: What may fail.
        adopted: The flow logs to take over, by target.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    adopted: dict[FlowLogTarget, FlowLog] = field(default_factory=dict)

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.problems + other.problems, self.warnings + other.warnings, {**self.adopted, **other.adopted}
        )


def check(
    client: Client,
    config: StackConfig,
    plans: Sequence[RouterPlan],
    previous: Mapping[str, PreviousRouter],
    in_state: Callable[[], InState],
) -> Findings:
    """What would go wrong with the flow logs of these plans.

    Args:
        client: The API; it is asked for the quota if there is anything to create.
        config: The stack file.
        plans: The routers of this run.
        previous: Those of the last run, by their keys then.
        in_state: Asks for what is in the state; asked only where the outputs of the last run don't tell.
    """
    findings = Findings()
    adopting = {plan.key for plan in plans if config.routers[plan.key].adopt}
    if adopting or not all(_is_known(plan, wanted, previous) for plan in plans for wanted in plan.flow_logs):
        ours = in_state()
        replaced = _places(ours.keys() - {wanted.target for plan in plans for wanted in plan.flow_logs})
        for plan in plans:
            findings += _adoptable(plan, ours, replaced) if plan.key in adopting else _covered(plan, ours)
    return findings + _quota(client, plans, previous)


def _is_known(plan: RouterPlan, wanted: WantedFlowLog, previous: Mapping[str, PreviousRouter]) -> bool:
    """Whether nothing has the target, or what has it is what the last run left there."""
    holder = plan.holders.get(wanted.target)
    return holder is None or any(
        router.router_id == plan.router.id
        and router.logged.get(wanted.attachment.id) == holder.name
        and router.logs_to.get(wanted.attachment.id) == wanted.logs_to
        for router in previous.values()
    )


def _others(plan: RouterPlan, ours: InState) -> list[tuple[WantedFlowLog, FlowLog]]:
    """The wanted flow logs whose targets have one that is not in the state."""
    held = [(wanted, plan.holders[wanted.target]) for wanted in plan.flow_logs if wanted.target in plan.holders]
    return [
        (wanted, holder)
        for wanted, holder in held
        if wanted.target not in ours or _differ(holder.created_at, ours[wanted.target])
    ]


def _differ(one: str, other: str) -> bool:
    """Whether these are certainly two moments, in whatever way they are written."""
    try:
        first, second = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (one, other))
        return abs((first - second).total_seconds()) >= 1
    except (ValueError, TypeError):
        return False


def _covered(plan: RouterPlan, ours: InState) -> Findings:
    """Where somebody else's flow log is in the way."""
    # What has the very name was made by a run that was cut off, perhaps: then a repeated create finds it.
    others = _others(plan, ours)
    failed = [_told(*one) for one in others if one[1].state == "failed"]
    doubtful = [_told(*one) for one in others if one[1].state != "failed" and one[1].name == one[0].name]
    taken = [_told(*one) for one in others if one[1].state != "failed" and one[1].name != one[0].name]
    where = f"routers.{plan.key}"
    on = f"on {label(plan.router.name or plan.router.id)} already"
    findings = Findings()
    if failed:
        findings.problems.append(_failed(where, plan, failed))
    if taken:
        what = (
            f"wants flow logs that are {on} and not this stack's: {listed(taken)}; to take them over, set adopt: true"
        )
        findings.problems.append(Problem(where, f"{what} here"))
    if doubtful:
        findings.warnings.append(
            f"{where} wants flow logs that are {on}, under the wanted names, and not in the state: {listed(doubtful)};"
            " if no run of this stack that was cut off has made them, set adopt: true there to take them over"
        )
    return findings


def _adoptable(plan: RouterPlan, ours: InState, replaced: set[tuple[str, str]]) -> Findings:
    """What to take over.

    Args:
        plan: The router.
        ours: What is in the state.
        replaced: The routers and attachments of which the state has a flow log that is no longer wanted. To import
            another one in its place would leave that one to be deleted later, whatever is wanted by then.
    """
    where = f"routers.{plan.key}.adopt"
    others = _others(plan, ours)
    failed = [_told(*one) for one in others if one[1].state == "failed"]
    instead = [_told(*one) for one in others if (plan.router.id, one[0].attachment.id) in replaced]
    findings = Findings(adopted={wanted.target: holder for wanted, holder in others})
    if failed:
        findings.problems.append(_failed(where, plan, failed))
    if instead:
        findings.problems.append(
            Problem(
                where,
                "cannot take over flow logs of attachments for which this stack has another, which it would replace:"
                f" {listed(instead)}; exclude these attachments for one run, and take them over in the next",
            )
        )
    if not others:
        findings.warnings.append(f"{where}: nothing is left to take over on {label(plan.router.name)}; remove it")
    return findings


def _failed(where: str, plan: RouterPlan, failed: Sequence[str]) -> Problem:
    on = label(plan.router.name or plan.router.id)
    return Problem(where, f"flow logs on {on} that are not this stack's have failed, delete them: {listed(failed)}")


def _told(wanted: WantedFlowLog, holder: FlowLog) -> str:
    attachment = label(wanted.attachment.name or wanted.attachment.id)
    return f"{attachment} ({label(holder.name)}, {holder.id})"


def _places(targets: set[FlowLogTarget]) -> set[tuple[str, str]]:
    return {(target.er_id, target.resource_id) for target in targets}


def _quota(client: Client, plans: Sequence[RouterPlan], previous: Mapping[str, PreviousRouter]) -> Findings:
    missing = [wanted for plan in plans for wanted in plan.flow_logs if wanted.target not in plan.holders]
    created = len(missing) - _replaced(missing, plans, previous)
    if created <= 0:
        return Findings()
    try:
        quota = client.within(replace(client.patience, seconds=QUOTA_TIMEOUT)).quotas.flow_logs()
    except ApiError as error:
        return Findings(warnings=[f"whether the quota has room for all flow logs to be created is not known: {error}"])
    existing = {one.id: one for plan in plans for one in plan.existing}
    leaving = sum(one.state in LEAVING_STATES for one in existing.values())
    if quota is None or quota.limit <= UNLIMITED or quota.used - leaving + created <= quota.limit:
        return Findings()
    sentence = (
        f"flow logs to be created: {created}, but the quota has room for {max(0, quota.limit - quota.used)}:"
        f" {quota.used} of {quota.limit} are in use; delete flow logs nobody needs (what a run deletes, it deletes"
        " last), or ask for a higher quota with a service ticket"
    )
    had = {(router.router_id, id_) for router in previous.values() for id_ in router.logged}
    is_certain = (
        # The reference does not say for certain what the quota counts: not the project's flow logs, if fewer than seen.
        quota.used >= max(quota.limit, len(existing))
        and not leaving
        # What the stack had at its last run may be there, and only missing in a list.
        and any((wanted.target.er_id, wanted.attachment.id) not in had for wanted in missing)
    )
    return Findings(problems=[Problem("routers", sentence)]) if is_certain else Findings(warnings=[sentence])


def _replaced(
    missing: Sequence[WantedFlowLog], plans: Sequence[RouterPlan], previous: Mapping[str, PreviousRouter]
) -> int:
    """How many of the missing ones take the place of one that the stack has for the same attachment."""
    wanted = {one.target for plan in plans for one in plan.flow_logs}
    had = Counter((router.router_id, id_) for router in previous.values() for id_ in router.logged)
    unwanted = Counter(
        (target.er_id, target.resource_id)
        for target in {target for plan in plans for target in plan.holders}
        if target not in wanted
    )
    asked = Counter((one.target.er_id, one.attachment.id) for one in missing)
    return sum(min(number, had[place], unwanted[place]) for place, number in asked.items())

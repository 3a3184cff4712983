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

QUOTA_TIMEOUT = 5.0  # seconds; it only helps


@dataclass(frozen=True)
class Held:
    """A flow log in the state: where it stands there, and when it was created; empty where nobody knows."""

    urn: str
    created_at: str


InState = Mapping[FlowLogTarget, Held]
"""The flow logs in the state, by target."""


@dataclass(frozen=True)
class State:
    """What the state has: its flow logs, and whether it has idempotency keys, by which a repeated create would find
    what an earlier run has made without the state having heard of it."""

    flow_logs: InState
    has_keys: bool


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
        refusals: What would take away what there is, and make nothing in its place.
        problems: What will fail, and do no harm.
        warnings: What may fail.
        adopted: The flow logs to take over, by target.
        in_state: What is in the state, if that was asked for.
    """

    refusals: list[Problem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    adopted: Mapping[FlowLogTarget, FlowLog] = field(default_factory=dict)
    in_state: InState = field(default_factory=dict)

    def __add__(self, other: Findings) -> Findings:
        return Findings(
            self.refusals + other.refusals,
            self.problems + other.problems,
            self.warnings + other.warnings,
            {**self.adopted, **other.adopted},
            {**self.in_state, **other.in_state},
        )


def check(
    client: Client,
    config: StackConfig,
    plans: Sequence[RouterPlan],
    previous: Mapping[str, PreviousRouter],
    state: Callable[[], State],
) -> Findings:
    """What would go wrong with the flow logs of these plans.

    Args:
        client: The API; it is asked for the quota if there is anything to create.
        config: The stack file.
        plans: The routers of this run.
        previous: Those of the last run, by their keys then.
        state: Asks for what is in the state; asked only where the outputs of the last run don't tell.
    """
    findings = Findings()
    adopting = {plan.key for plan in plans if config.routers[plan.key].adopt}
    if adopting or not all(_is_known(plan, wanted, previous) for plan in plans for wanted in plan.flow_logs):
        known = state()
        ours = known.flow_logs
        findings = Findings(in_state=ours)
        wanted_targets = {wanted.target for plan in plans for wanted in plan.flow_logs}
        existing = {target for plan in plans for target in plan.holders}
        replaced = _places((ours.keys() & existing) - wanted_targets)
        for plan in plans:
            others = _others(plan, ours)
            instead = [one for one in others if (plan.router.id, one[0].attachment.id) in replaced]
            rest = [one for one in others if one not in instead]
            findings += _instead(plan, instead)
            findings += _adoptable(plan, rest) if plan.key in adopting else _covered(plan, rest, known)
            if plan.key in adopting and not others:
                findings.warnings.append(f"routers.{plan.key}.adopt: nothing is left to take over, remove it")
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


Others = Sequence[tuple[WantedFlowLog, FlowLog]]
"""Wanted flow logs, each with the one that has its target and is not in the state."""


def _others(plan: RouterPlan, ours: InState) -> Others:
    held = [(wanted, plan.holders[wanted.target]) for wanted in plan.flow_logs if wanted.target in plan.holders]
    return [
        (wanted, holder)
        for wanted, holder in held
        if wanted.target not in ours or _differ(holder.created_at, ours[wanted.target].created_at)
    ]


def _differ(one: str, other: str) -> bool:
    """Whether these are certainly two moments, in whatever way they are written."""
    try:
        first, second = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (one, other))
        return abs((first - second).total_seconds()) >= 1
    except (ValueError, TypeError):
        return False


def _instead(plan: RouterPlan, others: Others) -> Findings:
    """Where the stack has a flow log of the attachment, which this run would delete to have somebody else's target.

    To import in its place is no way out: the old one would be deleted at some later time, whatever is wanted by then.
    """
    if not others:
        return Findings()
    what = (
        f"would replace flow logs of this stack by those that others have on {_on(plan)} already: {_listed(others)};"
        " leave the log streams of these attachments as they were, or delete the others' flow logs first"
    )
    return Findings(refusals=[Problem(f"routers.{plan.key}", what)])


def _covered(plan: RouterPlan, others: Others, state: State) -> Findings:
    """Where somebody else's flow log is in the way."""
    # What has the very name was made by a run that was cut off, perhaps: then a repeated create finds it.
    failed = [one for one in others if one[1].state == "failed"]
    doubtful = [one for one in others if state.has_keys and one not in failed and one[1].name == one[0].name]
    taken = [one for one in others if one not in failed and one not in doubtful]
    where = f"routers.{plan.key}"
    findings = _failed(where, plan, failed)
    if taken:
        what = (
            f"wants flow logs that are on {_on(plan)} already and not this stack's: {_listed(taken)}; to take them"
            " over, if they are no other stack's, set adopt: true here"
        )
        findings.problems.append(Problem(where, what))
    if doubtful:
        findings.warnings.append(
            f"{where} wants flow logs that are on {_on(plan)} already, under the wanted names, and not in the state:"
            f" {_listed(doubtful)}; if no run of this stack that was cut off has made them, set adopt: true there to"
            " take them over"
        )
    return findings


def _adoptable(plan: RouterPlan, others: Others) -> Findings:
    """What to take over."""
    failed = [one for one in others if one[1].state == "failed"]
    adopted = {wanted.target: holder for wanted, holder in others if holder.state != "failed"}
    return _failed(f"routers.{plan.key}", plan, failed) + Findings(adopted=adopted)


def _failed(where: str, plan: RouterPlan, failed: Others) -> Findings:
    if not failed:
        return Findings()
    what = f"flow logs on {_on(plan)} that are not this stack's have failed, delete them: {_listed(failed)}"
    return Findings(problems=[Problem(where, what)])


def _on(plan: RouterPlan) -> str:
    return label(plan.router.name or plan.router.id)


def _listed(others: Others) -> str:
    return listed([_told(*one) for one in others])


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

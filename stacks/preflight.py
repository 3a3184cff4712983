"""What would go wrong, told before anything changes: targets that somebody else's flow log has, and the quota."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from providers.er import Client
from providers.er.errors import ApiError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.quotas import UNLIMITED, Quota
from providers.er.records import label
from stacks.config import StackConfig
from stacks.discovery import RouterPlan, WantedFlowLog
from stacks.errors import Problem
from stacks.lookup import listed
from stacks.outputs import PreviousRouter

QUOTA_TIMEOUT = 20.0  # seconds; it only helps

_Where = tuple[str, str, str]
"""A router, an attachment, and `GROUP/STREAM` that it logs to."""


@dataclass(frozen=True)
class Findings:
    """What was found.

    Attributes:
        problems: What makes the run end before anything changes.
        warnings: What may go wrong.
        adopted: The flow logs to take over, by target.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    adopted: dict[FlowLogTarget, FlowLog] = field(default_factory=dict)


def look(
    client: Client,
    config: StackConfig,
    plans: Sequence[RouterPlan],
    previous: Mapping[str, PreviousRouter],
    in_state: Callable[[], Collection[FlowLogTarget]],
) -> Findings:
    """What would go wrong with the flow logs of these plans.

    Args:
        client: The API; it is asked for the quota if there is anything to create.
        config: The stack file.
        plans: The routers of this run.
        previous: Those of the last run, by their keys then.
        in_state: Asks for the targets of all flow logs in the state; asked only where that is not plain.
    """
    findings = Findings()
    written = _written(previous)
    held = [(plan, wanted) for plan in plans for wanted in plan.flow_logs if wanted.target in plan.holders]
    if any(config.routers[plan.key].adopt or _where(wanted) not in written for plan, wanted in held):
        ours = in_state()
        for plan in plans:
            others = [one for held_by, one in held if held_by is plan and one.target not in ours]
            _covered(findings, plan, others, adopts=config.routers[plan.key].adopt)
    _quota(findings, client, plans, previous, written)
    return findings


def _written(previous: Mapping[str, PreviousRouter]) -> set[_Where]:
    """What the stack has, as far as its outputs tell: routers, attachments and what they log to."""
    return {(router.router_id, id_, logs_to) for router in previous.values() for id_, logs_to in router.logs_to.items()}


def _where(wanted: WantedFlowLog) -> _Where:
    return wanted.target.er_id, wanted.attachment.id, wanted.logs_to


def _covered(findings: Findings, plan: RouterPlan, others: Sequence[WantedFlowLog], *, adopts: bool) -> None:
    """Sort the wanted flow logs of which the stack has no record, though something has their targets."""
    doubtful, taken, failed = [], [], []
    for wanted in others:
        holder = plan.holders[wanted.target]
        told = f"{label(wanted.attachment.name or wanted.attachment.id)} ({label(holder.name)}, {holder.id})"
        if adopts and holder.state == "failed":
            failed.append(told)
        elif adopts:
            findings.adopted[wanted.target] = holder
        elif holder.name == wanted.name:
            doubtful.append(told)
        else:
            taken.append(told)
    where = f"routers.{plan.key}"
    on = f"on {label(plan.router.name or plan.router.id)} already"
    if failed:
        findings.problems.append(
            Problem(f"{where}.adopt", f"what has failed cannot be taken over, delete it first: {listed(failed)}")
        )
    if taken:
        findings.problems.append(
            Problem(
                where,
                f"wants flow logs that are {on} and not this stack's: {listed(taken)}; to take them over, set adopt:"
                " true here",
            )
        )
    if doubtful:
        # Made by a run that was cut off, perhaps: then a repeated create finds it. It says so itself if not.
        findings.warnings.append(
            f"{where} wants flow logs that are {on}, under the wanted names, and not in the state: {listed(doubtful)};"
            " if no run of this stack that was cut off has made them, set adopt: true there to take them over"
        )


def _quota(
    findings: Findings,
    client: Client,
    plans: Sequence[RouterPlan],
    previous: Mapping[str, PreviousRouter],
    written: Collection[_Where],
) -> None:
    created = _created(plans, previous)
    if not created:
        return
    try:
        quota = client.within(replace(client.patience, seconds=QUOTA_TIMEOUT)).quotas.flow_logs()
    except ApiError as error:
        findings.warnings.append(f"whether the quota has room for all flow logs to be created is not known: {error}")
        return
    if quota is None or quota.limit == UNLIMITED or quota.used + len(created) <= quota.limit:
        return
    sentence = (
        f"flow logs to be created: {len(created)}, but the quota has room for {max(0, quota.limit - quota.used)}:"
        f" {quota.used} of {quota.limit} are in use; delete flow logs nobody needs (what a run deletes, it deletes"
        " last), or ask for a higher quota with a service ticket"
    )
    # What the stack had at its last run may be there, and only missing in a list.
    if _is_full(quota, plans) and any(_where(wanted) not in written for wanted in created):
        findings.problems.append(Problem("routers", sentence))
    else:
        findings.warnings.append(sentence)


def _created(plans: Sequence[RouterPlan], previous: Mapping[str, PreviousRouter]) -> list[WantedFlowLog]:
    """The flow logs that will be there in addition, before any is deleted that is not replaced."""
    existing = {(one.target.er_id, one.target.resource_id, one.name) for plan in plans for one in plan.existing}
    replaced = {
        (router.router_id, id_)
        for router in previous.values()
        for id_, name in router.logged.items()
        if (router.router_id, id_, name) in existing
    }
    return [
        wanted
        for plan in plans
        for wanted in plan.flow_logs
        if wanted.target not in plan.holders and (plan.router.id, wanted.attachment.id) not in replaced
    ]


def _is_full(quota: Quota, plans: Sequence[RouterPlan]) -> bool:
    """Whether it is beyond doubt that not one more fits.

    The reference does not say for certain what the quota counts. If that is less than what can be seen on these routers
    alone, it is not the project's flow logs.
    """
    seen = len({one.id for plan in plans for one in plan.existing})
    return quota.used >= max(quota.limit, seen)

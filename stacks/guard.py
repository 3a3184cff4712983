"""The guard against taking away more flow logs than anyone meant to: a typo must not end the record of a network."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence

from providers.er import Client
from providers.er.errors import NotFoundError
from providers.er.flow_logs import FlowLogTarget
from providers.er.records import label
from stacks.config import StackConfig
from stacks.discovery import RouterPlan
from stacks.errors import Problem
from stacks.lookup import listed
from stacks.names import COMPONENT_TYPE
from stacks.outputs import Loss, PreviousRouter

ALWAYS_ALLOWED = 5
ALLOWED_SHARE = 10  # per cent of the flow logs of the last run


def losses(
    plans: Sequence[RouterPlan], previous: Mapping[str, PreviousRouter], still_there: Sequence[Loss]
) -> list[Loss]:
    """The flow logs that the stack has and no longer wants.

    By router and attachment, not by key: what another key of the same router takes over is not lost.

    Args:
        plans: The routers of this run.
        previous: Those of the last run, by their keys then.
        still_there: What earlier runs were to delete and did not.
    """
    before = [
        Loss(f"{key}: {label(router.attachments.get(id_) or id_)}", router.router_id, id_, flow_log)
        for key, router in previous.items()
        for id_, flow_log in router.logged.items()
    ]
    kept = Counter((plan.router.id, wanted.attachment.id) for plan in plans for wanted in plan.flow_logs)
    lost = []
    for one in sorted({*before, *still_there}):
        if kept[one.router_id, one.attachment_id]:
            kept[one.router_id, one.attachment_id] -= 1
        else:
            lost.append(one)
    return lost


def in_state(lost: Sequence[Loss], in_state: Mapping[FlowLogTarget, str]) -> list[Loss]:
    """Those that this run would delete: what was taken out of the state, for another stack to have it, it would not.

    Args:
        lost: What the stack no longer wants.
        in_state: The URNs of the flow logs in the state.
    """
    held = {(target.er_id, target.resource_id) for target in in_state}
    return [loss for loss in lost if (loss.router_id, loss.attachment_id) in held]


def unremembered(plans: Sequence[RouterPlan], in_state: Mapping[FlowLogTarget, str]) -> list[Loss]:
    """What this run would delete of the routers' flow logs in the state, where the last run's outputs are missing.

    Args:
        plans: The routers of this run.
        in_state: The URNs of the flow logs in the state.
    """
    wanted = {(plan.router.id, one.attachment.id) for plan in plans for one in plan.flow_logs}
    return sorted(
        Loss(label=target.resource_id, router_id=target.er_id, attachment_id=target.resource_id, flow_log="")
        for target, urn in in_state.items()
        if COMPONENT_TYPE in urn and (target.er_id, target.resource_id) not in wanted
    )


def still_there(client: Client, leaving: Sequence[Loss], plans: Sequence[RouterPlan]) -> list[Loss]:
    """Those flow logs that were to be deleted and exist all the same.

    Args:
        client: The API; it is asked for the flow logs of routers that are in no plan.
        leaving: What was to be deleted.
        plans: The routers of this run.

    Raises:
        ApiError: The API refused or did not answer.
    """
    existing: set[tuple[str, str, str]] = set()
    known = {plan.router.id: plan.existing for plan in plans}
    for router_id in sorted({loss.router_id for loss in leaving}):
        with contextlib.suppress(NotFoundError):
            found = known[router_id] if router_id in known else client.flow_logs.list(router_id)
            existing.update((router_id, flow_log.target.resource_id, flow_log.name) for flow_log in found)
    return [loss for loss in leaving if (loss.router_id, loss.attachment_id, loss.flow_log) in existing]


def check_deletes(
    config: StackConfig,
    plans: Sequence[RouterPlan],
    previous: Mapping[str, PreviousRouter],
    lost: Sequence[Loss],
) -> list[Problem]:
    """What speaks against this run: attachments that were logged and would be no more.

    Args:
        config: The stack file.
        plans: The routers of this run.
        previous: Those of the last run, by their keys then.
        lost: What this run would delete.
    """
    problems = []
    for plan in plans:
        before = previous.get(plan.key)
        if config.routers[plan.key].attachments != [] and before and before.logged and not plan.flow_logs:
            problems.append(
                Problem(
                    f"routers.{plan.key}.attachments",
                    f"router {plan.router.name!r} has no attachment left that fits and can be logged, but"
                    f" {len(before.logged)} were; if that is meant, write [] here",
                )
            )
    total = max(len(lost), sum(len(router.logged) for router in previous.values()))
    limit = max(ALWAYS_ALLOWED, total * ALLOWED_SHARE // 100) if config.max_deletes is None else config.max_deletes
    if len(lost) > limit:
        problems.append(
            Problem(
                "max_deletes",
                f"{len(lost)} of {total} attachments would lose their flow log, but at most {limit} may:"
                f" {listed([label(loss.label) for loss in lost])};"
                f" if that is meant, set max_deletes to {len(lost)} for this run",
            )
        )
    return problems

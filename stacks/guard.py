"""The guard against taking away more flow logs than anyone meant to: a typo must not end the record of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stacks.config import StackConfig
from stacks.discovery import RouterPlan
from stacks.errors import Problem
from stacks.lookup import listed
from stacks.outputs import PreviousRouter

ALWAYS_ALLOWED = 5
ALLOWED_SHARE = 10  # per cent of the flow logs of the last run


def renamed_keys(previous: Mapping[str, PreviousRouter], router_ids: Mapping[str, str]) -> dict[str, str]:
    """New keys of routers that the stack file calls otherwise now, with the old key of each.

    Args:
        previous: The last run.
        router_ids: The ids of the routers of this run, by key.
    """
    renamed = {}
    for key, router_id in router_ids.items():
        if key in previous:
            continue
        old = [name for name, router in previous.items() if router.router_id == router_id and name not in router_ids]
        new = [name for name, id_ in router_ids.items() if id_ == router_id and name not in previous]
        if len(old) == len(new) == 1:
            renamed[key] = old[0]
    return renamed


def check_deletes(
    config: StackConfig, plans: Sequence[RouterPlan], previous: Mapping[str, PreviousRouter]
) -> list[Problem]:
    """What speaks against this run: attachments that were logged and would be no more.

    Args:
        config: The stack file.
        plans: The routers of this run.
        previous: Those of the last run, by the keys of this run.
    """
    problems = []
    wanted = {plan.key: {flow_log.attachment.id for flow_log in plan.flow_logs} for plan in plans}
    for plan in plans:
        before = previous.get(plan.key)
        if config.routers[plan.key].attachments == "all" and before and before.logged and not wanted[plan.key]:
            problems.append(
                Problem(
                    f"routers.{plan.key}.attachments",
                    f"router {plan.router.name!r} has no attachment left that can be logged, but"
                    f" {len(before.logged)} were; if that is meant, write [] instead of all",
                )
            )
    lost = sorted(
        f"{key}: {router.attachments.get(id_) or id_}"
        for key, router in previous.items()
        for id_ in router.logged - wanted.get(key, set())
    )
    total = sum(len(router.logged) for router in previous.values())
    limit = max(ALWAYS_ALLOWED, total * ALLOWED_SHARE // 100) if config.max_deletes is None else config.max_deletes
    if len(lost) > limit:
        problems.append(
            Problem(
                "max_deletes",
                f"{len(lost)} of {total} attachments would lose their flow log, but at most {limit} may:"
                f" {listed(lost)}; if that is meant, set max_deletes to {len(lost)} for this run",
            )
        )
    return problems

"""What a run is to do, decided before anything changes: look, resolve, check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from providers import journal
from providers.er import Client
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.schema import target_of
from stacks.checks import conflicts, deletions, quota, rules
from stacks.checks.deletions import Deletion
from stacks.errors import Problem, StackError
from stacks.planning.inventory import look
from stacks.planning.plan import Plan, resolve
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import LastRun
from stacks.state.managed import Managed
from stacks.state.outputs import outputs

QUOTA_TIMEOUT = 5.0  # seconds; it only helps


@dataclass(frozen=True, kw_only=True)
class Before:
    """What earlier runs left.

    Attributes:
        last: What the last one wanted.
        managed: The flow logs in the state.
        has_key: Whether the state has an idempotency key.
    """

    last: LastRun
    managed: Managed
    has_key: bool


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the run is to do.

    Attributes:
        plan: The flow logs to declare.
        adopted: Those to take over, by target.
        warnings: What the user is to know.
        outputs: The stack's outputs.
        handing_over: The attachments, with their routers, of which the run deletes or disables a flow log: all that it
            wants of these has to be at work before.
    """

    plan: Plan
    adopted: Mapping[FlowLogTarget, FlowLog]
    warnings: Sequence[str]
    outputs: Mapping[str, Any]
    handing_over: Set[tuple[str, str]]


def decide(client: Client, config: StackConfig, before: Before, *, stack: str, is_preview: bool) -> Decision:
    """What the run is to do.

    Trouble that is known before anything changes ends a preview, a first run, and each run that would delete anything.
    Any other run does what it can: only the flow logs in question fail.

    Raises:
        StackError: It is to do nothing, because of every problem that there is.
        ApiError: The API refused or did not answer.
    """
    managed = before.managed
    inventory = look(client, config, _expected(before))
    plan = resolve(config, inventory, stack=stack, last=before.last, managed=managed)
    # What a mistake leaves out would look unwanted: then nothing can be said of deletions.
    found = [] if plan.problems else deletions.deletions(plan, managed, before.last)
    trouble = conflicts.check(config, plan, managed, has_key=before.has_key)
    full, may_be_full = _quota(client, plan, managed, found)
    warnings = [*(one.sentence for one in found), *plan.warnings, *trouble.warnings, *may_be_full]
    problems = [*plan.problems, *rules.check(config.rules, plan)]
    if not plan.problems:
        problems += deletions.check_deletions(config, plan, managed, found)
        problems += _interrupted(stack, plan)
    is_first = not any(one.is_of_a_router for one in managed.values())
    if not before.has_key and not is_first:
        # Pulumi writes a state that it cannot read if --target leaves out what depends on the keys of version 0.1.
        warnings.append("this run carries the state of version 0.1 over: run it without --target")
    if plan.problems or is_preview or found or is_first:
        problems += [*trouble.problems, *full]
    else:
        warnings += [f"{problem.key}: {problem.what}" for problem in (*trouble.problems, *full)]
    if problems:
        raise StackError(problems)
    return Decision(
        plan=plan,
        adopted=trouble.adopted,
        warnings=warnings,
        outputs=outputs(plan, found, before.last),
        handing_over=_handing_over(plan, managed, found),
    )


def _handing_over(plan: Plan, managed: Managed, found: Sequence[Deletion]) -> set[tuple[str, str]]:
    disabled = {
        target.attachment
        for target, one in managed.items()
        if one.enabled and target in plan.desired and not plan.desired[target].enabled
    }
    return disabled | {one.flow_log.target.attachment for one in found}


def _expected(before: Before) -> dict[str, set[str]]:
    """By router id, the attachments that the stack has known."""
    expected: dict[str, set[str]] = {}
    for one in before.managed.values():
        if one.is_of_a_router:
            expected.setdefault(one.target.er_id, set()).add(one.target.resource_id)
    for router_id, router in before.last.items():
        expected.setdefault(router_id, set()).update(router.attachments)
    return expected


def _quota(client: Client, plan: Plan, managed: Managed, found: Sequence[Deletion]) -> tuple[list[Problem], list[str]]:
    new = len(quota.created(plan, managed))
    if not new:
        return [], []
    try:
        known = client.with_deadline(replace(client.deadline, seconds=QUOTA_TIMEOUT)).quotas.flow_logs()
    except ApiError as error:
        return [], [f"whether the quota has room for all flow logs to be created is not known: {error}"]
    return quota.check(plan, new, found, known)


def _interrupted(stack: str, plan: Plan) -> list[Problem]:
    """Whether a provider was killed while it created what nobody wants any more: the run would forget that.

    Creates that another run has under way are no reason: it ends them itself.
    """
    try:
        unfinished = journal.unfinished(stack)
    except (OSError, ValueError) as error:
        what = f"the record of creates under way in {journal.FOLDER / stack} cannot be read ({error}): see whose it is"
        return [Problem("routers", what)]
    forgotten = sum(target_of(create["inputs"]) not in plan.desired for create in unfinished)
    if not forgotten:
        return []
    what = (
        f"an earlier run was interrupted while it created flow logs that the stack file no longer wants ({forgotten}):"
        " run `make recover` first"
    )
    return [Problem("routers", what)]

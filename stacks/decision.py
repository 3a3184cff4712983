"""Decides what a run is to do before anything changes. It knows nothing of Pulumi."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from providers.er import Client
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.preview_notes import PreviewNotes
from stacks.checks.conflicts import check_conflicts
from stacks.checks.deletions import Deletion, check_deletions, find_deletions
from stacks.checks.interrupted import check_interrupted_creates
from stacks.checks.log_groups import check_log_groups
from stacks.checks.quota import check_quota, find_creates
from stacks.checks.rules import check_rules, note_exceptions
from stacks.errors import Problem, StackError
from stacks.notes import make_notes
from stacks.planning.inventory import fetch_quota, read_interrupted_creates, take_inventory
from stacks.planning.plan import Plan, make_plan
from stacks.stackfile.model import StackConfig
from stacks.state.last_run import LastRun
from stacks.state.managed import ManagedFlowLogs, ManagedLogStores, find_attachments
from stacks.state.outputs import make_outputs


@dataclass(frozen=True, kw_only=True)
class Previous:
    """What earlier runs left.

    Attributes:
        last_run: The outputs of the last run.
        managed: The flow logs in the state.
        has_key: Whether the state has an idempotency key.
        lost_key: The idempotency key, if the state had lost it.
        log_stores: The log groups and log streams in the state.
        forgotten: The ids of the flow logs that the stack has stopped managing.
    """

    last_run: LastRun
    managed: ManagedFlowLogs
    has_key: bool
    lost_key: str | None = None
    log_stores: ManagedLogStores = field(default_factory=dict)
    forgotten: Set[str] = frozenset()

    @property
    def can_find_creates(self) -> bool:
        """Whether a repeated create finds what an earlier run has created."""
        return self.has_key or self.lost_key is not None

    @property
    def is_first_run(self) -> bool:
        """Whether the state has no flow log of the stack file yet."""
        return not any(flow_log.is_in_component for flow_log in self.managed.values())

    @property
    def log_groups(self) -> set[str]:
        """The names of the log groups that the state has, or has log streams of."""
        return {name.partition("/")[0] for name in self.log_stores}

    @property
    def attachments(self) -> dict[str, set[str]]:
        """By router id, the attachments that earlier runs knew."""
        known = find_attachments(self.managed)
        for router_id, router in self.last_run.items():
            known.setdefault(router_id, set()).update(router.attachments)
        return known


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a run is to do.

    Attributes:
        plan: The flow logs to declare.
        adopted: The flow logs to adopt, by target.
        lost_key: The idempotency key that the state has lost, to import it.
        adopted_log_stores: By logical name, the ids of the log groups and log streams to adopt.
        warnings: What the user should know.
        notes: What a reviewer should know.
        outputs: The stack's outputs that are known before the run.
        removing_from: The attachments, with their routers, of which the run deletes or disables a flow log. Their other
            flow logs must be at work before that.
    """

    plan: Plan
    adopted: Mapping[FlowLogTarget, FlowLog]
    lost_key: str | None
    adopted_log_stores: Mapping[str, str]
    warnings: Sequence[str]
    notes: PreviewNotes
    outputs: Mapping[str, Any]
    removing_from: Set[tuple[str, str]]


def decide(
    client: Client, config: StackConfig, previous: Previous, *, stack: str, place: str | Path, is_preview: bool
) -> Decision:
    """Take the inventory, make the plan, and check it.

    Args:
        client: The API.
        config: The stack file.
        previous: What earlier runs left.
        stack: The stack's name.
        place: Where the user finds the keys of the config; see `Problem.sentence`.
        is_preview: Whether nothing will be changed.

    Raises:
        StackError: The run is refused; the error has every reason.
        ApiError: The API refused or did not answer.
    """
    managed, last_run = previous.managed, previous.last_run
    # Flow logs of any router may write to log groups and log streams that are to be deleted.
    deleted_stores = {name for name, deletes in previous.log_stores.items() if deletes} - config.log_store_names
    inventory = take_inventory(
        client,
        config,
        previous.attachments,
        previous.log_groups,
        has_all_flow_logs=bool(deleted_stores),
    )
    plan = make_plan(config, inventory, stack=stack, last_run=last_run, managed=managed)
    # A mistake in the stack file leaves out flow logs, which must not count as deletions.
    deletions = [] if plan.problems else find_deletions(plan, managed, last_run)
    creates = find_creates(plan, managed)
    conflicts = check_conflicts(
        config, plan, managed, stack=stack, has_key=previous.can_find_creates, forgotten=previous.forgotten
    )
    failing, warnings = check_quota(plan, len(creates), deletions, fetch_quota(client) if creates else None)
    failing = [*conflicts.problems, *failing]
    log_groups = check_log_groups(plan, previous.log_stores, managed, has_key=previous.can_find_creates)
    problems = [
        *_find_problems(config, plan, previous, deletions, stack),
        *conflicts.refusals,
        *log_groups.problems,
    ]
    # Problems with single flow logs end these runs. Any other run does what it can, and only those flow logs fail.
    if plan.problems or is_preview or deletions or previous.is_first_run:
        problems, failing = [*problems, *failing], []
    if problems:
        raise StackError(problems)
    notes = make_notes(plan, deletions, [problem.sentence(place) for problem in log_groups.removals])
    warnings = [
        *plan.warnings,
        *note_exceptions(config.rules, plan),
        *conflicts.warnings,
        *log_groups.warnings,
        *warnings,
        *failing,
    ]
    return Decision(
        plan=plan,
        adopted=conflicts.adopted,
        lost_key=previous.lost_key,
        adopted_log_stores=log_groups.adopted,
        warnings=[*notes.warnings, *_format_warnings(previous, warnings, place)],
        notes=notes,
        outputs=make_outputs(plan, last_run, previous.forgotten - {holder.id for holder in conflicts.adopted.values()}),
        removing_from=_find_removals(plan, managed, deletions),
    )


def _find_problems(
    config: StackConfig, plan: Plan, previous: Previous, deletions: Sequence[Deletion], stack: str
) -> list[Problem]:
    """The problems that end any run."""
    problems = [*plan.problems, *check_rules(config.rules, plan)]
    if not plan.problems:
        problems += check_deletions(config, plan, previous.managed, deletions)
        problems += check_interrupted_creates(
            plan, read_interrupted_creates(stack), previous.managed, stack=stack, has_key=previous.can_find_creates
        )
    return problems


def _format_warnings(previous: Previous, problems: Sequence[Problem], place: str | Path) -> list[str]:
    warnings = [problem.sentence(place) for problem in problems]
    if not previous.can_find_creates and not previous.is_first_run:
        # If --target leaves out what depends on the keys of version 0.1, Pulumi writes a state that it cannot read.
        warnings.append("this run migrates the state of version 0.1: run it without --target")
    return warnings


def _find_removals(plan: Plan, managed: ManagedFlowLogs, deletions: Sequence[Deletion]) -> set[tuple[str, str]]:
    disabled = {
        target.attachment
        for target, flow_log in managed.items()
        if flow_log.enabled and target in plan.desired and not plan.desired[target].enabled
    }
    return disabled | {deletion.flow_log.target.attachment for deletion in deletions}

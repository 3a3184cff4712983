"""Log groups and log streams: which exist already and are adopted, and what becomes of those no longer declared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from providers.er.flow_logs import FlowLog
from stacks.errors import Problem
from stacks.planning.log_groups import DesiredLogStore
from stacks.planning.lookup import join_names
from stacks.planning.plan import DesiredFlowLog, Plan
from stacks.state.managed import ManagedFlowLogs, ManagedLogStores


@dataclass(frozen=True)
class LogGroupChecks:
    """The result of the check.

    Attributes:
        problems: What ends the run.
        warnings: What the user should know.
        removals: What becomes of those that are no longer declared.
        adopted: By logical name, the id of what is adopted.
    """

    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    removals: list[Problem] = field(default_factory=list)
    adopted: dict[str, str] = field(default_factory=dict)


def check_log_groups(
    plan: Plan, managed: ManagedLogStores, managed_flow_logs: ManagedFlowLogs, *, has_key: bool
) -> LogGroupChecks:
    """Find what exists and does not belong to the stack, and what is no longer declared.

    Args:
        plan: What the stack file declares.
        managed: See `ManagedLogStores`.
        managed_flow_logs: The flow logs in the state.
        has_key: Whether the state has an idempotency key: without one no interrupted run has created anything.
    """
    checks = LogGroupChecks()
    for group in plan.log_groups:
        # Of a group that is refused, the streams need no sentences of their own.
        if _check_existing(checks, group, managed, has_key=has_key):
            for stream in group.streams:
                _check_existing(checks, stream, managed, has_key=has_key)
        if group.config.adopt and not any(store.logical_name in checks.adopted for store in (group, *group.streams)):
            checks.warnings.append(Problem(f"{group.key}.adopt", "nothing is left to import: remove this key"))
    declared = {store.logical_name for store in plan.log_stores}
    for removed in (name for name in managed if name not in declared):
        _check_removed(checks, removed, plan, managed, managed_flow_logs)
    return checks


def _check_existing(
    checks: LogGroupChecks, store: DesiredLogStore, managed: ManagedLogStores, *, has_key: bool
) -> bool:
    """Whether it may be declared."""
    if store.logical_name in managed or not store.existing:
        return True
    if store.config.adopt:
        checks.adopted[store.logical_name] = store.id
    elif has_key and store.existing.creation_token:
        # The provider knows whose tag it is.
        what = (
            f"{store.logical_name} already exists: if an earlier run of this stack created it, it is managed again,"
            " with its records; otherwise its create fails"
        )
        checks.warnings.append(Problem(store.key, what))
    else:
        what = (
            f"{store.logical_name} already exists (id {store.id}) and does not belong to this stack; unless it belongs"
            " to another stack, set adopt: true here to import it; to write to it as it is, remove it from log_groups"
        )
        checks.problems.append(Problem(store.key, what))
        return False
    return True


def _check_removed(
    checks: LogGroupChecks, name: str, plan: Plan, managed: ManagedLogStores, managed_flow_logs: ManagedFlowLogs
) -> None:
    if not managed[name]:
        what = f"{name} is no longer declared: it stays in the cloud, with its records"
        checks.removals.append(Problem("log_groups", what))
    elif users := join_names(sorted(set(_find_users(plan, name, managed_flow_logs)))):
        what = f"{name} would be deleted, but these flow logs write to it: {users}; declare it, or move them first"
        checks.problems.append(Problem("log_groups", what))
    elif kept := join_names(_find_kept_streams(plan, name, managed)):
        what = f"{name} would be deleted, but these log streams in it stay: {kept}; declare it, or delete them first"
        checks.problems.append(Problem("log_groups", what))
    else:
        what = f"{name} is no longer declared: it is deleted, with its records"
        checks.removals.append(Problem("log_groups", what))


def _find_kept_streams(plan: Plan, name: str, managed: ManagedLogStores) -> list[str]:
    """The log streams in this group that the run does not delete with it."""
    in_group = (
        f"{name}/{stream.name}"
        for group in plan.inventory.groups
        if group.name == name
        for stream in plan.inventory.streams.get(group.id, ())
    )
    return [stream for stream in in_group if not managed.get(stream)]


def _find_users(plan: Plan, name: str, managed_flow_logs: ManagedFlowLogs) -> Iterator[str]:
    """The names of the flow logs that write to this group or stream and stay, whoever they belong to."""
    group_name, _, stream_name = name.partition("/")
    groups = {group.id for group in plan.inventory.groups if group.name == group_name}
    streams = {
        stream.id for id_ in groups for stream in plan.inventory.streams.get(id_, ()) if stream.name == stream_name
    }
    leaving = {target for target, flow_log in managed_flow_logs.items() if flow_log.is_in_component}
    existing = chain.from_iterable(plan.inventory.flow_logs.values())
    staying = (flow_log for flow_log in existing if flow_log.target not in leaving)
    remaining: list[DesiredFlowLog | FlowLog] = [*plan.desired.values(), *staying]
    for flow_log in remaining:
        target = flow_log.target
        if target.log_stream_id in streams or (not stream_name and target.log_group_id in groups):
            yield flow_log.name

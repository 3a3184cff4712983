"""The team's rules for its stack file."""

from __future__ import annotations

from collections.abc import Iterable

from providers.er.log_groups import LogGroup
from stacks.errors import Problem
from stacks.planning.lookup import find, join_names, why_left_out
from stacks.planning.plan import DesiredFlowLog, Plan
from stacks.planning.selection import matches_any
from stacks.stackfile.model import Rules


def check_rules(rules: Rules, plan: Plan) -> list[Problem]:
    """One problem for each broken rule, which names every culprit."""
    flow_logs = list(plan.desired.values())
    groups = [
        find(f"rules.log_groups[{index}]", "log group", text, plan.inventory.groups)
        for index, text in enumerate(rules.log_groups or [])
    ]
    unknown = [group for group in groups if isinstance(group, Problem)]
    problems = [
        *_check_every_router(rules, plan),
        *_check_every_attachment(rules, plan),
        *_check_retention(rules, plan),
        *_check_tags(rules, plan),
        *_report(
            "never_disabled",
            "these attachments would have a flow log that is disabled",
            (_place(flow_log) for flow_log in flow_logs if rules.never_disabled and not flow_log.enabled),
        ),
    ]
    if rules.log_groups is not None and not unknown:
        problems += _check_log_groups([group for group in groups if isinstance(group, LogGroup)], flow_logs)
    if rules.names is not None:
        misnamed = [flow_log for flow_log in flow_logs if not matches_any(flow_log.name, rules.names)]
        problems += _report(
            "names",
            f"these names match none of {join_names(rules.names)}",
            (f"{flow_log.name} ({_place(flow_log)})" for flow_log in misnamed),
        )
    return unknown + problems


def note_exceptions(rules: Rules, plan: Plan) -> list[Problem]:
    """What a rule leaves out, and why."""
    return [Problem("rules.every_router", why_left_out(router)) for router in plan.left_out if rules.every_router]


def _check_every_router(rules: Rules, plan: Plan) -> list[Problem]:
    names = (router.display_name for router in plan.other_routers if rules.every_router)
    return _report("every_router", "these routers are not in the stack file", names)


def _check_every_attachment(rules: Rules, plan: Plan) -> list[Problem]:
    left_out = (
        f"{key}: {attachment.display_name}"
        for router in plan.routers
        for key, selection in router.selections.items()
        for attachment in selection.left_out
        if rules.every_attachment and attachment.id not in router.selected
    )
    return _report("every_attachment", "these attachments can be logged and are not selected", left_out)


def _check_retention(rules: Rules, plan: Plan) -> list[Problem]:
    """Of a stream without a retention of its own, that of its group counts."""
    days = {group.id: group.ttl_in_days for group in plan.inventory.groups}
    days |= {
        stream.id: stream.ttl_in_days or days.get(group_id)
        for group_id, streams in plan.inventory.streams.items()
        for stream in streams
    }
    minimum = rules.min_retention_days or 0
    short = {
        f"{flow_log.logs_to} ({kept} days)"
        for flow_log in plan.desired.values()
        if (kept := days.get(flow_log.target.log_stream_id)) is not None and kept < minimum
    }
    return _report("min_retention_days", f"these keep records for less than {minimum} days", sorted(short))


def _check_tags(rules: Rules, plan: Plan) -> list[Problem]:
    missing = (
        f"{store.logical_name} ({join_names(tags)})"
        for store in plan.log_stores
        if (tags := [tag for tag in rules.required_tags or () if tag not in store.config.tags])
    )
    return _report("required_tags", "these lack required tags", missing)


def _check_log_groups(approved: list[LogGroup], flow_logs: Iterable[DesiredFlowLog]) -> list[Problem]:
    ids = {group.id for group in approved}
    names = join_names([group.display_name for group in approved]) or "none"
    others = (flow_log for flow_log in flow_logs if flow_log.target.log_group_id not in ids)
    culprits = (f"{_place(flow_log)} to {flow_log.logs_to}" for flow_log in others)
    return _report(
        "log_groups", f"the only allowed log groups are {names}, but these flow logs write elsewhere", culprits
    )


def _report(rule: str, what: str, culprits: Iterable[str]) -> list[Problem]:
    names = list(culprits)
    return [Problem(f"rules.{rule}", f"{what}: {join_names(names)}")] if names else []


def _place(flow_log: DesiredFlowLog) -> str:
    return f"{flow_log.key}: {flow_log.attachment.display_name}"

"""The rules that a team holds its stack file to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from providers.er.records import label
from providers.er.routers import Router
from stacks.config import Rules
from stacks.discovery import RouterPlan
from stacks.errors import Problem
from stacks.lookup import listed


def check(rules: Rules, plans: Sequence[RouterPlan], other_routers: Sequence[Router]) -> list[Problem]:
    """What breaks a rule: one problem for each rule, naming each attachment.

    Args:
        rules: The rules.
        plans: The routers of the stack file.
        other_routers: The project's routers that the stack file does not name.
    """
    broken = {
        "every_router": ("these routers are not in the stack file", _other_routers(rules, other_routers)),
        "every_attachment": ("these attachments can be logged and are not selected", _left_out(rules, plans)),
        "never_disabled": ("these attachments would have a flow log that is disabled", _disabled(rules, plans)),
        "log_groups": (f"only {_approved(rules)} may be written to, not", _unapproved(rules, plans)),
        "name_pattern": (f"these names don't fit {rules.name_pattern}", _misnamed(rules, plans)),
    }
    found = {rule: (what, list(culprits)) for rule, (what, culprits) in broken.items()}
    return [
        Problem(f"rules.{rule}", f"{what}: {listed(culprits)}") for rule, (what, culprits) in found.items() if culprits
    ]


def _other_routers(rules: Rules, other_routers: Sequence[Router]) -> Iterator[str]:
    if rules.every_router:
        yield from (label(router.name or router.id) for router in other_routers)


def _left_out(rules: Rules, plans: Sequence[RouterPlan]) -> Iterator[str]:
    if rules.every_attachment:
        logged = {(plan.router.id, one.id) for plan in plans for one in plan.selected.logged}
        for plan in plans:
            for one in plan.selected.left_out:
                # Another key of the same router may log it.
                if (plan.router.id, one.id) not in logged:
                    yield _place(plan, one.name or one.id)


def _disabled(rules: Rules, plans: Sequence[RouterPlan]) -> Iterator[str]:
    if rules.never_disabled:
        for plan in plans:
            for wanted in plan.flow_logs:
                if not wanted.enabled:
                    yield _place(plan, wanted.attachment.name or wanted.attachment.id)


def _approved(rules: Rules) -> str:
    return listed(rules.log_groups or []) or "nothing"


def _unapproved(rules: Rules, plans: Sequence[RouterPlan]) -> Iterator[str]:
    if rules.log_groups is not None:
        for plan in plans:
            for wanted in plan.flow_logs:
                if not {wanted.log_group, wanted.target.log_group_id} & set(rules.log_groups):
                    yield f"{_place(plan, wanted.attachment.name or wanted.attachment.id)} to {wanted.logs_to}"


def _misnamed(rules: Rules, plans: Sequence[RouterPlan]) -> Iterator[str]:
    if rules.name_pattern is not None:
        for plan in plans:
            for wanted in plan.flow_logs:
                if not re.fullmatch(rules.name_pattern, wanted.name):
                    yield f"{wanted.name} ({_place(plan, wanted.attachment.name or wanted.attachment.id)})"


def _place(plan: RouterPlan, attachment: str) -> str:
    return f"{plan.key}: {label(attachment)}"

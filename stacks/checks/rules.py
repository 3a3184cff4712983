"""The rules that a team holds its stack file to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from providers.er.log_groups import LogGroup
from providers.er.routers import Router
from providers.er.sanitizing import display_name
from stacks.errors import Problem
from stacks.planning.lookup import find, listed
from stacks.planning.plan import Plan, ResolvedRouter
from stacks.planning.selection import fits_any
from stacks.stackfile.model import Rules


def check(rules: Rules, plan: Plan) -> list[Problem]:
    """What breaks a rule: one problem for each rule, naming each attachment."""
    routers = plan.routers
    groups = [
        find(f"rules.log_groups[{index}]", "log group", named, plan.inventory.groups)
        for index, named in enumerate(rules.log_groups or [])
    ]
    unknown = [one for one in groups if isinstance(one, Problem)]
    approved = None if rules.log_groups is None or unknown else [one for one in groups if isinstance(one, LogGroup)]
    broken = {
        "every_router": ("these routers are not in the stack file", _other_routers(rules, plan.other_routers)),
        "every_attachment": ("these attachments can be logged and are not selected", _left_out(rules, routers)),
        "never_disabled": ("these attachments would have a flow log that is disabled", _disabled(rules, routers)),
        "log_groups": (f"only {_names(approved)} may be written to, not", _unapproved(approved, routers)),
        "names": (f"these names fit none of {listed(rules.names or [])}", _misnamed(rules, routers)),
    }
    named = {rule: (what, list(culprits)) for rule, (what, culprits) in broken.items()}
    return unknown + [
        Problem(f"rules.{rule}", f"{what}: {listed(culprits)}") for rule, (what, culprits) in named.items() if culprits
    ]


def _other_routers(rules: Rules, other_routers: Sequence[Router]) -> Iterator[str]:
    if rules.every_router:
        yield from (display_name(router.name or router.id) for router in other_routers)


def _left_out(rules: Rules, routers: Sequence[ResolvedRouter]) -> Iterator[str]:
    if rules.every_attachment:
        logged = {(router.router.id, one.id) for router in routers for one in router.selection.logged}
        for router in routers:
            for one in router.selection.left_out:
                # Another key of the same router may log it.
                if (router.router.id, one.id) not in logged:
                    yield _place(router, one.name or one.id)


def _disabled(rules: Rules, routers: Sequence[ResolvedRouter]) -> Iterator[str]:
    if rules.never_disabled:
        for router in routers:
            for wanted in router.flow_logs:
                if not wanted.enabled:
                    yield _place(router, wanted.attachment.name or wanted.attachment.id)


def _names(groups: Sequence[LogGroup] | None) -> str:
    return listed([group.name or group.id for group in groups or []]) or "nothing"


def _unapproved(approved: Sequence[LogGroup] | None, routers: Sequence[ResolvedRouter]) -> Iterator[str]:
    if approved is not None:
        ids = {group.id for group in approved}
        for router in routers:
            for wanted in router.flow_logs:
                if wanted.target.log_group_id not in ids:
                    yield f"{_place(router, wanted.attachment.name or wanted.attachment.id)} to {wanted.logs_to}"


def _misnamed(rules: Rules, routers: Sequence[ResolvedRouter]) -> Iterator[str]:
    if rules.names is not None:
        for router in routers:
            for wanted in router.flow_logs:
                if not fits_any(wanted.name, rules.names):
                    yield f"{wanted.name} ({_place(router, wanted.attachment.name or wanted.attachment.id)})"


def _place(router: ResolvedRouter, attachment: str) -> str:
    return f"{router.key}: {display_name(attachment)}"

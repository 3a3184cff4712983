"""The team's rules for its stack file."""

from typing import Any

import pytest

from providers.er.log_groups import LogGroup
from stacks.checks.rules import check_rules
from stacks.errors import Problem
from stacks.planning.plan import Plan, ResolvedRouter
from stacks.stackfile.model import Rules
from tests.unit.plans import attachment, plan, resolved_router, router

CORE = resolved_router(
    "core",
    [("a", "vpc-shop"), ("b", "vpn-b")],
    others=[attachment("c", "vpc-data"), attachment("d", "fw", "cfw")],
    disabled=["a"],
)
GROUPS = [LogGroup(id="g", name="group"), LogGroup(id="g2", name="audit"), LogGroup(id="g3", name="archive")]


def make_plan(*routers: ResolvedRouter) -> Plan:
    return plan(*routers, other_routers=[router("er-9", "er-lab"), router("er-8", "")], groups=GROUPS)


def check(**rules: Any) -> list[Problem]:
    return check_rules(Rules.model_validate(rules), make_plan(CORE))


@pytest.mark.parametrize(
    ("rule", "value", "what"),
    [
        ("every_router", True, "these routers are not in the stack file: er-lab, er-8"),
        ("every_attachment", True, "these attachments can be logged and are not selected: core: vpc-data"),
        ("never_disabled", True, "these attachments would have a flow log that is disabled: core: vpc-shop"),
        (
            "log_groups",
            ["audit", "archive"],
            "the only allowed log groups are audit, archive, but these flow logs write elsewhere:"
            " core: vpc-shop to group/stream, core: vpn-b to group/stream",
        ),
        (
            "log_groups",
            [],
            "the only allowed log groups are none, but these flow logs write elsewhere:"
            " core: vpc-shop to group/stream, core: vpn-b to group/stream",
        ),
        ("names", ["vpc-*", "edge-*"], "these names match none of vpc-*, edge-*: vpn-b (core: vpn-b)"),
        ("names", ["vpc"], "these names match none of vpc: vpc-shop (core: vpc-shop), vpn-b (core: vpn-b)"),
    ],
)
def test_broken_rule_names_every_culprit(rule: str, value: object, what: str) -> None:
    assert check(**{rule: value}) == [Problem(f"rules.{rule}", what)]


@pytest.mark.parametrize("rules", [{}, {"log_groups": ["group"]}, {"log_groups": ["g"]}, {"names": ["vp[cn]-*"]}])
def test_kept_rule_reports_nothing(rules: dict[str, Any]) -> None:
    assert check(**rules) == []


def test_attachment_that_another_key_logs_is_selected() -> None:
    other = resolved_router("second", [("c", "vpc-data")], others=[attachment("a", "vpc-shop"), attachment("b")])
    assert check_rules(Rules(every_attachment=True), make_plan(CORE, other)) == []


def test_unknown_log_group_in_a_rule_is_reported_with_the_known_ones() -> None:
    (problem,) = check(log_groups=["group", "aduit"])
    assert problem.key == "rules.log_groups[1]"
    assert problem.what.startswith("there is no log group with id or name 'aduit'; known: audit")

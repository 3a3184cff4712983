"""The rules that a team holds its stack file to."""

from typing import Any

import pytest

from providers.er.log_groups import LogGroup
from providers.er.routers import Router
from stacks.checks.rules import check
from stacks.errors import Problem
from stacks.planning.plan import Plan, ResolvedRouter
from stacks.stackfile.model import Rules
from tests.unit.plans import attachment, plan, resolved_router

CORE = resolved_router(
    "core",
    [("a", "vpc-shop"), ("b", "vpn-b")],
    others=[attachment("c", "vpc-data"), attachment("d", "fw", "cfw")],
    disabled=["a"],
)
OTHERS = [Router(id="er-9", name="er-lab", state="available"), Router(id="er-8", name="", state="available")]


GROUPS = [LogGroup(id="g", name="group"), LogGroup(id="g2", name="audit"), LogGroup(id="g3", name="archive")]


def planned(*routers: ResolvedRouter) -> Plan:
    return plan(*routers, other_routers=OTHERS, groups=GROUPS)


def broken(**rules: Any) -> list[Problem]:
    return check(Rules.model_validate(rules), planned(CORE))


def test_without_rules_nothing_is_broken() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("rule", "value", "what"),
    [
        ("every_router", True, "these routers are not in the stack file: er-lab, er-8"),
        ("every_attachment", True, "these attachments can be logged and are not selected: core: vpc-data"),
        ("never_disabled", True, "these attachments would have a flow log that is disabled: core: vpc-shop"),
        (
            "log_groups",
            ["audit", "archive"],
            "only audit, archive may be written to, not: core: vpc-shop to group/stream, core: vpn-b to group/stream",
        ),
        (
            "log_groups",
            [],
            "only nothing may be written to, not: core: vpc-shop to group/stream, core: vpn-b to group/stream",
        ),
        ("names", ["vpc-*", "edge-*"], "these names fit none of vpc-*, edge-*: vpn-b (core: vpn-b)"),
        ("names", ["vpc"], "these names fit none of vpc: vpc-shop (core: vpc-shop), vpn-b (core: vpn-b)"),
    ],
)
def test_a_broken_rule_names_each_attachment(rule: str, value: object, what: str) -> None:
    assert broken(**{rule: value}) == [Problem(f"rules.{rule}", what)]


@pytest.mark.parametrize(("rule", "value"), [("log_groups", ["group"]), ("log_groups", ["g"]), ("names", ["vp[cn]-*"])])
def test_a_rule_that_is_kept_says_nothing(rule: str, value: object) -> None:
    assert broken(**{rule: value}) == []


def test_what_another_key_of_the_same_router_logs_is_selected() -> None:
    other = resolved_router("second", [("c", "vpc-data")], others=[attachment("a", "vpc-shop"), attachment("b")])
    assert check(Rules(every_attachment=True), planned(CORE, other)) == []


def test_a_log_group_of_a_rule_that_is_not_there_is_told_with_those_that_are() -> None:
    (problem,) = broken(log_groups=["group", "aduit"])
    assert problem.key == "rules.log_groups[1]"
    assert problem.what.startswith("there is no log group with id or name 'aduit'; there are: audit")

"""The rules that a team holds its stack file to."""

from typing import Any

import pytest

from providers.er.routers import Router
from stacks.config import Rules
from stacks.errors import Problem
from stacks.rules import check
from tests.unit.plans import attachment, router_plan

CORE = router_plan(
    "core",
    [("a", "vpc-shop"), ("b", "")],
    others=[attachment("c", "vpc-data"), attachment("d", "fw", "cfw")],
    disabled=["a"],
)
OTHERS = [Router(id="er-9", name="er-lab", state="available"), Router(id="er-8", name="", state="available")]


def broken(**rules: Any) -> list[Problem]:
    return check(Rules.model_validate(rules), [CORE], OTHERS)


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
            "only audit, archive may be written to, not: core: vpc-shop to group/stream, core: b to group/stream",
        ),
        (
            "log_groups",
            [],
            "only nothing may be written to, not: core: vpc-shop to group/stream, core: b to group/stream",
        ),
        ("name_pattern", "vpc-.+", "these names don't fit vpc-.+:  (core: b)"),
        ("name_pattern", "vpc", "these names don't fit vpc: vpc-shop (core: vpc-shop),  (core: b)"),
    ],
)
def test_a_broken_rule_names_each_attachment(rule: str, value: object, what: str) -> None:
    assert broken(**{rule: value}) == [Problem(f"rules.{rule}", what)]


@pytest.mark.parametrize(
    ("rule", "value"), [("log_groups", ["group"]), ("log_groups", ["g"]), ("name_pattern", "(vpc-.*)?")]
)
def test_a_rule_that_is_kept_says_nothing(rule: str, value: object) -> None:
    assert broken(**{rule: value}) == []


def test_what_another_key_of_the_same_router_logs_is_selected() -> None:
    other = router_plan("second", [("c", "vpc-data")], others=[attachment("a", "vpc-shop"), attachment("b")])
    assert check(Rules(every_attachment=True), [CORE, other], []) == []


def test_all_broken_rules_are_told_at_once() -> None:
    found = broken(every_router=True, every_attachment=True, never_disabled=True, log_groups=[], name_pattern="x")
    assert [problem.key for problem in found] == [
        "rules.every_router",
        "rules.every_attachment",
        "rules.never_disabled",
        "rules.log_groups",
        "rules.name_pattern",
    ]

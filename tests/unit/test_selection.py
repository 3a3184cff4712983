"""Which attachments get a flow log, and why the others don't."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from providers.er.attachments import Attachment
from stacks.errors import Problem
from stacks.planning.selection import Selection, cannot_be_logged, select
from stacks.stackfile.model import RouterConfig
from tests.unit.plans import attachment

SHOP = attachment("id-shop", "vpc-shop", tags={"env": "prod", "team": "shop", "empty": ""})
STAGING = attachment("id-staging", "vpc-staging", tags={"env": "staging", "team": "shop"})
OFFICE = attachment("id-office", "vpn-office", "vpn", tags={"env": "prod"})
DIRECT = attachment("id-direct", "vgw-direct", "vgw")
FIREWALL = attachment("id-firewall", "cfw-perimeter", "cfw", tags={"env": "prod"})
UNNAMED = attachment("id-unnamed")
ALL = (SHOP, STAGING, OFFICE, DIRECT, FIREWALL, UNNAMED)
LOGGABLE = ["vpc-shop", "vpc-staging", "vpn-office", "vgw-direct", "id-unnamed"]
NOT_LOGGABLE = {"id-firewall": "is of type cfw, which cannot be logged"}
TWINS = (attachment("id-1", "twin"), attachment("id-2", "twin"))
GONE = {"vpc-old": "id-old", "id-old": "id-old", "vpc-older": ""}
RENAMED = {"vpc-before": "id-shop"}
TWICE: dict[str, Any] = {"vpc-shop": {}, "vpc-before": {}}
SAME_AS = "names the same attachment as routers.core.overrides.{}; keep one of the two"


def run(
    attachments: Any = "all",
    *,
    there: Sequence[Attachment] = ALL,
    previous: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
    accepted: Collection[str] = (),
) -> Selection:
    values = {"router": "r", "log_group": "g", "log_stream": "s", "attachments": attachments}
    config = RouterConfig.model_validate({**values, "overrides": dict(overrides or {})})
    return select("core", config, there, previous_id=(previous or {}).get, accepted=accepted)


def names(attachments: Sequence[Attachment]) -> list[str]:
    return [selected.display_name for selected in attachments]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        *((state, None) for state in ("available", "pending", "modifying", "freezed")),
        ("deleting", "is being deleted"),
        ("deleted", "has been deleted"),
        ("rejected", "was rejected by the router's owner"),
        ("pending_acceptance", "waits for the router's owner to accept it"),
        ("initiating_request", "is still being requested"),
        ("invalid", "is invalid"),
        ("failed", "has failed"),
    ],
)
@pytest.mark.parametrize("type_", ["vpc", "vpn", "vgw"])
def test_state_decides_whether_an_attachment_can_be_logged(type_: str, state: str, reason: str | None) -> None:
    assert cannot_be_logged(attachment("a", type_=type_, state=state)) == reason


@pytest.mark.parametrize("is_tried", [False, True])
def test_firewall_cannot_be_logged(is_tried: bool) -> None:
    assert cannot_be_logged(attachment("a", type_="cfw"), is_tried=is_tried) == "is of type cfw, which cannot be logged"


PEERING = attachment("id-peering", "peer", "peering")
MAYBE = "is of type peering, which may not be loggable: to try it, select types: [peering]"


@pytest.mark.parametrize(
    ("attachments", "accepted", "is_logged"),
    [
        ("all", (), False),
        (["peer"], (), False),
        ({"names": ["peer"]}, (), False),
        ({"types": ["vpc", "peering"]}, (), True),
        ({"types": ["peering"], "include": ["id-shop"]}, (), True),
        ("all", ["id-peering"], True),
        (["peer"], ["id-peering"], True),
    ],
)
def test_unknown_type_is_tried_if_selected_or_accepted_before(
    attachments: Any, accepted: Sequence[str], is_logged: bool
) -> None:
    selection = run(attachments, there=(SHOP, PEERING), accepted=accepted)
    assert (PEERING in selection.logged) == is_logged
    assert selection.skipped == ({} if is_logged else {"id-peering": MAYBE})


@pytest.mark.parametrize(
    ("type_", "what"),
    [
        ("cfw", "attachments of type cfw cannot be logged"),
        (
            "vcp",
            "there is no attachment of type 'vcp'; types are can, connect, dc, dgw, ecn, of-tomorrow, peering, vgw,"
            " vpc, vpn",
        ),
    ],
)
def test_type_that_nothing_can_have_is_a_mistake(type_: str, what: str) -> None:
    there = (FIREWALL, attachment("a", type_="of-tomorrow"))
    selection = run({"types": ["vpc", "peering", "of-tomorrow", type_]}, there=there)
    assert selection.problems == [Problem("routers.core.attachments.types[3]", what)]


def test_all_selects_what_can_be_logged() -> None:
    selection = run(there=(*ALL, attachment("id-leaving", "vpc-leaving", state="deleting")))
    assert names(selection.logged) == LOGGABLE
    assert selection.skipped == {**NOT_LOGGABLE, "id-leaving": "is being deleted"}
    assert (selection.left_out, selection.problems) == ([], [])
    assert run(there=()) == Selection()


@pytest.mark.parametrize(
    ("texts", "logged"),
    [
        (["vpc-shop", "id-shop", "vpc-shop", "id-unnamed"], [SHOP, UNNAMED]),
        (["id-unnamed", "vgw-direct", "vpc-shop"], [SHOP, DIRECT, UNNAMED]),
        ([], []),
    ],
)
def test_list_selects_by_id_or_name_in_the_routers_order(texts: list[str], logged: list[Attachment]) -> None:
    selection = run(texts)
    assert selection.logged == logged
    assert selection.left_out == [other for other in ALL if other not in logged and other is not FIREWALL]
    assert (selection.skipped, selection.problems) == ({}, [])


@pytest.mark.parametrize("requested", [["cfw-perimeter"], {"tags": {"env": "prod"}, "include": ["cfw-perimeter"]}])
def test_selected_attachment_that_cannot_be_logged_is_skipped(requested: Any) -> None:
    selection = run(requested)
    assert FIREWALL not in (*selection.logged, *selection.left_out)
    assert selection.skipped == NOT_LOGGABLE


@pytest.mark.parametrize(
    ("selector", "logged"),
    [
        ({}, LOGGABLE),
        ({"tags": {}}, LOGGABLE),
        ({"types": []}, []),
        ({"names": []}, []),
        ({"types": ["vpn", "vgw"]}, ["vpn-office", "vgw-direct"]),
        ({"types": ["vpc", "vpc"]}, ["vpc-shop", "vpc-staging", "id-unnamed"]),
        ({"tags": {"env": "prod"}}, ["vpc-shop", "vpn-office"]),
        ({"tags": {"env": "prod", "team": "shop"}}, ["vpc-shop"]),
        ({"tags": {"empty": ""}}, ["vpc-shop"]),
        ({"tags": {"env": ""}}, []),
        ({"tags": {"missing": ""}}, []),
        ({"tags": {"ENV": "prod"}}, []),
        ({"names": ["vpc-*"]}, ["vpc-shop", "vpc-staging"]),
        ({"names": ["v?n-*", "*-direct"]}, ["vpn-office", "vgw-direct"]),
        ({"names": ["vpc-s[ht]*"]}, ["vpc-shop", "vpc-staging"]),
        ({"names": ["vpc-[!s]*"]}, []),
        ({"names": ["VPC-*"]}, []),
        ({"names": ["shop"]}, []),
        ({"names": ["*"]}, LOGGABLE),
        ({"names": ["?*"]}, ["vpc-shop", "vpc-staging", "vpn-office", "vgw-direct"]),
        ({"names": ["["]}, []),
        ({"types": ["vpc"], "tags": {"env": "prod"}, "names": ["*o*"]}, ["vpc-shop"]),
        ({"include": ["vpc-shop"]}, ["vpc-shop"]),
        ({"types": [], "include": ["id-shop", "vpn-office"]}, ["vpc-shop", "vpn-office"]),
        ({"types": ["vgw"], "include": ["vpc-shop"]}, ["vpc-shop", "vgw-direct"]),
        ({"exclude": ["vpc-shop", "id-unnamed"]}, ["vpc-staging", "vpn-office", "vgw-direct"]),
        ({"types": ["vpc"], "exclude": ["vpc-shop"]}, ["vpc-staging", "id-unnamed"]),
        ({"include": ["vpc-shop"], "exclude": ["id-shop"]}, []),
        ({"include": ["vpc-shop", "vpc-staging"], "exclude": ["vpc-shop"]}, ["vpc-staging"]),
    ],
)
def test_selector_selects_what_meets_all_conditions(selector: Any, logged: list[str]) -> None:
    selection = run(selector)
    assert (names(selection.logged), selection.problems) == (logged, [])
    assert names(selection.left_out) == [name for name in LOGGABLE if name not in logged]


@pytest.mark.parametrize(
    ("requested", "key"),
    [
        (["vpc-shop", "vpc-shopp"], "attachments[1]"),
        ({"include": ["vpc-shopp"]}, "attachments.include[0]"),
        ({"exclude": ["vpc-shop", "vpc-shopp"]}, "attachments.exclude[1]"),
    ],
)
def test_unknown_attachment_is_reported_with_its_key(requested: Any, key: str) -> None:
    what = (
        "there is no attachment with id or name 'vpc-shopp'; known: vpc-shop, cfw-perimeter, id-unnamed,"
        " vgw-direct, vpc-staging, vpn-office"
    )
    assert run(requested).problems == [Problem(f"routers.core.{key}", what)]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"attachments": ["twin"]}, "attachments[0]"),
        ({"overrides": {"twin": {}}}, "overrides.twin"),
        ({"attachments": ["twin"], "previous": {"twin": "id-old"}}, "attachments[0]"),
    ],
)
def test_ambiguous_name_is_reported(options: dict[str, Any], key: str) -> None:
    what = "the name 'twin' matches 2 of them; use an id: id-1, id-2"
    assert run(there=TWINS, **options).problems == [Problem(f"routers.core.{key}", what)]
    assert run(["id-2"], there=TWINS).logged == [TWINS[1]]


def test_id_takes_precedence_over_an_equal_name() -> None:
    first, second = attachment("id-1", "id-2"), attachment("id-2", "other")
    assert run(["id-2"], there=(first, second)).logged == [second]


@pytest.mark.parametrize(
    ("options", "name", "what"),
    [
        ({"there": (), "overrides": {"x": {}}}, "x", "there is no attachment with id or name 'x'; known: none"),
        ({"overrides": {"id-shop": {}, "vpc-shop": {}}}, "vpc-shop", SAME_AS.format("id-shop")),
        ({"previous": RENAMED, "overrides": TWICE}, "vpc-before", SAME_AS.format("vpc-shop")),
    ],
    ids=["unknown", "by id and name", "by former and new name"],
)
def test_override_of_no_attachment_of_its_own_is_reported(options: dict[str, Any], name: str, what: str) -> None:
    assert run(**options).problems == [Problem(f"routers.core.overrides.{name}", what)]


# Attachments that the last run knew, perhaps by another name


@pytest.mark.parametrize("name", ["vpc-old", "id-old", "vpc-older"])
@pytest.mark.parametrize("kind", ["list", "include", "override"])
def test_attachment_that_is_gone_is_skipped(kind: str, name: str) -> None:
    options: dict[str, Any] = {"attachments": {"include": [name]}} if kind == "include" else {"attachments": [name]}
    selection = run(**({"attachments": [], "overrides": {name: {}}} if kind == "override" else options), previous=GONE)
    assert (selection.problems, selection.skipped) == ([], {name: "is gone from the router"})
    assert (selection.stale_names, selection.gone) == ({name: ""}, {name})


def test_excluded_attachment_that_is_gone_is_ignored() -> None:
    selection = run({"exclude": ["vpc-old"]}, previous=GONE)
    assert (selection.problems, selection.skipped) == ([], NOT_LOGGABLE)


def test_new_attachment_may_have_the_name_of_one_that_is_gone() -> None:
    new = attachment("id-new", "vpc-old")
    selection = run(["vpc-old"], there=(*ALL, new), previous=GONE)
    assert selection.logged == [new]
    assert (selection.stale_names, selection.problems, selection.warnings) == ({}, [], [])


@pytest.mark.parametrize(
    ("requested", "key", "logged"),
    [
        (["vpn-office", "vpc-before"], "attachments[1]", ["vpc-shop", "vpn-office"]),
        ({"types": ["vpn"], "include": ["vpc-before"]}, "attachments.include[0]", ["vpc-shop", "vpn-office"]),
        ({"types": ["vpc"], "exclude": ["vpc-before"]}, "attachments.exclude[0]", ["vpc-staging", "id-unnamed"]),
    ],
)
def test_former_name_still_selects_its_attachment(requested: Any, key: str, logged: list[str]) -> None:
    selection = run(requested, previous=RENAMED)
    assert (names(selection.logged), selection.problems) == (logged, [])
    assert (selection.stale_names, selection.gone) == ({"vpc-before": "id-shop"}, set())
    what = "attachment 'vpc-before' is now named 'vpc-shop' and keeps its flow log and settings; use the new name"
    assert selection.warnings == [Problem(f"routers.core.{key}", what)]


def test_former_name_in_list_and_override_causes_one_warning() -> None:
    selection = run(["vpc-before", "vpc-shop"], previous=RENAMED, overrides={"vpc-before": {"enabled": False}})
    assert (selection.logged, selection.problems, len(selection.warnings)) == ([SHOP], [], 1)
    key, override = selection.overrides["id-shop"]
    assert (key, override.enabled) == ("routers.core.overrides.vpc-before", False)


def test_name_that_passed_to_another_attachment_is_reported() -> None:
    selection = run(["vpc-before"], there=(SHOP, attachment("id-other", "vpc-before")), previous=RENAMED)
    what = (
        "'vpc-before' is now the name of id-other, and the attachment that had it before, id-shop, is now named"
        " 'vpc-shop': use the id of the intended attachment"
    )
    assert (selection.logged, selection.problems) == ([], [Problem("routers.core.attachments[0]", what)])


def test_swapped_names_are_both_reported() -> None:
    selection = run(["vpc-shop", "vpc-staging"], previous={"vpc-shop": "id-staging", "vpc-staging": "id-shop"})
    assert [problem.key for problem in selection.problems] == [f"routers.core.attachments[{n}]" for n in (0, 1)]


def test_id_never_counts_as_a_former_name() -> None:
    selection = run(["id-staging"], previous={"id-staging": "id-shop"})
    assert (selection.logged, selection.problems) == ([STAGING], [])

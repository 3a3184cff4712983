"""Which attachments get a flow log, and what is said of the others."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from providers.er.attachments import Attachment
from stacks.errors import Problem
from stacks.planning.selection import Selection, cannot_be_logged, select
from stacks.stackfile.model import RouterConfig

NO_TAGS: Mapping[str, str] = {}
NOTHING_MEANT: Mapping[str, str] = {}


def attachment(
    id_: str, name: str = "", type_: str = "vpc", state: str = "available", tags: Mapping[str, str] = NO_TAGS
) -> Attachment:
    return Attachment(
        id=id_, name=name, state=state, resource_type=type_, resource_id=f"resource-{id_}", tags=dict(tags)
    )


SHOP = attachment("id-shop", "vpc-shop", tags={"env": "prod", "team": "shop", "empty": ""})
STAGING = attachment("id-staging", "vpc-staging", tags={"env": "staging", "team": "shop"})
OFFICE = attachment("id-office", "vpn-office", "vpn", tags={"env": "prod"})
DIRECT = attachment("id-direct", "vgw-direct", "vgw")
FIREWALL = attachment("id-firewall", "cfw-perimeter", "cfw", tags={"env": "prod"})
UNNAMED = attachment("id-unnamed")
ALL = (SHOP, STAGING, OFFICE, DIRECT, FIREWALL, UNNAMED)


def selected(
    attachments: Any,
    *,
    there: Sequence[Attachment] = ALL,
    meant: Mapping[str, str] = NOTHING_MEANT,
    overrides: Mapping[str, Any] | None = None,
) -> Selection:
    config = RouterConfig.model_validate(
        {
            "router": "r",
            "log_group": "g",
            "log_stream": "s",
            "attachments": attachments,
            "overrides": dict(overrides or {}),
        }
    )
    return select("core", config, there, previous_id=meant.get)


def logged(attachments: Any, **rest: Any) -> list[str]:
    result = selected(attachments, **rest)
    assert result.problems == []
    return [one.name or one.id for one in result.logged]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("available", None),
        ("pending", None),
        ("modifying", None),
        ("freezed", None),
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
def test_the_state_of_an_attachment_tells_whether_it_can_be_logged(type_: str, state: str, reason: str | None) -> None:
    assert cannot_be_logged(attachment("a", type_=type_, state=state)) == reason


@pytest.mark.parametrize("type_", ["cfw", "peering", "VPC", ""])
def test_types_that_the_api_does_not_log_are_named(type_: str) -> None:
    assert cannot_be_logged(attachment("a", type_=type_)) == f"is of type {type_}, which cannot be logged"


def test_all_logs_what_can_be_logged_and_tells_why_the_rest_is_not() -> None:
    gone = attachment("id-gone", "vpc-gone", state="deleting")
    result = selected("all", there=(*ALL, gone))
    assert result.logged == [SHOP, STAGING, OFFICE, DIRECT, UNNAMED]
    assert result.skipped == {
        "id-firewall": "is of type cfw, which cannot be logged",
        "id-gone": "is being deleted",
    }
    assert result.left_out == []
    assert result.problems == []


def test_all_of_a_router_without_attachments_is_nothing() -> None:
    assert selected("all", there=()) == Selection()


def test_a_list_takes_ids_and_names_and_counts_each_attachment_once() -> None:
    result = selected(["vpc-shop", "id-shop", "vpc-shop", "id-unnamed"])
    assert result.logged == [SHOP, UNNAMED]
    assert result.left_out == [STAGING, OFFICE, DIRECT]
    assert result.skipped == {}
    assert result.problems == []


def test_an_empty_list_logs_nothing_and_leaves_out_all_that_could_be() -> None:
    result = selected([])
    assert result.logged == []
    assert result.left_out == [SHOP, STAGING, OFFICE, DIRECT, UNNAMED]
    assert result.skipped == {}


def test_a_firewall_that_is_asked_for_by_name_is_skipped_with_its_reason() -> None:
    result = selected(["cfw-perimeter"])
    assert result.logged == []
    assert result.skipped == {"id-firewall": "is of type cfw, which cannot be logged"}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ({}, ["vpc-shop", "vpc-staging", "vpn-office", "vgw-direct", "id-unnamed"]),
        ({"tags": {}}, ["vpc-shop", "vpc-staging", "vpn-office", "vgw-direct", "id-unnamed"]),
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
        ({"names": ["*"]}, ["vpc-shop", "vpc-staging", "vpn-office", "vgw-direct", "id-unnamed"]),
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
def test_a_selector_logs_what_fits_all_of_it(selector: Any, names: list[str]) -> None:
    assert logged(selector) == names


def test_a_selector_never_logs_a_firewall() -> None:
    result = selected({"tags": {"env": "prod"}, "include": ["cfw-perimeter"]})
    assert FIREWALL not in result.logged
    assert result.skipped == {"id-firewall": "is of type cfw, which cannot be logged"}


def test_what_a_selector_does_not_ask_for_is_neither_skipped_nor_lost() -> None:
    result = selected({"types": ["vpn"]})
    assert result.skipped == {}
    assert result.left_out == [SHOP, STAGING, DIRECT, UNNAMED]


def test_every_attachment_is_in_one_place_at_most() -> None:
    for selection in ("all", [], ["vpc-shop", "cfw-perimeter"], {}, {"types": ["vpc"]}, {"exclude": ["vpn-office"]}):
        result = selected(selection)
        places = [
            *(one.id for one in result.logged),
            *(one.id for one in result.left_out),
            *result.skipped,
        ]
        assert len(places) == len(set(places))


def test_the_order_is_that_of_the_router_whatever_the_order_of_the_list() -> None:
    assert logged(["id-unnamed", "vgw-direct", "vpc-shop"]) == ["vpc-shop", "vgw-direct", "id-unnamed"]


@pytest.mark.parametrize(
    ("selection", "where"),
    [
        (["vpc-shop", "vpc-shopp"], "attachments[1]"),
        ({"include": ["vpc-shopp"]}, "attachments.include[0]"),
        ({"exclude": ["vpc-shop", "vpc-shopp"]}, "attachments.exclude[1]"),
    ],
)
def test_an_attachment_that_never_was_is_a_mistake_told_with_its_place(selection: Any, where: str) -> None:
    assert selected(selection).problems == [
        Problem(
            f"routers.core.{where}",
            "there is no attachment with id or name 'vpc-shopp'; there are: vpc-shop,"
            " cfw-perimeter, id-unnamed, vgw-direct, vpc-staging, vpn-office",
        )
    ]


def test_an_override_of_nothing_is_a_mistake() -> None:
    assert selected("all", there=(), overrides={"x": {"enabled": False}}).problems == [
        Problem("routers.core.overrides.x", "there is no attachment with id or name 'x'; there are: none")
    ]


def test_a_name_that_two_attachments_have_is_no_way_to_choose_one() -> None:
    twins = (attachment("id-1", "twin"), attachment("id-2", "twin"))
    assert selected(["twin"], there=twins).problems == [
        Problem("routers.core.attachments[0]", "the name 'twin' fits 2 of them; use an id: id-1, id-2")
    ]
    assert selected("all", there=twins, overrides={"twin": {}}).problems == [
        Problem("routers.core.overrides.twin", "the name 'twin' fits 2 of them; use an id: id-1, id-2")
    ]
    assert selected(["id-2"], there=twins).logged == [twins[1]]


def test_an_id_wins_over_a_name_that_looks_like_it() -> None:
    first, second = attachment("id-1", "id-2"), attachment("id-2", "other")
    assert selected(["id-2"], there=(first, second)).logged == [second]


def test_an_attachment_without_a_name_is_not_found_by_another_empty_one() -> None:
    both = (attachment("id-1"), attachment("id-2"))
    assert selected(["id-1"], there=both).logged == [both[0]]


# What the last run knew under another name, or knew at all

GONE: Mapping[str, str] = {"vpc-old": "id-old", "id-old": "id-old", "vpc-older": ""}


@pytest.mark.parametrize("name", ["vpc-old", "id-old", "vpc-older"])
@pytest.mark.parametrize("kind", ["list", "include"])
def test_an_attachment_that_was_there_at_the_last_run_and_is_gone_is_skipped(kind: str, name: str) -> None:
    result = selected([name] if kind == "list" else {"include": [name]}, meant=GONE)
    assert result.problems == []
    assert result.skipped == {name: "is gone from the router"}
    assert (result.stale_names, result.gone) == ({name: ""}, {name})


def test_an_override_of_an_attachment_that_is_gone_is_no_mistake_but_told() -> None:
    result = selected("all", meant=GONE, overrides={"vpc-old": {}})
    assert result.problems == []
    assert result.skipped == {"vpc-old": "is gone from the router", **selected("all").skipped}


def test_an_attachment_that_is_excluded_and_gone_is_nothing_to_warn_of() -> None:
    result = selected({"exclude": ["vpc-old"]}, meant=GONE)
    assert result.problems == []
    assert "vpc-old" not in result.skipped


def test_a_new_attachment_has_the_name_of_one_that_is_gone() -> None:
    new = attachment("id-new", "vpc-old")
    result = selected(["vpc-old"], there=(*ALL, new), meant=GONE)
    assert (result.logged, result.stale_names, result.problems, result.warnings) == ([new], {}, [], [])


def test_two_new_attachments_with_the_name_of_one_that_is_gone_are_a_mistake() -> None:
    twins = (attachment("id-1", "vpc-old"), attachment("id-2", "vpc-old"))
    assert selected(["vpc-old"], there=twins, meant=GONE).problems == [
        Problem("routers.core.attachments[0]", "the name 'vpc-old' fits 2 of them; use an id: id-1, id-2")
    ]


RENAMED: Mapping[str, str] = {"vpc-before": "id-shop"}


@pytest.mark.parametrize(
    ("selection", "where", "names"),
    [
        (["vpn-office", "vpc-before"], "attachments[1]", ["vpc-shop", "vpn-office"]),
        ({"types": ["vpn"], "include": ["vpc-before"]}, "attachments.include[0]", ["vpc-shop", "vpn-office"]),
        ({"types": ["vpc"], "exclude": ["vpc-before"]}, "attachments.exclude[0]", ["vpc-staging", "id-unnamed"]),
    ],
)
def test_a_former_name_goes_on_to_mean_its_attachment(selection: Any, where: str, names: list[str]) -> None:
    result = selected(selection, meant=RENAMED)
    assert [one.name or one.id for one in result.logged] == names
    assert result.stale_names == {"vpc-before": "id-shop"}
    assert result.gone == set()
    assert result.problems == []
    assert [f"{one.key}: {one.what}" for one in result.warnings] == [
        f"routers.core.{where}: the attachment 'vpc-before' is named 'vpc-shop' now: its flow log and settings"
        " stay; write the new name"
    ]


def test_an_override_by_a_former_name_goes_on_to_hold() -> None:
    result = selected("all", meant=RENAMED, overrides={"vpc-before": {"enabled": False}})
    where, override = result.overrides["id-shop"]
    assert (where, override.enabled) == ("routers.core.overrides.vpc-before", False)
    assert len(result.warnings) == 1


def test_one_former_name_is_warned_of_once() -> None:
    result = selected(["vpc-before"], meant=RENAMED, overrides={"vpc-before": {"enabled": False}})
    assert len(result.warnings) == 1


def test_a_former_name_beside_the_new_one_means_one_attachment() -> None:
    result = selected(["vpc-before", "vpc-shop"], meant=RENAMED)
    assert (result.logged, result.problems) == ([SHOP], [])


def test_overrides_by_a_former_name_and_by_the_new_one_are_a_mistake() -> None:
    result = selected("all", meant=RENAMED, overrides={"vpc-shop": {}, "vpc-before": {}})
    assert [one.key for one in result.problems] == ["routers.core.overrides.vpc-before"]


def test_a_name_that_passed_to_another_attachment_is_refused() -> None:
    other = attachment("id-other", "vpc-before")
    result = selected(["vpc-before"], there=(SHOP, other), meant=RENAMED)
    assert result.logged == []
    assert result.problems == [
        Problem(
            "routers.core.attachments[0]",
            "'vpc-before' meant the attachment id-shop, which is named 'vpc-shop' now, and the name has passed to"
            " id-other: write the id of the one that you mean",
        )
    ]


def test_names_that_two_attachments_swapped_are_refused_both() -> None:
    meant = {"vpc-shop": "id-staging", "vpc-staging": "id-shop"}
    result = selected(["vpc-shop", "vpc-staging"], meant=meant)
    assert [one.key for one in result.problems] == ["routers.core.attachments[0]", "routers.core.attachments[1]"]


def test_ids_are_never_taken_for_former_names() -> None:
    result = selected(["id-staging"], meant={"id-staging": "id-shop"})
    assert (result.logged, result.problems) == ([STAGING], [])


def test_an_attachment_that_is_overridden_by_id_and_by_name_is_a_mistake() -> None:
    problems = selected("all", overrides={"id-shop": {"enabled": False}, "vpc-shop": {"name": "x"}}).problems
    assert [problem.key for problem in problems] == ["routers.core.overrides.vpc-shop"]

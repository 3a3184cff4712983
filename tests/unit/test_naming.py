"""Names of flow logs from templates, and logical names."""

import hashlib
import random
import re
import uuid

import pytest

from providers.er.attachments import Attachment
from providers.er.limits import NAME_PATTERN
from stacks.planning.naming import (
    component_names,
    flow_log_name,
    logical_name,
)
from stacks.stackfile.template import TemplateError, check_template

KNOWN = "placeholders are {stack}, {router}, {attachment}, {type}, {id}"
ID = "5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6"
NASTY_NAMES = (
    "",
    " ",
    "vpc-shop",
    "VPC Shop",
    "Büro München",
    "株式会社",
    "🔥" * 64,
    "🔥🔥",
    "a" * 200,
    "ä" * 200,
    "a" * 63 + "é",
    "...",
    "-_.",
    "{id}",
    "{nope}",
    "{0}",
    "{{",
    "%s%n",
    "a/../b",
    "a\nb",
    "a\x00b",
    "'; drop table",
    "\u202egnp",
)


def attachment(name: str = "vpc-shop", id_: str = ID, type_: str = "vpc") -> Attachment:
    return Attachment(id=id_, name=name, state="available", resource_type=type_, resource_id="r", tags={})


def named(template: str, wanted: Attachment, *, stack: str = "local", router: str = "core") -> str:
    return flow_log_name(template, stack=stack, router=router, attachment=wanted)


def test_a_name_is_the_filled_template_and_eight_digits_of_the_attachment() -> None:
    assert named("{stack}-{router}-{attachment}-{type}", attachment()) == "local-core-vpc-shop-vpc-e4ec9862"


def test_a_name_with_the_whole_id_needs_no_digits() -> None:
    assert named("{router}-{id}", attachment()) == f"core-{ID}"


def test_a_name_whose_id_would_be_cut_gets_digits() -> None:
    name = named("{router}-{id}", attachment(), router="r" * 60)
    assert NAME_PATTERN.fullmatch(name)
    assert name == f"{'r' * 55}-e4ec9862"


def test_an_attachment_without_a_name_goes_by_its_id() -> None:
    assert named("{router}-{attachment}", attachment("")) == f"core-{ID}"


def test_an_attachment_named_in_illegal_characters_only_is_told_by_its_digits() -> None:
    assert named("{attachment}", attachment("🔥🔥")) == "e4ec9862"


def test_each_run_of_illegal_characters_becomes_one_dash() -> None:
    assert named("{attachment}", attachment("Büro  München/3")) == "B-ro-M-nchen-3-e4ec9862"


def test_a_cut_name_does_not_end_in_two_separators() -> None:
    assert named("{attachment}", attachment("a" * 54 + "-._" + "b" * 20)) == f"{'a' * 54}-e4ec9862"


@pytest.mark.parametrize("name", NASTY_NAMES)
@pytest.mark.parametrize(
    "template",
    ["{router}-{attachment}", "{attachment}", "{id}", "x", "{stack}" * 40, "🔥", "{{{attachment}}}", "-" * 64],
)
def test_every_name_is_one_that_the_api_takes(template: str, name: str) -> None:
    check_template(template)
    assert NAME_PATTERN.fullmatch(named(template, attachment(name)))


@pytest.mark.parametrize("template", ["{router}-{attachment}", "{attachment}", "same", "{type}", "{stack}-{id}"])
def test_attachments_have_different_names_whatever_they_are_called(template: str) -> None:
    draw = random.Random(3)
    attachments = [
        attachment(draw.choice(NASTY_NAMES), str(uuid.UUID(int=draw.getrandbits(128), version=4))) for _ in range(500)
    ]
    names = {named(template, one) for one in attachments}
    assert len(names) == len(attachments)


def test_two_attachments_of_one_name_get_different_flow_log_names() -> None:
    other = "a3d94f07-7c1e-4e82-b6a5-08f2d1e6c359"
    assert named("{attachment}", attachment("twin")) != named("{attachment}", attachment("twin", other))


def test_names_that_differ_only_in_what_is_cut_stay_different() -> None:
    first, second = attachment("a" * 100 + "1", "id-1"), attachment("a" * 100 + "2", "id-2")
    assert named("{attachment}", first) != named("{attachment}", second)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{nope}", f"has the unknown placeholder {{nope}}; {KNOWN}"),
        ("{}", f"has the unknown placeholder {{}}; {KNOWN}"),
        ("{0}", f"has the unknown placeholder {{0}}; {KNOWN}"),
        ("{attachment.id}", f"has the unknown placeholder {{attachment.id}}; {KNOWN}"),
        ("{attachment[0]}", f"has the unknown placeholder {{attachment[0]}}; {KNOWN}"),
        ("{ attachment }", f"has the unknown placeholder {{ attachment }}; {KNOWN}"),
        ("{Attachment}", f"has the unknown placeholder {{Attachment}}; {KNOWN}"),
        ("{attachment", "is not a template: expected '}' before end of string"),
        ("attachment}", "is not a template: Single '}' encountered in format string"),
        ("{", "is not a template: Single '{' encountered in format string"),
    ],
)
def test_a_template_with_a_mistake_is_refused(template: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        check_template(template)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "template",
    [
        "{id!r}",
        "{attachment:>100}",
        "{attachment:d}",
        "{attachment:.2f}",
        "{attachment!x}",
        "{attachment!}",
        "{attachment:{nope}}",
        "{attachment:{}}",
        "{attachment:{stack}}",
        "{attachment:>99999999999999999999}",
        "{{",
        "{{}}",
        "{{attachment}}",
        "",
    ],
)
def test_a_template_is_refused_when_it_is_checked_or_can_be_filled_in(template: str) -> None:
    try:
        check_template(template)
    except TemplateError:
        return
    assert NAME_PATTERN.fullmatch(named(template, attachment("vpc-shop")))


def test_a_template_cannot_ask_for_a_name_of_gigabytes() -> None:
    with pytest.raises(TemplateError):
        check_template("{attachment:>9999999999}")


def test_doubled_braces_are_no_placeholder() -> None:
    check_template("{{attachment}}")
    assert named("{{attachment}}", attachment()) == "-attachment-e4ec9862"


def test_a_logical_name_is_readable_and_ends_in_digits_of_its_target() -> None:
    name = logical_name("att-1", "network/er", readable="vpc shop")
    assert name == f"vpc-shop-{hashlib.sha256(b'att-1 network/er').hexdigest()[:8]}"


def test_the_logical_name_of_what_is_in_peoples_state_never_changes() -> None:
    assert logical_name(ID, "network/er", readable="vpc-shop") == "vpc-shop-e83bc7ef"


@pytest.mark.parametrize(("id_", "logs_to"), [("att-2", "network/er"), ("att-1", "other/er"), ("att-1", "network/x")])
def test_another_target_has_another_logical_name(id_: str, logs_to: str) -> None:
    assert logical_name(id_, logs_to, readable="vpc") != logical_name("att-1", "network/er", readable="vpc")


def test_an_attachment_without_a_name_gives_its_id_to_the_logical_name() -> None:
    assert re.fullmatch(f"{ID}-[0-9a-f]{{8}}", logical_name(ID, "network/er", readable=""))


@pytest.mark.parametrize("readable", NASTY_NAMES)
def test_a_logical_name_is_short_and_of_plain_characters(readable: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9_.-]{1,64}-)?[0-9a-f]{8}", logical_name(ID, "🔥/🔥", readable=readable))


def test_a_component_is_called_like_its_router() -> None:
    assert component_names({"er-1": "er-core", "er-2": "er-edge"}) == {"er-1": "er-core", "er-2": "er-edge"}


def test_routers_of_one_name_or_none_have_different_components() -> None:
    names = component_names({"er-1": "er", "er-2": "er", "er-3": "", "er-4": ""})
    assert len(set(names.values())) == 4
    assert names["er-1"].startswith("er-")
    assert re.fullmatch("[0-9a-f]{8}", names["er-3"])

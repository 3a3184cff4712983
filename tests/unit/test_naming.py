"""Names of flow logs from templates, and logical names."""

import hashlib
import random
import re
import uuid

import pytest

from providers.er.attachments import Attachment
from providers.er.limits import NAME_PATTERN
from stacks.planning.naming import component_names, flow_log_name, logical_name
from stacks.stackfile.template import TemplateError, check_template
from tests.unit.plans import attachment

KNOWN = "placeholders are {stack}, {router}, {attachment}, {type}, {stream}, {id}, {hash}"
ID = "5b8e1c94-0a6d-4f27-8d13-c2e97f40a1b6"
NASTY_NAMES = (
    *("", " ", "vpc-shop", "VPC Shop", "Büro München", "株式会社", "🔥" * 64, "🔥🔥"),
    *("a" * 200, "ä" * 200, "a" * 63 + "é", "...", "-_.", "{id}", "{nope}", "{0}", "{{", "%s%n"),
    *("a/../b", "a\nb", "a\x00b", "'; drop table", "\u202egnp"),
)
UNKNOWN_PLACEHOLDERS = ("{nope}", "{}", "{0}", "{attachment.id}", "{attachment[0]}", "{ attachment }", "{Attachment}")
TEMPLATES = (
    *("{router}-{attachment}", "{attachment}", "{id}", "{type}", "x", "{stack}" * 40, "🔥", "{{{attachment}}}"),
    *("-" * 64, "{stream}", "{router}-{attachment}-{hash}"),
)


def name(template: str, named: Attachment, *, router: str = "core") -> str:
    return flow_log_name(template, stack="local", router=router, attachment=named, stream="er-flow-logs")


@pytest.mark.parametrize(
    ("template", "attachment_name", "expected"),
    [
        ("fl-{attachment}", "vpc-shop", "fl-vpc-shop"),
        ("{stack}-{router}-{attachment}-{type}-{stream}", "vpc-shop", "local-core-vpc-shop-vpc-er-flow-logs"),
        ("{router}-{id}", "vpc-shop", f"core-{ID}"),
        ("{router}-{attachment}", "", f"core-{ID}"),
        ("{attachment}", "a" * 64, "a" * 64),
        ("{router}-{attachment}-{hash}", "vpc-shop", "core-vpc-shop-e4ec9862"),
    ],
)
def test_name_is_exactly_the_filled_template(template: str, attachment_name: str, expected: str) -> None:
    check_template(template)
    assert name(template, attachment(ID, attachment_name)) == expected


@pytest.mark.parametrize(
    ("template", "attachment_name", "expected"),
    [
        ("{attachment}", "🔥🔥", "e4ec9862"),
        ("{attachment}", "Büro  München/3", "B-ro-M-nchen-3-e4ec9862"),
        ("{attachment}", "a" * 54 + "-._" + "b" * 20, f"{'a' * 54}-e4ec9862"),
        ("{{attachment}}", "vpc-shop", "-attachment-e4ec9862"),
        ("{router}-{attachment}-{hash}", "Büro", "core-B-ro-e4ec9862"),
        ("{router}-{attachment}-{hash}", "a" * 80, f"core-{'a' * 50}-e4ec9862"),
        ("{id}-{attachment}", "Büro", f"{ID}-B-ro"),
        ("{id}-{attachment}", "a" * 80, f"{ID}-{'a' * 27}"),
    ],
)
def test_name_that_is_cleaned_or_cut_has_digits_of_the_id(template: str, attachment_name: str, expected: str) -> None:
    check_template(template)
    assert name(template, attachment(ID, attachment_name)) == expected


@pytest.mark.parametrize("nasty", NASTY_NAMES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_name_is_valid_for_the_api(template: str, nasty: str) -> None:
    check_template(template)
    assert NAME_PATTERN.fullmatch(name(template, attachment(ID, nasty)))


@pytest.mark.parametrize("template", ["{hash}", "{id}", "{router}-{attachment}-{hash}", "{hash}{stack}" * 9])
def test_attachments_have_different_names_with_their_hash_or_id(template: str) -> None:
    draw = random.Random(3)
    attachments = [
        attachment(str(uuid.UUID(int=draw.getrandbits(128), version=4)), draw.choice(NASTY_NAMES)) for _ in range(500)
    ]
    assert len({name(template, named) for named in attachments}) == len(attachments)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        *((template, f"has the unknown placeholder {template}; {KNOWN}") for template in UNKNOWN_PLACEHOLDERS),
        ("{attachment", "is not a template: expected '}' before end of string"),
        ("attachment}", "is not a template: Single '}' encountered in format string"),
        ("{", "is not a template: Single '{' encountered in format string"),
        ("{attachment:>9999999999}", "gives {attachment} a format, which is not supported"),
    ],
)
def test_wrong_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(message)):
        check_template(template)


@pytest.mark.parametrize(
    "template",
    [
        *("{id!r}", "{attachment:>100}", "{attachment:d}", "{attachment:.2f}", "{attachment!x}", "{attachment!}"),
        *("{attachment:{nope}}", "{attachment:{}}", "{attachment:{stack}}", "{attachment:>99999999999999999999}"),
        *("{{", "{{}}", "{{attachment}}", ""),
    ],
)
def test_accepted_template_can_be_filled_in(template: str) -> None:
    try:
        check_template(template)
    except TemplateError:
        return
    assert NAME_PATTERN.fullmatch(name(template, attachment(ID, "vpc-shop")))


def test_logical_name_is_readable_and_ends_in_digits_of_the_target() -> None:
    digits = hashlib.sha256(b"att-1 network/er").hexdigest()[:8]
    assert logical_name("att-1", "network/er", readable="vpc shop") == f"vpc-shop-{digits}"
    assert re.fullmatch(f"{ID}-[0-9a-f]{{8}}", logical_name(ID, "network/er", readable=""))


def test_logical_names_in_existing_states_never_change() -> None:
    assert logical_name(ID, "network/er", readable="vpc-shop") == "vpc-shop-e83bc7ef"


@pytest.mark.parametrize(("id_", "logs_to"), [("att-2", "network/er"), ("att-1", "other/er"), ("att-1", "network/x")])
def test_another_target_has_another_logical_name(id_: str, logs_to: str) -> None:
    assert logical_name(id_, logs_to, readable="vpc") != logical_name("att-1", "network/er", readable="vpc")


@pytest.mark.parametrize("readable", NASTY_NAMES)
def test_logical_name_is_short_and_has_plain_characters(readable: str) -> None:
    assert re.fullmatch(r"([A-Za-z0-9_.-]{1,64}-)?[0-9a-f]{8}", logical_name(ID, "🔥/🔥", readable=readable))


def test_component_has_the_name_of_its_router_if_no_other_has() -> None:
    assert component_names({"er-1": "er-core", "er-2": "er-edge"}) == {"er-1": "er-core", "er-2": "er-edge"}
    names = component_names({"er-1": "er", "er-2": "er", "er-3": "", "er-4": ""})
    assert len(set(names.values())) == 4
    assert names["er-1"].startswith("er-")
    assert re.fullmatch("[0-9a-f]{8}", names["er-3"])

"""URNs, parsed and built."""

from pathlib import Path

import pulumi_random
import pytest

from providers.urn import FLOW_LOG_TYPE, RANDOM_UUID_TYPE, Urn, provider_reference


@pytest.mark.parametrize(
    ("types", "name", "expected"),
    [
        (FLOW_LOG_TYPE, "name", Urn("dev.a-b_c", "p", (FLOW_LOG_TYPE,), "name")),
        (f"a:b:C$d:e:F${FLOW_LOG_TYPE}", "n", Urn("dev.a-b_c", "p", ("a:b:C", "d:e:F", FLOW_LOG_TYPE), "n")),
        (f"{FLOW_LOG_TYPE}$other:index:Thing", "n", Urn("dev.a-b_c", "p", (FLOW_LOG_TYPE, "other:index:Thing"), "n")),
        (FLOW_LOG_TYPE, "a$b::urn:pulumi:x::y", Urn("dev.a-b_c", "p", (FLOW_LOG_TYPE,), "a$b::urn:pulumi:x::y")),
    ],
)
def test_urn_is_parsed_into_its_parts_and_built_again(types: str, name: str, expected: Urn) -> None:
    text = f"urn:pulumi:dev.a-b_c::p::{types}::{name}"
    urn = Urn.parse(text)
    assert urn == expected
    assert str(urn) == text
    assert (*urn.parent_types, urn.type_token) == urn.types == tuple(types.split("$"))


@pytest.mark.parametrize("text", ["", "a::b::c::d", "urn:pulumi:a::b::c", "urn:aws:a::b::c::d"])
def test_text_that_is_not_a_urn_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid URN"):
        Urn.parse(text)


@pytest.mark.parametrize(
    ("types_and_name", "renamed"),
    [
        ("pulumi:pulumi:Stack::p-dev", "pulumi:pulumi:Stack::p-prod"),
        ("my:index:Stack::p-dev", "my:index:Stack::p-dev"),
        ("pulumi:providers:random::default::some-id", "pulumi:providers:random::default::some-id"),
    ],
)
def test_renaming_stack_changes_urns_of_stack_and_resources(types_and_name: str, renamed: str) -> None:
    assert str(Urn.parse(f"urn:pulumi:dev::p::{types_and_name}").with_stack("prod")) == f"urn:pulumi:prod::p::{renamed}"


def test_provider_reference_is_urn_followed_by_id() -> None:
    urn = "urn:pulumi:dev::p::pulumi:providers:random::default"
    assert provider_reference(urn, "some-id") == f"{urn}::some-id"


def test_type_of_random_uuid_is_that_of_the_sdk() -> None:
    source = Path(pulumi_random.__file__).with_name("random_uuid.py").read_text()
    assert f'@pulumi.type_token("{RANDOM_UUID_TYPE}")' in source

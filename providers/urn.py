"""Parts of a URN: `urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME`."""

from __future__ import annotations


def is_urn(text: str) -> bool:
    """Whether this is a URN."""
    return text.startswith("urn:pulumi:") and len(text.split("::", 3)) == 4


def stack(urn: str) -> str:
    """The stack's name."""
    return urn.removeprefix("urn:pulumi:").split("::")[0]


def name(urn: str) -> str:
    """The logical name of the resource."""
    return urn.split("::", 3)[3]


def type_token(urn: str) -> str:
    """The type of the resource itself, without those of its parents."""
    return types(urn)[-1]


def types(urn: str) -> list[str]:
    """The types of the resource's parents, the outermost first, and at the end its own."""
    return urn.split("::")[2].split("$")

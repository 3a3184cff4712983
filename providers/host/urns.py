"""Parts of a URN: `urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME`."""

from __future__ import annotations


def stack(urn: str) -> str:
    """The stack's name."""
    return urn.removeprefix("urn:pulumi:").split("::")[0]


def type_token(urn: str) -> str:
    """The type of the resource itself, without those of its parents."""
    return urn.split("::")[2].rsplit("$", 1)[-1]

"""Parts of a URN: `urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME`."""

from __future__ import annotations


def stack(urn: str) -> str:
    """The stack's name."""
    return urn.removeprefix("urn:pulumi:").split("::")[0]


def name(urn: str) -> str:
    """The logical name of the resource."""
    return urn.split("::", 3)[3]


def parent(urn: str, *, child_suffix: str) -> str | None:
    """The parent as `pulumi import --parent` wants it, NAME=URN; None for a resource without one.

    A URN has its parent's type, but not its name: that is taken to be the resource's own less `child_suffix`, as
    components name their children.
    """
    stack_part, project, types, own = urn.split("::", 3)
    if "$" not in types:
        return None
    parent_name = own.removesuffix(child_suffix)
    return f"{parent_name}={stack_part}::{project}::{types.rsplit('$', 1)[0]}::{parent_name}"


def type_token(urn: str) -> str:
    """The type of the resource itself, without those of its parents."""
    return urn.split("::")[2].rsplit("$", 1)[-1]

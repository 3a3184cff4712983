"""The one place that parses and builds URNs, with the type tokens that several packages look for in them.

A URN is `urn:pulumi:STACK::PROJECT::PARENT_TYPE$TYPE::NAME`; the name may contain `::`. Standard library only, so that
tools can use it before anything is installed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FLOW_LOG_TYPE = "pulumi-python:dynamic/er:FlowLog"
LOG_GROUP_TYPE = "pulumi-python:dynamic/lts:LogGroup"
LOG_STREAM_TYPE = "pulumi-python:dynamic/lts:LogStream"
RANDOM_UUID_TYPE = "random:index/randomUuid:RandomUuid"
START_FUNCTION = "pulumi-python:dynamic/er:start"
STACK_TYPE = "pulumi:pulumi:Stack"

COMPONENT_TYPE = "otc-flow-logs:index:RouterFlowLogs"
"""The type of the component of a router that a stack file names; in people's state."""

LOG_GROUPS_COMPONENT_TYPE = "otc-flow-logs:index:LogGroups"
"""The type of the component with the log groups and log streams that a stack file declares; in people's state."""

_PREFIX = "urn:pulumi:"


@dataclass(frozen=True)
class Urn:
    """A URN in its parts.

    Attributes:
        stack: The stack's name.
        project: The project's name.
        types: The types of the resource's parents, the outermost first, and at the end its own.
        name: The resource's logical name.
    """

    stack: str
    project: str
    types: tuple[str, ...]
    name: str

    @classmethod
    def parse(cls, text: str) -> Urn:
        """The URN in this text.

        Raises:
            ValueError: The text is not a valid URN.
        """
        parts = text.removeprefix(_PREFIX).split("::", 3)
        if not text.startswith(_PREFIX) or len(parts) != 4:
            raise ValueError(f"{text!r} is not a valid URN")
        stack, project, types, name = parts
        return cls(stack, project, tuple(types.split("$")), name)

    def __str__(self) -> str:
        return f"{_PREFIX}{self.stack}::{self.project}::{'$'.join(self.types)}::{self.name}"

    @property
    def type_token(self) -> str:
        """The type of the resource itself."""
        return self.types[-1]

    @property
    def parent_types(self) -> tuple[str, ...]:
        """The types of the resource's parents, the outermost first."""
        return self.types[:-1]

    @property
    def is_of_stack_file(self) -> bool:
        """Whether the resource is declared for a stack file, and not by a program itself."""
        return not {COMPONENT_TYPE, LOG_GROUPS_COMPONENT_TYPE}.isdisjoint(self.parent_types)

    def with_stack(self, stack: str) -> Urn:
        """The URN of the same resource after the stack is renamed; the stack itself is a resource with a new name."""
        is_stack = self.types == (STACK_TYPE,) and self.name == f"{self.project}-{self.stack}"
        return replace(self, stack=stack, name=f"{self.project}-{stack}" if is_stack else self.name)


def provider_reference(urn: str, id_: str) -> str:
    """The form in which a resource in the state names its provider."""
    return f"{urn}::{id_}"

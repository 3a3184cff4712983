"""LogGroup, the resource to declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pulumi
from pulumi.dynamic import Resource

from providers.log_group_provider import LogGroupProvider
from providers.log_store_provider import OUTPUTS_ONLY


@dataclass(kw_only=True)
class LogGroupArgs:
    """The inputs of a log group (LTS API reference: creating a log group).

    Attributes:
        name: 1..64 letters, digits, `_`, `-` and `.`, not with `.` or `_` first or `.` last; unique in the project. A
            change replaces the log group.
        ttl_in_days: How long records are kept, 1..365 days; 30 by default.
        tags: Texts by key; none by default. Tags that are not declared are removed.
        delete_with_data: Whether a delete also deletes the log group in the cloud, once it has no streams; False by
            default, which leaves it there.
        idempotency_key: Lets a create that is repeated after a crash find the log group of the first create. Any string
            that stays the same from run to run and that no other stack has; one that outlives a destroy also finds
            what the destroy has left. Changing it changes nothing.
    """

    name: pulumi.Input[str]
    ttl_in_days: pulumi.Input[int] | None = None
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    delete_with_data: pulumi.Input[bool] | None = None
    idempotency_key: pulumi.Input[str] | None = None


class LogGroup(Resource, module="lts", name="LogGroup"):
    """A log group of the Log Tank Service, which log streams are in."""

    name: pulumi.Output[str]
    ttl_in_days: pulumi.Output[int]
    tags: pulumi.Output[Mapping[str, str]]
    delete_with_data: pulumi.Output[bool]
    idempotency_key: pulumi.Output[str | None]
    project_id: pulumi.Output[str]

    def __init__(self, resource_name: str, args: LogGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare a log group under the logical name `resource_name`."""
        inputs = {field.name: getattr(args, field.name) for field in fields(args)}
        super().__init__(LogGroupProvider(), resource_name, {**inputs, **dict.fromkeys(OUTPUTS_ONLY)}, opts)

"""LogStream, the resource to declare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import pulumi
from pulumi.dynamic import Resource

from providers.log_store_provider import OUTPUTS_ONLY
from providers.log_stream_provider import LogStreamProvider


@dataclass(kw_only=True)
class LogStreamArgs:
    """The inputs of a log stream (LTS API reference: creating a log stream).

    Attributes:
        log_group_id: Id of the log group that it is in. A change replaces the log stream.
        name: As of a log group, but unique in its group. A change replaces the log stream.
        ttl_in_days: How long records are kept, 1..365 days; by default its group decides. Once set, it cannot be unset:
            removing the argument leaves it as it is.
        tags: Texts by key; none by default. Tags that are not declared are removed.
        delete_with_data: Whether a delete also deletes the log stream and its records in the cloud, once no flow log
            writes to it; False by default, which leaves it there.
        idempotency_key: Lets a create that is repeated after a crash find the log stream of the first create. Any
            string that stays the same from run to run and that no other stack has; one that outlives a destroy also
            finds what the destroy has left. Changing it changes nothing.
    """

    log_group_id: pulumi.Input[str]
    name: pulumi.Input[str]
    ttl_in_days: pulumi.Input[int] | None = None
    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    delete_with_data: pulumi.Input[bool] | None = None
    idempotency_key: pulumi.Input[str] | None = None


class LogStream(Resource, module="lts", name="LogStream"):
    """A log stream of the Log Tank Service, which flow logs write to."""

    log_group_id: pulumi.Output[str]
    name: pulumi.Output[str]
    ttl_in_days: pulumi.Output[int | None]
    tags: pulumi.Output[Mapping[str, str]]
    delete_with_data: pulumi.Output[bool]
    idempotency_key: pulumi.Output[str | None]
    project_id: pulumi.Output[str]

    def __init__(self, resource_name: str, args: LogStreamArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare a log stream under the logical name `resource_name`."""
        inputs = {field.name: getattr(args, field.name) for field in fields(args)}
        super().__init__(LogStreamProvider(), resource_name, {**inputs, **dict.fromkeys(OUTPUTS_ONLY)}, opts)

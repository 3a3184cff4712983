"""FlowLog, the resource to declare."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.dynamic import Resource

from providers.flow_log_provider import FlowLogProvider
from providers.schema import IDENTITY, OUTPUTS_ONLY, declared_twice


@dataclass(kw_only=True)
class FlowLogArgs:
    """What a flow log shall be (API reference: create flow log).

    Attributes:
        er_id: Id of the router. A change replaces the flow log.
        resource_id: Id of the attachment, of type vpc, vpn or vgw. A change replaces the flow log.
        log_group_id: Id of the LTS log group, which must exist. A change replaces the flow log.
        log_stream_id: Id of the LTS log stream, which must exist. A change replaces the flow log.
        name: 1..64 letters, digits, `_`, `-` and `.`.
        description: 0..255 characters; "" by default.
        enabled: Whether logs are written; True by default.
        resource_type: The literal `attachment`, the default.
        log_store_type: The literal `LTS`, the default.
        idempotency_key: Names who creates, so that a create repeated after a crash finds what the first one made.
            Any text that is kept from run to run, such as the result of a RandomUuid. Changing it changes nothing.
    """

    er_id: pulumi.Input[str]
    resource_id: pulumi.Input[str]
    log_group_id: pulumi.Input[str]
    log_stream_id: pulumi.Input[str]
    name: pulumi.Input[str]
    description: pulumi.Input[str] | None = None
    enabled: pulumi.Input[bool] | None = None
    resource_type: pulumi.Input[str] | None = None
    log_store_type: pulumi.Input[str] | None = None
    idempotency_key: pulumi.Input[str] | None = None


class FlowLog(Resource, module="er", name="FlowLog"):
    """A flow log of an Enterprise Router's attachment.

    The service allows one for each attachment, log group and log stream. A change of any of these, or of the router,
    makes the new flow log first, and deletes the old one when all is made that the run makes: the record has no gap.
    One that has failed is deleted first, since nothing else can have its place.
    `log_aggregation_interval` is in seconds (60..600), set by the service.
    """

    er_id: pulumi.Output[str]
    resource_id: pulumi.Output[str]
    log_group_id: pulumi.Output[str]
    log_stream_id: pulumi.Output[str]
    name: pulumi.Output[str]
    description: pulumi.Output[str]
    enabled: pulumi.Output[bool]
    resource_type: pulumi.Output[str]
    log_store_type: pulumi.Output[str]
    idempotency_key: pulumi.Output[str | None]
    state: pulumi.Output[str]
    project_id: pulumi.Output[str]
    log_aggregation_interval: pulumi.Output[int]
    created_at: pulumi.Output[str]
    updated_at: pulumi.Output[str]

    def __init__(self, resource_name: str, args: FlowLogArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Declare a flow log under the logical name `resource_name`.

        Raises:
            pulumi.RunError: The program has declared one with the same target. (Of ids that are outputs the provider
                finds that out.)
        """
        inputs = {field.name: getattr(args, field.name) for field in fields(args)}
        _refuse_twice(resource_name, tuple(inputs[key] for key in IDENTITY))
        super().__init__(
            FlowLogProvider(),
            resource_name,
            {**inputs, **dict.fromkeys(OUTPUTS_ONLY)},
            opts,
        )


_declared: WeakKeyDictionary[pulumi.Resource, dict[tuple[Any, ...], str]] = WeakKeyDictionary()
"""By the stack of a program, the logical names of its flow logs by their targets, as far as those are plain ids."""


def _refuse_twice(name: str, target: tuple[Any, ...]) -> None:
    root = pulumi.runtime.get_root_resource()
    if root is None or not all(isinstance(id_, str) for id_ in target):
        return
    first = _declared.setdefault(root, {}).setdefault(target, name)
    if first != name:
        raise pulumi.RunError(declared_twice(first, name))

"""FlowLog, the resource to declare."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from weakref import WeakKeyDictionary

import pulumi
from pulumi.dynamic import Resource

from providers.flow_log_provider import FlowLogProvider
from providers.schema import IDENTITY, OUTPUTS_ONLY, describe_duplicate


@dataclass(kw_only=True)
class FlowLogArgs:
    """The inputs of a flow log (API reference: create flow log).

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
        idempotency_key: Lets a create that is repeated after a crash find the flow log of the first create. Any string
            that stays the same from run to run, such as the result of a RandomUuid. Changing it changes nothing.
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
    creates the new flow log first, and deletes the old one at the end of the run: the record has no gap. A flow log
    that has failed is deleted first, because only one can exist for its target.
    The service sets `log_aggregation_interval`, in seconds (60..600).
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
            pulumi.RunError: The program has declared another one with the same target. (If ids are outputs, the
                provider checks this.)
        """
        inputs = {field.name: getattr(args, field.name) for field in fields(args)}
        _refuse_duplicate(resource_name, tuple(inputs[key] for key in IDENTITY))
        super().__init__(FlowLogProvider(), resource_name, {**inputs, **dict.fromkeys(OUTPUTS_ONLY)}, opts)


_declared: WeakKeyDictionary[pulumi.Resource, dict[tuple[Any, ...], str]] = WeakKeyDictionary()
"""By the stack of a program, the logical names of its flow logs by target; only targets whose ids are plain strings."""


def _refuse_duplicate(name: str, target: tuple[Any, ...]) -> None:
    root = pulumi.runtime.get_root_resource()
    if root is None or not all(isinstance(id_, str) for id_ in target):
        return
    first = _declared.setdefault(root, {}).setdefault(target, name)
    if first != name:
        raise pulumi.RunError(describe_duplicate(first, name))

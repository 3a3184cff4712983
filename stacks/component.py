"""A router's flow logs, as one component."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import pulumi
import pulumi_random

from providers.er.flow_logs import FlowLog as ExistingFlowLog
from providers.er.flow_logs import FlowLogTarget
from providers.flow_log import FlowLog, FlowLogArgs
from providers.properties import import_id
from stacks.discovery import RouterPlan
from stacks.names import COMPONENT_TYPE, logical_name


class RouterFlowLogs(pulumi.ComponentResource):
    """One FlowLog for each attachment of the plan, under the router's key of the stack file.

    Attributes:
        flow_logs: By attachment id.
    """

    def __init__(
        self,
        plan: RouterPlan,
        *,
        aliases: Sequence[pulumi.Alias] = (),
        flow_log_aliases: Mapping[str, Sequence[pulumi.Alias | str]] = MappingProxyType({}),
        adopted: Mapping[FlowLogTarget, ExistingFlowLog] = MappingProxyType({}),
    ) -> None:
        """Declare them.

        Args:
            plan: The router.
            aliases: Former names of this component.
            flow_log_aliases: Former places of an attachment's flow log, by attachment id.
            adopted: What is there and is to be taken over, by target.
        """
        super().__init__(COMPONENT_TYPE, plan.key, {}, pulumi.ResourceOptions(aliases=list(aliases)))
        key = pulumi_random.RandomUuid(f"{plan.key}-idempotency-key", opts=pulumi.ResourceOptions(parent=self))
        self.flow_logs: dict[str, FlowLog] = {}
        for wanted in plan.flow_logs:
            id_ = wanted.attachment.id
            self.flow_logs[id_] = FlowLog(
                logical_name(plan.key, id_),
                FlowLogArgs(
                    er_id=wanted.target.er_id,
                    resource_id=wanted.target.resource_id,
                    log_group_id=wanted.target.log_group_id,
                    log_stream_id=wanted.target.log_stream_id,
                    name=wanted.name,
                    description=wanted.description,
                    enabled=wanted.enabled,
                    idempotency_key=key.result,
                ),
                pulumi.ResourceOptions(
                    parent=self,
                    aliases=list(flow_log_aliases.get(id_, ())),
                    protect=wanted.protect,
                    import_=import_id(adopted[wanted.target]) if wanted.target in adopted else None,
                ),
            )
        self._warn(plan)
        self.register_outputs({})

    def _warn(self, plan: RouterPlan) -> None:
        names = {attachment.id: attachment.name or attachment.id for attachment in plan.attachments}
        reasons = [f"{names.get(id_, id_)} {reason}" for id_, reason in plan.selected.skipped.items()]
        if reasons:
            pulumi.log.warn(f"not logged on {plan.router.name}: {'; '.join(reasons)}", resource=self)

"""A router's flow logs, as one component."""

from __future__ import annotations

import pulumi
import pulumi_random

from providers.flow_log import FlowLog, FlowLogArgs
from stacks.discovery import RouterPlan
from stacks.names import logical_name


class RouterFlowLogs(pulumi.ComponentResource):
    """One FlowLog for each attachment of the plan, under the router's key of the stack file.

    Attributes:
        flow_logs: By attachment id.
    """

    def __init__(
        self, plan: RouterPlan, *, renamed_from: str | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        aliases = [pulumi.Alias(name=renamed_from)] if renamed_from else []
        super().__init__(
            "otc-flow-logs:index:RouterFlowLogs",
            plan.key,
            {},
            pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=aliases)),
        )
        children = pulumi.ResourceOptions(parent=self)
        key = pulumi_random.RandomUuid(f"{plan.key}-idempotency-key", opts=children)
        self.flow_logs: dict[str, FlowLog] = {}
        for wanted in plan.flow_logs:
            self.flow_logs[wanted.attachment.id] = FlowLog(
                logical_name(plan.key, wanted.attachment.id),
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
                children,
            )
        self._warn(plan)
        self.register_outputs({})

    def _warn(self, plan: RouterPlan) -> None:
        names = {attachment.id: attachment.name or attachment.id for attachment in plan.attachments}
        reasons = [f"{names.get(id_, id_)} {reason}" for id_, reason in plan.selected.skipped.items()]
        if reasons:
            pulumi.log.warn(f"not logged on {plan.router.name}: {'; '.join(reasons)}", resource=self)

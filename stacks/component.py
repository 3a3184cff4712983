"""A router's flow logs, as one component, and the stack's idempotency key."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_random

from providers.er.flow_logs import FlowLogTarget
from providers.flow_log import FlowLog, FlowLogArgs
from providers.schema import import_id
from stacks.decision import Decision
from stacks.planning.naming import COMPONENT_TYPE, IDEMPOTENCY_KEY
from stacks.planning.plan import DesiredFlowLog, ResolvedRouter

AT_WORK = ("available", "modifying")
"""States of a flow log that writes logs, if it is enabled."""


class RouterFlowLogs(pulumi.ComponentResource):
    """One FlowLog for each target that the stack file wants on a router, whatever its keys are called.

    Attributes:
        flow_logs: By their names in the stack, such as `vpc-shop-b8382afe`.
    """

    def __init__(
        self,
        keys: Sequence[ResolvedRouter],
        decision: Decision,
        *,
        idempotency_key: pulumi.Input[str],
    ) -> None:
        """Declare them.

        Args:
            keys: What each key of the stack file wants on the router.
            decision: What the run is to do.
            idempotency_key: See `FlowLogArgs`.
        """
        super().__init__(COMPONENT_TYPE, keys[0].component)
        self._key = idempotency_key
        self._decision = decision
        self._enabled: dict[str, list[FlowLog]] = {}
        self.flow_logs: dict[str, FlowLog] = {}
        for desired in sorted((one for key in keys for one in key.flow_logs), key=lambda one: not one.enabled):
            self.flow_logs[desired.logical_name] = flow_log = self._flow_log(desired)
            if desired.enabled:
                self._enabled.setdefault(desired.attachment.id, []).append(flow_log)
            if self._is_handing_over(desired.target):
                _required(flow_log, enabled=desired.enabled)
        self._warn(keys)
        self.register_outputs({})

    def _flow_log(self, desired: DesiredFlowLog) -> FlowLog:
        target, adopted = desired.target, self._decision.adopted
        # One is disabled only when the others of its attachment are enabled: its record has no gap.
        first = [] if desired.enabled else self._enabled.get(desired.attachment.id, [])
        enabled: pulumi.Input[bool] = desired.enabled
        if first and self._is_handing_over(target):
            enabled = pulumi.Output.all(*(_required(one, enabled=True) for one in first)).apply(lambda _: False)
        return FlowLog(
            desired.logical_name,
            FlowLogArgs(
                er_id=target.er_id,
                resource_id=target.resource_id,
                log_group_id=target.log_group_id,
                log_stream_id=target.log_stream_id,
                name=desired.name,
                description=desired.description,
                enabled=enabled,
                idempotency_key=self._key,
            ),
            pulumi.ResourceOptions(
                parent=self,
                protect=desired.protect,
                import_=import_id(adopted[target]) if target in adopted else None,
                depends_on=first or None,
            ),
        )

    def _is_handing_over(self, target: FlowLogTarget) -> bool:
        """Whether something is taken away from this attachment, and not only announced."""
        return not pulumi.runtime.is_dry_run() and target.attachment in self._decision.handing_over

    def _warn(self, keys: Sequence[ResolvedRouter]) -> None:
        names = {one.id: one.name or one.id for one in keys[0].attachments}
        skipped = {text: reason for key in keys for text, reason in key.selection.skipped.items()}
        reasons = [f"{names.get(text, text)} {reason}" for text, reason in skipped.items()]
        if reasons:
            pulumi.log.warn(f"not logged on {keys[0].router.name}: {'; '.join(reasons)}", resource=self)


def declared(decision: Decision) -> dict[str, RouterFlowLogs]:
    """Declare what was decided; the routers' components, by each of their keys."""
    key = pulumi_random.RandomUuid(IDEMPOTENCY_KEY)
    components = {
        router_id: RouterFlowLogs(keys, decision, idempotency_key=key.result)
        for router_id, keys in decision.plan.by_router.items()
    }
    return {one.key: components[one.router.id] for one in decision.plan.routers}


def _required(flow_log: FlowLog, *, enabled: bool) -> pulumi.Output[bool]:
    """Fail the run, before it takes anything away, unless this flow log is there, and enabled if it is to be.

    `--target` may have left it out; and the state may have it although it failed, or nobody is sure that it was made.
    """

    def check(made: Sequence[object]) -> bool:
        urn, id_, state, is_enabled = made
        if not isinstance(id_, str) or state not in AT_WORK or (enabled and is_enabled is not True):
            raise pulumi.RunError(
                "a flow log that takes the place of another one is not at work, so that one is neither deleted nor"
                f" disabled: it failed, or --target left it out (then add --target '{urn}')"
            )
        return True

    made = pulumi.Output.all(flow_log.urn, flow_log.id, flow_log.state, flow_log.enabled)
    return made.apply(check, run_with_unknowns=True)

"""A router's flow logs as one component, the stack's log groups as another, and its idempotency key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_random

from providers.er.flow_logs import FlowLogTarget
from providers.flow_log import FlowLog, FlowLogArgs
from providers.log_group import LogGroup, LogGroupArgs
from providers.log_stream import LogStream, LogStreamArgs
from providers.schema import import_id
from providers.urn import COMPONENT_TYPE, LOG_GROUPS_COMPONENT_TYPE
from stacks.decision import Decision
from stacks.planning.log_groups import DesiredLogStore
from stacks.planning.naming import IDEMPOTENCY_KEY_NAME
from stacks.planning.plan import DesiredFlowLog, ResolvedRouter

WORKING_STATES = ("available", "modifying")
"""States in which a flow log writes logs, if it is enabled."""


class RouterFlowLogs(pulumi.ComponentResource):
    """One FlowLog for each target that the stack file declares on a router.

    Attributes:
        flow_logs: By their names in the stack, such as `vpc-shop-b8382afe`.
    """

    def __init__(
        self,
        router: ResolvedRouter,
        decision: Decision,
        *,
        log_store_ids: Mapping[str, pulumi.Input[str]],
        idempotency_key: pulumi.Input[str],
    ) -> None:
        """Declare them.

        Args:
            router: The router.
            decision: What the run is to do.
            log_store_ids: See `LogGroups.ids`.
            idempotency_key: See `FlowLogArgs`.
        """
        super().__init__(COMPONENT_TYPE, router.component)
        self._key = idempotency_key
        self._log_store_ids = log_store_ids
        self._decision = decision
        self._enabled: dict[str, list[FlowLog]] = {}
        self.flow_logs: dict[str, FlowLog] = {}
        for desired in sorted(router.flow_logs, key=lambda flow_log: not flow_log.enabled):
            self.flow_logs[desired.logical_name] = flow_log = self._declare(desired)
            if desired.enabled:
                self._enabled.setdefault(desired.attachment.id, []).append(flow_log)
            if self._removes_from(desired.target):
                _require_working(flow_log, enabled=desired.enabled)
        self.register_outputs({})

    def _declare(self, desired: DesiredFlowLog) -> FlowLog:
        target, adopted = desired.target, self._decision.adopted
        # It is disabled only after the others of its attachment are enabled, so that the record has no gap.
        first = [] if desired.enabled else self._enabled.get(desired.attachment.id, [])
        enabled: pulumi.Input[bool] = desired.enabled
        if first and self._removes_from(target):
            required = [_require_working(flow_log, enabled=True) for flow_log in first]
            enabled = pulumi.Output.all(*required).apply(lambda _: False)
        return FlowLog(
            desired.logical_name,
            FlowLogArgs(
                er_id=target.er_id,
                resource_id=target.resource_id,
                log_group_id=self._log_store_ids.get(target.log_group_id, target.log_group_id),
                log_stream_id=self._log_store_ids.get(target.log_stream_id, target.log_stream_id),
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

    def _removes_from(self, target: FlowLogTarget) -> bool:
        """Whether this run, which is not a preview, deletes or disables a flow log of this attachment."""
        return not pulumi.runtime.is_dry_run() and target.attachment in self._decision.removing_from


class LogGroups(pulumi.ComponentResource):
    """The log groups that the stack file declares, with their log streams.

    Attributes:
        ids: By the id in the plan, which is provisional for what does not exist yet, the id.
    """

    def __init__(self, decision: Decision, *, idempotency_key: pulumi.Input[str]) -> None:
        """Declare them.

        Args:
            decision: What the run is to do.
            idempotency_key: See `LogGroupArgs`.
        """
        super().__init__(LOG_GROUPS_COMPONENT_TYPE, "log-groups")
        self.ids: dict[str, pulumi.Input[str]] = {}
        adopted = decision.adopted_log_stores
        for group in decision.plan.log_groups:
            resource = LogGroup(
                group.logical_name,
                LogGroupArgs(**_settings(group), idempotency_key=idempotency_key),
                pulumi.ResourceOptions(parent=self, import_=adopted.get(group.logical_name)),
            )
            self.ids[group.id] = _id(resource, group)
            for stream in group.streams:
                is_adopted = stream.logical_name in adopted
                in_group = LogStream(
                    stream.logical_name,
                    LogStreamArgs(
                        log_group_id=self.ids[group.id], **_settings(stream), idempotency_key=idempotency_key
                    ),
                    pulumi.ResourceOptions(parent=resource, import_=f"{group.id}/{stream.id}" if is_adopted else None),
                )
                self.ids[stream.id] = _id(in_group, stream)
        self.register_outputs({})


def _id(resource: LogGroup | LogStream, store: DesiredLogStore) -> pulumi.Output[str]:
    """Its id. In a preview, the id of what exists is known, even if the state does not have it and a create finds it.

    Otherwise the preview would replace all flow logs that write to what the stack had left in the cloud before.
    """
    if store.existing and pulumi.runtime.is_dry_run():
        return resource.urn.apply(lambda _: store.id)
    return resource.id


def _settings(store: DesiredLogStore) -> dict[str, Any]:
    config = store.config
    return {
        "name": store.name,
        "ttl_in_days": config.ttl_in_days,
        "tags": config.tags,
        "delete_with_data": config.delete,
    }


def declare_decision(decision: Decision) -> dict[str, RouterFlowLogs]:
    """Declare what was decided; returns the routers' components by each of their keys."""
    key = pulumi_random.RandomUuid(IDEMPOTENCY_KEY_NAME, opts=pulumi.ResourceOptions(import_=decision.lost_key))
    ids = LogGroups(decision, idempotency_key=key.result).ids if decision.plan.log_groups else {}
    components: dict[str, RouterFlowLogs] = {}
    for router in decision.plan.routers:
        component = RouterFlowLogs(router, decision, log_store_ids=ids, idempotency_key=key.result)
        components |= dict.fromkeys(router.selections, component)
    return components


def _require_working(flow_log: FlowLog, *, enabled: bool) -> pulumi.Output[bool]:
    """Fail the run, before it removes anything, unless this flow log exists, and is enabled if it should be.

    `--target` may have left it out; and the state may have it although it failed, or its create has no known outcome.
    """

    def check(values: Sequence[object]) -> bool:
        urn, id_, state, is_enabled = values
        if not isinstance(id_, str) or state not in WORKING_STATES or (enabled and is_enabled is not True):
            raise pulumi.RunError(
                "a flow log that replaces another is not available, so the old one is neither deleted nor disabled:"
                f" the new one failed, or --target left it out (then add --target '{urn}')"
            )
        return True

    values = pulumi.Output.all(flow_log.urn, flow_log.id, flow_log.state, flow_log.enabled)
    return values.apply(check, run_with_unknowns=True)

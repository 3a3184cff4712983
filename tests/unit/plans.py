"""Plans of routers, for the tests of what a stack program makes of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stacks.discovery import RouterPlan, WantedFlowLog

from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.routers import Router
from stacks.planning.selection import Selected, cannot_be_logged


def attachment(id_: str, name: str = "", type_: str = "vpc", state: str = "available") -> Attachment:
    return Attachment(id=id_, name=name, state=state, resource_type=type_, resource_id="r", tags={})


def target(attachment_id: str, *, router_id: str = "er-1", group: str = "g", stream: str = "s") -> FlowLogTarget:
    return FlowLogTarget(er_id=router_id, resource_id=attachment_id, log_group_id=group, log_stream_id=stream)


def flow_log(
    attachment_id: str,
    name: str,
    *,
    id_: str = "",
    router_id: str = "er-1",
    group: str = "g",
    stream: str = "s",
    state: str = "available",
    enabled: bool = True,
    description: str = "",
    created_at: str = "",
) -> FlowLog:
    """One that exists on the attachment."""
    return FlowLog(
        id=id_ or f"flow-log-of-{attachment_id}",
        name=name,
        description=description,
        project_id="p",
        target=target(attachment_id, router_id=router_id, group=group, stream=stream),
        log_aggregation_interval=600,
        created_at=created_at,
        updated_at="",
        state=state,
        enabled=enabled,
    )


def router_plan(
    key: str,
    attachments: Sequence[tuple[str, str]],
    *,
    router_id: str = "er-1",
    existing: Sequence[FlowLog] = (),
    others: Sequence[Attachment] = (),
    disabled: Collection[str] = (),
    stream: str = "s",
) -> RouterPlan:
    """A plan that logs each of these attachments (ids with names) under the attachment's name, to group/stream.

    Args:
        key: The router's key.
        attachments: Those that are logged.
        router_id: The router's id.
        existing: The flow logs that the router has.
        others: Attachments that are not selected, or cannot be logged.
        disabled: The ids of those whose flow log is to be disabled.
        stream: The id of another stream than that of the default name.
    """
    logged = [attachment(id_, name) for id_, name in attachments]
    return RouterPlan(
        key=key,
        router=Router(id=router_id, name=f"{router_id}-name", state="available"),
        attachments=[*logged, *others],
        selected=Selected(logged=logged, left_out=[one for one in others if not cannot_be_logged(one)]),
        flow_logs=[
            WantedFlowLog(
                attachment=one,
                target=target(one.id, router_id=router_id, stream=stream),
                name=one.name,
                description="",
                enabled=one.id not in disabled,
                log_group="group",
                log_stream="stream" if stream == "s" else stream,
            )
            for one in logged
        ],
        existing=list(existing),
    )

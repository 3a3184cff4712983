"""Plans of routers, for the tests of what a stack program makes of them."""

from __future__ import annotations

from collections.abc import Sequence

from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLogTarget
from providers.er.routers import Router
from stacks.discovery import RouterPlan, WantedFlowLog
from stacks.selection import Selected


def router_plan(key: str, attachments: Sequence[tuple[str, str]], *, router_id: str = "er-1") -> RouterPlan:
    """A plan that logs each of these attachments (ids with names) under the attachment's name."""
    logged = [
        Attachment(id=id_, name=name, state="available", resource_type="vpc", resource_id="r", tags={})
        for id_, name in attachments
    ]
    return RouterPlan(
        key=key,
        router=Router(id=router_id, name=f"{router_id}-name", state="available"),
        attachments=logged,
        selected=Selected(logged=logged),
        flow_logs=[
            WantedFlowLog(
                attachment=one,
                target=FlowLogTarget(er_id=router_id, resource_id=one.id, log_group_id="g", log_stream_id="s"),
                name=one.name,
                description="",
                enabled=True,
                log_group="group",
                log_stream="stream",
            )
            for one in logged
        ],
    )

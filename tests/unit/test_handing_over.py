"""What is declared in which order: an attachment's flow log is disabled only when the others of it are at work."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest

from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLogTarget
from providers.er.routers import Router
from stacks.component import RouterFlowLogs
from stacks.planning.plan import DesiredFlowLog, ResolvedRouter
from stacks.planning.selection import Selection

ATTACHMENT = Attachment(id="att-1", name="vpc-shop", state="available", resource_type="vpc", resource_id="r", tags={})


@dataclass
class Engine(pulumi.runtime.Mocks):
    """Keeps what it is told, except of those resources that `--target` leaves out."""

    left_out: str = ""
    registered: dict[str, Any] = field(default_factory=dict)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.registered[args.name] = args.inputs.get("enabled")
        kept = {"enabled": False} if args.name == self.left_out else {}
        return f"id-of-{args.name}", {**args.inputs, **kept}

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args)


def flow_log(stream: str, *, enabled: bool) -> DesiredFlowLog:
    return DesiredFlowLog(
        attachment=ATTACHMENT,
        target=FlowLogTarget(er_id="er-1", resource_id="att-1", log_group_id="g", log_stream_id=stream),
        logical_name=stream,
        name=stream,
        description="",
        enabled=enabled,
        log_group="group",
        log_stream=stream,
        key="core",
    )


def declare(engine: Engine, *, is_handing_over: bool) -> None:
    """Two flow logs of one attachment: `old` is to be disabled, and `new` enabled."""
    pulumi.runtime.set_mocks(engine, preview=False)
    key = ResolvedRouter(
        key="core",
        router=Router(id="er-1", name="er-core", state="available"),
        component="er-core",
        asked_for="all",
        attachments=[ATTACHMENT],
        selection=Selection(),
        flow_logs=[flow_log("old", enabled=False), flow_log("new", enabled=True)],
    )

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        handing_over = frozenset({("er-1", "att-1")}) if is_handing_over else frozenset()
        RouterFlowLogs([key], idempotency_key="k", handing_over=handing_over)

    program()


def test_the_one_is_disabled_once_the_other_is_enabled() -> None:
    engine = Engine()
    declare(engine, is_handing_over=True)
    assert engine.registered == {"er-core": None, "new": True, "old": False}
    assert list(engine.registered) == ["er-core", "new", "old"]


def test_nothing_is_disabled_while_target_leaves_out_what_is_to_be_enabled_in_its_place() -> None:
    engine = Engine(left_out="new")
    with pytest.raises(
        pulumi.RunError, match=r"with --target this run leaves out a flow log .* add --target '.*::new'"
    ):
        declare(engine, is_handing_over=True)
    assert "old" not in engine.registered


def test_what_is_disabled_already_waits_for_no_more_than_the_others_registration() -> None:
    engine = Engine(left_out="new")
    declare(engine, is_handing_over=False)
    assert list(engine.registered) == ["er-core", "new", "old"]

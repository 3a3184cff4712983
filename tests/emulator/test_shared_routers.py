"""Routers that other projects share with ours, and flow logs that another project created on our router."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from emulator import Server
from emulator.faults.plan import Fault
from providers.er import Client, idempotency
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLogSpec
from providers.schema import import_id
from stacks.commands.adopt.existing import AdoptionError, adopt
from stacks.commands.coverage.survey import survey
from stacks.commands.coverage.table import format_table
from stacks.decision import Decision, Previous, decide
from stacks.errors import StackError
from stacks.planning.inventory import take_inventory
from stacks.planning.plan import make_plan
from stacks.stackfile.model import StackConfig
from tests.emulator.clients import target_of
from tests.sdk import configured

THEIRS = "0605767a9980d5762fbcc00b3537e758"
ONLY_THERE = f"belongs to project {THEIRS}, and only that project sees its flow logs"
LEFT_OUT = f"router er-elsewhere is left out: it {ONLY_THERE}"
NOT_OURS = rf"router er-elsewhere {ONLY_THERE}: declare them there \(APIG"


@pytest.fixture(autouse=True)
def _shared(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared router, and one of ours with a flow log; no journal of interrupted creates."""
    monkeypatch.chdir(tmp_path)
    server.store.add_attachment("er-elsewhere", "vpc-theirs")
    server.store.share_router("er-elsewhere", "eu-de")


@pytest.fixture
def flow_log_id(er: Client, server: Server) -> str:
    spec = FlowLogSpec(name="shop", description="", enabled=True)
    return idempotency.create(er, target_of(server), spec, key=None).id


def config(*routers: str, every_router: bool = False, **settings: Any) -> StackConfig:
    keys = {name: {"router": name, "log_group": "network", "log_stream": "flow", **settings} for name in routers}
    return StackConfig.model_validate({"routers": keys, "rules": {"every_router": every_router}})


def preview(er: Client, stack_file: StackConfig) -> Decision:
    nothing = Previous(last_run={}, managed={}, has_key=False)
    return decide(er, stack_file, nothing, stack="local", place="here", is_preview=True)


def test_every_router_leaves_out_shared_routers_and_says_why(er: Client) -> None:
    settings: Any = {"every_router": True, "attachments": []}
    found = preview(er, config("er-main", "er-second", "er-modifying", **settings))
    assert found.warnings == [f"otc-flow-logs:rules.every_router in here: {LEFT_OUT}"]
    with pytest.raises(StackError, match=r"these routers are not in the stack file: er-modifying$"):
        preview(er, config("er-main", "er-second", **settings))


@pytest.mark.usefixtures("flow_log_id")
def test_adopt_leaves_out_shared_routers_and_says_why(er: Client) -> None:
    found = adopt(er, [], stack="local", with_log_groups=True)
    assert (list(found.routers), found.left_out) == (["er-main"], [LEFT_OUT])
    with pytest.raises(AdoptionError, match=NOT_OURS):
        adopt(er, ["er-main", "er-elsewhere"], stack="local", with_log_groups=True)


def test_coverage_leaves_out_shared_routers_and_says_why(er: Client) -> None:
    stack_file = config("er-main")
    plan = make_plan(stack_file, take_inventory(er, stack_file, {}), stack="local", last_run=None, managed={})
    shown = format_table(survey(er, plan, stack="local", now=datetime.now(timezone.utc), last_run={}, managed={}))
    assert shown.splitlines()[-2:] == [
        "Not in this stack: router er-second, er-modifying.",
        f"R{LEFT_OUT[1:]}.",
    ]


@pytest.mark.parametrize("attachments", ["all", ["vpc-theirs", "vpc-unknown"]])
def test_shared_router_in_the_stack_file_is_refused_in_one_sentence(er: Client, attachments: Any) -> None:
    with pytest.raises(StackError, match=rf"^routers\.er-elsewhere\.router: {NOT_OURS}[^;]+$"):
        preview(er, config("er-elsewhere", attachments=attachments))


def test_name_of_a_shared_router_does_not_make_ours_ambiguous(er: Client, server: Server) -> None:
    twin = server.store.add_router("er-main", project="eu-nl")
    server.store.share_router(twin, "eu-de")
    desired = preview(er, config("er-main", attachments=["vpc-a"])).plan.desired
    assert list(desired) == [target_of(server)]


def test_missing_permission_on_our_router_is_an_error(er: Client, server: Server) -> None:
    server.faults.use(0, [Fault("error", status=403, calls="GET */flow-logs")])
    for call in (lambda: adopt(er, [], stack="local", with_log_groups=True), lambda: preview(er, config("er-main"))):
        with pytest.raises(ApiError, match="HTTP 403"):
            call()


@pytest.mark.usefixtures("no_settings")
def test_flow_log_that_another_project_created_is_adopted_and_kept(
    er: Client, server: Server, db: Path, flow_log_id: str
) -> None:
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE flow_log SET project_id = ?", [THEIRS])
    provider = configured(endpoint=server.url, token=server.token, project_id=server.project_id)

    (adopted,) = preview(er, config("er-main", attachments=["vpc-a"], adopt=True)).adopted.values()
    imported = provider.read(import_id(adopted), {})
    outs, inputs = imported.outs or {}, imported.inputs or {}
    assert (imported.id, outs["project_id"]) == (flow_log_id, server.project_id)

    assert provider.read(flow_log_id, outs).outs == outs
    assert not provider.diff(flow_log_id, outs, inputs).changes
    provider.update(flow_log_id, outs, {**inputs, "name": "renamed"})
    assert server.store.flow_log("renamed").project_id == THEIRS
    provider.delete(flow_log_id, outs)
    assert server.store.flow_logs.live() == []

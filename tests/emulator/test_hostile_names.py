"""Names that mean harm: whatever the stack program shows of them fits a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import pytest

from providers.er import Client
from providers.er.sanitizing import display_name
from providers.flow_log_provider import FlowLogProvider
from stacks.checks.conflicts import check_conflicts
from stacks.commands.coverage.survey import survey
from stacks.commands.coverage.table import format_table
from stacks.errors import StackError
from stacks.notes import make_notes
from stacks.planning.inventory import take_inventory
from stacks.planning.plan import Plan, make_plan
from stacks.stackfile.model import StackConfig
from stacks.state.outputs import make_outputs
from tests.emulator.scripted_server import (
    COLOUR,
    LONG,
    OK,
    RECORD,
    RED,
    ROUTER,
    Answer,
    QuickTime,
    Received,
    ScriptedServer,
    Step,
    fits_a_terminal,
    impatient_client,
)
from tests.unit import plans
from tests.unit.plans import Stack

NAMES = [RED, LONG, COLOUR]
NOW = datetime(2030, 1, 1, tzinfo=timezone.utc)


class World(ScriptedServer):
    """Answers lists by their address, with the same name everywhere."""

    def __init__(self, name: str) -> None:
        super().__init__([OK])
        named = {"name": name, "state": "available"}
        flow_log = {"resource_id": "attachment-1", "log_group_id": "group-1", "log_stream_id": "stream-1"}
        self.lists: dict[str, list[dict[str, Any]]] = {
            "instances": [{"id": ROUTER, "name": name, "state": name}],
            "attachments": [
                {"id": "attachment-1", "resource_type": "vpc", **named},
                {"id": "attachment-2", "resource_type": name, **named},
            ],
            "flow-logs": [{**RECORD, **flow_log, "id": "theirs", "name": name, "state": "failed"}],
            "groups": [{"log_group_id": "group-1", "log_group_name": name}],
            "streams": [{"log_stream_id": "stream-1", "log_stream_name": name}],
        }

    def next_step(self, received: Received) -> Step:
        kind = urlsplit(received.path).path.rpartition("/")[2]
        key = f"log_{kind}" if kind in ("groups", "streams") else kind.replace("-", "_")
        return Answer(body={key: self.lists[kind]})


@pytest.fixture(params=NAMES, ids=["red", "long", "colour"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    server = World(request.param)
    yield server
    server.stop()


BY_ID = {"router": ROUTER, "log_group": "group-1", "log_stream": "stream-1"}


def planned(client: Client, config: StackConfig) -> Plan:
    return make_plan(config, take_inventory(client, config, {}), stack="local", last_run={}, managed={})


def config_of(**routers: Any) -> StackConfig:
    return StackConfig.model_validate({"routers": routers})


@pytest.mark.parametrize(
    "routers",
    [
        {"main": {**BY_ID, "router": "other"}},
        {"main": {**BY_ID, "log_stream": "other"}},
        {"main": {**BY_ID, "attachments": ["other"]}},
        {"main": BY_ID, "again": BY_ID},
    ],
    ids=["router", "log stream", "attachment", "two routers"],
)
def test_hostile_names_in_a_refusal_of_the_stack_fit_a_terminal(
    world: World, time: QuickTime, routers: dict[str, Any]
) -> None:
    problems = planned(impatient_client(world.url, time), config_of(**routers)).problems

    (shown,) = StackError(problems).sentences("stacks/Pulumi.local.yaml").split("\n")

    assert fits_a_terminal(shown, longest=5000)


@pytest.mark.parametrize("adopt", [True, False])
def test_hostile_names_in_names_tables_and_warnings_fit_a_terminal(world: World, time: QuickTime, adopt: bool) -> None:
    client, config = impatient_client(world.url, time), config_of(main={**BY_ID, "adopt": adopt})
    plan = planned(client, config)

    (flow_log,) = plan.desired.values()
    notes = make_notes(plan, [])
    conflicts = check_conflicts(config, plan, {}, stack="local", has_key=False)
    (refused,) = StackError(conflicts.problems).sentences("x.yaml").split("\n")

    assert FlowLogProvider().check({}, {**vars(flow_log.target), "name": flow_log.name}).failures == []
    assert len(flow_log.logical_name) <= 73
    for text in (flow_log.logical_name, refused, *notes.warnings, notes.message, json.dumps(make_outputs(plan, {}))):
        assert fits_a_terminal(text, longest=5000)
    assert fits_a_terminal(
        format_table(survey(client, plan, stack="local", now=NOW, last_run={}, managed={})), longest=7 * 800, lines=7
    )


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_and_tags_in_deletions_fit_a_terminal(name: str) -> None:
    desired: dict[str, dict[str, Any]] = {
        "core": {"attachments": {"tags": {"env": "prod"}}},
        "other": {"attachments": {"names": ["vpc-*"]}},
    }
    stack = Stack(plans.attachment("a", "vpc-a"), plans.attachment("b", "b", tags={"env": "prod"}))
    stack.up(desired)
    stack.change(plans.attachment("a", display_name(name)), plans.attachment("b", "b", tags={"env": name}))

    run = stack.preview(desired, max_deletes=0)

    for text in [*run.sentences, *StackError(run.refusals).sentences("x.yaml").split("\n")]:
        assert fits_a_terminal(text)
    assert run.refusals

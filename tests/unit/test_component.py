"""What a decision declares: the resources, as the engine would be asked for them."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.settings import SETTINGS
from pulumi.runtime.stack import wait_for_rpcs

from providers.flow_log_provider import TYPE_TOKEN
from stacks.component import IDEMPOTENCY_KEY, RouterFlowLogs, declared
from stacks.decision import Decision
from stacks.planning.naming import COMPONENT_TYPE, KEY_TYPE
from stacks.planning.plan import ResolvedRouter
from tests.unit.plans import flow_log, plan, resolved_router, target


class Engine(mocks.Mocks):
    """Takes note of what is registered; what `--target` leaves out stays disabled."""

    def __init__(self) -> None:
        self.resources: list[mocks.MockResourceArgs] = []
        self.left_out = ""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
        self.resources.append(args)
        as_it_was = {"enabled": False} if args.name == self.left_out else {}
        return f"id-of-{args.name}", {**args.inputs, **as_it_was, "result": "uuid"}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(args.token)

    def named(self, type_: str) -> list[str]:
        return sorted(one.name for one in self.resources if one.typ == type_)


@pytest.fixture
def engine() -> Iterator[Engine]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield Engine()
    loop.close()
    asyncio.set_event_loop(None)


def declare(engine: Engine, *routers: ResolvedRouter, **changed: Any) -> Mapping[str, RouterFlowLogs]:
    """In a context of its own: the SDK keeps there who its engine is."""
    decision = Decision(plan=plan(*routers), adopted={}, deletions=[], warnings=[], outputs={})

    async def run() -> Mapping[str, RouterFlowLogs]:
        found = declared(replace(decision, **changed))
        await wait_for_rpcs()
        return found

    def program() -> Mapping[str, RouterFlowLogs]:
        mocks.set_mocks(engine, project="otc-flow-logs", stack="local", preview=False)
        # Of what a program that failed has left under way.
        SETTINGS.rpc_manager.clear()
        SETTINGS.outputs.clear()
        return asyncio.get_event_loop().run_until_complete(run())

    return contextvars.copy_context().run(program)


CORE = resolved_router("core", [("a", "vpc-shop"), ("b", "vpc-data")])


def test_a_router_is_one_component_with_a_flow_log_for_each_target(engine: Engine) -> None:
    found = declare(engine, CORE)
    assert engine.named(COMPONENT_TYPE) == ["er-1-name"]
    assert engine.named(TYPE_TOKEN) == sorted(one.logical_name for one in CORE.flow_logs)
    assert set(found["core"].flow_logs) == {one.logical_name for one in CORE.flow_logs}


def test_keys_of_one_router_share_a_component(engine: Engine) -> None:
    found = declare(engine, CORE, resolved_router("copy", [("a", "vpc-shop")], stream="t"))
    assert found["core"] is found["copy"]
    assert engine.named(COMPONENT_TYPE) == ["er-1-name"]
    assert len(engine.named(TYPE_TOKEN)) == 3


def test_a_stack_has_one_idempotency_key_for_all_its_flow_logs(engine: Engine) -> None:
    edge = replace(resolved_router("edge", [("c", "vpc-lab")], router_id="er-2"), component="er-2-name")
    declare(engine, CORE, edge)
    assert engine.named(KEY_TYPE) == [IDEMPOTENCY_KEY]
    keys = {one.inputs["idempotency_key"] for one in engine.resources if one.typ == TYPE_TOKEN}
    assert keys == {"uuid"}


def test_what_is_adopted_is_imported_by_router_and_id(engine: Engine) -> None:
    declare(engine, CORE, adopted={target("a"): flow_log("a", "by-hand", id_="1")})
    ids = [one.resource_id for one in engine.resources if one.typ == TYPE_TOKEN]
    assert sorted(id_ or "" for id_ in ids) == ["", "er-1/1"]


OLD = resolved_router("old", [("a", "vpc-shop")], disabled={"a"})
NEW = resolved_router("new", [("a", "vpc-shop")], stream="t")
OLD_NAME, NEW_NAME = OLD.flow_logs[0].logical_name, NEW.flow_logs[0].logical_name


def test_one_is_disabled_once_the_other_is_enabled(engine: Engine) -> None:
    declare(engine, OLD, NEW, handing_over={("er-1", "a")})
    registered = [(one.name, one.inputs["enabled"]) for one in engine.resources if one.typ == TYPE_TOKEN]
    assert registered == [(NEW_NAME, True), (OLD_NAME, False)]


def test_nothing_is_disabled_while_what_replaces_it_is_left_out(engine: Engine) -> None:
    engine.left_out = NEW_NAME
    with pytest.raises(pulumi.RunError, match=f"with --target this run leaves out .* add --target '.*::{NEW_NAME}'"):
        declare(engine, OLD, NEW, handing_over={("er-1", "a")})
    assert OLD_NAME not in engine.named(TYPE_TOKEN)


def test_what_is_disabled_already_waits_only_for_registrations(engine: Engine) -> None:
    engine.left_out = NEW_NAME
    declare(engine, OLD, NEW)
    assert engine.named(TYPE_TOKEN) == sorted([OLD_NAME, NEW_NAME])

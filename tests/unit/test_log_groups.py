"""Log groups and log streams of the stack file: what is declared, adopted, refused, and left in the cloud."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from providers.er.flow_logs import FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from stacks.checks.log_groups import LogGroupChecks, check_log_groups
from stacks.checks.rules import check_rules
from stacks.planning.inventory import Inventory
from stacks.planning.plan import Plan, make_plan
from stacks.stackfile.loader import parse_defaults, parse_program_config
from stacks.stackfile.model import LogStoreConfig, StackConfig
from stacks.state.managed import ManagedFlowLog
from tests.unit.plans import attachment, flow_log, managed, router, target

NETWORK = {"network": {"ttl_in_days": 14, "streams": {"flow": {}, "archive": {"ttl_in_days": 60}}}}
ROUTER = {"router": "er-core", "log_group": "network", "log_stream": "flow"}
GROUP = LogGroup(id="g", name="network", ttl_in_days=7)
STREAM = LogStream(id="s", name="flow", ttl_in_days=None)


def make(
    log_groups: Mapping[str, Any],
    *,
    groups: tuple[LogGroup, ...] = (),
    streams: tuple[LogStream, ...] = (),
    existing: Mapping[str, Any] | None = None,
    rules: Mapping[str, Any] | None = None,
    managed_logs: Mapping[FlowLogTarget, ManagedFlowLog] | None = None,
) -> tuple[StackConfig, Plan]:
    """The plan of a stack file with these log groups, and a router that logs to network/flow."""
    values = {"routers": {"core": ROUTER}, "log_groups": log_groups, "rules": rules or {}}
    config = StackConfig.model_validate(values)
    inventory = Inventory(
        routers=[router("er-1", "er-core")],
        groups=list(groups),
        streams={"g": list(streams)} if groups else {},
        attachments={"er-1": [attachment("a", "vpc-shop")]},
        flow_logs={"er-1": [flow_log("a", "fl", **existing)]} if existing is not None else {},
    )
    return config, make_plan(config, inventory, stack="s", last_run={}, managed=managed_logs or {})


def check(plan: Plan, *own: str, has_key: bool = True, deletes: bool = False) -> LogGroupChecks:
    """The checks, for a state with these log groups and streams."""
    return check_log_groups(plan, dict.fromkeys(own, deletes), {}, has_key=has_key)


def test_flow_logs_may_write_to_what_the_same_stack_file_declares() -> None:
    _, plan = make(NETWORK)

    assert not plan.problems
    (desired,) = plan.desired.values()
    assert desired.logs_to == "network/flow"
    assert (desired.target.log_group_id, desired.target.log_stream_id) == ("new:network", "new:network/flow")
    assert not check(plan).problems


def test_name_of_a_flow_log_does_not_depend_on_whether_its_stream_exists() -> None:
    (before,) = make(NETWORK)[1].desired.values()
    (after,) = make(NETWORK, groups=(GROUP,), streams=(STREAM,))[1].desired.values()

    assert before.logical_name == after.logical_name
    assert (after.target.log_group_id, after.target.log_stream_id) == ("g", "s")


def test_stream_of_a_group_outside_the_stack_must_exist() -> None:
    _, plan = make({}, groups=(GROUP,))

    assert [problem.key for problem in plan.problems] == ["routers.core.log_stream"]


def test_existing_group_of_others_is_refused_with_its_id() -> None:
    _, plan = make(NETWORK, groups=(GROUP,), streams=(STREAM,))

    (group,) = check(plan).problems
    assert group.key == "log_groups.network"
    assert "network already exists (id g)" in group.what
    assert "set adopt: true" in group.what
    (stream,) = check(plan, "network").problems
    assert stream.key == "log_groups.network.streams.flow"
    assert not check(plan, "network", "network/flow").problems


def test_group_with_the_tag_of_a_create_may_be_that_of_an_interrupted_run() -> None:
    tagged = LogGroup(id="g", name="network", ttl_in_days=14, creation_token="t")
    _, plan = make(NETWORK, groups=(tagged,))

    found = check(plan, has_key=True)
    assert not found.problems
    assert "network already exists: if an earlier run of this stack created it" in found.warnings[0].what
    assert check(plan, has_key=False).problems


def test_adopt_imports_the_group_and_its_streams() -> None:
    adopting = {"network": {**NETWORK["network"], "adopt": True}}
    _, plan = make(adopting, groups=(GROUP,), streams=(STREAM,))

    assert check(plan).adopted == {"network": "g", "network/flow": "s"}
    done = check(plan, "network", "network/flow")
    assert not done.adopted
    assert [warning.key for warning in done.warnings] == ["log_groups.network.adopt"]


def test_group_no_longer_declared_stays_unless_it_was_to_be_deleted() -> None:
    old, stream = LogGroup(id="o", name="old"), LogStream(id="t", name="kept")
    _, plan = make(NETWORK, groups=(GROUP, old), streams=(STREAM,))
    plan = replace(plan, inventory=replace(plan.inventory, streams={**plan.inventory.streams, "o": [stream]}))
    names = ("network", "network/flow", "old")

    kept, _ = check(plan, *names, "old/kept").removals
    deleted, _ = check(plan, *names, "old/kept", deletes=True).removals
    assert kept.what == "old is no longer declared: it stays in the cloud, with its records"
    assert deleted.what == "old is no longer declared: it is deleted, with its records"


def test_group_without_delete_true_stays_with_its_streams() -> None:
    _, plan = make({}, groups=(GROUP,), streams=(STREAM,), existing={})

    for own in [("network",), ("network", "network/flow")]:
        checks = check(plan, *own)
        assert not checks.problems
        assert [removal.what.split(" is ")[0] for removal in checks.removals] == [*own]


@pytest.mark.parametrize("removed", ["network", "network/flow"])
def test_what_flow_logs_write_to_is_not_deleted(removed: str) -> None:
    _, plan = make({}, groups=(GROUP,), streams=(STREAM,), existing={})

    (problem,) = check(plan, removed, deletes=True).problems
    assert f"{removed} would be deleted, but these flow logs write to it: core-vpc-shop" in problem.what


def test_flow_logs_that_the_run_deletes_do_not_keep_their_group() -> None:
    values = {"routers": {"core": {**ROUTER, "attachments": [], "log_group": "other"}}}
    config = StackConfig.model_validate(values)
    inventory = Inventory(
        routers=[router("er-1", "er-core")],
        groups=[GROUP, LogGroup(id="g2", name="other")],
        streams={"g": [STREAM], "g2": [LogStream(id="s2", name="flow")]},
        attachments={"er-1": [attachment("a", "vpc-shop")]},
        flow_logs={"er-1": [flow_log("a", "fl")]},
    )
    state = managed(target("a"))
    plan = make_plan(config, inventory, stack="s", last_run={}, managed=state)

    stores = dict.fromkeys(("network", "network/flow"), True)
    assert not check_log_groups(plan, stores, state, has_key=True).problems


@pytest.mark.parametrize(
    "own", [("network",), ("network", "network/flow")], ids=["of somebody else", "without delete: true"]
)
def test_group_with_a_stream_that_stays_is_not_deleted(own: tuple[str, ...]) -> None:
    _, plan = make({}, groups=(GROUP,), streams=(STREAM,))
    plan.desired.clear()

    stores = {name: name == "network" for name in own}
    (problem,) = check_log_groups(plan, stores, {}, has_key=True).problems
    assert "network would be deleted, but these log streams in it stay: network/flow; declare it" in problem.what
    kept = check(plan, "network", "network/flow")
    assert not kept.problems
    assert len(kept.removals) == 2


def test_streams_inherit_all_but_the_tags_of_their_group() -> None:
    streams = {"flow": {}, "new": {"adopt": False, "ttl_in_days": 60}, "plain": None}
    group = {"ttl_in_days": 14, "delete": True, "adopt": True, "tags": {"team": "net"}, "streams": streams}
    _, plan = make({"network": group})

    configs = {stream.name: stream.config for stream in plan.log_groups[0].streams}
    inherited = LogStoreConfig(ttl_in_days=14, delete=True, adopt=True)
    own = LogStoreConfig(ttl_in_days=60, delete=True, adopt=False)
    assert configs == {"flow": inherited, "new": own, "plain": inherited}


def test_streams_of_the_defaults_inherit_from_the_group_of_the_stack_file() -> None:
    defaults = parse_defaults("log_groups: {network: {delete: true, ttl_in_days: 7, streams: {flow: }}}")
    data = {"routers": {"core": ROUTER}, "log_groups": {"network": {"delete": False, "ttl_in_days": 90}}}
    network = parse_program_config(data, defaults=defaults).log_groups["network"]

    assert network.settings_of(network.streams["flow"]) == LogStoreConfig(ttl_in_days=90, delete=False)


def test_group_cannot_be_deleted_while_a_stream_stays() -> None:
    with pytest.raises(ValueError, match="has delete: true, but kept has delete: false"):
        make({"network": {"delete": True, "streams": {"kept": {"delete": False}}}})


@pytest.mark.parametrize(
    ("minimum", "problems"),
    [(14, []), (15, ["these keep records for less than 15 days: network/flow (14 days)"])],
)
def test_rule_demands_a_retention(minimum: int, problems: list[str]) -> None:
    config, plan = make(NETWORK, rules={"min_retention_days": minimum})

    assert [problem.what for problem in check_rules(config.rules, plan)] == problems


def test_retention_rule_holds_for_groups_outside_the_stack() -> None:
    config, plan = make({}, groups=(GROUP,), streams=(STREAM,), rules={"min_retention_days": 30})

    (problem,) = check_rules(config.rules, plan)
    assert problem.what.endswith("network/flow (7 days)")


def test_rule_demands_tags() -> None:
    groups = {"network": {"tags": {"team": "net"}, "streams": {"flow": {}}}}
    config, plan = make(groups, rules={"required_tags": ["team"]})

    (problem,) = check_rules(config.rules, plan)
    assert problem.what == "these lack required tags: network/flow (team)"

"""From the stack file to flow logs, over a world of records in place of the API."""

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, cast

import pytest
from stacks.discovery import RouterPlan, discover

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_tank import LogGroup, LogStream
from providers.er.routers import Router
from stacks.config import StackConfig
from stacks.errors import Problem


def attachment(id_: str, name: str = "", type_: str = "vpc", state: str = "available") -> Attachment:
    return Attachment(id=id_, name=name, state=state, resource_type=type_, resource_id="r", tags={})


class FlowLogsOf:
    """The call on flow logs: no router has any."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def list(self, er_id: str) -> Iterator[FlowLog]:
        self._world._count(f"flow logs of {er_id}")
        return iter(())


class World:
    """The parts of the client that discovery uses; `calls` counts them."""

    def __init__(self) -> None:
        self.router_list = [
            Router(id="er-1", name="core", state="available"),
            Router(id="er-2", name="edge", state="available"),
        ]
        self.by_router: dict[str, list[Attachment]] = {
            "er-1": [
                attachment("att-1", "vpc-shop"),
                attachment("att-2", "vpc-shop"),
                attachment("att-3", type_="vpn"),
            ],
            "er-2": [attachment("att-4", "fw", "cfw")],
        }
        self.group_list = [LogGroup(id="g-1", name="network"), LogGroup(id="g-2", name="other")]
        self.by_group = {
            "g-1": [LogStream(id="s-1", name="er"), LogStream(id="s-2", name="second")],
            "g-2": [LogStream(id="s-3", name="er")],
        }
        self.calls: Counter[str] = Counter()
        self.lacks: set[str] = set()
        """Attachments that the first list of a router leaves out."""
        self._lock = threading.Lock()
        self.routers = self.attachments = self.log_tank = self
        self.flow_logs = FlowLogsOf(self)

    def list(self, er_id: str | None = None) -> Iterator[Any]:
        self._count("routers" if er_id is None else f"attachments of {er_id}")
        if er_id is None:
            return iter(self.router_list)
        is_first = self.calls[f"attachments of {er_id}"] == 1
        return iter([one for one in self.by_router[er_id] if not (is_first and one.id in self.lacks)])

    def groups(self) -> Sequence[LogGroup]:
        self._count("groups")
        return self.group_list

    def streams(self, group_id: str) -> Sequence[LogStream]:
        self._count(f"streams of {group_id}")
        return self.by_group[group_id]

    def _count(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1


@pytest.fixture
def world() -> World:
    return World()


CORE = {"router": "core", "log_group": "network", "log_stream": "er"}
NOTHING_SEEN: Mapping[str, Collection[str]] = {}


def plans(
    world: World, routers: dict[str, Any], seen_before: Mapping[str, Collection[str]] = NOTHING_SEEN
) -> list[RouterPlan]:
    config = StackConfig.model_validate({"routers": routers})
    found = discover(cast(Client, world), config, stack="local", seen_before=seen_before)
    assert found.problems == []
    return found.plans


def problems(
    world: World, routers: dict[str, Any], seen_before: Mapping[str, Collection[str]] = NOTHING_SEEN
) -> list[Problem]:
    config = StackConfig.model_validate({"routers": routers})
    found = discover(cast(Client, world), config, stack="local", seen_before=seen_before).problems
    assert found
    return found


def test_a_router_found_by_name_gets_a_flow_log_for_each_attachment(world: World) -> None:
    (plan,) = plans(world, {"main": CORE})
    assert plan.key == "main"
    assert plan.router.id == "er-1"
    assert plan.attachments == world.by_router["er-1"]
    assert [wanted.target for wanted in plan.flow_logs] == [
        FlowLogTarget(er_id="er-1", resource_id=id_, log_group_id="g-1", log_stream_id="s-1")
        for id_ in ("att-1", "att-2", "att-3")
    ]
    first = plan.flow_logs[0]
    assert (first.log_group, first.log_stream) == ("network", "er")
    assert (first.description, first.enabled) == ("", True)
    assert first.name.startswith("main-vpc-shop-")
    assert len({wanted.name for wanted in plan.flow_logs}) == 3


def test_ids_name_routers_groups_and_streams_as_well_as_names(world: World) -> None:
    (plan,) = plans(world, {"main": {"router": "er-1", "log_group": "g-1", "log_stream": "s-2"}})
    assert {wanted.target.log_stream_id for wanted in plan.flow_logs} == {"s-2"}
    assert plan.flow_logs[0].log_stream == "second"


def test_an_id_wins_over_a_name_that_looks_like_it(world: World) -> None:
    world.router_list.append(Router(id="er-3", name="er-1", state="available"))
    (plan,) = plans(world, {"main": {**CORE, "router": "er-1"}})
    assert plan.router.name == "core"


def test_plans_come_in_the_order_of_the_config(world: World) -> None:
    world.by_router["er-2"] = []
    wanted = {"z": {**CORE, "router": "edge"}, "a": CORE}
    assert [plan.key for plan in plans(world, wanted)] == ["z", "a"]


def test_a_stream_is_looked_for_in_its_own_group_only(world: World) -> None:
    (plan,) = plans(world, {"main": {**CORE, "log_group": "other"}})
    assert plan.flow_logs[0].target.log_stream_id == "s-3"
    assert problems(world, {"main": {**CORE, "log_group": "other", "log_stream": "second"}}) == [
        Problem(
            "routers.main.log_stream",
            "there is no log stream in group 'other' with id or name 'second'; there are: er",
        )
    ]


def test_what_does_not_exist_is_told_with_what_does(world: World) -> None:
    assert problems(world, {"main": {**CORE, "router": "cor", "log_group": "net"}}) == [
        Problem("routers.main.router", "there is no router with id or name 'cor'; there are: core, edge"),
        Problem("routers.main.log_group", "there is no log group with id or name 'net'; there are: network, other"),
    ]


def test_where_nothing_exists_at_all_it_says_none(world: World) -> None:
    world.router_list, world.group_list = [], []
    assert [problem.what for problem in problems(world, {"main": CORE})] == [
        "there is no router with id or name 'core'; there are: none",
        "there is no log group with id or name 'network'; there are: none",
    ]


def test_a_name_that_two_routers_have_is_no_way_to_choose_one(world: World) -> None:
    world.router_list.append(Router(id="er-3", name="core", state="available"))
    assert problems(world, {"main": CORE}) == [
        Problem("routers.main.router", "the name 'core' fits 2 of them; use an id: er-1, er-3")
    ]


def test_mistakes_of_all_routers_are_told_at_once(world: World) -> None:
    found = problems(
        world,
        {
            "a": {**CORE, "router": "x"},
            "b": {**CORE, "log_group": "x", "attachments": ["nope"]},
            "c": {**CORE, "log_stream": "x"},
            "d": {**CORE, "overrides": {"att-1": {"log_stream": "x"}, "nope": {}}},
        },
    )
    assert {problem.key for problem in found} == {
        "routers.a.router",
        "routers.b.log_group",
        "routers.b.attachments[0]",
        "routers.c.log_stream",
        "routers.d.overrides.att-1.log_stream",
        "routers.d.overrides.nope",
    }


def test_a_stream_that_does_not_exist_is_told_once_and_not_per_attachment(world: World) -> None:
    assert len(problems(world, {"main": {**CORE, "log_stream": "x"}})) == 1


def test_a_stream_that_does_not_exist_is_told_even_where_nothing_is_logged(world: World) -> None:
    assert [problem.key for problem in problems(world, {"main": {**CORE, "log_stream": "x", "attachments": []}})] == [
        "routers.main.log_stream"
    ]


def test_a_stream_of_an_override_that_does_not_exist_is_told_even_if_its_attachment_is_not_logged(
    world: World,
) -> None:
    wanted = {**CORE, "attachments": [], "overrides": {"att-1": {"log_stream": "x"}}}
    assert [problem.key for problem in problems(world, {"main": wanted})] == ["routers.main.overrides.att-1.log_stream"]


def test_an_override_by_id_changes_name_stream_and_enabled_of_that_attachment_only(world: World) -> None:
    override = {"name": "mine", "log_stream": "second", "enabled": False}
    (plan,) = plans(world, {"main": {**CORE, "overrides": {"att-1": override}}})
    first, second, _ = plan.flow_logs
    assert (first.name, first.target.log_stream_id, first.log_stream, first.enabled) == ("mine", "s-2", "second", False)
    assert (second.target.log_stream_id, second.enabled) == ("s-1", True)


def test_an_override_by_name_works_where_the_name_is_one_attachments(world: World) -> None:
    world.by_router["er-1"] = [attachment("att-1", "vpc-shop"), attachment("att-2", "vpc-data")]
    (plan,) = plans(world, {"main": {**CORE, "overrides": {"vpc-data": {"enabled": False}}}})
    assert [wanted.enabled for wanted in plan.flow_logs] == [True, False]


def test_an_override_can_enable_what_the_router_disables(world: World) -> None:
    wanted = {**CORE, "enabled": False, "description": "d", "overrides": {"att-1": {"enabled": True}}}
    (plan,) = plans(world, {"main": wanted})
    assert [wanted.enabled for wanted in plan.flow_logs] == [True, False, False]
    assert {wanted.description for wanted in plan.flow_logs} == {"d"}


def test_an_empty_override_changes_nothing(world: World) -> None:
    (overridden,) = plans(world, {"main": {**CORE, "overrides": {"att-1": {}}}})
    (plain,) = plans(world, {"main": CORE})
    assert overridden.flow_logs == plain.flow_logs


def test_an_override_for_an_id_that_is_another_attachments_name_is_for_the_id(world: World) -> None:
    world.by_router["er-1"] = [attachment("att-1", "one"), attachment("att-2", "att-1")]
    (plan,) = plans(world, {"main": {**CORE, "overrides": {"att-1": {"enabled": False}}}})
    assert [wanted.enabled for wanted in plan.flow_logs] == [False, True]


def test_two_keys_that_log_one_attachment_to_one_stream_are_a_mistake(world: World) -> None:
    world.by_router["er-1"] = [attachment("att-1", "vpc-shop"), attachment("att-2")]
    assert problems(world, {"a": CORE, "b": {**CORE, "router": "er-1", "log_group": "g-1"}}) == [
        Problem(
            "routers.b",
            "attachment 'vpc-shop' already logs to network/er by routers.a;"
            " leave it out of one of them or use another stream",
        ),
        Problem(
            "routers.b",
            "attachment 'att-2' already logs to network/er by routers.a;"
            " leave it out of one of them or use another stream",
        ),
    ]


def test_one_attachment_may_log_to_two_streams_and_the_router_is_asked_once(world: World) -> None:
    both = plans(world, {"a": CORE, "b": {**CORE, "log_stream": "second"}})
    assert [len(plan.flow_logs) for plan in both] == [3, 3]
    assert world.calls == {
        "routers": 1,
        "groups": 1,
        "attachments of er-1": 1,
        "flow logs of er-1": 1,
        "streams of g-1": 1,
    }


def test_an_override_that_makes_a_target_twice_is_a_mistake(world: World) -> None:
    wanted = {
        "a": CORE,
        "b": {
            **CORE,
            "log_stream": "second",
            "attachments": ["att-1"],
            "overrides": {"att-1": {"log_stream": "s-1"}},
        },
    }
    assert [problem.key for problem in problems(world, wanted)] == ["routers.b"]


def test_routers_that_the_stack_file_does_not_name_are_not_asked_for_attachments(world: World) -> None:
    plans(world, {"main": CORE})
    assert "attachments of er-2" not in world.calls


def test_a_router_of_firewalls_only_has_a_plan_without_flow_logs(world: World) -> None:
    (plan,) = plans(world, {"main": {**CORE, "router": "edge"}})
    assert plan.flow_logs == []
    assert plan.selected.skipped == {"att-4": "is of type cfw, which cannot be logged"}


def test_attachments_seen_at_the_last_run_are_looked_up_by_the_routers_id(world: World) -> None:
    routers = {"main": {**CORE, "attachments": ["vpc-old", "att-1"]}}
    (plan,) = plans(world, routers, {"er-1": {"vpc-old"}})
    assert plan.selected.skipped == {"vpc-old": "is gone from the router"}
    (problem,) = problems(world, routers, {"er-2": {"vpc-old"}})
    assert problem.key == "routers.main.attachments[0]"


def test_the_name_of_a_flow_log_does_not_depend_on_the_other_attachments(world: World) -> None:
    before = {wanted.attachment.id: wanted.name for wanted in plans(world, {"main": CORE})[0].flow_logs}
    world.by_router["er-1"] = [attachment("att-9", "vpc-shop"), *reversed(world.by_router["er-1"])]
    after = {wanted.attachment.id: wanted.name for wanted in plans(world, {"main": CORE})[0].flow_logs}
    assert {id_: after[id_] for id_ in before} == before


def test_a_hundred_routers_are_each_asked_once(world: World) -> None:
    world.router_list = [Router(id=f"er-{n}", name=f"router-{n}", state="available") for n in range(100)]
    world.by_router = {f"er-{n}": [attachment(f"att-{n}", "same")] for n in range(100)}
    found = plans(world, {f"k{n}": {**CORE, "router": f"router-{n}"} for n in range(100)})
    assert [plan.flow_logs[0].attachment.id for plan in found] == [f"att-{n}" for n in range(100)]
    assert set(world.calls.values()) == {1}


def test_an_attachment_of_the_last_run_that_a_list_lacks_is_looked_for_in_another(world: World) -> None:
    world.lacks = {"att-1"}
    (plan,) = plans(world, {"core": CORE}, seen_before={"er-1": {"att-1", "att-2", "att-3"}})
    assert {one.attachment.id for one in plan.flow_logs} == {"att-1", "att-2", "att-3"}
    assert world.calls["attachments of er-1"] == 2


def test_a_router_is_asked_once_where_nothing_is_missing(world: World) -> None:
    plans(world, {"core": CORE}, seen_before={"er-1": {"att-1", "vpc-shop"}})
    assert world.calls["attachments of er-1"] == 1

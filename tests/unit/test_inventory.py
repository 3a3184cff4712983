"""One look at the world: each thing is asked for once, and what a list lacks is looked at by itself."""

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.routers import Router
from stacks.planning.inventory import Inventory, look
from stacks.stackfile.model import StackConfig
from tests.unit.plans import attachment, flow_log, router


class World:
    """The parts of the client that are asked; `calls` counts them."""

    def __init__(self) -> None:
        self.router_list = [router("er-1", "core"), router("er-2", "edge")]
        self.by_router = {
            "er-1": [attachment("att-1", "vpc-shop"), attachment("att-2", "vpc-data")],
            "er-2": [attachment("att-4", "fw", "cfw")],
        }
        self.flow_logs_of = {"er-1": [flow_log("att-1", "x")]}
        self.group_list = [LogGroup(id="g-1", name="network"), LogGroup(id="g-2", name="other")]
        self.by_group = {"g-1": [LogStream(id="s-1", name="er")], "g-2": [LogStream(id="s-3", name="er")]}
        self.calls: Counter[str] = Counter()
        self.lacks: set[str] = set()
        """Attachments that lists leave out."""
        self.fails = ""
        """The call that the service refuses."""
        self._lock = threading.Lock()
        self.routers = self.attachments = self
        self.log_groups, self.log_streams = SimpleNamespace(list=self.groups), SimpleNamespace(list=self.streams)
        self.flow_logs = _FlowLogs(self)

    def list(self, er_id: str | None = None) -> Iterator[Any]:
        if er_id is None:
            self.called("routers")
            return iter(self.router_list)
        self.called(f"attachments of {er_id}")
        return iter([one for one in self._of(er_id) if one.id not in self.lacks])

    def get(self, er_id: str, id_: str) -> Attachment:
        self.called(f"{id_} of {er_id}")
        for one in self._of(er_id):
            if one.id == id_:
                return one
        raise NotFoundError("gone")

    def groups(self) -> Sequence[LogGroup]:
        self.called("groups")
        return self.group_list

    def streams(self, group_id: str) -> Sequence[LogStream]:
        self.called(f"streams of {group_id}")
        return self.by_group[group_id]

    def called(self, call: str) -> None:
        with self._lock:
            self.calls[call] += 1
        if call == self.fails:
            raise ApiError("refused")

    def _of(self, er_id: str) -> Sequence[Attachment]:
        if er_id not in self.by_router:
            raise NotFoundError("no such router")
        return self.by_router[er_id]


class _FlowLogs:
    def __init__(self, world: World) -> None:
        self._world = world

    def list(self, er_id: str) -> Iterator[FlowLog]:
        self._world.called(f"flow logs of {er_id}")
        if er_id not in self._world.by_router:
            raise NotFoundError("no such router")
        return iter(self._world.flow_logs_of.get(er_id, []))


@pytest.fixture
def world() -> World:
    return World()


CORE = {"router": "core", "log_group": "network", "log_stream": "er"}
NOTHING_EXPECTED: Mapping[str, Collection[str]] = {}


def looked(
    world: World, routers: dict[str, Any], expected: Mapping[str, Collection[str]] = NOTHING_EXPECTED
) -> Inventory:
    return look(cast(Client, world), StackConfig.model_validate({"routers": routers}), expected)


def ids(found: Inventory, router_id: str) -> list[str]:
    return [one.id for one in found.attachments[router_id]]


def test_a_look_finds_all_that_the_stack_file_names(world: World) -> None:
    found = looked(world, {"main": CORE})
    assert found == Inventory(
        routers=world.router_list,
        groups=world.group_list,
        streams={"g-1": world.by_group["g-1"]},
        attachments={"er-1": world.by_router["er-1"]},
        flow_logs={"er-1": world.flow_logs_of["er-1"]},
    )


def test_two_keys_of_one_router_ask_for_it_once(world: World) -> None:
    looked(world, {"a": CORE, "b": {**CORE, "router": "er-1", "log_group": "g-1"}})
    assert world.calls == {
        "routers": 1,
        "groups": 1,
        "attachments of er-1": 1,
        "flow logs of er-1": 1,
        "streams of g-1": 1,
    }


def test_routers_that_nothing_names_are_not_asked_for_attachments(world: World) -> None:
    looked(world, {"main": CORE})
    assert "attachments of er-2" not in world.calls


def test_what_the_stack_file_names_wrongly_is_not_asked_for(world: World) -> None:
    found = looked(world, {"main": {"router": "x", "log_group": "y", "log_stream": "z"}})
    assert (found.attachments, found.streams) == ({}, {})


def test_a_name_that_two_routers_have_looks_at_both(world: World) -> None:
    world.router_list.append(router("er-2", "core"))
    assert set(looked(world, {"main": CORE}).attachments) == {"er-1", "er-2"}


def test_a_router_that_only_the_stack_has_is_looked_at(world: World) -> None:
    found = looked(world, {"main": CORE}, {"er-2": {"att-4"}})
    assert ids(found, "er-2") == ["att-4"]
    assert found.flow_logs["er-2"] == []


def test_a_router_that_is_gone_is_missing(world: World) -> None:
    found = looked(world, {"main": CORE}, {"er-9": {"att-9"}})
    assert set(found.attachments) == set(found.flow_logs) == {"er-1"}
    assert "att-9 of er-9" not in world.calls


def test_an_attachment_that_a_list_lacks_is_there_if_a_show_finds_it(world: World) -> None:
    world.lacks = {"att-1"}
    assert ids(looked(world, {"main": CORE}, {"er-1": {"att-1", "att-2"}}), "er-1") == ["att-2", "att-1"]
    assert world.calls["att-1 of er-1"] == 1
    assert "att-2 of er-1" not in world.calls


def test_an_attachment_that_a_show_does_not_find_is_gone(world: World) -> None:
    assert ids(looked(world, {"main": CORE}, {"er-1": {"att-9"}}), "er-1") == ["att-1", "att-2"]
    assert world.calls["att-9 of er-1"] == 1


@pytest.mark.parametrize(
    "call", ["routers", "groups", "streams of g-1", "attachments of er-1", "flow logs of er-1", "att-9 of er-1"]
)
def test_a_refusal_is_never_taken_for_gone(world: World, call: str) -> None:
    world.fails = call
    with pytest.raises(ApiError, match="refused"):
        looked(world, {"main": CORE}, {"er-1": {"att-9"}})


def test_a_hundred_routers_are_each_asked_once(world: World) -> None:
    world.router_list = [Router(id=f"er-{n}", name=f"router-{n}", state="available") for n in range(100)]
    world.by_router = {f"er-{n}": [attachment(f"att-{n}", "same")] for n in range(100)}
    found = looked(world, {f"k{n}": {**CORE, "router": f"router-{n}"} for n in range(100)})
    assert all(ids(found, f"er-{n}") == [f"att-{n}"] for n in range(100))
    assert set(world.calls.values()) == {1}

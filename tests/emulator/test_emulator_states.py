"""How flow logs move through their states with time, on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from emulator import Behaviour
from emulator.clock import seconds
from emulator.errors import ApiError
from emulator.flow_logs import FlowLog, FlowLogChange, NewFlowLog
from emulator.paging import Page
from emulator.store import Store
from tests.emulator.plain_client import body

LATENCY = 10.0


@dataclass
class World:
    """A store with no server in front of it, and the hands of its clock."""

    path: Path
    now: int = 1_800_000_000_000_000
    behaviour: Behaviour = field(default_factory=lambda: Behaviour(latency=LATENCY))

    def __post_init__(self) -> None:
        self.store = Store(self.path, behaviour=self.behaviour, clock=lambda: self.now)
        self.project_id = self.store.identity.projects()[0].id
        self.er_id = self.store.router("er-main").id

    def wait(self, duration: float) -> None:
        self.now += seconds(duration)

    def create(self, attachment: str = "vpc-a", *, client_token: str | None = None) -> str:
        new = NewFlowLog.parse({"flow_log": body("one", self.store.attachment(attachment).id)})
        return self.store.flow_logs.create(self.project_id, self.er_id, new, client_token=client_token).id

    def show(self, flow_log_id: str) -> FlowLog:
        return self.store.flow_logs.show(self.project_id, self.er_id, flow_log_id)

    def switch(self, flow_log_id: str, *, enabled: bool) -> FlowLog:
        return self.store.flow_logs.switch(self.project_id, self.er_id, flow_log_id, enabled=enabled)

    def delete(self, flow_log_id: str) -> None:
        self.store.flow_logs.delete(self.project_id, self.er_id, flow_log_id)

    def listed(self) -> list[str]:
        page = self.store.flow_logs.page(self.project_id, self.er_id, Page())
        return [one.state for one in page.flow_logs]


@pytest.fixture
def world(db: Path) -> Iterator[World]:
    made = World(db)
    yield made
    made.store.close()


def refused(code: str) -> pytest.RaisesExc[ApiError]:
    return pytest.RaisesExc(ApiError, check=lambda error: error.kind.code == code)


def test_a_new_flow_log_is_pending_until_the_latency_is_over(world: World) -> None:
    one = world.create()
    assert world.show(one).state == "pending"
    world.wait(LATENCY - 0.001)
    assert world.show(one).state == "pending"
    world.wait(0.001)
    assert world.show(one).state == "available"


def test_a_deleted_flow_log_is_deleting_and_then_gone(world: World) -> None:
    one = world.create()
    world.wait(LATENCY)
    world.delete(one)
    assert world.show(one).state == "deleting"
    assert world.listed() == ["deleting"]
    world.wait(LATENCY)
    with refused("ER.04008501"):
        world.show(one)
    assert world.listed() == []


def test_deleting_twice_does_not_put_off_the_end(world: World) -> None:
    one = world.create()
    world.wait(LATENCY)
    world.delete(one)
    accepted = world.show(one)
    world.wait(LATENCY / 2)
    world.delete(one)
    assert world.show(one) == accepted
    world.wait(LATENCY / 2)
    with refused("ER.04008501"):
        world.show(one)


def test_a_pending_flow_log_cannot_be_touched(world: World) -> None:
    one = world.create()
    with refused("ER.04008502"):
        world.delete(one)
    with refused("ER.04008502"):
        world.switch(one, enabled=False)
    with refused("ER.04008502"):
        world.store.flow_logs.update(world.project_id, world.er_id, one, FlowLogChange(name="other"))


def test_disabling_keeps_the_old_setting_until_it_is_done(world: World) -> None:
    one = world.create()
    world.wait(LATENCY)
    accepted = world.switch(one, enabled=False)
    assert (accepted.state, accepted.enabled) == ("modifying", True)
    world.wait(LATENCY)
    done = world.show(one)
    assert (done.state, done.enabled) == ("available", False)


def test_an_update_is_done_at_once_and_says_when(world: World) -> None:
    one = world.create()
    world.wait(LATENCY + 5)
    world.store.flow_logs.update(world.project_id, world.er_id, one, FlowLogChange(name="other"))
    shown = world.show(one)
    assert (shown.name, shown.state) == ("other", "available")
    assert shown.updated_at - shown.created_at == seconds(LATENCY + 5)


def test_a_flow_log_being_deleted_holds_its_target_until_it_is_gone(world: World) -> None:
    one = world.create()
    world.wait(LATENCY)
    world.delete(one)
    with refused("ER.04008503"):
        world.create()
    world.wait(LATENCY)
    assert world.create() != one


def test_a_flow_log_being_deleted_counts_against_the_quota_until_it_is_gone(world: World) -> None:
    world.store.set_quota(1)
    one = world.create()
    world.wait(LATENCY)
    world.delete(one)
    with refused("ER.04009008"):
        world.create("vpc-b")
    world.wait(LATENCY)
    world.create("vpc-b")


def test_a_store_opened_again_goes_on_where_the_last_one_stopped(world: World) -> None:
    one = world.create()
    world.store.close()
    again = World(world.path, now=world.now)
    assert again.show(one).state == "pending"
    again.wait(LATENCY)
    assert again.show(one).state == "available"
    again.store.close()


def test_a_stuck_flow_log_stays_pending_for_ever(world: World) -> None:
    one = world.create()
    world.store.set_flow_log_state("one", "pending")
    world.wait(100 * LATENCY)
    assert world.show(one).state == "pending"


def test_a_failed_flow_log_stays_failed_until_it_is_deleted(world: World) -> None:
    one = world.create()
    world.store.set_flow_log_state(one, "failed")
    world.wait(LATENCY)
    assert world.show(one).state == "failed"
    world.delete(one)
    world.wait(LATENCY)
    assert world.listed() == []


def test_a_rename_behind_the_back_outlives_a_change_on_its_way(world: World) -> None:
    one = world.create()
    world.store.rename_flow_log("one", "two")
    world.store.describe_flow_log("two", "by someone else")
    world.store.disable_flow_log("two")
    assert world.show(one).state == "pending"
    world.wait(LATENCY)
    shown = world.show(one)
    assert (shown.state, shown.name, shown.description, shown.enabled) == (
        "available",
        "two",
        "by someone else",
        False,
    )


def test_a_deletion_behind_the_back_is_at_once(world: World) -> None:
    one = world.create()
    world.store.delete_flow_log(one)
    with refused("ER.04008501"):
        world.show(one)


def test_the_same_client_token_and_body_answer_with_the_first_flow_log_as_it_is_now(world: World) -> None:
    one = world.create(client_token="t")
    world.wait(LATENCY)
    new = NewFlowLog.parse({"flow_log": body("one", world.store.attachment("vpc-a").id)})
    again = world.store.flow_logs.create(world.project_id, world.er_id, new, client_token="t")
    assert (again.id, again.state) == (one, "available")


def test_a_client_token_names_its_flow_log_even_when_that_is_deleted(world: World) -> None:
    one = world.create(client_token="t")
    world.wait(LATENCY)
    world.delete(one)
    world.wait(LATENCY)
    new = NewFlowLog.parse({"flow_log": body("one", world.store.attachment("vpc-a").id)})
    again = world.store.flow_logs.create(world.project_id, world.er_id, new, client_token="t")
    assert (again.id, again.state) == (one, "deleted")
    assert world.listed() == []


def test_a_client_token_with_another_body_is_refused(world: World) -> None:
    world.create(client_token="t")
    with refused("ER.04009005"):
        world.create("vpc-b", client_token="t")


def test_a_replay_is_told_before_anything_else_is_looked_at(world: World) -> None:
    one = world.create(client_token="t")
    world.store.set_quota(0)
    world.store.set_attachment_state("vpc-a", "deleting")
    assert world.create(client_token="t") == one


def test_a_refused_create_does_not_use_up_its_client_token(world: World) -> None:
    world.store.set_quota(0)
    with refused("ER.04009008"):
        world.create(client_token="t")
    world.store.set_quota(1)
    world.create("vpc-b", client_token="t")


def test_client_tokens_of_two_routers_are_apart(world: World) -> None:
    one = world.create(client_token="t")
    second = world.store.router("er-second").id
    new = NewFlowLog.parse({"flow_log": body("one", world.store.attachment("vpc-second").id)})
    assert world.store.flow_logs.create(world.project_id, second, new, client_token="t").id != one


def test_a_list_can_lag_behind_a_show(db: Path) -> None:
    world = World(db, behaviour=Behaviour(latency=LATENCY, list_lag=3))
    one = world.create()
    assert world.listed() == []
    world.wait(3)
    assert world.listed() == ["pending"]
    world.wait(LATENCY - 3)
    assert (world.show(one).state, world.listed()) == ("available", ["pending"])
    world.wait(3)
    assert world.listed() == ["available"]
    world.delete(one)
    world.wait(LATENCY)
    with refused("ER.04008501"):
        world.show(one)
    assert world.listed() == ["deleting"]
    world.wait(3)
    assert world.listed() == []
    world.store.close()

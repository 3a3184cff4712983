"""How flow logs change their state with time."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from emulator.clock import seconds
from emulator.errors import ApiError
from tests.emulator.timeline import LATENCY, Timeline


@pytest.fixture
def flow_log(timeline: Timeline) -> str:
    """The id of a flow log that has just become available."""
    created = timeline.create()
    timeline.wait()
    return created


def refused(code: str) -> pytest.RaisesExc[ApiError]:
    return pytest.RaisesExc(ApiError, check=lambda error: error.kind.code == code)


def test_new_flow_log_is_pending_until_latency_is_over(timeline: Timeline) -> None:
    created = timeline.create()
    assert timeline.state(created) == "pending"
    timeline.wait(LATENCY - 0.001)
    assert timeline.state(created) == "pending"
    timeline.wait(0.001)
    assert timeline.state(created) == "available"


def test_deleted_flow_log_is_deleting_and_then_gone(timeline: Timeline, flow_log: str) -> None:
    timeline.delete(flow_log)
    assert timeline.state(flow_log) == "deleting"
    assert timeline.listed() == ["deleting"]
    timeline.wait()
    with refused("ER.04008501"):
        timeline.show(flow_log)
    assert timeline.listed() == []


def test_second_delete_does_not_delay_the_first(timeline: Timeline, flow_log: str) -> None:
    timeline.delete(flow_log)
    accepted = timeline.show(flow_log)
    timeline.wait(LATENCY / 2)
    timeline.delete(flow_log)
    assert timeline.show(flow_log) == accepted
    timeline.wait(LATENCY / 2)
    assert timeline.listed() == []


def test_disabling_keeps_old_setting_until_it_is_done(timeline: Timeline, flow_log: str) -> None:
    accepted = timeline.switch(flow_log, enabled=False)
    assert (accepted.state, accepted.enabled) == ("modifying", True)
    timeline.wait()
    done = timeline.show(flow_log)
    assert (done.state, done.enabled) == ("available", False)


def test_update_is_done_at_once_and_sets_updated_at(timeline: Timeline, flow_log: str) -> None:
    timeline.wait(5)
    timeline.rename(flow_log)
    shown = timeline.show(flow_log)
    assert (shown.name, shown.state) == ("other", "available")
    assert shown.updated_at - shown.created_at == seconds(LATENCY + 5)


def test_deleting_flow_log_counts_against_the_quota(timeline: Timeline, flow_log: str) -> None:
    timeline.store.set_quota(1)
    timeline.delete(flow_log)
    with refused("ER.04009008"):
        timeline.create("vpc-b")
    timeline.wait()
    timeline.create("vpc-b")


def test_reopened_store_continues_pending_changes(timeline: Timeline) -> None:
    created = timeline.create()
    timeline.close()
    with closing(Timeline(timeline.path)) as reopened:
        assert reopened.state(created) == "pending"
        reopened.wait()
        assert reopened.state(created) == "available"


# Changes without the API


@pytest.mark.parametrize("state", ["pending", "failed"])
def test_state_set_without_the_api_stays(timeline: Timeline, state: str) -> None:
    created = timeline.create()
    timeline.store.set_flow_log_state(created, state)
    timeline.wait(100 * LATENCY)
    assert timeline.state(created) == state


def test_changes_without_the_api_outlive_pending_ones(timeline: Timeline) -> None:
    created = timeline.create()
    timeline.store.rename_flow_log(created, "two")
    timeline.store.describe_flow_log("two", "by someone else")
    timeline.store.disable_flow_log("two")
    assert timeline.state(created) == "pending"
    timeline.wait()
    shown = timeline.show(created)
    assert (shown.state, shown.name, shown.description) == ("available", "two", "by someone else")
    assert not shown.enabled


# Client tokens


def test_replayed_create_returns_first_flow_log_as_it_is_now(timeline: Timeline) -> None:
    created = timeline.create(client_token="t")
    timeline.wait()
    again = timeline.replay(client_token="t")
    assert (again.id, again.state) == (created, "available")
    timeline.delete(created)
    timeline.wait()
    again = timeline.replay(client_token="t")
    assert (again.id, again.state) == (created, "deleted")
    assert timeline.listed() == []


def test_client_token_with_another_body_is_refused(timeline: Timeline) -> None:
    timeline.create(client_token="t")
    with refused("ER.04009005"):
        timeline.create("vpc-b", client_token="t")


def test_replay_comes_before_all_other_checks(timeline: Timeline) -> None:
    created = timeline.create(client_token="t")
    timeline.store.set_quota(0)
    timeline.store.set_attachment_state("vpc-a", "deleting")
    assert timeline.create(client_token="t") == created


def test_refused_create_does_not_use_up_its_client_token(timeline: Timeline) -> None:
    timeline.store.set_quota(0)
    with refused("ER.04009008"):
        timeline.create(client_token="t")
    timeline.store.set_quota(1)
    timeline.create("vpc-b", client_token="t")


def test_each_router_has_its_own_client_tokens(timeline: Timeline) -> None:
    created = timeline.create(client_token="t")
    timeline.router = (timeline.router[0], timeline.store.router("er-second").id)
    assert timeline.create("vpc-second", client_token="t") != created


def test_list_can_lag_behind_show(db: Path) -> None:
    with closing(Timeline(db, list_lag=3)) as timeline:
        created = timeline.create()
        assert timeline.listed() == []
        timeline.wait(3)
        assert timeline.listed() == ["pending"]
        timeline.wait(LATENCY - 3)
        assert (timeline.state(created), timeline.listed()) == ("available", ["pending"])
        timeline.wait(3)
        assert timeline.listed() == ["available"]
        timeline.delete(created)
        timeline.wait()
        with refused("ER.04008501"):
            timeline.show(created)
        assert timeline.listed() == ["deleting"]
        timeline.wait(3)
        assert timeline.listed() == []

"""Having exactly one flow log, or none: what `lifecycle` makes of an API that only accepts, replays and lags."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from emulator import Behaviour, Server
from emulator.flow_logs import FlowLog as StoredFlowLog
from providers.er import Client, Deadline, Endpoints, idempotency, lifecycle
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import (
    AlreadyExistsError,
    ApiError,
    DeadlineExceededError,
    FailedStateError,
    InvalidParametersError,
    NotFoundError,
)
from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from providers.er.idempotency import TargetTakenError
from providers.er.lifecycle import IncompleteError
from tests.waiting import when

Serve = Callable[..., Server]
KEY = "5d1c2c0e-3b0e-4a35-9a52-6f0f9c0f8a11"
WANTED = FlowLogSpec(name="shop", description="", enabled=True)
BASE = "/v3/{project_id}/enterprise-router/{er_id}/flow-logs"
CREATE, LIST = f"POST {BASE}", f"GET {BASE}"
SHOW, UPDATE, DELETE = (f"{method} {BASE}/{{flow_log_id}}" for method in ("GET", "PUT", "DELETE"))
ENABLE, DISABLE = f"{SHOW}/enable".replace("GET", "POST"), f"{SHOW}/disable".replace("GET", "POST")
FOREVER = Behaviour(latency=3600)  # what is accepted isn't done within any test


def client_of(server: Server, deadline: Deadline | None = None) -> Client:
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url), poll=lambda _: 0.01)
    return client.with_deadline(deadline or Deadline(seconds=60))


@pytest.fixture
def er(server: Server) -> Client:
    """Our client of the test's server, on which everything is done at once."""
    return client_of(server)


def target_of(server: Server, attachment: str = "vpc-a") -> FlowLogTarget:
    found = server.store.attachment(attachment)
    return FlowLogTarget(
        er_id=found.er_id,
        resource_id=found.id,
        log_group_id="00000000-0000-4000-b000-000000000001",
        log_stream_id="00000000-0000-4000-b000-000000000011",
    )


@pytest.fixture
def target(server: Server) -> FlowLogTarget:
    """The attachment vpc-a, logged to the stream `flow`."""
    return target_of(server)


def only(server: Server) -> StoredFlowLog:
    """The one flow log that there is."""
    (flow_log,) = server.store.flow_logs.live()
    return flow_log


def accepted(er: Client, target: FlowLogTarget, name: str = "shop", attempt: int = 0, key: str = KEY) -> FlowLog:
    """A run that died right after its create was accepted."""
    return er.flow_logs.create(
        target, name=name, description="", client_token=idempotency.client_token(key, target, attempt)
    )


def somebody_elses(er: Client, target: FlowLogTarget) -> FlowLog:
    return er.flow_logs.create(target, name="theirs", description="hands off", client_token="their-token")


def taken(er: Client, target: FlowLogTarget, wanted: FlowLogSpec = WANTED, key: str | None = KEY) -> TargetTakenError:
    with pytest.raises(TargetTakenError) as caught:
        idempotency.create(er, target, wanted, key=key)
    return caught.value


def unfinished(call: Callable[[], object]) -> IncompleteError:
    with pytest.raises(IncompleteError) as caught:
        call()
    return caught.value


# Creating


@pytest.mark.parametrize("key", [KEY, None])
def test_a_create_returns_when_the_flow_log_is_available(serve: Serve, key: str | None) -> None:
    server = serve(Behaviour(latency=0.1))
    wanted = FlowLogSpec(name="shop", description="all of it", enabled=True)

    flow_log = idempotency.create(client_of(server), target_of(server), wanted, key=key)

    assert (flow_log.id, flow_log.state, flow_log.enabled) == (only(server).id, "available", True)
    assert (flow_log.name, flow_log.description, flow_log.target) == ("shop", "all of it", target_of(server))
    counts = server.requests.read()
    assert counts.pop(SHOW) >= 1
    assert counts == {CREATE: 1}


def test_a_flow_log_that_is_to_be_disabled_is_so_when_create_returns(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    wanted = FlowLogSpec(name="shop", description="", enabled=False)

    flow_log = idempotency.create(client_of(server), target_of(server), wanted, key=KEY)

    assert (flow_log.state, flow_log.enabled) == ("available", False)
    assert only(server).enabled is False
    counts = server.requests.read()
    assert (counts[CREATE], counts[DISABLE]) == (1, 1)


def test_a_create_repeated_with_its_key_finds_what_the_first_one_made(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    first = idempotency.create(er, target, WANTED, key=KEY)
    server.requests.reset()

    again = idempotency.create(er, target, WANTED, key=KEY)

    assert again == first
    assert only(server).id == first.id
    # The answer may be of the first call's time, so one look follows.
    assert server.requests.read() == {CREATE: 1, SHOW: 1}


def test_runs_that_create_at_the_same_moment_with_one_key_make_one_flow_log(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    er, target = client_of(server), target_of(server)
    together = threading.Barrier(16)

    def run(_index: int) -> str:
        together.wait(30)
        return idempotency.create(er, target, WANTED, key=KEY).id

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(run, range(16))) == {only(server).id}


def test_one_that_was_deleted_since_is_created_anew_each_time(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    ids = []
    for generation in range(1, 5):
        server.requests.reset()
        ids.append(idempotency.create(er, target, WANTED, key=KEY).id)
        assert server.requests.read()[CREATE] == generation
        server.store.delete_flow_log(ids[-1])

    assert len(set(ids)) == 4


def test_one_that_was_deleted_by_us_under_another_name_is_created_anew(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    old = accepted(er, target, "old-name")
    lifecycle.delete(er, target.er_id, old.id)

    new = idempotency.create(er, target, WANTED, key=KEY)

    assert new.id != old.id
    assert (only(server).id, only(server).name) == (new.id, "shop")


def test_a_target_can_be_created_and_deleted_under_ever_new_names_with_one_key(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    for generation in range(idempotency.MAX_REFUSALS + 2):
        wanted = FlowLogSpec(name=f"release-{generation}", description="", enabled=True)
        made = idempotency.create(er, target, wanted, key=KEY)
        assert made.name == wanted.name
        server.store.delete_flow_log(made.id)


def test_one_that_somebody_deletes_while_it_is_pending_is_created_anew(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    lost: list[str] = []

    def deletes_the_first() -> None:
        if not lost:
            lost.append(only(server).id)
            server.store.delete_flow_log(lost[0])

    er = client_of(server, Deadline(report=when("available", deletes_the_first)))
    made = idempotency.create(er, target_of(server), WANTED, key=KEY)

    assert made.id == only(server).id != lost[0]


# After a crash


@pytest.mark.parametrize(
    "wanted",
    [
        FlowLogSpec(name="shop", description="", enabled=True),
        FlowLogSpec(name="renamed", description="", enabled=True),
        FlowLogSpec(name="shop", description="described", enabled=True),
        FlowLogSpec(name="shop", description="", enabled=False),
        FlowLogSpec(name="renamed", description="described", enabled=False),
    ],
)
def test_what_a_crashed_run_made_is_found_and_made_as_wanted_now(
    er: Client, server: Server, target: FlowLogTarget, wanted: FlowLogSpec
) -> None:
    crashed = accepted(er, target)

    finished = idempotency.create(er, target, wanted, key=KEY)

    assert finished.id == crashed.id == only(server).id
    assert (finished.name, finished.description, finished.enabled) == (
        wanted.name,
        wanted.description,
        wanted.enabled,
    )
    assert (only(server).name, only(server).description, only(server).enabled) == (
        wanted.name,
        wanted.description,
        wanted.enabled,
    )


def test_what_a_crashed_run_made_is_found_after_somebody_renamed_it(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    crashed = accepted(er, target)
    server.store.rename_flow_log(crashed.id, "by-hand")

    assert idempotency.create(er, target, WANTED, key=KEY).id == crashed.id
    assert only(server).name == "shop"


def test_what_a_crashed_run_made_is_found_though_it_is_still_pending(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.2))
    er, target = client_of(server), target_of(server)
    crashed = accepted(er, target, "old-name")

    finished = idempotency.create(er, target, WANTED, key=KEY)

    assert (finished.id, finished.name, finished.state) == (crashed.id, "shop", "available")


def test_a_later_generation_is_found_after_a_crash_too(er: Client, server: Server, target: FlowLogTarget) -> None:
    for _ in range(3):
        server.store.delete_flow_log(idempotency.create(er, target, WANTED, key=KEY).id)
    crashed = accepted(er, target, "shop", attempt=3)

    assert idempotency.create(er, target, WANTED, key=KEY).id == crashed.id


def test_an_edited_name_and_a_list_that_lags_do_not_make_our_own_flow_log_a_strangers(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=0.3))
    er, target = client_of(server), target_of(server)
    er = Client(er.credentials, er.endpoints, poll=lambda _: 0.1).with_deadline(Deadline(seconds=60))
    crashed = accepted(er, target, "old-name")

    finished = idempotency.create(er, target, WANTED, key=KEY)

    assert (finished.id, finished.name) == (crashed.id, "shop")
    assert only(server).id == crashed.id


def test_a_run_that_dies_between_create_and_disable_is_finished_by_the_next(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    target = target_of(server)
    wanted = FlowLogSpec(name="shop", description="", enabled=False)
    dying = threading.Event()
    error = unfinished(
        lambda: idempotency.create(
            client_of(server, Deadline(cancelled=dying, report=lambda _: dying.set())), target, wanted, key=KEY
        )
    )
    assert (only(server).id, only(server).enabled) == (error.flow_log.id, True)

    finished = idempotency.create(client_of(server), target, wanted, key=KEY)

    assert (finished.id, finished.enabled, only(server).enabled) == (error.flow_log.id, False, False)


# A target that is held


def test_a_target_held_by_somebody_else_is_told_with_its_holder_and_left_alone(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    theirs = somebody_elses(er, target)
    before = only(server)
    server.requests.reset()

    error = taken(er, target)

    assert str(error).startswith(
        f"attachment {target.resource_id} already has flow log 'theirs', id {theirs.id}, for log group"
        f" {target.log_group_id} and log stream {target.log_stream_id} (ER.04008503, HTTP 400, request "
    )
    assert (error.holder.id, error.holder.name, error.holder.description) == (theirs.id, "theirs", "hands off")
    assert only(server) == before
    assert server.requests.read() == {CREATE: 2, LIST: 1, SHOW: 1}


def test_what_was_made_under_another_key_is_somebody_elses(er: Client, server: Server, target: FlowLogTarget) -> None:
    theirs = idempotency.create(er, target, WANTED, key="another-key")

    assert taken(er, target).holder.id == theirs.id
    assert only(server).id == theirs.id


def test_without_a_key_a_second_create_takes_nothing_over(er: Client, server: Server, target: FlowLogTarget) -> None:
    first = idempotency.create(er, target, WANTED, key=None)

    assert taken(er, target, key=None).holder.id == first.id
    assert only(server).id == first.id


def test_a_target_that_was_ours_and_now_is_somebody_elses_is_theirs(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    for attempt, name in enumerate(("old-name", "older-name")):
        server.store.delete_flow_log(accepted(er, target, name, attempt).id)
    theirs = somebody_elses(er, target)

    assert taken(er, target).holder.id == theirs.id
    assert (only(server).id, only(server).name) == (theirs.id, "theirs")


def test_a_target_to_another_stream_is_no_ones_business(er: Client, server: Server, target: FlowLogTarget) -> None:
    somebody_elses(er, FlowLogTarget(**{**vars(target), "log_stream_id": "00000000-0000-4000-b000-000000000012"}))

    assert idempotency.create(er, target, WANTED, key=KEY).target == target
    assert len(server.store.flow_logs.live()) == 2


def test_a_holder_that_is_being_deleted_is_waited_for(serve: Serve) -> None:
    server = serve(Behaviour(latency=0))
    theirs = somebody_elses(client_of(server), target_of(server))
    server.store.set_flow_log_state(theirs.id, "deleting")

    is_deleted = when("the deletion of", lambda: server.store.delete_flow_log(theirs.id))
    er = client_of(server, Deadline(report=is_deleted))

    made = idempotency.create(er, target_of(server), WANTED, key=KEY)

    assert made.id != theirs.id
    assert (only(server).id, only(server).state) == (made.id, "available")


@pytest.mark.parametrize("name", ["shop", "old-name"])
def test_our_own_that_is_being_deleted_is_waited_for(serve: Serve, name: str) -> None:
    server = serve(Behaviour(latency=0.2))
    er, target = client_of(server), target_of(server)
    ours = accepted(er, target, name)
    er.flow_logs.delete(target.er_id, ours.id)

    made = idempotency.create(er, target, WANTED, key=KEY)

    assert made.id != ours.id
    assert (only(server).id, only(server).state, only(server).name) == (made.id, "available", "shop")


def test_a_holder_whose_deletion_fails_is_named(serve: Serve) -> None:
    server = serve(FOREVER)
    theirs = somebody_elses(client_of(server), target_of(server))
    server.store.set_flow_log_state(theirs.id, "deleting")
    fails = when("the deletion of", lambda: server.store.set_flow_log_state(theirs.id, "failed"))
    er = client_of(server, Deadline(report=fails))

    with pytest.raises(FailedStateError) as caught:
        idempotency.create(er, target_of(server), WANTED, key=KEY)

    assert str(caught.value) == f"the service could not delete flow log {theirs.id}: it is in state failed"


def test_a_holder_that_stays_in_deletion_costs_the_callers_patience_only(serve: Serve) -> None:
    server = serve(FOREVER)
    theirs = somebody_elses(client_of(server), target_of(server))
    server.store.set_flow_log_state(theirs.id, "deleting")

    with pytest.raises(DeadlineExceededError) as caught:
        idempotency.create(client_of(server, Deadline(seconds=0.2)), target_of(server), WANTED, key=KEY)

    said = f"gave up after 0 s of waiting for the deletion of flow log {theirs.id}: deleting"
    assert caught.value.message == said
    assert only(server).id == theirs.id


def test_a_failed_holder_is_told_like_any_other(er: Client, server: Server, target: FlowLogTarget) -> None:
    theirs = somebody_elses(er, target)
    server.store.set_flow_log_state(theirs.id, "failed")

    assert (taken(er, target).holder.id, only(server).state) == (theirs.id, "failed")


# A service that forgets tokens, a list that lags


def test_where_tokens_are_ignored_a_create_works_and_a_repeated_one_changes_nothing(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, client_tokens="ignore"))
    er, target = client_of(server), target_of(server)

    first = idempotency.create(er, target, WANTED, key=KEY)
    error = taken(er, target, FlowLogSpec(name="other", description="", enabled=False))

    assert error.holder.id == first.id == only(server).id
    assert (only(server).name, only(server).enabled) == ("shop", True)


def test_where_tokens_are_ignored_a_deleted_one_is_created_anew(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, client_tokens="ignore"))
    er, target = client_of(server), target_of(server)
    first = idempotency.create(er, target, WANTED, key=KEY)
    lifecycle.delete(er, target.er_id, first.id)

    assert idempotency.create(er, target, WANTED, key=KEY).id == only(server).id != first.id


def test_a_holder_that_the_list_does_not_show_yet_is_looked_for_until_it_does(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=0.2))
    er, target = client_of(server), target_of(server)
    er = Client(er.credentials, er.endpoints, poll=lambda _: 0.1).with_deadline(Deadline(seconds=60))
    theirs = somebody_elses(er, target)

    assert taken(er, target).holder.id == theirs.id
    assert server.requests.read()[LIST] > 1


def test_a_holder_that_the_list_never_shows_ends_in_the_services_own_words(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=3600))
    er, target = client_of(server), target_of(server)
    somebody_elses(er, target)
    server.requests.reset()

    with pytest.raises(AlreadyExistsError) as caught:
        idempotency.create(er, target, WANTED, key=KEY)

    assert str(caught.value).startswith(f"A flow log of attachment {target.resource_id} to log group")
    assert server.requests.read() == {CREATE: idempotency.MAX_LISTS, LIST: idempotency.MAX_LISTS}


def test_a_deleted_flow_log_that_the_list_still_shows_holds_nothing(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=0.2))
    er, target = client_of(server), target_of(server)
    old = accepted(er, target, "old-name")
    while not list(er.flow_logs.list(target.er_id)):
        pass
    server.store.delete_flow_log(old.id)

    assert idempotency.create(er, target, WANTED, key=KEY).id == only(server).id != old.id


# Flow logs that don't become available


def test_one_that_fails_is_unfinished_and_says_that_it_has_to_be_replaced(serve: Serve) -> None:
    server = serve(FOREVER)
    fails = when("available", lambda: server.store.set_flow_log_state(only(server).id, "failed"))
    er = client_of(server, Deadline(report=fails))

    error = unfinished(lambda: idempotency.create(er, target_of(server), WANTED, key=KEY))

    id_ = only(server).id
    assert str(error) == f"flow log {id_} went to state failed and has to be replaced"
    assert (error.flow_log.id, error.flow_log.state) == (id_, "failed")
    assert isinstance(error.__cause__, FailedStateError)


@pytest.mark.parametrize("wanted", [replace(WANTED, enabled=False), replace(WANTED, name="another")])
def test_one_that_failed_before_it_was_changed_is_not_waited_for(
    wanted: FlowLogSpec, er: Client, server: Server, target: FlowLogTarget
) -> None:
    made = idempotency.create(er, target, WANTED, key=KEY)
    server.store.set_flow_log_state(made.id, "failed")

    error = unfinished(lambda: lifecycle.converge(er, made, wanted))

    assert str(error) == f"flow log {made.id} went to state failed and has to be replaced"
    assert error.flow_log.state == "failed"


def test_one_that_failed_in_a_crashed_run_is_unfinished(er: Client, server: Server, target: FlowLogTarget) -> None:
    crashed = accepted(er, target, "old-name")
    server.store.set_flow_log_state(crashed.id, "failed")

    error = unfinished(lambda: idempotency.create(er, target, WANTED, key=KEY))

    assert (error.flow_log.id, error.flow_log.state) == (crashed.id, "failed")


def test_one_that_stays_pending_is_unfinished_when_patience_is_over_and_finished_later(serve: Serve) -> None:
    server = serve(FOREVER)
    target = target_of(server)

    error = unfinished(lambda: idempotency.create(client_of(server, Deadline(seconds=0.2)), target, WANTED, key=KEY))

    id_ = only(server).id
    assert (error.flow_log.id, error.flow_log.state) == (id_, "pending")
    assert error.message == "gave up after 0 s of waiting for available: pending"
    server.store.set_flow_log_state(id_, "available")
    assert lifecycle.converge(client_of(server), error.flow_log, WANTED).state == "available"


def test_one_whose_disabling_does_not_end_is_unfinished_with_what_was_last_seen_of_it(serve: Serve) -> None:
    server = serve(FOREVER)
    wanted = FlowLogSpec(name="shop", description="", enabled=False)
    made = accepted(client_of(server), target_of(server))
    server.store.set_flow_log_state(made.id, "available")

    error = unfinished(
        lambda: idempotency.create(client_of(server, Deadline(seconds=0.3)), target_of(server), wanted, key=KEY)
    )

    assert only(server).state == "modifying"
    assert (error.flow_log.id, error.flow_log.state, error.flow_log.enabled) == (made.id, "modifying", True)
    assert error.message.endswith("of waiting for available: modifying")


def test_a_cancelled_create_is_unfinished_at_once(serve: Serve) -> None:
    server = serve(FOREVER)
    cancelled = threading.Event()
    deadline = Deadline(seconds=3600, cancelled=cancelled, report=lambda _: cancelled.set())

    error = unfinished(lambda: idempotency.create(client_of(server, deadline), target_of(server), WANTED, key=KEY))

    assert str(error) == "cancelled while waiting for available: pending"
    assert isinstance(error.__cause__, DeadlineExceededError)


def test_a_create_that_was_never_accepted_is_not_unfinished(server: Server) -> None:
    server.store.set_router_state("er-main", "modifying")

    with pytest.raises(DeadlineExceededError) as caught:
        idempotency.create(client_of(server, Deadline(seconds=0.1)), target_of(server), WANTED, key=KEY)

    assert not isinstance(caught.value, IncompleteError)
    assert server.store.flow_logs.live() == []


def test_parameters_that_are_really_invalid_are_told_after_a_bounded_number_of_requests(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    nowhere = FlowLogTarget(**{**vars(target), "log_group_id": "no-such-group"})

    with pytest.raises(InvalidParametersError) as caught:
        idempotency.create(er, nowhere, WANTED, key=KEY)

    assert "log group no-such-group does not exist" in str(caught.value)
    assert server.requests.read()[CREATE] <= idempotency.MAX_REFUSALS + 1
    assert sum(server.requests.read().values()) <= 2 * (idempotency.MAX_REFUSALS + 1)
    assert server.store.flow_logs.live() == []


def test_any_other_refusal_is_told_at_once(er: Client, server: Server) -> None:
    for attachment, code in (("cfw-a", "ER.04008500"), ("vpc-second", "ER.04044001")):
        where = FlowLogTarget(**{**vars(target_of(server, attachment)), "er_id": server.store.router("er-main").id})
        server.requests.reset()
        with pytest.raises(ApiError) as caught:
            idempotency.create(er, where, WANTED, key=KEY)
        assert caught.value.code == code
        assert server.requests.read() == {CREATE: 1}


# Finishing


def test_one_that_is_as_wanted_needs_no_request(er: Client, server: Server, target: FlowLogTarget) -> None:
    flow_log = idempotency.create(er, target, WANTED, key=KEY)
    server.requests.reset()

    assert lifecycle.converge(er, flow_log, WANTED) == flow_log
    assert server.requests.read() == {}


@pytest.mark.parametrize(
    ("wanted", "requests"),
    [
        (FlowLogSpec(name="other", description="", enabled=True), {UPDATE: 1}),
        (FlowLogSpec(name="shop", description="other", enabled=True), {UPDATE: 1}),
        (FlowLogSpec(name="shop", description="", enabled=False), {DISABLE: 1, SHOW: 1}),
        (FlowLogSpec(name="other", description="", enabled=False), {UPDATE: 1, DISABLE: 1, SHOW: 1}),
    ],
)
def test_finishing_changes_what_differs_and_nothing_else(
    er: Client, server: Server, target: FlowLogTarget, wanted: FlowLogSpec, requests: dict[str, int]
) -> None:
    flow_log = idempotency.create(er, target, WANTED, key=KEY)
    server.requests.reset()

    finished = lifecycle.converge(er, flow_log, wanted)

    assert (finished.name, finished.description, finished.enabled, finished.state) == (
        wanted.name,
        wanted.description,
        wanted.enabled,
        "available",
    )
    assert server.requests.read() == requests
    assert lifecycle.converge(er, finished, WANTED).enabled is True


def test_finishing_what_is_gone_says_so(er: Client, server: Server, target: FlowLogTarget) -> None:
    flow_log = idempotency.create(er, target, WANTED, key=KEY)
    server.store.delete_flow_log(flow_log.id)

    with pytest.raises(NotFoundError):
        lifecycle.converge(er, flow_log, FlowLogSpec(name="other", description="", enabled=True))


def test_a_refused_change_is_unfinished_with_the_services_words(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    flow_log = idempotency.create(er, target, WANTED, key=KEY)

    error = unfinished(
        lambda: lifecycle.converge(er, flow_log, FlowLogSpec(name="no name", description="", enabled=True))
    )

    assert (error.flow_log, error.code, error.status) == (flow_log, "ER.04009005", 400)
    assert error.request_id
    assert only(server).name == "shop"


# Deleting


def test_a_delete_returns_when_the_flow_log_is_gone(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    er = client_of(server)
    flow_log = idempotency.create(er, target_of(server), WANTED, key=KEY)

    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


@pytest.mark.parametrize("status", [404, 400])
def test_deleting_what_is_gone_is_fine(serve: Serve, status: int) -> None:
    server = serve(Behaviour(latency=0.05, missing_flow_log=status))
    er = client_of(server)
    flow_log = idempotency.create(er, target_of(server), WANTED, key=KEY)

    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)
    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []
    assert server.requests.read()[DELETE] == 2


@pytest.mark.parametrize("state", ["pending", "modifying"])
def test_one_that_is_being_operated_is_deleted_as_soon_as_it_may(serve: Serve, state: str) -> None:
    server = serve(Behaviour(latency=0))
    flow_log = idempotency.create(client_of(server), target_of(server), WANTED, key=KEY)
    server.store.set_flow_log_state(flow_log.id, state)
    waits: list[str] = []

    def becomes_available_at_the_first_wait(waiting_for: str) -> None:
        waits.append(waiting_for)
        if len(waits) == 1:
            server.store.set_flow_log_state(flow_log.id, "available")

    er = client_of(server, Deadline(report=becomes_available_at_the_first_wait))

    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


def test_one_that_somebody_is_deleting_already_is_waited_for(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.2))
    er = client_of(server)
    flow_log = idempotency.create(er, target_of(server), WANTED, key=KEY)
    er.flow_logs.delete(flow_log.target.er_id, flow_log.id)

    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


def test_one_that_failed_can_be_deleted(er: Client, server: Server, target: FlowLogTarget) -> None:
    flow_log = idempotency.create(er, target, WANTED, key=KEY)
    server.store.set_flow_log_state(flow_log.id, "failed")

    lifecycle.delete(er, target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


def test_one_whose_attachment_is_gone_can_be_deleted(er: Client, server: Server, target: FlowLogTarget) -> None:
    flow_log = idempotency.create(er, target, WANTED, key=KEY)
    server.store.remove_attachment("vpc-a")

    lifecycle.delete(er, target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


def test_a_deletion_that_fails_is_told(serve: Serve) -> None:
    server = serve(FOREVER)
    flow_log = accepted(client_of(server), target_of(server))
    server.store.set_flow_log_state(flow_log.id, "available")
    er = client_of(server, Deadline(report=lambda _: server.store.set_flow_log_state(flow_log.id, "failed")))

    with pytest.raises(FailedStateError) as caught:
        lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert str(caught.value) == f"the service could not delete flow log {flow_log.id}: it is in state failed"


def test_a_failure_from_before_the_deletion_is_waited_out_for_a_moment(serve: Serve) -> None:
    server = serve(FOREVER)
    flow_log = accepted(client_of(server), target_of(server))
    server.store.set_flow_log_state(flow_log.id, "failed")
    waits: list[str] = []

    def is_shown_as_failed_twice(waiting_for: str) -> None:
        waits.append(waiting_for)
        if len(waits) <= 2:
            server.store.set_flow_log_state(flow_log.id, "failed")
        else:
            server.store.delete_flow_log(flow_log.id)

    er = client_of(server, Deadline(report=is_shown_as_failed_twice))
    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


def test_a_deletion_that_does_not_end_costs_the_callers_patience_only(serve: Serve) -> None:
    server = serve(FOREVER)
    flow_log = accepted(client_of(server), target_of(server))
    server.store.set_flow_log_state(flow_log.id, "available")

    with pytest.raises(DeadlineExceededError) as caught:
        lifecycle.delete(client_of(server, Deadline(seconds=0.2)), flow_log.target.er_id, flow_log.id)

    assert caught.value.message == "gave up after 0 s of waiting for deletion: deleting"


# The token


def test_the_token_never_changes_because_runs_of_different_versions_must_agree_on_it() -> None:
    target = FlowLogTarget(er_id="r", resource_id="a", log_group_id="g", log_stream_id="s")

    assert (
        idempotency.client_token("key", target, 0) == "ff0704292a7164dd47f1eafff43d5bf45a17ce6e484b1ea1f62e4b28fd8ad07a"
    )


def test_the_token_says_who_and_what_and_which_attempt() -> None:
    target = FlowLogTarget(er_id="r", resource_id="a", log_group_id="g", log_stream_id="s")
    others = [FlowLogTarget(**{**vars(target), field: "x"}) for field in vars(target)]
    tokens = [
        idempotency.client_token("key", target, 0),
        idempotency.client_token("other", target, 0),
        idempotency.client_token("key", target, 1),
        *(idempotency.client_token("key", other, 0) for other in others),
    ]

    assert len(set(tokens)) == len(tokens)
    assert {len(token) for token in tokens} == {64}

"""Exactly one flow log, or none, from an API that only accepts, replays and lags."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from emulator import Behaviour, Server
from emulator.flow_logs import FlowLog as StoredFlowLog
from providers.er import Client, Deadline, idempotency, lifecycle
from providers.er.exceptions import (
    AlreadyExistsError,
    ApiError,
    BusyError,
    DeadlineExceededError,
    FailedStateError,
    InvalidParametersError,
    NotFoundError,
    OperationCancelledError,
)
from providers.er.flow_logs import FlowLog, FlowLogs, FlowLogSpec, FlowLogTarget
from providers.er.idempotency import TargetTakenError
from providers.er.lifecycle import IncompleteError
from tests.emulator.clients import CREATE, DELETE, DISABLE, LIST, SHOW, UPDATE, client_of, only, target_of
from tests.waiting import when

Serve = Callable[..., Server]
KEY = "5d1c2c0e-3b0e-4a35-9a52-6f0f9c0f8a11"
SHOP = FlowLogSpec(name="shop", description="", enabled=True)
NEVER = Behaviour(latency=3600)  # what is accepted is not done within any test


@pytest.fixture
def target(server: Server) -> FlowLogTarget:
    return target_of(server)


def create(er: Client, target: FlowLogTarget, desired: FlowLogSpec = SHOP, key: str | None = KEY) -> FlowLog:
    return idempotency.create(er, target, desired, key=key)


def send_create(er: Client, target: FlowLogTarget, name: str = "shop", number: int = 0) -> FlowLog:
    """What a run leaves that ends right after its create was accepted."""
    token = idempotency.client_token(KEY, target, number)
    return er.flow_logs.create(target, name=name, description="", client_token=token)


def create_elsewhere(er: Client, target: FlowLogTarget) -> FlowLog:
    """A flow log of another caller."""
    return er.flow_logs.create(target, name="theirs", description="hands off", client_token="another-token")


def taken(er: Client, target: FlowLogTarget, desired: FlowLogSpec = SHOP, key: str | None = KEY) -> TargetTakenError:
    with pytest.raises(TargetTakenError) as caught:
        create(er, target, desired, key)
    return caught.value


def incomplete(call: Callable[[], object]) -> IncompleteError:
    with pytest.raises(IncompleteError) as caught:
        call()
    return caught.value


def spec_of(flow_log: FlowLog | StoredFlowLog) -> FlowLogSpec:
    return FlowLogSpec(name=flow_log.name, description=flow_log.description, enabled=flow_log.enabled)


# Creating


@pytest.mark.parametrize(("key", "enabled"), [(KEY, True), (None, False)])
def test_create_returns_when_the_flow_log_is_as_desired(serve: Serve, key: str | None, enabled: bool) -> None:
    server = serve(Behaviour(latency=0.1))
    desired = FlowLogSpec(name="shop", description="all of it", enabled=enabled)

    flow_log = create(client_of(server), target_of(server), desired, key)

    assert (flow_log.id, flow_log.state, flow_log.target) == (only(server).id, "available", target_of(server))
    assert spec_of(flow_log) == spec_of(only(server)) == desired
    counts = server.requests.read()
    assert counts.pop(SHOW) >= 1
    assert counts == {CREATE: 1, **({} if enabled else {DISABLE: 1})}


def test_creates_at_the_same_moment_with_one_key_create_one_flow_log(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    er, target = client_of(server), target_of(server)
    together = threading.Barrier(16)

    def run(_index: int) -> str:
        together.wait(30)
        return create(er, target).id

    with ThreadPoolExecutor(16) as threads:
        assert set(threads.map(run, range(16))) == {only(server).id}


def test_deleted_flow_log_is_created_again_each_time(er: Client, server: Server, target: FlowLogTarget) -> None:
    ids = []
    for generation in range(1, 5):
        server.requests.reset()
        ids.append(create(er, target).id)
        assert server.requests.read()[CREATE] == generation
        server.store.delete_flow_log(ids[-1])

    assert len(set(ids)) == 4
    crashed = send_create(er, target, number=4)
    assert create(er, target).id == crashed.id


def test_one_key_creates_and_deletes_under_ever_new_names(er: Client, server: Server, target: FlowLogTarget) -> None:
    for generation in range(idempotency.MAX_REFUSALS + 2):
        created = create(er, target, replace(SHOP, name=f"release-{generation}"))
        assert created.name == f"release-{generation}"
        lifecycle.delete(er, target.er_id, created.id)
    assert server.store.flow_logs.live() == []


def test_flow_log_deleted_while_it_is_pending_is_created_again(serve: Serve) -> None:
    server = serve(Behaviour(latency=0.1))
    lost: list[str] = []

    def delete_the_first() -> None:
        if not lost:
            lost.append(only(server).id)
            server.store.delete_flow_log(lost[0])

    er = client_of(server, Deadline(report=when("available", delete_the_first)))

    assert create(er, target_of(server)).id == only(server).id != lost[0]


def test_replay_of_a_deleted_flow_log_is_not_believed(
    er: Client, server: Server, target: FlowLogTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = create(er, target)
    lifecycle.delete(er, target.er_id, first.id)
    send = FlowLogs.create

    def answer_as_it_was(self: FlowLogs, *arguments: FlowLogTarget, **named: str) -> FlowLog:
        answer = send(self, *arguments, **named)  # type: ignore[arg-type]
        return first if answer.id == first.id else answer

    monkeypatch.setattr(FlowLogs, "create", answer_as_it_was)

    assert create(er, target).id == only(server).id != first.id


# After an interrupted run


@pytest.mark.parametrize("desired", [SHOP, FlowLogSpec(name="renamed", description="described", enabled=False)])
@pytest.mark.parametrize(
    "behaviour", [Behaviour(latency=0), Behaviour(latency=0.2), Behaviour(latency=0, list_lag=0.3)], ids=repr
)
def test_flow_log_of_an_interrupted_run_is_found_and_converged(
    serve: Serve, desired: FlowLogSpec, behaviour: Behaviour
) -> None:
    server = serve(behaviour)
    er, target = client_of(server, poll=0.1), target_of(server)
    crashed = send_create(er, target)

    flow_log = create(er, target, desired)

    assert flow_log.id == crashed.id == only(server).id
    assert spec_of(flow_log) == spec_of(only(server)) == desired


# A target that is taken


def test_target_of_another_caller_is_named_and_not_changed(er: Client, server: Server, target: FlowLogTarget) -> None:
    holder = create_elsewhere(er, target)
    before = only(server)
    server.requests.reset()

    error = taken(er, target)

    assert str(error).startswith(
        f"attachment {target.resource_id} already has flow log 'theirs', id {holder.id}, for log group"
        f" {target.log_group_id} and log stream {target.log_stream_id} (ER.04008503, HTTP 400, request "
    )
    assert (error.holder.id, error.holder.name, error.holder.description) == (holder.id, "theirs", "hands off")
    assert only(server) == before
    assert server.requests.read() == {CREATE: 2, LIST: 1, SHOW: 1}


@pytest.mark.parametrize(("first", "second"), [("another-key", KEY), (None, None)])
def test_flow_log_of_another_key_is_not_taken_over(
    er: Client, server: Server, target: FlowLogTarget, first: str | None, second: str | None
) -> None:
    holder = create(er, target, key=first)

    assert taken(er, target, key=second).holder.id == only(server).id == holder.id


def test_target_that_another_caller_took_since_is_not_taken_over(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    for number, name in enumerate(("old-name", "older-name")):
        server.store.delete_flow_log(send_create(er, target, name, number).id)
    holder = create_elsewhere(er, target)

    assert taken(er, target).holder.id == holder.id
    assert (only(server).id, only(server).name) == (holder.id, "theirs")


@pytest.mark.parametrize("name", ["shop", "old-name", None])
def test_create_waits_for_the_deletion_of_the_holder(serve: Serve, name: str | None) -> None:
    server = serve(Behaviour(latency=0.2))
    er, target = client_of(server), target_of(server)
    holder = send_create(er, target, name) if name else create_elsewhere(er, target)
    er.flow_logs.delete(target.er_id, holder.id)

    created = create(er, target)

    assert created.id != holder.id
    assert (only(server).id, only(server).state, only(server).name) == (created.id, "available", "shop")


def test_holder_whose_deletion_fails_or_does_not_end_is_named(serve: Serve) -> None:
    server = serve(NEVER)
    target = target_of(server)
    holder = create_elsewhere(client_of(server), target)
    server.store.set_flow_log_state(holder.id, "deleting")

    with pytest.raises(DeadlineExceededError) as late:
        create(client_of(server, Deadline(seconds=0.2)), target)
    assert late.value.message == f"gave up after 0 s of waiting for the deletion of flow log {holder.id}: deleting"

    fail = when("the deletion of", lambda: server.store.set_flow_log_state(holder.id, "failed"))
    with pytest.raises(FailedStateError) as failed:
        create(client_of(server, Deadline(report=fail)), target)
    assert str(failed.value) == f"the service could not delete flow log {holder.id}: it is in state failed"

    assert (taken(client_of(server), target).holder.id, only(server).state) == (holder.id, "failed")


# A service that ignores tokens, a list that lags


def test_ignored_tokens_neither_double_nor_change_a_flow_log(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, client_tokens="ignore"))
    er, target = client_of(server), target_of(server)
    first = create(er, target)

    error = taken(er, target, FlowLogSpec(name="other", description="", enabled=False))

    assert error.holder.id == first.id == only(server).id
    assert (only(server).name, only(server).enabled) == ("shop", True)
    lifecycle.delete(er, target.er_id, first.id)
    assert create(er, target).id == only(server).id != first.id


def test_holder_is_searched_until_the_list_shows_it(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=0.2))
    er, target = client_of(server, poll=0.1), target_of(server)
    holder = create_elsewhere(er, target)

    assert taken(er, target).holder.id == holder.id
    assert server.requests.read()[LIST] > 1


def test_holder_that_no_list_shows_ends_in_the_services_message(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=3600))
    er, target = client_of(server), target_of(server)
    create_elsewhere(er, target)
    server.requests.reset()

    with pytest.raises(AlreadyExistsError) as caught:
        create(er, target)

    assert str(caught.value).startswith(f"A flow log of attachment {target.resource_id} to log group")
    assert server.requests.read() == {CREATE: idempotency.MAX_LISTS, LIST: idempotency.MAX_LISTS}


def test_deleted_flow_log_in_a_lagging_list_is_not_a_holder(serve: Serve) -> None:
    server = serve(Behaviour(latency=0, list_lag=0.2))
    er, target = client_of(server), target_of(server)
    old = send_create(er, target, "old-name")
    while not list(er.flow_logs.list(target.er_id)):
        pass
    server.store.delete_flow_log(old.id)

    assert create(er, target).id == only(server).id != old.id


# Flow logs that do not become available


def test_flow_log_that_fails_has_to_be_replaced(serve: Serve) -> None:
    server = serve(NEVER)
    fail = when("available", lambda: server.store.set_flow_log_state(only(server).id, "failed"))

    error = incomplete(lambda: create(client_of(server, Deadline(report=fail)), target_of(server)))

    id_ = only(server).id
    assert str(error) == f"flow log {id_} is in state failed and must be replaced"
    assert (error.flow_log.id, error.flow_log.state) == (id_, "failed")
    assert isinstance(error.__cause__, FailedStateError)
    # As another run finds it, too.
    assert incomplete(lambda: create(client_of(server), target_of(server))).flow_log.state == "failed"


@pytest.mark.parametrize("desired", [replace(SHOP, enabled=False), replace(SHOP, name="another")])
def test_change_of_a_failed_flow_log_is_not_waited_for(
    desired: FlowLogSpec, er: Client, server: Server, target: FlowLogTarget
) -> None:
    created = create(er, target)
    server.store.set_flow_log_state(created.id, "failed")

    error = incomplete(lambda: lifecycle.converge(er, created, desired))

    assert str(error) == f"flow log {created.id} is in state failed and must be replaced"
    assert error.flow_log.state == "failed"


@pytest.mark.parametrize(("state", "desired"), [("pending", SHOP), ("modifying", replace(SHOP, enabled=False))])
def test_flow_log_that_is_not_ready_in_time_is_converged_later(serve: Serve, state: str, desired: FlowLogSpec) -> None:
    server = serve(NEVER)
    target = target_of(server)
    if state == "modifying":
        server.store.set_flow_log_state(send_create(client_of(server), target).id, "available")

    error = incomplete(lambda: create(client_of(server, Deadline(seconds=0.3)), target, desired))

    assert (error.flow_log.id, error.flow_log.state, error.flow_log.enabled) == (only(server).id, state, True)
    assert error.message == f"gave up after 0 s of waiting for available: {state}"
    server.store.set_flow_log_state(only(server).id, "available")
    assert lifecycle.converge(client_of(server), error.flow_log, SHOP).state == "available"


def test_cancelled_create_is_incomplete_at_once(serve: Serve) -> None:
    server = serve(NEVER)
    cancelled = threading.Event()
    deadline = Deadline(seconds=3600, cancelled=cancelled, report=lambda _: cancelled.set())

    error = incomplete(lambda: create(client_of(server, deadline), target_of(server)))

    assert str(error) == "cancelled while waiting for available: pending"
    assert isinstance(error.__cause__, OperationCancelledError)


def test_create_that_was_never_accepted_is_not_incomplete(server: Server) -> None:
    server.store.set_router_state("er-main", "modifying")

    with pytest.raises(DeadlineExceededError) as caught:
        create(client_of(server, Deadline(seconds=0.1)), target_of(server))

    assert caught.value.code == "ER.04001003"
    assert isinstance(caught.value.__cause__, BusyError)
    assert server.store.flow_logs.live() == []


def test_invalid_parameters_are_reported_after_few_requests(er: Client, server: Server, target: FlowLogTarget) -> None:
    with pytest.raises(InvalidParametersError) as caught:
        create(er, replace(target, log_group_id="no-such-group"))

    assert "log group no-such-group does not exist" in str(caught.value)
    assert server.requests.read()[CREATE] <= idempotency.MAX_REFUSALS + 1
    assert sum(server.requests.read().values()) <= 2 * (idempotency.MAX_REFUSALS + 1)
    assert server.store.flow_logs.live() == []


@pytest.mark.parametrize(("attachment", "code"), [("cfw-a", "ER.04008500"), ("vpc-second", "ER.04044001")])
def test_other_refusal_of_a_create_is_raised_at_once(er: Client, server: Server, attachment: str, code: str) -> None:
    target = replace(target_of(server, attachment), er_id=server.store.router("er-main").id)

    with pytest.raises(ApiError) as caught:
        create(er, target)

    assert caught.value.code == code
    assert server.requests.read() == {CREATE: 1}


# Converging


@pytest.mark.parametrize(
    ("desired", "requests"),
    [
        (SHOP, {}),
        (replace(SHOP, name="other"), {UPDATE: 1}),
        (replace(SHOP, description="other"), {UPDATE: 1}),
        (replace(SHOP, enabled=False), {DISABLE: 1, SHOW: 1}),
        (FlowLogSpec(name="other", description="", enabled=False), {UPDATE: 1, DISABLE: 1, SHOW: 1}),
    ],
)
def test_converging_changes_only_what_differs(
    er: Client, server: Server, target: FlowLogTarget, desired: FlowLogSpec, requests: dict[str, int]
) -> None:
    flow_log = create(er, target)
    server.requests.reset()

    converged = lifecycle.converge(er, flow_log, desired)

    assert (spec_of(converged), converged.state) == (desired, "available")
    assert server.requests.read() == requests
    assert lifecycle.converge(er, converged, SHOP).enabled is True


def test_refused_change_is_incomplete_and_of_a_missing_one_not_found(
    er: Client, server: Server, target: FlowLogTarget
) -> None:
    flow_log = create(er, target)

    error = incomplete(lambda: lifecycle.converge(er, flow_log, replace(SHOP, name="no name")))

    assert (error.flow_log, error.code, error.status) == (flow_log, "ER.04009005", 400)
    assert error.request_id
    assert only(server).name == "shop"
    server.store.delete_flow_log(flow_log.id)
    with pytest.raises(NotFoundError):
        lifecycle.converge(er, flow_log, replace(SHOP, name="other"))


# Deleting


@pytest.mark.parametrize("status", [404, 400])
def test_delete_waits_until_the_flow_log_is_gone_and_may_be_repeated(serve: Serve, status: int) -> None:
    server = serve(Behaviour(latency=0.1, missing_flow_log=status))
    er, target = client_of(server), target_of(server)
    flow_log = create(er, target)

    lifecycle.delete(er, target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []
    lifecycle.delete(er, target.er_id, flow_log.id)
    assert server.requests.read()[DELETE] == 2


CHANGES: dict[str, Callable[[Server, str], object]] = {
    "pending": lambda _server, _id: None,
    "modifying": lambda server, id_: client_of(server).flow_logs.disable(target_of(server).er_id, id_),
    "already deleting": lambda server, id_: client_of(server).flow_logs.delete(target_of(server).er_id, id_),
    "failed": lambda server, id_: server.store.set_flow_log_state(id_, "failed"),
    "without its attachment": lambda server, _id: server.store.remove_attachment("vpc-a"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_flow_log_is_deleted_whatever_happened_to_it(serve: Serve, change: str) -> None:
    server = serve(Behaviour(latency=0.2))
    er, target = client_of(server), target_of(server)
    flow_log = send_create(er, target)
    CHANGES[change](server, flow_log.id)

    lifecycle.delete(er, target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []


def test_deletion_that_fails_is_reported(serve: Serve) -> None:
    server = serve(NEVER)
    flow_log = send_create(client_of(server), target_of(server))
    server.store.set_flow_log_state(flow_log.id, "available")
    er = client_of(server, Deadline(report=lambda _: server.store.set_flow_log_state(flow_log.id, "failed")))

    with pytest.raises(FailedStateError) as failed:
        lifecycle.delete(er, flow_log.target.er_id, flow_log.id)
    assert str(failed.value) == f"the service could not delete flow log {flow_log.id}: it is in state failed"


def test_failure_from_before_the_deletion_is_ignored_for_a_moment(serve: Serve) -> None:
    server = serve(NEVER)
    flow_log = send_create(client_of(server), target_of(server))
    server.store.set_flow_log_state(flow_log.id, "failed")
    waits: list[str] = []

    def show_failed_twice(waiting_for: str) -> None:
        waits.append(waiting_for)
        if len(waits) <= 2:
            server.store.set_flow_log_state(flow_log.id, "failed")
        else:
            server.store.delete_flow_log(flow_log.id)

    er = client_of(server, Deadline(report=show_failed_twice))
    lifecycle.delete(er, flow_log.target.er_id, flow_log.id)

    assert server.store.flow_logs.live() == []

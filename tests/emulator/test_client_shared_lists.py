"""Many operations at once against the real server: few requests, and nothing believed that only a list says."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

import pytest

from emulator import Behaviour, Server
from providers.er import Client, Deadline, Endpoints, idempotency, lifecycle
from providers.er.auth.token import TokenCredentials
from providers.er.background import MAX_CONCURRENT_CALLS
from providers.er.exceptions import ApiError, DeadlineExceededError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from tests.emulator.clients import CREATE, DELETE, LIST, SHOW
from tests.waiting import eventually

Serve = Callable[..., Server]
T = TypeVar("T")
COUNT = 40


def client_of(server: Server) -> Client:
    """A client as it is used, with its own waits."""
    return Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))


def targets_of(server: Server) -> list[FlowLogTarget]:
    server.store.set_quota(-1)
    er_id = server.store.router("er-main").id
    group = "00000000-0000-4000-b000-000000000001"
    stream = "00000000-0000-4000-b000-000000000011"
    return [
        FlowLogTarget(
            er_id=er_id,
            resource_id=server.store.add_attachment("er-main", f"vpc-{number}"),
            log_group_id=group,
            log_stream_id=stream,
        )
        for number in range(COUNT)
    ]


def at_once(call: Callable[[T], object], things: list[T]) -> list[object]:
    """What each call returned, or raised."""
    together = threading.Barrier(len(things))

    def run(thing: T) -> object:
        together.wait(60)
        try:
            return call(thing)
        except (NotFoundError, DeadlineExceededError, lifecycle.IncompleteError) as error:
            return error

    with ThreadPoolExecutor(len(things)) as threads:
        return list(threads.map(run, things))


def create(client: Client, target: FlowLogTarget) -> FlowLog:
    wanted = FlowLogSpec(name=f"log-{target.resource_id}", description="", enabled=True)
    return idempotency.create(client, target, wanted, key="key")


def created(server: Server) -> list[FlowLog]:
    client = client_of(server)
    return [
        one for one in at_once(lambda target: create(client, target), targets_of(server)) if isinstance(one, FlowLog)
    ]


def test_creates_that_wait_together_share_their_looks(serve: Serve) -> None:
    server = serve(Behaviour(latency=1.0))

    made = created(server)

    assert {one.id for one in made} == {one.id for one in server.store.flow_logs.live()}
    assert {one.state for one in made} == {"available"}
    requests = server.requests.read()
    assert requests[CREATE] == len(made) == COUNT
    assert requests.get(LIST, 0) + requests.get(SHOW, 0) < COUNT / 2


def test_deletes_that_wait_together_share_their_looks_and_each_is_shown_once_it_is_missing(serve: Serve) -> None:
    server = serve(Behaviour(latency=1.0))
    made = created(server)
    server.requests.reset()
    client = client_of(server)

    at_once(lambda one: lifecycle.delete(client, one.target.er_id, one.id, resource_id=one.target.resource_id), made)

    assert server.store.flow_logs.live() == []
    requests = server.requests.read()
    assert requests[DELETE] == COUNT
    assert requests[SHOW] >= COUNT
    assert requests[LIST] + requests[SHOW] < 2 * COUNT


@pytest.mark.parametrize("missing", [404, 400])
def test_a_list_that_lags_takes_and_adds_nothing(serve: Serve, missing: int) -> None:
    server = serve(Behaviour(latency=0.2, list_lag=3600, missing_flow_log=missing))
    made = created(server)
    assert {one.id for one in made} == {one.id for one in server.store.flow_logs.live()}
    assert len(made) == COUNT
    client = client_of(server)
    for one in made[:5]:
        server.store.delete_flow_log(one.id)

    def read(one: FlowLog) -> FlowLog:
        return client.poller.read(
            one.target.er_id, one.id, resource_id=one.target.resource_id, is_expected=lambda now: now == one
        )

    found = at_once(read, made)

    assert [type(one) for one in found[:5]] == [NotFoundError] * 5
    assert found[5:] == made[5:]


def test_a_change_that_a_lagging_list_does_not_have_is_read_all_the_same(serve: Serve) -> None:
    made = created(serve(Behaviour(latency=0)))
    server = serve(Behaviour(latency=0, list_lag=3600))
    client = client_of(server)
    for one in made:
        client.flow_logs.update(one.target.er_id, one.id, name="renamed", description="")

    def read(one: FlowLog) -> FlowLog:
        # What the run before last has in its state is what the list still says: only a change is suspicious.
        return client.poller.read(
            one.target.er_id, one.id, resource_id=one.target.resource_id, is_expected=lambda now: now.name == "renamed"
        )

    assert {one.name for one in at_once(read, made) if isinstance(one, FlowLog)} == {"renamed"}


def test_one_whose_patience_ends_leaves_the_others_to_their_wait(serve: Serve) -> None:
    server = serve(Behaviour(latency=1.0))
    client, targets = client_of(server), targets_of(server)
    bounded = client.with_deadline(Deadline(seconds=0.2))

    found = at_once(lambda target: create(bounded if target is targets[0] else client, target), targets)

    assert isinstance(found[0], lifecycle.IncompleteError)
    assert {one.state for one in found[1:] if isinstance(one, FlowLog)} == {"available"}
    assert len(server.store.flow_logs.live()) == COUNT


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.usefixtures("default_answer_grace")
def test_those_who_wait_for_an_answer_are_cancelled_without_it(silent: str) -> None:
    cancelled = threading.Event()
    told = threading.Semaphore(0)
    client = Client(TokenCredentials("token", "project"), Endpoints.at(silent))

    def ask(number: int) -> object:
        bound = client.with_deadline(Deadline(cancelled=cancelled, report=lambda _words: told.release()))
        return bound.flow_logs.get("router", f"flow-log-{number}")

    def cancel() -> None:
        for _ in range(100):
            assert told.acquire(timeout=60)
        cancelled.set()

    threading.Thread(target=cancel, daemon=True).start()
    found = at_once(ask, list(range(100)))

    # None of them has waited for the 30 seconds after which a silent connection is given up, or it would say so.
    assert {str(error) for error in found} == {"cancelled while waiting for the service to answer"}


class Slow(BaseHTTPRequestHandler):
    """Answers nothing before it is let, and counts who waits."""

    lock = threading.Lock()
    received = waiting = most = 0
    go_on = threading.Event()

    def do_POST(self) -> None:
        with self.lock:
            Slow.received += 1
            Slow.waiting += 1
            Slow.most = max(Slow.most, Slow.waiting)
        self.go_on.wait(30)
        with self.lock:
            Slow.waiting -= 1
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Nothing."""


@pytest.fixture
def slow() -> Iterator[str]:
    Slow.received = Slow.waiting = Slow.most = 0
    Slow.go_on.clear()
    ThreadingHTTPServer.request_queue_size = 200
    with ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        Slow.go_on.set()
        server.shutdown()


def test_no_more_calls_are_under_way_at_once_than_a_service_bears(slow: str) -> None:
    client = Client(TokenCredentials("token", "project"), Endpoints.at(slow))

    def go_on() -> None:
        eventually(lambda: Slow.waiting >= MAX_CONCURRENT_CALLS)
        threading.Event().wait(0.5)  # in which more could come
        Slow.go_on.set()

    threading.Thread(target=go_on, daemon=True).start()

    def enable(number: int) -> str:
        with pytest.raises(ApiError) as caught:
            client.flow_logs.enable("router", f"flow-log-{number}")
        return str(caught.value)

    at_once(enable, list(range(2 * MAX_CONCURRENT_CALLS)))

    assert Slow.received == 2 * MAX_CONCURRENT_CALLS
    assert Slow.most == MAX_CONCURRENT_CALLS


def test_no_call_is_begun_after_its_operation_was_cancelled(slow: str) -> None:
    cancelled = threading.Event()
    client = Client(TokenCredentials("token", "project"), Endpoints.at(slow)).with_deadline(
        Deadline(cancelled=cancelled)
    )

    def cancel() -> None:
        eventually(lambda: Slow.waiting >= MAX_CONCURRENT_CALLS)
        cancelled.set()
        Slow.go_on.set()

    threading.Thread(target=cancel, daemon=True).start()

    def enable(number: int) -> None:
        with pytest.raises(ApiError):
            client.flow_logs.enable("router", f"flow-log-{number}")

    at_once(enable, list(range(3 * MAX_CONCURRENT_CALLS)))

    assert Slow.received == MAX_CONCURRENT_CALLS


def test_what_is_enabled_while_lists_lag_is_not_done_before_it_is(serve: Serve) -> None:
    made = created(serve(Behaviour(latency=0)))
    quick = client_of(serve(Behaviour(latency=0)))
    for one in made:
        quick.flow_logs.disable(one.target.er_id, one.id)
        quick.flow_logs.get(one.target.er_id, one.id)
    server = serve(Behaviour(latency=0.3, list_lag=3600))
    client = client_of(server)

    def finish(one: FlowLog) -> FlowLog:
        now = client.flow_logs.get(one.target.er_id, one.id)
        return lifecycle.converge(client, now, FlowLogSpec(name=f"new-{one.id}", description="", enabled=True))

    at_once(finish, made)

    assert {(one.state, one.enabled) for one in server.store.flow_logs.live()} == {("available", True)}
    assert {one.name for one in server.store.flow_logs.live()} == {f"new-{one.id}" for one in made}


def test_the_threads_that_send_calls_end_with_them(server: Server) -> None:
    client = client_of(server)
    for _ in range(20):
        with contextlib.suppress(NotFoundError):
            client.flow_logs.get(server.store.router("er-main").id, "00000000-0000-4000-d000-000000000001")
    for thread in threading.enumerate():
        if thread.name == "call":
            thread.join(30)
            assert not thread.is_alive()

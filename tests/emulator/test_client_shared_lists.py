"""Many operations at once against the emulator: few requests, and no trust in what only a list shows."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

import pytest

from emulator import Behaviour, Server
from providers.config import ProviderConfig
from providers.config_keys import STACKS_AT_ONCE
from providers.er import Client, Deadline, Endpoints, idempotency, lifecycle
from providers.er.auth.token import TokenCredentials
from providers.er.background import MAX_CONCURRENT_CALLS
from providers.er.exceptions import ApiError, NotFoundError, OperationStoppedError
from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from tests.emulator.clients import CREATE, DELETE, LIST, SHOW, target_of
from tests.waiting import eventually

Serve = Callable[..., Server]
T = TypeVar("T")
COUNT = 32


def client_of(server: Server) -> Client:
    """A client with the default waits."""
    return client_at(server.url, server.token, server.project_id)


def client_at(url: str, token: str = "token", project_id: str = "project") -> Client:
    return Client(TokenCredentials(token, project_id), Endpoints.at(url))


def targets_of(server: Server) -> list[FlowLogTarget]:
    server.store.set_quota(-1)
    target = target_of(server)
    return [
        replace(target, resource_id=server.store.add_attachment("er-main", f"vpc-{number}")) for number in range(COUNT)
    ]


def at_once(call: Callable[[T], object], things: list[T]) -> list[object]:
    """What each call returned, or raised."""
    together = threading.Barrier(len(things))

    def run(thing: T) -> object:
        together.wait(60)
        try:
            return call(thing)
        except (NotFoundError, OperationStoppedError, lifecycle.IncompleteError) as error:
            return error

    with ThreadPoolExecutor(len(things)) as threads:
        return list(threads.map(run, things))


def created(server: Server) -> list[FlowLog]:
    client = client_of(server)
    desired = FlowLogSpec(name="shop", description="", enabled=True)
    found = at_once(lambda target: idempotency.create(client, target, desired, key="key"), targets_of(server))
    return [flow_log for flow_log in found if isinstance(flow_log, FlowLog)]


def test_creates_that_wait_together_share_lists(serve: Serve) -> None:
    server = serve(Behaviour(latency=1.0))

    flow_logs = created(server)

    assert {flow_log.id for flow_log in flow_logs} == {flow_log.id for flow_log in server.store.flow_logs.live()}
    assert {flow_log.state for flow_log in flow_logs} == {"available"}
    requests = server.requests.read()
    assert requests[CREATE] == len(flow_logs) == COUNT
    assert requests.get(LIST, 0) + requests.get(SHOW, 0) < COUNT / 2


def test_deletes_that_wait_together_share_lists_and_end_with_a_show(serve: Serve) -> None:
    flow_logs = created(serve())
    server = serve(Behaviour(latency=1.0))
    client = client_of(server)

    def delete(flow_log: FlowLog) -> None:
        target = flow_log.target
        lifecycle.delete(client, target.er_id, flow_log.id, resource_id=target.resource_id)

    at_once(delete, flow_logs)

    assert server.store.flow_logs.live() == []
    requests = server.requests.read()
    assert requests[DELETE] == COUNT
    assert requests[SHOW] >= COUNT
    assert requests[LIST] + requests[SHOW] < 2 * COUNT


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.usefixtures("default_answer_grace")
def test_operations_are_cancelled_while_they_wait_for_an_answer(silent: str) -> None:
    cancelled = threading.Event()
    reported = threading.Semaphore(0)
    client = client_at(silent)

    def ask(number: int) -> object:
        bound = client.with_deadline(Deadline(cancelled=cancelled, report=lambda _text: reported.release()))
        return bound.flow_logs.get("router", f"flow-log-{number}")

    def cancel() -> None:
        for _ in range(100):
            assert reported.acquire(timeout=60)
        cancelled.set()

    threading.Thread(target=cancel, daemon=True).start()
    found = at_once(ask, list(range(100)))

    # None of them has waited for the 30 s after which a silent connection is given up.
    assert {str(error) for error in found} == {"cancelled while waiting for the service to answer"}


class Slow(BaseHTTPRequestHandler):
    """Answers when `go_on` is set, and counts the calls that wait."""

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


def enable_at_once(client: Client, number: int) -> None:
    """Enable as many flow logs at once, all of which the service refuses."""

    def enable(index: int) -> None:
        with pytest.raises(ApiError):
            client.flow_logs.enable("router", f"flow-log-{index}")

    at_once(enable, list(range(number)))


@pytest.mark.parametrize(("stacks", "most"), [("", MAX_CONCURRENT_CALLS), ("4", MAX_CONCURRENT_CALLS // 4)])
def test_number_of_calls_at_once_is_bounded_for_all_stacks_together(slow: str, stacks: str, most: int) -> None:
    def go_on() -> None:
        eventually(lambda: Slow.waiting >= most)
        threading.Event().wait(0.5)  # in which more could come
        Slow.go_on.set()

    config = {"endpoint": slow, "token": "token", "project_id": "project"}
    threading.Thread(target=go_on, daemon=True).start()
    enable_at_once(ProviderConfig(config.get, {STACKS_AT_ONCE: stacks}).client(), 2 * MAX_CONCURRENT_CALLS)

    assert Slow.received == 2 * MAX_CONCURRENT_CALLS
    assert Slow.most == most


def test_no_call_is_begun_after_a_cancellation(slow: str) -> None:
    cancelled = threading.Event()

    def cancel() -> None:
        eventually(lambda: Slow.waiting >= MAX_CONCURRENT_CALLS)
        cancelled.set()
        Slow.go_on.set()

    threading.Thread(target=cancel, daemon=True).start()
    enable_at_once(client_at(slow).with_deadline(Deadline(cancelled=cancelled)), 3 * MAX_CONCURRENT_CALLS)

    assert Slow.received == MAX_CONCURRENT_CALLS


def test_enabling_under_lagging_lists_ends_when_it_is_done(serve: Serve) -> None:
    flow_logs = created(quick := serve())
    for flow_log in flow_logs:
        quick.store.disable_flow_log(flow_log.id)
    server = serve(Behaviour(latency=0.3, list_lag=3600))
    client = client_of(server)

    def converge(flow_log: FlowLog) -> FlowLog:
        now = client.flow_logs.get(flow_log.target.er_id, flow_log.id)
        return lifecycle.converge(client, now, FlowLogSpec(name=f"new-{flow_log.id}", description="", enabled=True))

    at_once(converge, flow_logs)

    assert {(log.name, log.state, log.enabled) for log in server.store.flow_logs.live()} == {
        (f"new-{flow_log.id}", "available", True) for flow_log in flow_logs
    }


def test_threads_of_calls_end_with_them(server: Server) -> None:
    client = client_of(server)
    for _ in range(20):
        with contextlib.suppress(NotFoundError):
            client.flow_logs.get(server.store.router("er-main").id, "00000000-0000-4000-d000-000000000001")
    for thread in threading.enumerate():
        if thread.name == "call":
            thread.join(30)
            assert not thread.is_alive()

"""Answers that come in drops, and answers that tell of another time."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from emulator import Server
from providers.er import Client, Deadline, Endpoints, idempotency, lifecycle
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLog, FlowLogs, FlowLogSpec, FlowLogTarget


@pytest.fixture
def dripping() -> Iterator[str]:
    """The address of a server whose answers never come to an end: a byte, now and then."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
            while not ended.wait(0.1):
                connection.sendall(b" ")

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended.set()
    listener.close()


def test_an_answer_that_comes_in_drops_ends_with_the_patience_of_the_caller(dripping: str) -> None:
    client = Client(TokenCredentials("token", "project"), Endpoints.at(dripping)).with_deadline(Deadline(seconds=2))
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            client.flow_logs.get("router", "flow-log")
        except ApiError as error:
            raised.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(60)

    assert not asking.is_alive(), "it waits for ever"
    assert "to send its answer" in str(raised[0])


def test_a_replay_that_calls_a_deleted_flow_log_available_is_not_believed(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = server.store
    group = store.log_tank.groups(server.project_id)[0]
    routers = {router.id for router in store.network.all_routers() if router.project_id == server.project_id}
    attachment = next(
        one
        for one in store.network.all_attachments()
        if one.er_id in routers and one.resource_type == "vpc" and one.state == "available"
    )
    target = FlowLogTarget(
        er_id=attachment.er_id,
        resource_id=attachment.id,
        log_group_id=group.id,
        log_stream_id=store.log_tank.streams(server.project_id, group.id)[0].id,
    )
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url), poll=lambda _: 0.05)
    wanted = FlowLogSpec(name="log", description="", enabled=True)
    first = idempotency.create(client, target, wanted, key="key")
    lifecycle.delete(client, target.er_id, first.id)
    create = FlowLogs.create

    def as_it_was_then(self: FlowLogs, *arguments: FlowLogTarget, **named: str) -> FlowLog:
        answer = create(self, *arguments, **named)  # type: ignore[arg-type]
        return first if answer.id == first.id else answer

    monkeypatch.setattr(FlowLogs, "create", as_it_was_then)

    second = idempotency.create(client, target, wanted, key="key")

    assert second.id != first.id
    assert client.flow_logs.get(target.er_id, second.id).state == "available"

"""The server itself: embedded, counting requests, closed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import emulator
from emulator import EmulatorError, Server
from tests.emulator.plain_client import PlainClient, body
from tests.emulator.process import PROJECT_FOLDER
from tests.waiting import SECONDS

LIST = "GET /v3/{project_id}/enterprise-router/{er_id}/flow-logs"


def test_server_needs_only_a_file(tmp_path: Path) -> None:
    with emulator.serve(tmp_path / "emulator.db") as server:
        client = PlainClient.of(server, "er-core")
        assert client.list()["flow_logs"] == []
        group, stream = server.store.log_group("network").id, "61c9f0a8-e3d7-4b25-9a84-f5d0c6b7e192"
        new = body("one", server.store.attachment("vpc-shop").id, group=group, stream=stream)
        assert client.create(new)["state"] == "pending"


def test_closed_server_leaves_no_port_and_no_thread(server: Server) -> None:
    assert any(thread.name == "emulator" for thread in threading.enumerate())
    address = urlsplit(server.url)
    PlainClient.of(server).list()
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), int(address.port or 0)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("emulator", "waitress"))]


def test_client_may_disconnect_while_the_server_closes(
    server: Server, client: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.list()
    pull_trigger = server._waitress.pull_trigger

    def disconnect_first() -> None:
        client.session.close()
        server._thread.join(timeout=SECONDS)
        pull_trigger()

    monkeypatch.setattr(server._waitress, "pull_trigger", disconnect_first)
    server.close()


def test_server_listens_on_loopback_only(server: Server, db: Path) -> None:
    address = urlsplit(server.url)
    port = int(address.port or 0)
    assert address.hostname == "127.0.0.1"
    # All of 127.0.0.0/8 is loopback: a server that listens on all addresses would answer here, too.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port))
    with pytest.raises(EmulatorError, match=f"port {port}"):
        emulator.serve(db, port=port)


def test_requests_are_counted_by_method_and_route(server: Server, client: PlainClient) -> None:
    client.list()
    client.list(limit=5)
    client.show("nothing")
    counted = requests.get(f"{server.url}/_emulator/requests").json()
    assert counted == {"requests": {LIST: 2, f"{LIST}/{{flow_log_id}}": 1}, "total": 3}
    assert server.requests.read() == counted["requests"]
    assert requests.delete(f"{server.url}/_emulator/requests").status_code == 204
    assert requests.get(f"{server.url}/_emulator/requests").json() == {"requests": {}, "total": 0}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/x"), ("PATCH", "/v3/auth/tokens"), ("GET", "/v3/x/enterprise-router/y/flow_logs"), ("PUT", "/v3//x")],
)
def test_unknown_route_is_refused_by_the_gateway(server: Server, method: str, path: str) -> None:
    answer = requests.request(method, server.url + path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "APIG.0101")


@pytest.mark.usefixtures("no_garbage_collection")
def test_oversized_or_deeply_nested_body_is_refused(client: PlainClient) -> None:
    headers = {"Content-Type": "application/json"}
    assert client.session.post(client.flow_logs, data=b"x" * (2 << 20)).status_code == 413
    answer = client.session.post(client.flow_logs, data=b"[" * 500_000, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ER.04009005")


def test_importing_the_package_loads_no_other_package() -> None:
    modules = ("werkzeug", "waitress", "yaml", "pydantic", "sqlite3")
    code = f"import emulator, sys; print([name for name in {modules} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_FOLDER, check=True
    )
    assert result.stdout == "[]\n"

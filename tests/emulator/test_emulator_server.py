"""The server as such: embedded, counted, closed."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

import emulator
from emulator import EmulatorError, Server
from tests.emulator.contract_cases import SEED
from tests.emulator.plain_client import PlainClient, body
from tests.emulator.process import PROJECT_FOLDER
from tests.waiting import SECONDS

LIST = "GET /v3/{project_id}/enterprise-router/{er_id}/flow-logs"


def test_a_server_needs_a_file_and_nothing_else(tmp_path: Path) -> None:
    with emulator.serve(tmp_path / "emulator.db") as server:
        client = PlainClient.of(server, "er-core")
        assert client.list()["flow_logs"] == []
        made = client.create(
            body(
                "one",
                server.store.attachment("vpc-shop").id,
                group=server.store.log_group("network").id,
                stream="61c9f0a8-e3d7-4b25-9a84-f5d0c6b7e192",
            )
        )
        assert made["state"] == "pending"


def test_a_closed_server_leaves_no_port_and_no_thread(server: Server) -> None:
    assert any(thread.name == "emulator" for thread in threading.enumerate())
    address = urlsplit(server.url)
    PlainClient.of(server).list()
    server.close()
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), int(address.port or 0)))
    assert not [thread for thread in threading.enumerate() if thread.name.startswith(("emulator", "waitress"))]


def test_a_client_that_hangs_up_while_the_server_closes_does_no_harm(
    server: Server, client: PlainClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.list()
    pull_trigger = server._waitress.pull_trigger

    def woken_before_it_is_pulled() -> None:
        client.session.close()
        server._thread.join(timeout=SECONDS)
        pull_trigger()

    monkeypatch.setattr(server._waitress, "pull_trigger", woken_before_it_is_pulled)
    server.close()


def test_a_server_is_on_loopback_alone_on_a_port_and_with_a_token_of_its_own(serve: Callable[..., Server]) -> None:
    first, second = serve(), serve()
    addresses = [urlsplit(server.url) for server in (first, second)]
    assert [address.hostname for address in addresses] == ["127.0.0.1", "127.0.0.1"]
    assert addresses[0].port != addresses[1].port
    assert first.token != second.token
    # All of 127.0.0.0/8 is loopback: who listens on every address of the machine answers here, too.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", int(addresses[0].port or 0)))


def test_a_busy_port_is_told_in_one_sentence(server: Server, db: Path) -> None:
    port = urlsplit(server.url).port
    with pytest.raises(EmulatorError, match=f"port {port}"):
        emulator.serve(db, port=port or 0)


def test_two_servers_on_one_file_show_one_world(serve: Callable[..., Server]) -> None:
    first, second = serve(), serve()
    one = PlainClient.of(first).create(body("one", first.store.attachment("vpc-a").id))["id"]
    assert PlainClient.of(second).ids() == {one}


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
    [("GET", "/"), ("PATCH", "/v3/auth/tokens"), ("GET", "/v3/x/enterprise-router/y/flow_logs"), ("PUT", "/v3//x")],
)
def test_an_unknown_route_is_refused_by_the_gateway(server: Server, method: str, path: str) -> None:
    answer = requests.request(method, server.url + path)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "APIG.0101")


def test_a_body_beyond_a_mebibyte_is_refused(server: Server, client: PlainClient) -> None:
    answer = client.session.post(client.flow_logs, data=b"x" * (2 << 20))
    assert answer.status_code == 413


@pytest.mark.usefixtures("no_garbage_collection")
def test_a_body_nested_beyond_reason_is_refused(client: PlainClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = client.session.post(client.flow_logs, data=b"[" * 500_000, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ER.04009005")


def test_importing_the_package_loads_no_web_server() -> None:
    code = "import emulator, sys; print([m for m in ('werkzeug', 'waitress', 'yaml', 'sqlite3') if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT_FOLDER, check=True
    )
    assert result.stdout == "[]\n"


def test_the_emulator_shares_no_code_with_the_client() -> None:
    for file in Path(emulator.__file__).parent.glob("*.py"):
        source = file.read_text(encoding="utf-8")
        assert "import providers" not in source
        assert "from providers" not in source
        assert "pulumi" not in source


def test_a_seed_given_to_an_embedded_server_is_used(tmp_path: Path) -> None:
    with emulator.serve(tmp_path / "emulator.db", seed=SEED) as server:
        assert server.project_id == "0605767a9980d5762fbcc00b3537e757"

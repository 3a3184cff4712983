"""Many threads and several processes on one file: nothing is lost, nothing created twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator import Server
from tests.emulator.plain_client import PlainClient, body

THREADS = 32


@pytest.fixture
def clients(server: Server, db: Path, run_emulator: Callable[..., Any]) -> list[PlainClient]:
    """A client of a server in this process, and one of a server in another process, on the same file."""
    process = run_emulator("--db", db, "--latency", "0")
    er_id = server.store.router("er-main").id
    return [PlainClient.of(server), PlainClient(process.url, server.token, server.project_id, er_id)]


@pytest.fixture
def new(server: Server) -> list[dict[str, str]]:
    """The bodies of 40 creates, for attachments of their own."""
    server.store.set_quota(-1)
    return [body(f"log-{number}", server.store.add_attachment("er-main", f"vpc-{number}")) for number in range(40)]


def test_two_processes_create_each_flow_log_once(clients: list[PlainClient], new: list[dict[str, str]]) -> None:
    def create(job: tuple[int, dict[str, str]]) -> tuple[int, str]:
        answer = clients[job[0] % 2].post_flow_log(job[1])
        return answer.status_code, answer.json().get("error_code", "")

    # Every target four times, from both processes at once: one create is accepted, the others are refused.
    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(create, [(number, create_body) for create_body in new for number in range(4)]))
    assert answers == {(202, ""): 40, (400, "ER.04008503"): 120}
    listed = clients[0].list()["flow_logs"]
    assert sorted(flow_log["resource_id"] for flow_log in listed) == sorted(item["resource_id"] for item in new)
    assert clients[0].ids() == clients[1].ids()


def test_concurrent_creates_with_one_token_create_one_flow_log(
    clients: list[PlainClient], new: list[dict[str, str]]
) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        created = set(pool.map(lambda n: clients[n % 2].create(new[0], client_token="t")["id"], range(64)))
    assert clients[0].ids() == created
    assert len(created) == 1


def test_quota_holds_for_concurrent_creates(
    server: Server, clients: list[PlainClient], new: list[dict[str, str]]
) -> None:
    server.store.set_quota(7)
    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(lambda job: clients[job[0] % 2].post_flow_log(job[1]).status_code, enumerate(new)))
    assert answers == {202: 7, 400: 33}
    assert clients[1].list()["total_count"] == 7


def test_readers_and_writers_do_not_block_one_another(client: PlainClient, new: list[dict[str, str]]) -> None:
    def call_all(create_body: dict[str, str]) -> set[int]:
        created = client.create(create_body)["id"]
        return {
            client.show(created).status_code,
            client.session.get(client.flow_logs, params={"limit": 5}).status_code,
            client.session.put(f"{client.flow_logs}/{created}", json={"name": "renamed"}).status_code,
            client.session.delete(f"{client.flow_logs}/{created}").status_code,
        }

    with ThreadPoolExecutor(THREADS) as pool:
        assert set().union(*pool.map(call_all, new)) == {200, 202}
    assert client.list()["total_count"] == 0


def test_many_kept_alive_connections_cause_no_warning(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    clients = [PlainClient.of(server) for _ in range(64)]
    with ThreadPoolExecutor(64) as pool:
        answers = pool.map(lambda client: [client.list()["total_count"] for _ in range(5)], clients)
        assert all(answer == [0] * 5 for answer in answers)
    assert caplog.records == []

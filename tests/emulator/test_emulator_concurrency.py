"""Many threads and several processes on one file: nothing lost, nothing doubled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from emulator import Server
from tests.emulator.plain_client import PlainClient, body

THREADS = 32


def both(server: Server, process: Any) -> list[PlainClient]:
    """A client of a server in this process, and one of a server in another process, on the same file."""
    here = PlainClient.of(server)
    there = PlainClient(process.url, server.token, server.project_id, server.store.router("er-main").id)
    return [here, there]


def test_two_processes_make_every_flow_log_once(server: Server, db: Path, run_emulator: Callable[..., Any]) -> None:
    server.store.set_quota(-1)
    clients = both(server, run_emulator("--db", db, "--latency", "0"))
    wanted = [body(f"log-{number}", server.store.add_attachment("er-main", f"vpc-{number}")) for number in range(60)]

    def create(job: tuple[int, dict[str, str]]) -> tuple[int, str]:
        number, one = job
        answer = clients[number % 2].post_flow_log(one)
        return answer.status_code, answer.json().get("error_code", "")

    # Every target four times, from both processes at once: one must win, the others must be told.
    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(pool.map(create, [(number, one) for one in wanted for number in range(4)]))
    assert answers == {(202, ""): 60, (400, "ER.04008503"): 180}
    listed = clients[0].list()["flow_logs"]
    assert sorted(one["resource_id"] for one in listed) == sorted(one["resource_id"] for one in wanted)
    assert clients[0].ids() == clients[1].ids()


def test_one_client_token_used_by_many_at_once_makes_one_flow_log(
    server: Server, db: Path, run_emulator: Callable[..., Any]
) -> None:
    clients = both(server, run_emulator("--db", db, "--latency", "0"))
    wanted = body("one", server.store.attachment("vpc-a").id)
    with ThreadPoolExecutor(THREADS) as pool:
        made = set(pool.map(lambda n: clients[n % 2].create(wanted, client_token="t")["id"], range(64)))
    assert clients[0].ids() == made
    assert len(made) == 1


def test_a_quota_holds_however_many_ask_at_once(server: Server, db: Path, run_emulator: Callable[..., Any]) -> None:
    server.store.set_quota(7)
    clients = both(server, run_emulator("--db", db, "--latency", "0"))
    wanted = [body(f"log-{number}", server.store.add_attachment("er-main", f"vpc-{number}")) for number in range(40)]
    with ThreadPoolExecutor(THREADS) as pool:
        answers = Counter(
            pool.map(lambda job: clients[job[0] % 2].post_flow_log(job[1]).status_code, enumerate(wanted))
        )
    assert answers == {202: 7, 400: 33}
    assert clients[1].list()["total_count"] == 7


def test_readers_and_writers_do_not_disturb_each_other(server: Server, client: PlainClient) -> None:
    server.store.set_quota(-1)
    wanted = [body(f"log-{number}", server.store.add_attachment("er-main", f"vpc-{number}")) for number in range(40)]

    def work(one: dict[str, str]) -> set[int]:
        made = client.create(one)["id"]
        return {
            client.show(made).status_code,
            client.session.get(client.flow_logs, params={"limit": 5}).status_code,
            client.session.put(f"{client.flow_logs}/{made}", json={"name": "renamed"}).status_code,
            client.session.delete(f"{client.flow_logs}/{made}").status_code,
        }

    with ThreadPoolExecutor(THREADS) as pool:
        assert set().union(*pool.map(work, wanted)) == {200, 202}
    assert client.list()["total_count"] == 0


def test_64_kept_alive_clients_are_served_without_a_warning(server: Server, client: PlainClient, caplog: Any) -> None:
    clients = [PlainClient.of(server) for _ in range(64)]
    with ThreadPoolExecutor(64) as pool:
        answers = pool.map(lambda one: [one.list()["total_count"] for _ in range(5)], clients)
        assert all(answer == [0] * 5 for answer in answers)
    assert caplog.records == []

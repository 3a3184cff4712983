"""Delivery: which records flow logs write into a stream, and what a query finds of them."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator import EmulatorError, Server
from emulator.delivery import Line
from emulator.errors import ApiError
from emulator.faults.plan import Fault
from emulator.log_tank import Settings
from tests.emulator.plain_client import PlainClient, body
from tests.emulator.timeline import LATENCY, START, STREAMS, Timeline
from tests.waiting import eventually

INTERVAL = 600
GROUP = "00000000-0000-4000-b000-000000000001"
QUERY = f"groups/{GROUP}/streams/{STREAMS['flow']}/content/query"
VPC_A, VPC_B = (f"00000000-0000-4000-a000-00000000000{number}" for number in (1, 2))
EVER = (0, 10**19)
SECOND = 1_000_000_000  # nanoseconds, in which lines are numbered


@pytest.fixture
def logged(timeline: Timeline) -> Timeline:
    """A flow log of vpc-a, which writes from second 0 on."""
    timeline.at(-LATENCY).create()
    return timeline.at(0)


def lines(timeline: Timeline, stream: str = "flow", **query: Any) -> list[Line]:
    path = (timeline.router[0], GROUP, STREAMS[stream])
    return list(timeline.store.delivery.lines(*path, **{"span": EVER, **query}))


def seconds_of(found: list[Line]) -> list[float]:
    """When lines were delivered, each time once."""
    return sorted({(line.number // 1_000 * 1_000 - START * 1_000) / SECOND for line in found})


def only(timeline: Timeline) -> str:
    (flow_log,) = timeline.store.flow_logs.live()
    return flow_log.id


def test_records_come_every_interval_the_first_after_one(logged: Timeline) -> None:
    assert lines(logged.at(INTERVAL - 1)) == []
    assert seconds_of(lines(logged.at(3 * INTERVAL + 1))) == [INTERVAL, 2 * INTERVAL, 3 * INTERVAL]
    record = lines(logged)[0].content.split()
    assert record[:4] == ["1", logged.router[0], VPC_A, logged.router[1]]
    assert record[11:13] == [str(START // 1_000_000), str(START // 1_000_000 + INTERVAL)]
    assert record[13] in ("ingress", "egress")
    assert lines(logged, "archive") == []


def test_same_seed_has_the_same_records(seeded: Path, tmp_path: Path) -> None:
    def play(name: str) -> list[Line]:
        path = tmp_path / name
        path.write_bytes(seeded.read_bytes())
        with closing(Timeline(path)) as timeline:
            timeline.at(-LATENCY).create()
            return lines(timeline.at(5 * INTERVAL))

    assert play("one") == play("two")


def test_nothing_is_written_while_disabled_or_after_deletion(logged: Timeline) -> None:
    id_ = only(logged)
    logged.at(INTERVAL + 10).switch(id_, enabled=False)
    logged.at(3 * INTERVAL).switch(id_, enabled=True)
    logged.at(5 * INTERVAL).rename(id_)
    logged.at(7 * INTERVAL).delete(id_)
    expected = [INTERVAL, *(number * INTERVAL + LATENCY for number in (4, 5, 6))]
    assert seconds_of(lines(logged.at(20 * INTERVAL))) == expected


def test_attachment_without_traffic_or_that_is_gone_writes_nothing(timeline: Timeline) -> None:
    timeline.store.add_attachment("er-main", "vpc-idle", quiet=True)
    timeline.at(-LATENCY).create("vpc-idle")
    timeline.create("vpc-b")
    timeline.at(INTERVAL + 1).store.remove_attachment("vpc-b")
    found = lines(timeline.at(9 * INTERVAL))
    assert seconds_of(found) == [INTERVAL]
    assert all(line.has(VPC_B) for line in found)


def test_pace_can_be_set_and_records_can_be_late(logged: Timeline) -> None:
    logged.store.set_delivery(10, 2)
    assert seconds_of(lines(logged.at(35))) == [12, 22, 32]
    logged.store.delay_delivery(only(logged), 20)
    assert seconds_of(lines(logged)) == [32]
    for interval, delay in ((0, 0), (10, -1), (1e9, 0)):
        with pytest.raises(EmulatorError, match="pace of delivery"):
            logged.store.set_delivery(interval, delay)


def test_delivery_stops_without_a_sign(logged: Timeline) -> None:
    id_ = only(logged)
    before = logged.at(INTERVAL).show(id_)
    logged.store.stop_delivery(id_)
    assert seconds_of(lines(logged.at(9 * INTERVAL))) == [INTERVAL]
    assert logged.show(id_) == before


def test_deleted_stream_takes_its_records_along(logged: Timeline) -> None:
    id_ = only(logged)
    logged.at(2 * INTERVAL).store.lose_stream(id_)
    assert logged.state(id_) == "available"
    with pytest.raises(ApiError, match=STREAMS["flow"]):
        lines(logged)
    logged.store.add_log_stream("network", "flow")
    assert logged.show(id_).log_stream_id == STREAMS["flow"]


def test_records_older_than_the_retention_are_gone(logged: Timeline) -> None:
    logged.store.log_tank.update_group(logged.router[0], GROUP, Settings(1, None))
    logged.store.set_delivery(3600)
    assert seconds_of(lines(logged.at(30 * 3600)))[0] == 6 * 3600


@pytest.mark.parametrize("descending", [False, True])
def test_lines_of_several_flow_logs_are_in_the_order_of_their_numbers(logged: Timeline, descending: bool) -> None:
    logged.at(-LATENCY).create("vpc-b")
    logged.at(50).create("vpn-a")
    found = lines(logged.at(7 * INTERVAL), descending=descending)
    numbers = [line.number for line in found]
    assert numbers == sorted(set(numbers), reverse=descending)
    first, last = sorted((numbers[3], numbers[9]))
    assert lines(logged, descending=descending, span=(first, last)) == found[3:10]


# Queries


@pytest.fixture
def written(server: Server, client: PlainClient) -> list[dict[str, Any]]:
    """The lines that flow logs of vpc-a and vpc-b have written, the oldest first; they write no more."""
    server.store.set_delivery(0.02)
    client.create(body("a", VPC_A))
    client.create(body("b", VPC_B))
    eventually(lambda: query(client, is_count=True)["count"] >= 60)
    server.store.delete_flow_log("a")
    server.store.delete_flow_log("b")
    found: list[dict[str, Any]] = query(client, limit=5000)["logs"]
    return found


def query(client: PlainClient, **fields: Any) -> dict[str, Any]:
    """The answer to a query of the last day."""
    now = int(time.time() * 1_000)
    span = {"start_time": now - 86_400_000, "end_time": now + 1_000}
    answer = client.lts("POST", QUERY, {**span, "highlight": False, **fields})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("search_type", ["forwards", "backwards"])
def test_page_goes_on_from_a_line_in_either_direction(
    client: PlainClient, written: list[dict[str, Any]], descending: bool, search_type: str
) -> None:
    page = query(client, line_num=written[20]["line_num"], is_desc=descending, search_type=search_type, limit=5)["logs"]
    goes_to_older = descending == (search_type == "forwards")
    expected = written[15:20] if goes_to_older else written[21:26]
    assert page == (expected[::-1] if descending else expected)


def test_query_finds_whole_words_marks_them_and_counts_them(client: PlainClient, written: list[dict[str, Any]]) -> None:
    hits = [line for line in written if VPC_A in line["content"]]
    assert 0 < len(hits) < len(written)
    answer = query(client, keywords=VPC_A, is_count=True, highlight=True, limit=3)
    assert answer["count"] == len(hits)
    marked = f"<HighLightTag>{VPC_A}</HighLightTag>"
    assert [line["content"].replace(marked, VPC_A) for line in answer["logs"]] == [line["content"] for line in hits[:3]]
    assert all(marked in line["content"] for line in answer["logs"])
    assert query(client, keywords=VPC_A[:8])["logs"] == []


def test_query_has_50_lines_unless_more_are_requested(client: PlainClient, written: list[dict[str, Any]]) -> None:
    assert query(client)["logs"] == written[:50]
    assert query(client, is_desc=True, limit=2)["logs"] == written[:-3:-1]


@pytest.mark.parametrize(("kind", "keys"), [("mute", {}), ("late", {"seconds": 3600}), ("lose_stream", {})])
def test_fault_of_delivery_shows_in_no_flow_log(
    server: Server, client: PlainClient, kind: str, keys: dict[str, Any]
) -> None:
    server.store.set_delivery(0.02)
    server.faults.use(0, [Fault(kind, calls="POST */flow-logs", **keys)])
    flow_log = client.create(body("a", VPC_A))
    server.faults.use(0, [])
    assert client.show(flow_log["id"]).json()["flow_log"]["state"] == "available"
    if kind == "lose_stream":
        assert client.lts("POST", QUERY, {"start_time": 0, "end_time": 0}).json()["error_code"] == "LTS.0208"
    else:
        client.create(body("b", VPC_B))
        eventually(lambda: query(client, keywords=VPC_B)["logs"])
        assert query(client, keywords=VPC_A)["logs"] == []


def test_query_that_is_never_complete_has_a_part_of_the_lines(
    server: Server, client: PlainClient, written: list[dict[str, Any]]
) -> None:
    server.faults.use(0, [Fault("incomplete", calls="POST */content/query")])
    answer = query(client, limit=10)
    assert (answer["isQueryComplete"], answer["logs"]) == (False, written[:5])

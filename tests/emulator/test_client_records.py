"""The client's query of log streams: pages, the newest line first, until the service says that it is complete."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pytest

from emulator import Server
from emulator.faults.plan import Fault
from providers.er import Client, Deadline, Record, records
from providers.er.exceptions import DeadlineExceededError, NotFoundError
from tests.emulator.clients import ARCHIVE, FLOW, GROUP, client_of
from tests.emulator.plain_client import PlainClient, body
from tests.waiting import eventually

VPC_A, VPC_B = (f"00000000-0000-4000-a000-00000000000{number}" for number in (1, 2))
QUERY = "POST /v2/{project_id}/groups/{log_group_id}/streams/{log_stream_id}/content/query"


def lines(client: Client, **query: Any) -> list[records.Line]:
    return list(asked(client, **query))


def asked(client: Client, stream: str = FLOW, **query: Any) -> Any:
    now = datetime.now(timezone.utc)
    return client.records.lines(GROUP, stream, since=now - timedelta(hours=1), until=now, **query)


@pytest.fixture
def written(server: Server, client: PlainClient, er: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The numbers of 30 lines or more that two flow logs have written, the newest first; a page has 10."""
    server.store.set_delivery(0.02)
    for name, attachment in (("a", VPC_A), ("b", VPC_B)):
        client.create(body(name, attachment))
    eventually(lambda: len(lines(er)) >= 30)
    server.store.set_delivery(0.02, 0)
    for name in ("a", "b"):
        server.store.delete_flow_log(name)
    found = [line.number for line in lines(er)]
    monkeypatch.setattr(records, "PAGE_SIZE", 10)
    server.requests.reset()
    return found


def test_lines_come_page_by_page_the_newest_first(server: Server, er: Client, written: list[str]) -> None:
    assert [line.number for line in islice(asked(er), 10)] == written[:10]
    assert server.requests.read() == {QUERY: 1}
    assert [line.number for line in lines(er)] == written
    assert written == sorted(written, reverse=True)


def test_keyword_finds_the_records_of_an_attachment(er: Client, written: list[str]) -> None:
    found = [Record.parse(line.content) for line in lines(er, keyword=VPC_A)]
    assert {record.resource_id for record in found} == {VPC_A}
    assert 0 < len(found) < len(written)
    assert all(record.start <= record.end for record in found)
    assert lines(er, stream=ARCHIVE) == []


def test_query_is_repeated_until_it_is_complete(server: Server, er: Client, written: list[str]) -> None:
    server.faults.use(0, [Fault("incomplete", calls="POST */content/query", times=3)])
    assert [line.number for line in islice(asked(er), 10)] == written[:10]
    assert server.requests.read() == {QUERY: 4}


def test_query_that_is_never_complete_ends_at_the_deadline(server: Server) -> None:
    server.faults.use(0, [Fault("incomplete", calls="POST */content/query")])
    client = client_of(server, Deadline(seconds=0.3))
    with pytest.raises(DeadlineExceededError, match="waiting for the query of the log stream to be complete"):
        lines(client)


def test_missing_stream_is_not_an_empty_one(er: Client, server: Server) -> None:
    server.store.remove_log_stream("network", "flow")
    with pytest.raises(NotFoundError):
        lines(er)

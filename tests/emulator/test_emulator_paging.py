"""Pages of lists, read to the end, also while the list changes."""

from __future__ import annotations

from typing import Any

import pytest

from emulator import Server
from tests.emulator.plain_client import PlainClient, body

N = 23


@pytest.fixture
def names(server: Server, client: PlainClient) -> list[str]:
    """The names of 23 flow logs in order of creation, which is not alphabetical."""
    server.store.set_quota(-1)
    names = [f"log-{number * 7 % N:02}" for number in range(N)]
    for name in names:
        client.create(body(name, server.store.add_attachment("er-main", name)))
    return names


def read_all(client: PlainClient, url: str, key: str, **query: Any) -> list[dict[str, Any]]:
    """Every item of a list, page by page until there is no next marker."""
    found: list[dict[str, Any]] = []
    while True:
        page = client.session.get(url, params=query).json()
        assert page["page_info"]["current_count"] == len(page[key])
        found += page[key]
        if "next_marker" not in page["page_info"]:
            return found
        query["marker"] = page["page_info"]["next_marker"]
        assert len(found) <= 1000, "the pages have no end"


@pytest.mark.parametrize("direction", ["asc", "desc"])
@pytest.mark.parametrize("key", ["id", "name", "state"])
def test_pages_of_any_size_and_order_have_each_item_once(
    client: PlainClient, names: list[str], direction: str, key: str
) -> None:
    for limit in (1, 2, 22, 23, 24, 2000):
        found = read_all(client, client.flow_logs, "flow_logs", limit=limit, sort_key=key, sort_dir=direction)
        assert sorted(flow_log["name"] for flow_log in found) == sorted(names)
        values = [(flow_log[key], flow_log["id"]) for flow_log in found]
        assert values == sorted(values, reverse=direction == "desc")


def test_default_order_is_by_ascending_id_and_total_counts_all_pages(client: PlainClient, names: list[str]) -> None:
    ids = [flow_log["id"] for flow_log in client.list()["flow_logs"]]
    assert ids == sorted(ids)
    first = client.list(limit=5)
    second = client.list(limit=5, marker=first["page_info"]["next_marker"])
    assert first["total_count"] == second["total_count"] == len(ids) == len(names)


def test_page_after_a_deleted_item_continues_behind_it(server: Server, client: PlainClient, names: list[str]) -> None:
    page = client.list(limit=5, sort_key="name")
    server.store.delete_flow_log(page["page_info"]["next_marker"])
    following = client.list(limit=5, sort_key="name", marker=page["page_info"]["next_marker"])
    assert [flow_log["name"] for flow_log in following["flow_logs"]] == sorted(names)[5:10]


def test_attachments_and_routers_are_paged_too(client: PlainClient, names: list[str]) -> None:
    attachments = read_all(client, f"{client.router}/attachments", "attachments", limit=4)
    assert {attachment["name"] for attachment in attachments} >= set(names)
    assert len(read_all(client, f"{client.base}/instances", "instances", limit=1)) == 3


def test_filtered_list_is_paged_within_the_filter(client: PlainClient, names: list[str]) -> None:
    ids = [flow_log["resource_id"] for flow_log in client.list(limit=7)["flow_logs"]]
    found = read_all(client, client.flow_logs, "flow_logs", limit=3, resource_id=ids)
    assert sorted(flow_log["resource_id"] for flow_log in found) == sorted(ids)

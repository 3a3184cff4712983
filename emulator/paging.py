"""Sorted pages over any listing (API reference: pagination query). A marker is the id of the item before the page."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.errors import invalid
from emulator.rules import MAX_LIMIT


@dataclass(frozen=True)
class Page:
    """Which part of a listing is requested. Without a limit, the most that one page may hold."""

    limit: int = MAX_LIMIT
    marker: str | None = None
    sort_key: str = "id"
    descending: bool = False
    strict: bool = True


@dataclass(frozen=True)
class Listing:
    rows: list[sqlite3.Row]
    next_marker: str | None
    total: int


def fetch_page(
    connection: sqlite3.Connection, page: Page, *, items: str, ever: str, values: Mapping[str, object]
) -> Listing:
    """One page of the query `items`, whose rows have at least id, name and state.

    `ever` is the same query without its filters and with deleted items: a page that starts at an item which was
    deleted in the meantime is still found. A marker that is not the id of any item is refused if the page is strict;
    otherwise the page begins where such an item would be.
    """
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    parameters = dict(values)
    order = "DESC" if page.descending else "ASC"
    after = ""
    if page.marker is not None:
        parameters["marker"] = page.marker
        anchor = cursor.execute(
            f"SELECT {page.sort_key} AS sort_value FROM ({ever}) WHERE id = :marker", parameters
        ).fetchone()
        if anchor is None and page.strict:
            raise invalid(f"marker {page.marker!r} is not the id of an item in this list.")
        parameters["sort_value"] = page.marker if anchor is None else anchor["sort_value"]
        after = f"WHERE ({page.sort_key}, id) {'<' if page.descending else '>'} (:sort_value, :marker)"
    parameters["one_more"] = page.limit + 1
    rows = cursor.execute(
        f"SELECT * FROM ({items}) {after} ORDER BY {page.sort_key} {order}, id {order} LIMIT :one_more", parameters
    ).fetchall()
    complete = len(rows) <= page.limit
    del rows[page.limit :]
    if complete and page.marker is None:
        total = len(rows)
    else:
        (total,) = cursor.execute(f"SELECT count(*) FROM ({items})", parameters).fetchone()
    return Listing(rows, None if complete or not rows else rows[-1]["id"], total)

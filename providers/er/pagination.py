"""Reading a list page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from providers.er.records import Json, optional, required

PAGE_SIZE = 2000  # the most the API gives at once (API reference: limit 0..2000)


def pages(fetch: Callable[[dict[str, Any]], Json], key: str, *, page_size: int = PAGE_SIZE) -> Iterator[Json]:
    """The records under `key` of every page, each id once.

    `fetch` gets the paging parameters. The reference's own example shows a `next_marker` on a last page, so a page
    with fewer records than asked for is the last one too, unless `total_count` says that more are to come; and a
    marker seen before ends the list, which is what makes it end at all.

    Raises:
        TemporaryError: An answer has not the form of a list.
    """
    markers: set[str] = set()
    ids: set[str] = set()
    marker = ""
    while True:
        page = fetch({"limit": page_size, **({"marker": marker} if marker else {})})
        records = required(page, key, list)
        for record in records:
            id_ = required(record, "id", str)
            if id_ not in ids:
                ids.add(id_)
                yield record
        marker = optional(optional(page, "page_info", {}), "next_marker", "")
        is_short = len(records) < page_size and len(ids) >= optional(page, "total_count", 0)
        if not records or is_short or not marker or marker in markers:
            return
        markers.add(marker)

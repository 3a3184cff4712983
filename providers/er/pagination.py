"""Reading a list page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from providers.er.validation import Json, identifier, optional, required

PAGE_SIZE = 2000  # the most that the API returns at once (API reference: limit 0..2000)

R = TypeVar("R")


@dataclass(frozen=True)
class _Page(Generic[R]):
    records: list[tuple[str, R]]  # each with its id
    next_marker: str
    total: int

    @classmethod
    def from_json(cls, answer: Json, key: str, record: Callable[[Json], R]) -> _Page[R]:
        return cls(
            records=[(identifier(data, "id"), record(data)) for data in required(answer, key, list)],
            next_marker=optional(optional(answer, "page_info", {}), "next_marker", ""),
            total=optional(answer, "total_count", 0),
        )


def pages(
    fetch: Callable[[dict[str, Any], Callable[[Json], _Page[R]]], _Page[R]],
    key: str,
    record: Callable[[Json], R],
    *,
    page_size: int = PAGE_SIZE,
) -> Iterator[R]:
    """The records under `key` of every page, each id once.

    The reference's own example shows a `next_marker` on a last page, so a page with fewer records than requested is the
    last one too, unless `total_count` is larger than what was read. A marker seen before ends the list, and so does a
    page without new records: a service may also send ever new markers.

    Args:
        fetch: Requests the page with these parameters, and parses it with the function given.
        key: Where an answer has the records.
        record: Reads one of them.
        page_size: Records to request at once, 1..2000.

    Raises:
        TemporaryError: An answer has not the form of a list.
    """

    seen: set[str] = set()
    markers: set[str] = set()
    marker = ""
    while True:
        params = {"limit": page_size, **({"marker": marker} if marker else {})}
        page = fetch(params, lambda answer: _Page.from_json(answer, key, record))
        new = {id_: found for id_, found in page.records if id_ not in seen}
        yield from new.values()
        seen.update(new)
        markers.add(marker)
        marker = page.next_marker
        is_short = len(page.records) < page_size and len(seen) >= page.total
        if is_short or not new or not marker or marker in markers:
            return

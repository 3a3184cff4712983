"""Coverage as one self-contained HTML page: a map from attachments to the streams that they are logged to.

All positions are in rows: the template's style sets the height of a row, so that the map grows with the reader's font.
The map has only attachments that are logged. Attachments that are not logged come above it, in rows as high as their
reasons need, and attachments that are deselected or cannot be logged below.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import jinja2

from providers.er.sanitizing import sanitize
from stacks.commands.coverage.model import Coverage, Entry, RouterCoverage, Status, best_statuses

LABELS_EVERY = 20
"""The labels of the streams are repeated after about so many rows, so that they are always in sight."""

OPEN_UP_TO = 60
"""On a page with more rows, only routers with attachments that are not logged are open."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table.

    Attributes:
        entry: The entry.
        attachment_status: The status of its attachment: the best of its entries.
        is_another: Whether the row above is of the same attachment.
        link: SVG path data from the row's middle to its stream's label, with y=0 at the row's top; empty if the entry
            logs nothing.
    """

    entry: Entry
    attachment_status: Status
    is_another: bool
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Label:
    """A stream on the map, and the y of its label's middle, with y=0 at the band's top."""

    logs_to: str
    y: float


@dataclass(frozen=True, kw_only=True)
class Band:
    """Rows that belong together, with labels if they are a part of the map."""

    rows: Sequence[Row]
    labels: Sequence[Label] = ()


@dataclass(frozen=True, kw_only=True)
class RouterSection:
    """A router as the page shows it."""

    router: RouterCoverage
    bands: Sequence[Band]
    is_open: bool


def render_page(coverage: Coverage) -> str:
    """The whole page. The same coverage gives the same text."""
    entries = coverage.entries
    return _TEMPLATE.render(
        coverage=coverage,
        counts=coverage.counts,
        not_in_stack=sum(not entry.is_in_stack for entry in entries),
        sections=[
            RouterSection(
                router=router,
                bands=bands(router.entries),
                is_open=len(entries) <= OPEN_UP_TO or router.counts.not_logged > 0,
            )
            for router in coverage.routers
        ],
    )


def bands(entries: Sequence[Entry]) -> list[Band]:
    """All entries in the order of the page: not logged; logged, by stream; deselected; cannot be logged."""
    by_attachment: dict[str, list[Entry]] = {}
    for entry in entries:
        by_attachment.setdefault(entry.attachment_id, []).append(entry)
    by_status: dict[Status, list[list[Row]]] = {status: [] for status in Status}
    for id_, status in best_statuses(entries).items():
        rows = enumerate(sorted(by_attachment[id_], key=_stream))
        by_status[status].append(
            [Row(entry=entry, attachment_status=status, is_another=index > 0) for index, entry in rows]
        )
    logged = sorted(by_status[Status.LOGGED], key=lambda rows: _stream(rows[0].entry))  # so that few links cross
    return [
        *_unlinked(by_status[Status.NOT_LOGGED]),
        *(_linked(rows) for rows in _parts(logged)),
        *_unlinked([*by_status[Status.DESELECTED], *by_status[Status.CANNOT_BE_LOGGED]]),
    ]


def _stream(entry: Entry) -> tuple[bool, str]:
    """A sort key: by stream, and entries that are not logged last."""
    return (entry.status is not Status.LOGGED, entry.logs_to)


def _parts(attachments: Sequence[Sequence[Row]]) -> list[list[Row]]:
    """Parts of about the same size; the rows of an attachment stay together."""
    total = sum(map(len, attachments))
    size = total / max(1, math.ceil(total / LABELS_EVERY))
    parts: list[list[Row]] = []
    taken = 0
    for rows in attachments:
        if taken >= len(parts) * size:
            parts.append([])
        parts[-1].extend(rows)
        taken += len(rows)
    return parts


def _unlinked(attachments: Sequence[Sequence[Row]]) -> list[Band]:
    return [Band(rows=[row for rows in attachments for row in rows])] if attachments else []


def _linked(rows: Sequence[Row]) -> Band:
    """The rows with their links, and labels near the middle of their links."""
    ends: dict[str, list[float]] = {}
    for index, row in enumerate(rows):
        if row.entry.status is Status.LOGGED:
            ends.setdefault(row.entry.logs_to, []).append(index + 0.5)
    means = sorted((sum(ys) / len(ys), logs_to) for logs_to, ys in ends.items())
    places = _places([y for y, _ in means], sorted(y for ys in ends.values() for y in ys))
    at = {logs_to: y for (_, logs_to), y in zip(means, places, strict=True)}
    return Band(
        rows=[_with_link(row, at, index) for index, row in enumerate(rows)],
        labels=[Label(logs_to=logs_to, y=y) for logs_to, y in at.items()],
    )


def _places(means: Sequence[float], linked: Sequence[float]) -> list[float]:
    """For each label the nearest free row with a link, in the same order; both sequences are sorted.

    In a row without a link, a label would cover the reason. A free row is always left, since no label is placed
    below the last of its own links.
    """
    places: list[float] = []
    first = 0
    for y in means:
        nearest = min(range(first, len(linked)), key=lambda index: abs(linked[index] - y))
        places.append(linked[nearest])
        first = nearest + 1
    return places


def _with_link(row: Row, at: Mapping[str, float], index: int) -> Row:
    if row.entry.status is not Status.LOGGED:
        return row
    end = f"{at[row.entry.logs_to] - index:g}"
    return replace(row, link=f"M0 .5C50 .5 50 {end} 100 {end}")


def _shown(text: str, instead: str = "") -> str:
    """Text from elsewhere as the page shows it; the other text if nothing of it is visible."""
    return sanitize(text) or instead


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = _shown
    return environment.get_template("page.html.jinja")


_TEMPLATE = _template()

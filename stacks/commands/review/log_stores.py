"""How a preview changes log groups and log streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.urn import LOG_GROUP_TYPE, LOG_STREAM_TYPE
from stacks.checks.log_groups import removal_sentence
from stacks.commands.review.model import Difference, Kind, LogStoreRow
from stacks.commands.review.preview import Step
from stacks.commands.review.values import show_value

LOG_STORE_TYPES = (LOG_GROUP_TYPE, LOG_STREAM_TYPE)

NONE = "(none)"


def log_store_row(kind: Kind, step: Step, note: str) -> LogStoreRow:
    """The row of a log group or log stream."""
    return LogStoreRow(
        name=step.name,
        kind=kind,
        stays=step.old is not None and step.old.value("delete_with_data") is not True,
        differences=tuple(_created(step) if kind is Kind.CREATE else _differences(step)),
        note=note,
    )


def is_repeated(warning: str, row: LogStoreRow) -> bool:
    """Whether the warning says no more than the row of a removal."""
    return row.kind is Kind.DELETE and warning.endswith(f": {removal_sentence(row.name, deletes=not row.stays)}")


def _created(step: Step) -> Iterator[Difference]:
    if step.new and (days := step.new.inputs.get("ttl_in_days")) is not None:
        yield Difference("ttl_in_days", "", show_value(days))


def _differences(step: Step) -> Iterator[Difference]:
    if step.old and step.new:
        for key in step.changed:
            yield from _difference(key, step.old.value(key), step.new.inputs.get(key))


def _difference(key: str, before: Any, after: Any) -> Iterator[Difference]:
    if key == "delete_with_data":
        fates = ("stays", "is deleted")
        yield Difference("when it is no longer declared", fates[before is True], fates[after is True])
    elif key == "tags" and isinstance(before, dict) and isinstance(after, dict):
        for tag in sorted({*before, *after}):
            if before.get(tag) != after.get(tag):
                old, new = (show_value(tags.get(tag)) or NONE for tags in (before, after))
                yield Difference(f"tag {tag}", old, new)
    else:
        yield Difference(key, show_value(before) or NONE, show_value(after) or NONE)

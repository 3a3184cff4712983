"""How a preview changes log groups and log streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from providers.urn import LOG_GROUP_TYPE, LOG_STREAM_TYPE
from stacks.commands.review.model import Difference, Kind, LogStoreRow
from stacks.commands.review.preview import State, Step
from stacks.commands.review.values import difference_of, settings_that_differ, show_value

LOG_STORE_TYPES = (LOG_GROUP_TYPE, LOG_STREAM_TYPE)

NONE = "(none)"


def log_store_row(kind: Kind, step: Step, before: State | None, *, name: str, note: str) -> LogStoreRow:
    """The row of a log group or log stream; `before` is its state before the preview refreshed it."""
    return LogStoreRow(
        name=name,
        kind=kind,
        stays=step.old is not None and step.old.value("delete_with_data") is not True,
        differences=tuple(_created(step, before) if kind is Kind.CREATE else _differences(step, before)),
        note=note,
    )


def _created(step: Step, before: State | None) -> Iterator[Difference]:
    if not step.new:
        return
    changed = settings_that_differ(before, step.new) if before else []
    if before:
        for key in changed:
            yield from _difference(key, before, before, step.new)
    if "ttl_in_days" not in changed and (days := step.new.inputs.get("ttl_in_days")) is not None:
        yield Difference("ttl_in_days", "", show_value(days))


def _differences(step: Step, before: State | None) -> Iterator[Difference]:
    if step.old and step.new:
        for key in step.changed:
            yield from _difference(key, before or step.old, step.old, step.new)


def _difference(key: str, before: State, old: State, new: State) -> Iterator[Difference]:
    values = [before.value(key), old.value(key), new.inputs.get(key)]
    if key == "delete_with_data":
        before_text, old_text, new_text = ("is deleted" if value is True else "stays" for value in values)
        yield difference_of("when it is no longer declared", before_text, old_text, new_text)
    elif key == "tags":
        tags: list[dict[str, Any]] = [value or {} for value in values]
        for tag in sorted(set().union(*tags)):
            shown = [show_value(of_state.get(tag)) or NONE for of_state in tags]
            if len(set(shown)) > 1:
                yield difference_of(f"tag {tag}", *shown)
    else:
        yield difference_of(key, *(show_value(value) or NONE for value in values))

"""Properties of a preview as text."""

from __future__ import annotations

from typing import Any

from providers.inputs import is_unknown
from stacks.commands.review.model import Difference
from stacks.commands.review.preview import State

EMPTY = '""'
UNKNOWN = "(not known yet)"
SECRET = "[secret]"
SETTINGS = ("name", "description", "enabled", "ttl_in_days", "tags")
"""The properties that a person sets, beside what identifies the resource."""

_WRAPPER = "4dabf18193072939515e22adb298388d"  # Pulumi's mark of values that are not plain JSON, such as secrets


def show_value(value: Any) -> str:
    """A property's value as text, never that of a secret."""
    if isinstance(value, dict) or value == SECRET:
        return SECRET if value == SECRET or _WRAPPER in value else "…"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, list):
        return "…" if value else ""
    return UNKNOWN if is_unknown(value) else str(value)


def differs(first: State, second: State, key: str) -> bool:
    """Whether both states have different values. An empty value is the same as none."""
    return (first.value(key) or None) != (second.value(key) or None)


def settings_that_differ(first: State, second: State) -> list[str]:
    """The settings of which both states have different values."""
    return [key for key in SETTINGS if differs(first, second, key)]


def difference_of(what: str, before: str, old: str, new: str) -> Difference:
    """A property that was `before` at the last run, is `old` now, perhaps because of somebody, and will be `new`."""
    return Difference(what, before, new, found=old if old != before else "")

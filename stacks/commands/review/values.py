"""Properties of a preview as text."""

from __future__ import annotations

from typing import Any

from providers.inputs import is_unknown

EMPTY = '""'
UNKNOWN = "(not known yet)"
SECRET = "[secret]"
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

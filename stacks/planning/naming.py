"""Names of flow logs, from a template; and the logical names of their resources."""

from __future__ import annotations

import hashlib
import re
import string
from collections import Counter
from collections.abc import Mapping

from providers.er.attachments import Attachment
from providers.er.limits import NAME_MAX_LENGTH

PLACEHOLDERS = ("stack", "router", "attachment", "type", "id")
"""`{stack}`, `{router}` (the key of the stack file under which the flow log was first declared), `{attachment}` (its
name), `{type}`, `{id}` (the attachment's)."""

COMPONENT_TYPE = "otc-flow-logs:index:RouterFlowLogs"
"""The type token of a router's component; the URNs in state have it."""

IDEMPOTENCY_KEY = "flow-logs-idempotency-key"
"""The logical name of the stack's RandomUuid."""

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.-]+")
_SUFFIX_LENGTH = 8
_READABLE_LENGTH = 64


class TemplateError(ValueError):
    """A template that cannot be filled in; the text is one sentence."""


def check_template(template: str) -> str:
    """The template, if it can be filled in: placeholders have no formats, and there are only those of this module.

    Raises:
        TemplateError: Naming what is wrong, and the placeholders.
    """
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise TemplateError(f"is not a template: {error}") from None
    for _, field, format_, conversion in parts:
        if field is not None and field not in PLACEHOLDERS:
            raise TemplateError(f"has the unknown placeholder {{{field}}}; placeholders are {known}")
        if format_ or conversion:
            raise TemplateError(f"gives {{{field}}} a format, which placeholders don't take; they are {known}")
    return template


def flow_log_name(template: str, *, stack: str, router: str, attachment: Attachment) -> str:
    """The template filled in and brought within the API's rules: its characters, 64 of them at most.

    Every name ends in 8 hexadecimal digits that stand for the attachment, unless it has the attachment's whole id in
    it. So two attachments of one name, or of names that differ in what must be cut, get different names; and no
    attachment's name depends on which others there are.
    """
    filled = template.format(
        stack=stack,
        router=router,
        attachment=attachment.name or attachment.id,
        type=attachment.resource_type,
        id=attachment.id,
    )
    clean = _NOT_ALLOWED.sub("-", filled)
    if attachment.id in clean and len(clean) <= NAME_MAX_LENGTH:
        return clean
    suffix = _digest(attachment.id)
    kept = clean[: NAME_MAX_LENGTH - _SUFFIX_LENGTH - 1].rstrip("-._")
    return f"{kept}-{suffix}" if kept else suffix


def logical_name(attachment_id: str, logs_to: str, *, readable: str) -> str:
    """The name of the FlowLog in the stack: it follows from the target, so it stays whatever the stack file says else.

    Args:
        attachment_id: What is logged.
        logs_to: `GROUP/STREAM`, by name: their ids are not known before they are made.
        readable: What to call the attachment: its name when it was first seen. It is cut and cleaned.
    """
    clean = _NOT_ALLOWED.sub("-", readable or attachment_id)[:_READABLE_LENGTH].rstrip("-._")
    return "-".join(filter(None, [clean, _digest(f"{attachment_id} {logs_to}")]))


def component_names(routers: Mapping[str, str]) -> dict[str, str]:
    """The names of the routers' components, by router id: what the routers are called; the id too, if two share it.

    Args:
        routers: By id, what each was called when it was first seen.
    """
    counts = Counter(routers.values())
    return {
        id_: name if name and counts[name] == 1 else "-".join(filter(None, [name, _digest(id_)]))
        for id_, name in routers.items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SUFFIX_LENGTH]

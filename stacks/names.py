"""Names of flow logs, from a template; and the logical names of their resources."""

from __future__ import annotations

import hashlib
import re
import string

from providers.er.attachments import Attachment
from providers.er.limits import NAME_MAX_LENGTH

PLACEHOLDERS = ("stack", "router", "attachment", "type", "id")
"""`{stack}`, `{router}` (its key in the stack file), `{attachment}` (its name), `{type}`, `{id}` (the attachment's)."""

COMPONENT_TYPE = "otc-flow-logs:index:RouterFlowLogs"
"""The type token of a router's component; with its key it makes up the URNs in state."""

KEY_TYPE = "random:index/randomUuid:RandomUuid"
"""The type token of a router's idempotency key."""

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.-]+")
_SUFFIX_LENGTH = 8


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
    suffix = hashlib.sha256(attachment.id.encode()).hexdigest()[:_SUFFIX_LENGTH]
    kept = clean[: NAME_MAX_LENGTH - _SUFFIX_LENGTH - 1].rstrip("-._")
    return f"{kept}-{suffix}" if kept else suffix


def logical_name(router: str, attachment_id: str) -> str:
    """The name of the FlowLog in the stack. It starts with the router's key, as the component's, so that renaming the
    component renames its children (Pulumi: aliases inherited by children).
    """
    return f"{router}-{attachment_id}"

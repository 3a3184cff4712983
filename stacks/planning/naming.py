"""Names of flow logs from templates, and logical names of resources."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping

from providers.er.attachments import Attachment
from providers.er.limits import NAME_MAX_LENGTH, NAME_PATTERN

IDEMPOTENCY_KEY_NAME = "flow-logs-idempotency-key"
"""The logical name of the stack's RandomUuid."""

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.-]+")
_SUFFIX_LENGTH = 8
_READABLE_LENGTH = 64


def flow_log_name(template: str, *, stack: str, router: str, attachment: Attachment, stream: str) -> str:
    """The template filled in, with the characters and the length that the API allows.

    A name that is cleaned or cut ends in 8 hexadecimal digits, a hash of the attachment's id, unless it contains them,
    or the whole id, already. Any other is exactly what the template gives. So names may be alike, which the service
    allows; and no name depends on which other attachments there are.
    """
    suffix = _digest(attachment.id)
    filled = template.format(
        stack=stack,
        router=router,
        attachment=attachment.display_name,
        type=attachment.resource_type,
        stream=stream,
        id=attachment.id,
        hash=suffix,
    )
    if NAME_PATTERN.fullmatch(filled):
        return filled
    clean = _NOT_ALLOWED.sub("-", filled)
    cut = clean[:NAME_MAX_LENGTH]
    if attachment.id in cut or suffix in cut:
        return cut
    kept = clean[: NAME_MAX_LENGTH - _SUFFIX_LENGTH - 1].rstrip("-._")
    return f"{kept}-{suffix}" if kept else suffix


def logical_name(attachment_id: str, logs_to: str, *, readable: str) -> str:
    """The name of the FlowLog resource. It depends only on the target, and on no other setting of the stack file.

    Args:
        attachment_id: What is logged.
        logs_to: `GROUP/STREAM`, by name: their ids are not known before they are created.
        readable: The attachment's name when it was first seen. It is shortened and cleaned.
    """
    clean = _NOT_ALLOWED.sub("-", readable or attachment_id)[:_READABLE_LENGTH].rstrip("-._")
    return "-".join(filter(None, [clean, _digest(f"{attachment_id} {logs_to}")]))


def component_names(routers: Mapping[str, str]) -> dict[str, str]:
    """By router id, the name of its component: the router's name, with digits of its id if the name is shared.

    Args:
        routers: By id, the name of each when it was first seen.
    """
    counts = Counter(routers.values())
    return {
        id_: name if name and counts[name] == 1 else "-".join(filter(None, [name, _digest(id_)]))
        for id_, name in routers.items()
    }


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_SUFFIX_LENGTH]

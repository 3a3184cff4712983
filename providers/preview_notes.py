"""Notes for whoever reviews a preview: names for the ids in it, and reasons.

Pulumi's events show resources with their ids only. The stack program and the provider host know the names, and publish
them as an event of their own: an ephemeral message, which is in no log and in no state. They do so only if the preview
is printed as events, since to anyone else the message is noise. `stacks.commands.review` reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

EVENTS_VARIABLE = "PULUMI_ENABLE_STREAMING_JSON_PREVIEW"
"""The environment variable that makes `pulumi preview --json` print events. Pulumi passes it on to its plugins."""

EVENT_START = '{"sequence"'
"""How the line of an event begins."""

PREFIX = "otc-flow-logs notes: "


@dataclass(frozen=True, kw_only=True)
class SkippedAttachment:
    """An attachment that is selected, but cannot be logged.

    Attributes:
        router: The router's name.
        attachment: The attachment's name.
        reason: Why, in words.
    """

    router: str
    attachment: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class PreviewNotes:
    """What a reviewer needs and the resources of a preview do not say.

    Attributes:
        names: By the id of a router, an attachment, a log group or a log stream, its name.
        logs_to: By the logical name of a flow log, `GROUP/STREAM` that it will write to. Needed if the stream does not
            exist yet, and so has no id.
        reasons: By the logical name of a flow log, why it is deleted.
        skipped: The attachments that are selected, but cannot be logged.
        warnings: Those of the program that say no more than these notes and the resources.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    logs_to: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    skipped: Sequence[SkippedAttachment] = ()
    warnings: Sequence[str] = ()

    @property
    def message(self) -> str:
        """The text of the event, without `<`: Pulumi takes what is from `<{%` to `%}>` for a colour, and removes it."""
        return PREFIX + json.dumps(asdict(self), ensure_ascii=False).replace("<", "\\u003c")


def are_wanted(environ: Mapping[str, str]) -> bool:
    """Whether the preview is printed as events."""
    return environ.get(EVENTS_VARIABLE, "").lower() in ("1", "true", "t")  # as Pulumi parses a flag


def read_notes(messages: Iterable[str]) -> PreviewNotes:
    """All notes among the messages of a preview, as one. Messages of others, and of other versions, are ignored."""
    several = list(filter(None, map(_parse, messages)))
    return PreviewNotes(
        names={id_: name for notes in several for id_, name in notes.names.items()},
        logs_to={flow_log: stream for notes in several for flow_log, stream in notes.logs_to.items()},
        reasons={flow_log: reason for notes in several for flow_log, reason in notes.reasons.items()},
        skipped=tuple(dict.fromkeys(skipped for notes in several for skipped in notes.skipped)),
        warnings=tuple(warning for notes in several for warning in notes.warnings),
    )


def _parse(message: str) -> PreviewNotes | None:
    if not message.startswith(PREFIX):
        return None
    try:
        data: dict[str, Any] = json.loads(message.removeprefix(PREFIX))
        return PreviewNotes(**{**data, "skipped": [SkippedAttachment(**item) for item in data["skipped"]]})
    except (ValueError, TypeError, KeyError):
        return None

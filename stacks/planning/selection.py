"""Selects the attachments of a router that get a flow log, with the reasons for the others."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from providers.er.attachments import Attachment
from providers.er.limits import (
    LOGGABLE_ATTACHMENT_TYPES,
    UNDOCUMENTED_ATTACHMENT_TYPES,
    UNLOGGABLE_ATTACHMENT_TYPES,
)
from stacks.errors import Problem
from stacks.planning.lookup import find, join_names
from stacks.stackfile.model import Override, RouterConfig, Selector

REFUSED_STATES = {
    "deleting": "is being deleted",
    "deleted": "has been deleted",
    "rejected": "was rejected by the router's owner",
    "pending_acceptance": "waits for the router's owner to accept it",
    "initiating_request": "is still being requested",
    "invalid": "is invalid",
    "failed": "has failed",
}
"""States in which an attachment has no traffic to log. In the others (pending, modifying, freezed) flow logs stay."""

GONE = "is gone from the router"


PreviousId = Callable[[str], "str | None"]
"""The id of the attachment that a text of the stack file named at the last run.

Empty if the attachment was gone or is unknown; None if there was none.
"""


@dataclass
class Selection:
    """What becomes of a router's attachments, by one key of the stack file.

    Attributes:
        requested: The selection in the stack file, as JSON.
        logged: Those that get a flow log.
        skipped: The reason why a selected attachment cannot have one: by its id, or, if it is gone, by the text in the
            stack file.
        left_out: Those that could have one, but are not selected.
        streams: By log stream as the stack file names it, the ids of the attachments that log to it and not to the
            router's own.
        overrides: By attachment id, the key in the stack file and its value.
        stale_names: By text in the stack file, the id of the attachment that has another name now; empty if it is gone.
        problems: Mistakes in the stack file.
        warnings: Names that the stack file should update.
    """

    requested: Any = "all"
    logged: list[Attachment] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: list[Attachment] = field(default_factory=list)
    streams: dict[str, set[str]] = field(default_factory=dict)
    overrides: dict[str, tuple[str, Override]] = field(default_factory=dict)
    stale_names: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)

    @property
    def gone(self) -> set[str]:
        """What the stack file names and the router no longer has."""
        return {text for text, id_ in self.stale_names.items() if not id_}


def cannot_be_logged(attachment: Attachment, *, is_tried: bool = False) -> str | None:
    """The reason why the attachment cannot have a flow log; None if it can.

    Args:
        attachment: The attachment.
        is_tried: Whether it is to be tried even though nothing is known about its type.
    """
    type_ = attachment.resource_type
    if type_ in UNLOGGABLE_ATTACHMENT_TYPES:
        return f"is of type {type_}, which cannot be logged"
    if type_ not in LOGGABLE_ATTACHMENT_TYPES and not is_tried:
        return f"is of type {type_}, which may not be loggable: to try it, select types: [{type_}]"
    return REFUSED_STATES.get(attachment.state)


def select(
    key: str,
    config: RouterConfig,
    attachments: Sequence[Attachment],
    *,
    previous_id: PreviousId,
    accepted: Collection[str] = (),
) -> Selection:
    """Select attachments of a router.

    Args:
        key: The router's key in the stack file.
        config: Its value.
        attachments: All that the router has.
        previous_id: What the texts of the stack file named at the last run. The old name of a renamed attachment still
            selects it; an attachment that is gone is skipped, and is not a mistake.
        accepted: The ids of attachments that have, or had, a flow log, so that the service accepts their type.
    """
    lookup = _Lookup(attachments, previous_id)
    selected, missing = _select_ids(f"routers.{key}.attachments", config.attachments, attachments, lookup)
    streams = {}
    for stream, chosen in config.streams.items():
        streams[stream], gone = _select_ids(f"routers.{key}.streams.{stream}", chosen, attachments, lookup)
        missing += gone
    overrides = _find_overrides(f"routers.{key}.overrides", config.overrides, lookup)
    requested = config.attachments
    types = (requested.types or ()) if isinstance(requested, Selector) else ()
    result = Selection(
        requested=requested.model_dump(exclude_unset=True) if isinstance(requested, Selector) else requested,
        streams=streams,
        overrides=overrides,
        stale_names=lookup.stale_names,
        problems=lookup.problems,
        warnings=list(lookup.warnings.values()),
    )
    for attachment in attachments:
        is_tried = attachment.resource_type in types or attachment.id in accepted
        reason = cannot_be_logged(attachment, is_tried=is_tried)
        if reason and attachment.id in selected:
            result.skipped[attachment.id] = reason
        elif reason is None and attachment.id in selected:
            result.logged.append(attachment)
        elif reason is None:
            result.left_out.append(attachment)
    overridden = [text for text in config.overrides if text in result.gone]
    result.skipped |= dict.fromkeys(missing + overridden, GONE)
    return result


def _check_types(key: str, types: Sequence[str], attachments: Sequence[Attachment]) -> list[Problem]:
    """The types that cannot be logged, and those that neither the service nor this router is known to have."""
    present = {attachment.resource_type for attachment in attachments}
    known = {*LOGGABLE_ATTACHMENT_TYPES, *UNDOCUMENTED_ATTACHMENT_TYPES, *present} - {*UNLOGGABLE_ATTACHMENT_TYPES}
    return [
        Problem(
            f"{key}[{index}]",
            f"attachments of type {type_} cannot be logged"
            if type_ in UNLOGGABLE_ATTACHMENT_TYPES
            else f"there is no attachment of type {type_!r}; types are {join_names(sorted(known))}",
        )
        for index, type_ in enumerate(types)
        if type_ not in known
    ]


def _select_ids(
    key: str, requested: str | list[str] | Selector, attachments: Sequence[Attachment], lookup: _Lookup
) -> tuple[set[str], list[str]]:
    """The ids of the selected attachments, and the texts that name ones that are gone."""
    if isinstance(requested, list):
        return lookup.find_ids(key, requested)
    if not isinstance(requested, Selector):
        return {attachment.id for attachment in attachments}, []
    lookup.problems += _check_types(f"{key}.types", requested.types or (), attachments)
    included, missing = lookup.find_ids(f"{key}.include", requested.include)
    excluded, _ = lookup.find_ids(f"{key}.exclude", requested.exclude)
    matching = {attachment.id for attachment in attachments if _matches(requested, attachment)}
    return (matching | included) - excluded, missing


def _matches(selector: Selector, attachment: Attachment) -> bool:
    """Whether the attachment meets the selector's conditions; `include` and `exclude` are not conditions."""
    if selector.types is None and selector.names is None and not selector.tags:
        # Without conditions and without `include`, everything except `exclude` is selected.
        return not selector.include
    return (
        (selector.types is None or attachment.resource_type in selector.types)
        and (selector.names is None or matches_any(attachment.name, selector.names))
        and selector.tags.items() <= attachment.tags.items()
    )


def matches_any(name: str, globs: Sequence[str]) -> bool:
    """Whether the name matches one of the globs; case matters."""
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


def _find_overrides(key: str, overrides: Mapping[str, Override], lookup: _Lookup) -> dict[str, tuple[str, Override]]:
    by_id: dict[str, tuple[str, Override]] = {}
    for text, override in overrides.items():
        attachment = lookup.find(f"{key}.{text}", text)
        if attachment is None:
            continue
        if attachment.id in by_id:
            first = by_id[attachment.id][0]
            lookup.problems.append(
                Problem(f"{key}.{text}", f"names the same attachment as {first}; keep one of the two")
            )
        else:
            by_id[attachment.id] = (f"{key}.{text}", override)
    return by_id


class _Lookup:
    """Finds attachments by id or name, and collects problems and warnings."""

    def __init__(self, attachments: Sequence[Attachment], previous_id: PreviousId) -> None:
        self._attachments = attachments
        self._by_id = {attachment.id: attachment for attachment in attachments}
        self._by_name: dict[str, list[Attachment]] = {}
        for attachment in attachments:
            self._by_name.setdefault(attachment.name, []).append(attachment)
        self._previous_id = previous_id
        self.stale_names: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.warnings: dict[str, Problem] = {}

    def find_ids(self, key: str, texts: Sequence[str]) -> tuple[set[str], list[str]]:
        """The ids of the attachments, and the texts that name ones that are gone."""
        matches = {text: self.find(f"{key}[{index}]", text) for index, text in enumerate(texts)}
        ids = {attachment.id for attachment in matches.values() if attachment}
        return ids, [text for text in matches if self.stale_names.get(text) == ""]

    def find(self, key: str, text: str) -> Attachment | None:
        """The attachment that the stack file names; None if there is none, or if it is not clear which."""
        previous_id = self._previous_id(text)
        previous = self._by_id.get(previous_id or "")
        named = self._by_name.get(text, [])
        if previous and previous.name != text and text not in self._by_id:
            return self._find_renamed(key, text, previous)
        candidates = [self._by_id[text]] if text in self._by_id else named or self._attachments
        match = find(key, "attachment", text, candidates)
        if isinstance(match, Attachment):
            return match
        if previous_id is not None and not named:
            self.stale_names[text] = ""
        else:
            self.problems.append(match)
        return None

    def _find_renamed(self, key: str, text: str, renamed: Attachment) -> Attachment | None:
        """The attachment that had this name at the last run, unless another has it now."""
        if others := [other.id for other in self._by_name.get(text, ())]:
            what = (
                f"{text!r} is now the name of {join_names(others)}, and the attachment that had it before,"
                f" {renamed.id}, is now named {renamed.name!r}: use the id of the intended attachment"
            )
            self.problems.append(Problem(key, what))
            return None
        self.stale_names[text] = renamed.id
        what = (
            f"attachment {text!r} is now named {renamed.name!r} and keeps its flow log and settings; use the new name"
        )
        self.warnings[text] = Problem(key, what)
        return renamed

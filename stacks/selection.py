"""Which attachments of a router get a flow log, and why the others don't."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from providers.er.attachments import Attachment
from providers.er.limits import LOGGABLE_ATTACHMENT_TYPES
from stacks.config import RouterConfig, Selector
from stacks.errors import Problem

REFUSED_STATES = {
    "deleting": "is being deleted",
    "deleted": "has been deleted",
    "rejected": "was rejected by the router's owner",
    "pending_acceptance": "waits for the router's owner to accept it",
    "initiating_request": "is still being requested",
    "invalid": "is invalid",
    "failed": "has failed",
}
"""States in which an attachment has no traffic to log. The others (pending, modifying, freezed) pass: logs stay."""


@dataclass
class Selected:
    """The attachments of a router, told apart."""

    logged: list[Attachment] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # attachment id -> why it cannot be logged
    left_out: list[Attachment] = field(default_factory=list)  # loggable, but not asked for
    problems: list[Problem] = field(default_factory=list)


def cannot_be_logged(attachment: Attachment) -> str | None:
    """Why the attachment cannot have a flow log, if so."""
    if attachment.resource_type not in LOGGABLE_ATTACHMENT_TYPES:
        return f"is of type {attachment.resource_type}, which cannot be logged"
    return REFUSED_STATES.get(attachment.state)


def select(
    key: str, config: RouterConfig, attachments: Sequence[Attachment], *, seen_before: Collection[str]
) -> Selected:
    """Tell the attachments of the router `key` apart.

    Args:
        key: The router's key in the stack file.
        config: What the stack file says of it.
        attachments: Those that the router has.
        seen_before: Ids and names that it had at the last run: one that is named and gone is skipped, not a mistake.
    """
    result = Selected()
    lookup = _Lookup(attachments, seen_before, result)
    chosen = _chosen(f"routers.{key}.attachments", config, attachments, lookup)
    for name in config.overrides:
        lookup.find(f"routers.{key}.overrides.{name}", name)
    for attachment in attachments:
        reason = cannot_be_logged(attachment)
        if reason and (attachment.id in chosen or config.attachments == "all"):
            result.skipped[attachment.id] = reason
        elif reason is None and attachment.id in chosen:
            result.logged.append(attachment)
        elif reason is None:
            result.left_out.append(attachment)
    return result


def _chosen(where: str, config: RouterConfig, attachments: Sequence[Attachment], lookup: _Lookup) -> set[str]:
    selection = config.attachments
    if selection == "all":
        return {attachment.id for attachment in attachments}
    if isinstance(selection, list):
        return lookup.ids(where, selection)
    assert isinstance(selection, Selector)
    fitting = {attachment.id for attachment in attachments if _fits(selection, attachment)}
    return (fitting | lookup.ids(f"{where}.include", selection.include)) - lookup.ids(
        f"{where}.exclude", selection.exclude
    )


def _fits(selector: Selector, attachment: Attachment) -> bool:
    if selector.types is None and selector.names is None and not selector.tags:
        # Only include and exclude: without anything to include, everything but the excluded is meant.
        return not selector.include
    return (
        (selector.types is None or attachment.resource_type in selector.types)
        and (selector.names is None or any(fnmatch.fnmatchcase(attachment.name, glob) for glob in selector.names))
        and selector.tags.items() <= attachment.tags.items()
    )


class _Lookup:
    """Attachments by id or name."""

    def __init__(self, attachments: Sequence[Attachment], seen_before: Collection[str], result: Selected) -> None:
        self._attachments = attachments
        self._seen_before = seen_before
        self._result = result

    def ids(self, where: str, names: Sequence[str]) -> set[str]:
        found = [self.find(f"{where}[{index}]", name) for index, name in enumerate(names)]
        return {attachment.id for attachment in found if attachment}

    def find(self, where: str, name: str) -> Attachment | None:
        found = [a for a in self._attachments if a.id == name] or [a for a in self._attachments if a.name == name]
        if len(found) > 1:
            ids = ", ".join(attachment.id for attachment in found)
            self._result.problems.append(
                Problem(where, f"{len(found)} attachments are named {name!r}; use an id: {ids}")
            )
        elif not found and name in self._seen_before:
            self._result.skipped[name] = "is gone from the router"
        elif not found:
            known = ", ".join(sorted(attachment.name or attachment.id for attachment in self._attachments)) or "none"
            self._result.problems.append(Problem(where, f"the router has no attachment {name!r}; it has: {known}"))
        return found[0] if len(found) == 1 else None

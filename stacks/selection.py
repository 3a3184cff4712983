"""Which attachments of a router get a flow log, and why the others don't."""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from providers.er.attachments import Attachment
from providers.er.limits import LOGGABLE_ATTACHMENT_TYPES
from stacks.config import Override, RouterConfig, Selector
from stacks.errors import Problem
from stacks.lookup import find

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

GONE = "is gone from the router"
NOT_SELECTED = "is not selected"


class _Anything(Collection[str]):
    """Holds every text, and tells of none."""

    def __contains__(self, _text: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


ANYTHING = _Anything()
"""For `seen_before` where nobody knows what was there: then all that is named and not there counts as gone."""


@dataclass
class Selected:
    """The attachments of a router, told apart.

    Attributes:
        logged: Those that get a flow log.
        skipped: Why an attachment that was asked for cannot have one, by its id, or by what the stack file calls it
            if it is gone.
        left_out: Those that could have one, but were not asked for.
        overrides: By attachment id, the key in the stack file and what it says.
        gone: What the stack file names and the router no longer has.
        problems: Mistakes in the stack file.
    """

    logged: list[Attachment] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: list[Attachment] = field(default_factory=list)
    overrides: dict[str, tuple[str, Override]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
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
        seen_before: What the attachments were called at the last run, by id and by name: one that is named and gone
            is skipped, and not taken for a mistake.
    """
    lookup = _Lookup(attachments, seen_before)
    chosen, missing = _chosen(f"routers.{key}.attachments", config, attachments, lookup)
    overrides = _overrides(f"routers.{key}.overrides", config.overrides, lookup)
    result = Selected(overrides=overrides, gone=lookup.gone, problems=lookup.problems)
    for attachment in attachments:
        reason = cannot_be_logged(attachment)
        if reason and attachment.id in chosen:
            result.skipped[attachment.id] = reason
        elif reason is None and attachment.id in chosen:
            result.logged.append(attachment)
        elif reason is None:
            result.left_out.append(attachment)
    overridden = [named for named in config.overrides if named in lookup.gone]
    result.skipped |= dict.fromkeys(missing + overridden, GONE)
    return result


def _chosen(
    where: str, config: RouterConfig, attachments: Sequence[Attachment], lookup: _Lookup
) -> tuple[set[str], list[str]]:
    """The ids of the attachments asked for, and what was asked for by name and is gone."""
    selection = config.attachments
    if selection == "all":
        return {attachment.id for attachment in attachments}, []
    if isinstance(selection, list):
        return lookup.ids(where, selection)
    assert isinstance(selection, Selector)
    included, missing = lookup.ids(f"{where}.include", selection.include)
    excluded, _ = lookup.ids(f"{where}.exclude", selection.exclude)
    fitting = {attachment.id for attachment in attachments if _fits(selection, attachment)}
    return (fitting | included) - excluded, missing


def _fits(selector: Selector, attachment: Attachment) -> bool:
    if selector.types is None and selector.names is None and not selector.tags:
        # Only include and exclude: without anything to include, everything but the excluded is meant.
        return not selector.include
    return (
        (selector.types is None or attachment.resource_type in selector.types)
        and (selector.names is None or any(fnmatch.fnmatchcase(attachment.name, glob) for glob in selector.names))
        and selector.tags.items() <= attachment.tags.items()
    )


def _overrides(where: str, overrides: Mapping[str, Override], lookup: _Lookup) -> dict[str, tuple[str, Override]]:
    found: dict[str, tuple[str, Override]] = {}
    for named, override in overrides.items():
        attachment = lookup.find(f"{where}.{named}", named)
        if attachment is None:
            continue
        if attachment.id in found:
            first = found[attachment.id][0]
            lookup.problems.append(Problem(f"{where}.{named}", f"means the same attachment as {first}; keep one"))
        else:
            found[attachment.id] = (f"{where}.{named}", override)
    return found


class _Lookup:
    """Attachments by id or name, with all that goes wrong."""

    def __init__(self, attachments: Sequence[Attachment], seen_before: Collection[str]) -> None:
        self._attachments = attachments
        self._seen_before = seen_before
        self.gone: set[str] = set()
        self.problems: list[Problem] = []

    def ids(self, where: str, names: Sequence[str]) -> tuple[set[str], list[str]]:
        """The ids of the attachments, and the names of those that are gone."""
        found = {name: self.find(f"{where}[{index}]", name) for index, name in enumerate(names)}
        return {one.id for one in found.values() if one}, [name for name in found if name in self.gone]

    def find(self, where: str, named: str) -> Attachment | None:
        found = find(where, "attachment", named, self._attachments)
        if isinstance(found, Attachment):
            return found
        if named in self._seen_before and not any(one.name == named for one in self._attachments):
            self.gone.add(named)
        else:
            self.problems.append(found)
        return None

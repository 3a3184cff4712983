"""Which attachments of a router get a flow log, and why the others don't."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from providers.er.attachments import Attachment
from providers.er.limits import LOGGABLE_ATTACHMENT_TYPES
from stacks.errors import Problem
from stacks.planning.lookup import find, listed
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
"""States in which an attachment has no traffic to log. The others (pending, modifying, freezed) pass: logs stay."""

FROZEN = "freezed"
"""The state in which nothing new can be made for an attachment."""

GONE = "is gone from the router"
NOT_SELECTED = "is not selected"


Meant = Callable[[str], "str | None"]
"""The id of the attachment that a text of the stack file meant at the last run; empty if it was gone then or nobody
knows which it was, None if there was none."""


@dataclass
class Selection:
    """The attachments of a router, sorted by what becomes of them.

    Attributes:
        logged: Those that get a flow log.
        skipped: Why an attachment that was asked for cannot have one, by its id, or by what the stack file calls it
            if it is gone.
        left_out: Those that could have one, but were not asked for.
        overrides: By attachment id, the key in the stack file and what it says.
        called: What the stack file calls attachments that have another name now, by id; empty ids for those that are
            gone.
        problems: Mistakes in the stack file.
        warnings: Names that the stack file should have in place of those that it has.
    """

    logged: list[Attachment] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: list[Attachment] = field(default_factory=list)
    overrides: dict[str, tuple[str, Override]] = field(default_factory=dict)
    called: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def gone(self) -> set[str]:
        """What the stack file names and the router no longer has."""
        return {text for text, id_ in self.called.items() if not id_}


def cannot_be_logged(attachment: Attachment) -> str | None:
    """Why the attachment cannot have a flow log, if so."""
    if attachment.resource_type not in LOGGABLE_ATTACHMENT_TYPES:
        return f"is of type {attachment.resource_type}, which cannot be logged"
    return REFUSED_STATES.get(attachment.state)


def select(key: str, config: RouterConfig, attachments: Sequence[Attachment], *, meant: Meant) -> Selection:
    """Sort the attachments of the router `key`.

    Args:
        key: The router's key in the stack file.
        config: What the stack file says of it.
        attachments: All that the router has.
        meant: What the texts of the stack file meant at the last run. An attachment that somebody has renamed since
            is still meant by its old name; one that is gone is skipped, and not taken for a mistake.
    """
    lookup = _Lookup(attachments, meant)
    chosen, missing = _chosen(f"routers.{key}.attachments", config, attachments, lookup)
    overrides = _overrides(f"routers.{key}.overrides", config.overrides, lookup)
    result = Selection(
        overrides=overrides, called=lookup.called, problems=lookup.problems, warnings=list(lookup.warnings.values())
    )
    for attachment in attachments:
        reason = cannot_be_logged(attachment)
        if reason and attachment.id in chosen:
            result.skipped[attachment.id] = reason
        elif reason is None and attachment.id in chosen:
            result.logged.append(attachment)
        elif reason is None:
            result.left_out.append(attachment)
    overridden = [named for named in config.overrides if named in result.gone]
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
    fitting = {attachment.id for attachment in attachments if fits(selection, attachment)}
    return (fitting | included) - excluded, missing


def fits(selector: Selector, attachment: Attachment) -> bool:
    """Whether the attachment is what the selector asks for, but for what it includes and excludes."""
    if selector.types is None and selector.names is None and not selector.tags:
        # Only include and exclude: without anything to include, everything but the excluded is meant.
        return not selector.include
    return (
        (selector.types is None or attachment.resource_type in selector.types)
        and (selector.names is None or fits_any(attachment.name, selector.names))
        and selector.tags.items() <= attachment.tags.items()
    )


def fits_any(name: str, globs: Sequence[str]) -> bool:
    """Whether the name fits one of the globs; upper and lower case count."""
    return any(fnmatch.fnmatchcase(name, glob) for glob in globs)


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

    def __init__(self, attachments: Sequence[Attachment], meant: Meant) -> None:
        self._attachments = attachments
        self._meant = meant
        self.called: dict[str, str] = {}
        self.problems: list[Problem] = []
        self.warnings: dict[str, str] = {}

    def ids(self, where: str, names: Sequence[str]) -> tuple[set[str], list[str]]:
        """The ids of the attachments, and the names of those that are gone."""
        found = {name: self.find(f"{where}[{index}]", name) for index, name in enumerate(names)}
        return {one.id for one in found.values() if one}, [name for name in found if self.called.get(name) == ""]

    def find(self, where: str, named: str) -> Attachment | None:
        """The attachment that the stack file means; none if there is none, or if it is not clear which."""
        meant = self._meant(named)
        known = next((one for one in self._attachments if meant and one.id == meant), None)
        is_id = any(one.id == named for one in self._attachments)
        if known and known.name != named and not is_id:
            return self._renamed(where, named, known)
        found = find(where, "attachment", named, self._attachments)
        if isinstance(found, Attachment):
            return found
        if meant is not None and not any(one.name == named for one in self._attachments):
            self.called[named] = ""
        else:
            self.problems.append(found)
        return None

    def _renamed(self, where: str, named: str, known: Attachment) -> Attachment | None:
        """The attachment that had this name at the last run, unless another one has it now."""
        others = [one.id for one in self._attachments if one.name == named]
        if others:
            what = (
                f"{named!r} meant the attachment {known.id}, which is named {known.name!r} now, and the name has passed"
                f" to {listed(others)}: write the id of the one that you mean"
            )
            self.problems.append(Problem(where, what))
            return None
        self.called[named] = known.id
        self.warnings[named] = (
            f"{where}: the attachment {named!r} is named {known.name!r} now: its flow log and settings stay; write the"
            " new name"
        )
        return known

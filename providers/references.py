"""Whether what a resource refers to by id exists: its router, attachment, log group and log stream.

Otherwise only the create would find a name in place of an id, or the id of a VPC in place of its attachment's. All
resources of a run share the lists, so each is requested once.

Only an answer of the API proves that something does not exist: of a router or an attachment, that to a request for it;
of a log group or a log stream, which only lists show, a list that was requested after the check began.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from pulumi.dynamic import CheckFailure

from providers.config import ConfigError
from providers.er import Client
from providers.er.attachments import Attachment
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.named import Named
from providers.inputs import Properties, is_unknown

TIMEOUT = 10.0  # seconds for the look-ups of one resource


@dataclass(frozen=True)
class _Kind:
    """What an input refers to.

    Attributes:
        name: What it is called in messages.
        place: Where it is, by the id of the router or log group, or for these by the id of the project.
        list: Requests all of them in a router or log group.
        show: Requests one, and raises NotFoundError if it does not exist; None if the API has only lists.
    """

    name: str
    place: str
    list: Callable[[Client, str], Iterable[Named]]
    show: Callable[[Client, str, str], object] | None = None


_KINDS = {
    "er_id": _Kind(
        "router",
        "in project {}",
        lambda client, _: client.routers.list(),
        # The API client shows no routers, but a list of the attachments of a router tells whether there is one.
        lambda client, _, id_: next(client.attachments.list(id_), None),
    ),
    "resource_id": _Kind(
        "attachment",
        "on router {}",
        lambda client, er_id: client.attachments.list(er_id),
        lambda client, er_id, id_: client.attachments.get(er_id, id_),
    ),
    "log_group_id": _Kind("log group", "in project {}", lambda client, _: client.log_groups.list()),
    "log_stream_id": _Kind("log stream", "in log group {}", lambda client, group_id: client.log_streams.list(group_id)),
}
_PATHS = (("er_id", "resource_id"), ("log_group_id", "log_stream_id"))
"""Inputs of which each refers to something in what the one before refers to."""


@dataclass(frozen=True)
class _SharedList:
    requested_at: float = field(default_factory=time.monotonic)
    things: Future[Sequence[Named]] = field(default_factory=Future)


class References:
    """The lists of one run; safe to use from many threads."""

    def __init__(
        self,
        is_in_use: Callable[[str], bool] = lambda _id: False,
        publish: Callable[[Mapping[str, str]], None] | None = None,
    ) -> None:
        """Begin without any list.

        Args:
            is_in_use: Whether a resource of the stack has this id, so that it exists whatever a list says.
            publish: Called with the names in each list, by id.
        """
        self._is_in_use = is_in_use
        self._publish = publish
        self._lock = threading.Lock()
        self._has_given_up = False
        self._lists: dict[tuple[str, str], _SharedList] = {}

    @staticmethod
    def have_changed(olds: Properties, news: Properties) -> bool:
        """Whether the new inputs refer to anything else than the old ones."""
        return any(olds.get(key) != news.get(key) for key in _KINDS)

    def find_failures(
        self, connect: Callable[[], Client], inputs: Properties, warn: Callable[[str], None]
    ) -> list[CheckFailure]:
        """What the inputs refer to that does not exist, one failure for each; unknown values are not checked.

        If the API refuses or does not answer in time, nothing is checked from then on in the run, since a preview must
        work without it.

        Args:
            connect: Makes the client, or raises ConfigError.
            inputs: Of a resource.
            warn: Called with what to tell the user if nothing is checked, once in a run.
        """
        if self._has_given_up:
            return []
        try:
            client = connect()
            return self._check(client.with_deadline(replace(client.deadline, seconds=TIMEOUT)), inputs)
        except (ConfigError, ApiError) as error:
            with self._lock:
                is_first, self._has_given_up = not self._has_given_up, True
            if is_first:
                warn(f"the ids of routers, attachments, log groups and log streams are not checked: {error}")
            return []

    def _check(self, client: Client, inputs: Properties) -> list[CheckFailure]:
        began = time.monotonic()
        failures = []
        for keys in _PATHS:
            place = ""
            for key in keys:
                id_ = inputs.get(key)
                if id_ is None or is_unknown(id_):
                    break
                if reason := self._find_reason(client, key, place, id_, began):
                    failures.append(CheckFailure(key, reason))
                    break
                if any(thing.id == id_ and thing.is_shared for thing in self._list(client, key, place, 0.0)):
                    break  # Another project's router may hide its attachments from ours.
                place = id_
        return failures

    def _find_reason(self, client: Client, key: str, place: str, id_: str, began: float) -> str | None:
        """Why the id is not that of something in this place; None if it is, or if that cannot be told."""
        kind = _KINDS[key]
        things: Sequence[Named] = ()
        for since in (0.0, began):
            things = self._list(client, key, place, since)
            if any(thing.id == id_ for thing in things) or self._is_in_use(id_):
                return None
        if ids := " or ".join(repr(thing.id) for thing in things if thing.name == id_):
            return f"{key} must be the id of the {kind.name}, not its name {id_!r}: use {ids}"
        for thing in things:
            if isinstance(thing, Attachment) and thing.resource_id == id_:
                return (
                    f"{key} must be the id of the attachment, not of what it attaches ({thing.resource_type}): use"
                    f" {thing.id!r}, that of {thing.display_name}"
                )
        try:
            if kind.show:
                kind.show(client, place, id_)
                return None
        except NotFoundError:
            pass
        where = kind.place.format(place or client.project_id())
        return f"{key} must be the id of the {kind.name}: there is no {kind.name} {id_!r} {where}"

    def _list(self, client: Client, key: str, place: str, since: float) -> Sequence[Named]:
        """What this input may refer to in this place, from a list that was requested at `since` or later."""
        with self._lock:
            shared = self._lists.get((key, place))
            if is_new := shared is None or shared.requested_at < since:
                shared = self._lists[key, place] = _SharedList()
        if is_new:
            try:
                things = list(_KINDS[key].list(client, place))
                if self._publish:
                    self._publish({thing.id: thing.name for thing in things if thing.name})
                shared.things.set_result(things)
            except BaseException as error:
                shared.things.set_exception(error)
        return shared.things.result()

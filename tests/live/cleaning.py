"""Leaving nothing behind, however the walk ended."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from providers import schema as p
from providers.er import Client, Deadline, idempotency, lifecycle
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog
from providers.er.idempotency import client_token
from providers.er.sanitizing import display_name
from tests.live.place import Place, flow_logs_of
from tests.live.screen import Screen
from tests.live.sides import Side

CLEANING_SECONDS = 600.0
LOOKS_AT_LISTS = 5  # for what a create has made that was not answered: lists may lag
BETWEEN_LOOKS = 2.0  # seconds


class Cleaner:
    """Deletes what a walk has made. It goes on through signals: they are for the walk."""

    def __init__(self, live: Side, place: Place, screen: Screen) -> None:
        self._live, self._place, self._screen = live, place, screen
        self._gone: set[str] = set()

    def clean(self) -> bool:
        """Have nothing left of the walk; whether that is so."""
        if not self._live.journal.creates():
            return True
        self._screen.say("cleaning up")
        client = self._live.client.with_deadline(Deadline(CLEANING_SECONDS, report=self._screen.waits()))
        errors: list[ApiError] = []
        for attempt in (self._delete_known, self._delete_listed, self._delete_unanswered):
            try:
                attempt(client)
            except ApiError as error:
                errors.append(error)
        left = self._left()
        if not errors and not left:
            self._screen.say("  nothing is left")
            return True
        for text in dict.fromkeys(map(str, errors)):
            self._screen.say(f"  {text}")
        self._screen.say(f"  {by_hand(self._place, left or [self._live.inputs['name'] + ' (if there is one)'])}")
        return False

    def _delete_known(self, client: Client) -> None:
        """Delete those of which an answer has the id."""
        for id_ in self._left():
            with contextlib.suppress(NotFoundError):
                flow_log = client.flow_logs.get(self._place.router.id, id_)
                # What has another target cannot be ours, whatever a create was answered with.
                if flow_log.target == self._place.target:
                    self._delete(client, flow_log)
            self._gone.add(id_)

    def _delete_listed(self, client: Client) -> bool:
        """Delete those whose name begins with that of the walk; whether there were any."""
        found = [one for one in flow_logs_of(client, self._place) if one.name.startswith(self._live.inputs["name"])]
        for flow_log in found:
            self._delete(client, flow_log)
        return bool(found)

    def _delete_unanswered(self, client: Client) -> None:
        """Delete what a create has made of which nobody knows the end."""
        if not self._live.journal.is_open() or self._gone:
            return
        for _ in range(LOOKS_AT_LISTS):
            client.deadline.sleep(BETWEEN_LOOKS, waiting_for="the list to show what an unanswered create has made")
            if self._delete_listed(client):
                return
        # The service's own word on it: it answers with what it has made, or makes one that can be deleted as well.
        inputs, target = self._live.inputs, self._live.target
        token = client_token(inputs[p.IDEMPOTENCY_KEY], target, 0)
        if made := idempotency.resolve_for_delete(client, target, p.spec_of(inputs), tokens=[token]):
            self._delete(client, made)

    def _delete(self, client: Client, flow_log: FlowLog) -> None:
        delete(client, flow_log)
        self._gone.add(flow_log.id)
        self._screen.say(f"  deleted flow log {display_name(flow_log.name)}, id {flow_log.id}")

    def _left(self) -> list[str]:
        return [id_ for id_ in self._live.journal.made() if id_ not in self._gone]


def delete(client: Client, flow_log: FlowLog) -> None:
    """Have a flow log no more.

    Raises:
        ApiError: It could not be deleted.
    """
    lifecycle.delete(client, flow_log.target.er_id, flow_log.id, resource_id=flow_log.target.resource_id)


def by_hand(place: Place, left: Sequence[str]) -> str:
    """What to do about flow logs that could not be deleted."""
    return (
        f"still there: flow log {', '.join(left)}. `make live ARGS=--clean` in the same environment deletes it, or in"
        f" the console: Enterprise Router > {place.router.name or place.router.id} > Flow Logs"
    )

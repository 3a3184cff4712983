"""Deletes all that a walk has created, however it ended."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from providers import schema as p
from providers.er import Client, Deadline, idempotency, lifecycle
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog
from providers.er.idempotency import client_token
from providers.er.sanitizing import display_name
from providers.inputs import IDEMPOTENCY_KEY
from tests.live.place import Place, flow_logs_of
from tests.live.screen import Screen
from tests.live.sides import Side

CLEANING_SECONDS = 600.0
LISTS = 5  # in which a flow log of a create without an answer may appear, as lists may lag
BETWEEN_LISTS = 2.0  # seconds


class Cleaner:
    """Deletes what a walk has created. Signals do not end it."""

    def __init__(self, live: Side, place: Place, screen: Screen) -> None:
        self._live, self._place, self._screen = live, place, screen
        self._deleted: set[str] = set()

    def clean(self) -> bool:
        """Delete everything; whether nothing is left."""
        if not self._live.journal.creates():
            return True
        self._screen.show("cleaning up")
        client = self._live.client.with_deadline(Deadline(CLEANING_SECONDS, report=self._screen.report_waits()))
        errors: list[ApiError] = []
        for attempt in (self._delete_known, self._delete_listed, self._delete_unanswered):
            try:
                attempt(client)
            except ApiError as error:
                errors.append(error)
        left = self._left()
        if not errors and not left:
            self._screen.show("  nothing is left")
            return True
        for text in dict.fromkeys(map(str, errors)):
            self._screen.show(f"  {text}")
        self._screen.show(f"  {by_hand(self._place, left or [self._live.inputs['name'] + ' (if there is one)'])}")
        return False

    def _delete_known(self, client: Client) -> None:
        """Delete flow logs whose id is in an answer."""
        for id_ in self._left():
            with contextlib.suppress(NotFoundError):
                flow_log = client.flow_logs.get(self._place.router.id, id_)
                # A flow log with another target is not the walk's, whatever the answer to a create was.
                if flow_log.target == self._place.target:
                    self._delete(client, flow_log)
            self._deleted.add(id_)

    def _delete_listed(self, client: Client) -> bool:
        """Delete flow logs by the walk's name; whether there were any."""
        name = self._live.inputs["name"]
        found = [flow_log for flow_log in flow_logs_of(client, self._place) if flow_log.name.startswith(name)]
        for flow_log in found:
            self._delete(client, flow_log)
        return bool(found)

    def _delete_unanswered(self, client: Client) -> None:
        """Delete the flow log of a create whose outcome is unknown."""
        if not self._live.journal.may_have_created_more() or self._deleted:
            return
        for _ in range(LISTS):
            client.deadline.sleep(BETWEEN_LISTS, waiting_for="the list to show what an unanswered create has made")
            if self._delete_listed(client):
                return
        # A replay settles it: the service answers with the first flow log, or creates one that is deleted as well.
        inputs, target = self._live.inputs, self._live.target
        token = client_token(inputs[IDEMPOTENCY_KEY], target, 0)
        if created := idempotency.resolve_for_delete(client, target, p.spec_of(inputs), tokens=[token]):
            self._delete(client, created)

    def _delete(self, client: Client, flow_log: FlowLog) -> None:
        delete(client, flow_log)
        self._deleted.add(flow_log.id)
        self._screen.show(f"  deleted flow log {display_name(flow_log.name)}, id {flow_log.id}")

    def _left(self) -> list[str]:
        return [id_ for id_ in self._live.journal.created_ids() if id_ not in self._deleted]


def delete(client: Client, flow_log: FlowLog) -> None:
    """Delete a flow log, and wait until it is gone.

    Raises:
        ApiError: It could not be deleted.
    """
    lifecycle.delete(client, flow_log.target.er_id, flow_log.id, resource_id=flow_log.target.resource_id)


def by_hand(place: Place, left: Sequence[str]) -> str:
    """How to delete flow logs that could not be deleted."""
    return (
        f"still there: flow log {', '.join(left)}. `make live ARGS=--clean` in the same environment deletes it, or in"
        f" the console: Enterprise Router > {place.router.name or place.router.id} > Flow Logs"
    )

"""What each kind of fault does to a call: one method for each kind, of the same name."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from emulator.clock import format_for_api, format_for_token, seconds
from emulator.connection import ENVIRON_KEY, Connection
from emulator.errors import (
    BAD_CREDENTIALS,
    INTERNAL_ERROR,
    NO_PERMISSION,
    THROTTLED,
    UNAVAILABLE,
    EmulatorError,
    ErrorKind,
)
from emulator.faults.plan import AFTER, Fault
from emulator.flow_logs import FAILED, PENDING
from emulator.http import Call, Service, error_response
from emulator.store import Store

PIECES = 10  # of a dribbled body
BOGUS_MARKER = "1"  # as on the last page of the API reference's own example
HTML = "<html><head><title>{status}</title></head><body><h1>{status}</h1><hr><center>proxy</center></body></html>"
ERRORS: dict[int, ErrorKind] = {
    kind.status: kind for kind in (BAD_CREDENTIALS, NO_PERMISSION, THROTTLED, INTERNAL_ERROR, UNAVAILABLE)
}
"""In the service's envelope; 502 and 504 come from a proxy in front of it, in HTML."""

Answer = Callable[[], Response]


class FaultInjector:
    """Has one call go wrong."""

    def __init__(
        self,
        fault: Fault,
        replaced: threading.Event,
        call: Call,
        service: Service,
        *,
        answer: Answer,
        store: Store,
        refuse: Callable[[float], None],
    ) -> None:
        """Prepare the fault.

        Args:
            fault: What goes wrong.
            replaced: Set once another plan of faults is in force.
            call: The call.
            service: Whose error format applies.
            answer: Lets the call take effect, and returns the answer without the fault.
            store: The cloud contents.
            refuse: Has the server refuse connections for some seconds.
        """
        self._fault, self._replaced = fault, replaced
        self._call, self._service = call, service
        self._answer, self._store, self._refuse = answer, store, refuse

    def answer(self) -> Response:
        """The answer with the fault."""
        response: Response = getattr(self, self._fault.kind)()
        return response

    # Of the connection

    def refuse(self) -> Response:
        """Connections are refused for some seconds, and open ones reset."""
        self._refuse(self._fault.seconds)
        return self._drop(reset=True)

    def reset(self) -> Response:
        return self._drop(reset=True)

    def hang_up(self) -> Response:
        """The connection is closed normally, but without an answer."""
        return self._drop(reset=False)

    def truncate(self) -> Response:
        """Half of the body; without a body, no answer at all."""
        response = self._answer()
        body = response.get_data()
        if not body:
            self._connection.drop(reset=False)
            return response
        response.set_data(body[: len(body) // 2])
        response.headers["Content-Length"] = str(len(body))
        return response

    def hold(self) -> Response:
        """The call hangs until another plan is in force, or for some seconds; then the connection is reset."""
        self._take_effect()
        self._replaced.wait(self._fault.seconds)
        self._connection.drop(reset=True)
        return Response()

    # Of the answer

    def error(self) -> Response:
        self._take_effect()
        status = self._fault.status
        if status in ERRORS:
            response = error_response(self._service, status, ERRORS[status].code, "A fault of the fault plan.")
        else:
            response = self._html_page()
        if self._fault.retry_after is not None:
            response.headers["Retry-After"] = f"{self._fault.retry_after:g}"
        return response

    def html(self) -> Response:
        """A page for people, as a proxy in between sends it."""
        self._take_effect()
        return self._html_page()

    def garbage(self) -> Response:
        """Success, but no JSON."""
        self._take_effect()
        return Response(b'{"flow_log": \xff\x00', status=200, content_type="application/json")

    def slow(self) -> Response:
        """The answer comes late. With `before`, the call takes effect late, too."""
        if self._fault.when == AFTER:
            response = self._answer()
            time.sleep(self._fault.seconds)
            return response
        time.sleep(self._fault.seconds)
        return self._answer()

    def dribble(self) -> Response:
        """The body comes in small pieces."""
        response = self._answer()
        body = response.get_data()
        response.response = self._in_pieces(body)
        response.headers["Content-Length"] = str(len(body))
        return response

    def _in_pieces(self, body: bytes) -> Iterator[bytes]:
        size = max(len(body) // PIECES, 1)
        for start in range(0, len(body), size):
            time.sleep(self._fault.seconds / PIECES)
            yield body[start : start + size]

    def skew(self) -> Response:
        """Every date in the answer is off."""
        return self._with_body(self._skew_dates)

    def _skew_dates(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: self._move(inner) if key.endswith("_at") else self._skew_dates(inner)
                for key, inner in value.items()
            }
        return [self._skew_dates(inner) for inner in value] if isinstance(value, list) else value

    def _move(self, date: str) -> str:
        form = format_for_token if "." in date else format_for_api
        at = datetime.fromisoformat(date.replace("Z", "+00:00")).timestamp()
        return form(seconds(at + self._fault.seconds))

    # Of a list's page; other answers stay as they are

    def shift(self) -> Response:
        """The page lacks its first item, as if an earlier item was deleted since the previous page was read.

        The lists of the Log Tank Service have no pages, but may lag behind.
        """

        def remove_first(body: Any) -> Any:
            kind = next((key for key, value in body.items() if isinstance(value, list)), "")
            if "page_info" in body or kind in ("log_groups", "log_streams"):
                del body[kind][:1]
            if "page_info" in body:
                body["page_info"]["current_count"] = len(body[kind])
            return body

        return self._with_body(remove_first)

    def same_marker(self) -> Response:
        """The page names itself as the next one."""
        return self._with_next_marker(self._call.request.args.get("marker") or BOGUS_MARKER)

    def bogus_marker(self) -> Response:
        """The page names a next one that does not exist, even on the last page."""
        return self._with_next_marker(BOGUS_MARKER)

    def _with_next_marker(self, marker: str) -> Response:
        return self._with_page(lambda body: {**body, "page_info": {**body["page_info"], "next_marker": marker}})

    # Of the cloud contents; a call that is not about a flow log stays as it is

    def stuck(self) -> Response:
        """A flow log that is created stays pending; one that a repeated create finds is not created."""
        is_create = "flow_log_id" not in self._call.path
        existing = {flow_log.id for flow_log in self._store.flow_logs.live()} if is_create else set[str]()

        def keep_pending(id_: str) -> None:
            if id_ not in existing:
                self._store.set_flow_log_state(id_, PENDING)

        return self._with_flow_log(keep_pending)

    def fail(self) -> Response:
        return self._with_flow_log(lambda id_: self._store.set_flow_log_state(id_, FAILED))

    def vanish(self) -> Response:
        """Somebody deletes it."""
        return self._with_flow_log(self._store.delete_flow_log)

    def rename(self) -> Response:
        """Somebody renames it."""
        return self._with_flow_log(lambda id_: self._store.rename_flow_log(id_, "renamed-by-somebody"))

    def disable(self) -> Response:
        """Somebody disables it."""
        return self._with_flow_log(self._store.disable_flow_log)

    def fill_quota(self) -> Response:
        """Somebody uses up what is left of the quota."""
        project_id = self._call.path.get("project_id")
        if project_id:
            used = self._store.quotas.of(project_id, er_id=None).used
            self._store.set_quota(used, project=project_id)
        return self._answer()

    def lose_stream(self) -> Response:
        """Somebody deletes the log stream that it writes to."""
        return self._with_flow_log(self._store.lose_stream)

    def mute(self) -> Response:
        """It writes nothing from now on, without a sign of it."""
        return self._with_flow_log(self._store.stop_delivery)

    def late(self) -> Response:
        """Its records are found late."""
        return self._with_flow_log(lambda id_: self._store.delay_delivery(id_, self._fault.seconds))

    # Of a query of records; other answers stay as they are

    def incomplete(self) -> Response:
        """The query says that it is not complete, and has only half of the lines."""

        def halve(body: Any) -> Any:
            if "isQueryComplete" in body:
                body |= {"isQueryComplete": False, "logs": body["logs"][: len(body["logs"]) // 2]}
            return body

        return self._with_body(halve)

    # Helpers

    @property
    def _connection(self) -> Connection:
        connection: Connection = self._call.request.environ[ENVIRON_KEY]
        return connection

    def _take_effect(self) -> None:
        if self._fault.when == AFTER:
            self._answer()

    def _drop(self, *, reset: bool) -> Response:
        self._take_effect()
        self._connection.drop(reset=reset)
        return Response()

    def _html_page(self) -> Response:
        status = self._fault.status
        return Response(HTML.format(status=status), status=status, content_type="text/html")

    def _with_body(self, change: Callable[[Any], Any]) -> Response:
        response = self._answer()
        if response.get_data() and response.is_json:
            response.set_data(json.dumps(change(response.get_json())))
        return response

    def _with_page(self, change: Callable[[Any], Any]) -> Response:
        return self._with_body(lambda body: change(body) if "page_info" in body else body)

    def _with_flow_log(self, act: Callable[[str], object]) -> Response:
        id_ = self._call.path.get("flow_log_id")
        if id_ and self._fault.when != AFTER:
            self._apply(act, id_)
            return self._answer()
        response = self._answer()
        if not id_ and response.is_json:
            id_ = response.get_json().get("flow_log", {}).get("id")
        if id_:
            self._apply(act, id_)
        return response

    @staticmethod
    def _apply(act: Callable[[str], object], id_: str) -> None:
        # A flow log that is gone already cannot change any more.
        with contextlib.suppress(EmulatorError):
            act(id_)

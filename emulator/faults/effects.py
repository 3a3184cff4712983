"""What each kind of fault does to a call: a function for each, of the kind's name."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from emulator.clock import in_answers, in_tokens, seconds
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

DROPS = 10  # pieces in which a dribbled body comes
BOGUS_MARKER = "1"  # as on the last page of the API reference's own example
HTML = "<html><head><title>{status}</title></head><body><h1>{status}</h1><hr><center>proxy</center></body></html>"
ERRORS: dict[int, ErrorKind] = {
    kind.status: kind for kind in (BAD_CREDENTIALS, NO_PERMISSION, THROTTLED, INTERNAL_ERROR, UNAVAILABLE)
}
"""In the service's envelope; 502 and 504 come from what stands before it, in HTML."""

Answer = Callable[[], Response]


class FaultInjector:
    """Spoils one call."""

    def __init__(
        self,
        fault: Fault,
        over: threading.Event,
        call: Call,
        service: Service,
        *,
        answer: Answer,
        store: Store,
        refuse: Callable[[float], None],
    ) -> None:
        """Have the call ready to be spoiled.

        Args:
            fault: What it meets.
            over: Set once another plan of faults is in force.
            call: The call.
            service: Whose errors it would get.
            answer: Lets it take effect, and gives what would have come.
            store: The world.
            refuse: Has the server refuse connections for some seconds.
        """
        self._fault, self._over = fault, over
        self._call, self._service = call, service
        self._answer, self._store, self._refuse = answer, store, refuse

    def answer(self) -> Response:
        """The answer that comes."""
        response: Response = getattr(self, self._fault.kind)()
        return response

    # Of the connection

    def refuse(self) -> Response:
        """Nobody listens for some seconds, and open connections are reset."""
        self._refuse(self._fault.seconds)
        return self._dropped(reset=True)

    def reset(self) -> Response:
        return self._dropped(reset=True)

    def hang_up(self) -> Response:
        """The connection ends in good order, but without an answer."""
        return self._dropped(reset=False)

    def truncate(self) -> Response:
        """Half of the body; what has no body is not answered."""
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
        self._over.wait(self._fault.seconds)
        self._connection.drop(reset=True)
        return Response()

    # Of the answer

    def error(self) -> Response:
        self._take_effect()
        status = self._fault.status
        if status in ERRORS:
            response = error_response(self._service, status, ERRORS[status].code, "A fault that was asked for.")
        else:
            response = self._page_of_html()
        if self._fault.retry_after is not None:
            response.headers["Retry-After"] = f"{self._fault.retry_after:g}"
        return response

    def html(self) -> Response:
        """A page for people, of whatever stands between."""
        self._take_effect()
        return self._page_of_html()

    def garbage(self) -> Response:
        """Success, but no JSON."""
        self._take_effect()
        return Response(b'{"flow_log": \xff\x00', status=200, content_type="application/json")

    def slow(self) -> Response:
        """The answer comes late. When `before`, the call takes effect late, too."""
        if self._fault.when == AFTER:
            response = self._answer()
            time.sleep(self._fault.seconds)
            return response
        time.sleep(self._fault.seconds)
        return self._answer()

    def dribble(self) -> Response:
        """The body comes in drops."""
        response = self._answer()
        body = response.get_data()
        response.response = self._drops(body)
        response.headers["Content-Length"] = str(len(body))
        return response

    def _drops(self, body: bytes) -> Iterator[bytes]:
        size = max(len(body) // DROPS, 1)
        for start in range(0, len(body), size):
            time.sleep(self._fault.seconds / DROPS)
            yield body[start : start + size]

    def skew(self) -> Response:
        """Every date in the answer is off."""
        return self._with_body(self._skewed)

    def _skewed(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: self._moved(inner) if key.endswith("_at") else self._skewed(inner) for key, inner in value.items()
            }
        return [self._skewed(inner) for inner in value] if isinstance(value, list) else value

    def _moved(self, date: str) -> str:
        form = in_tokens if "." in date else in_answers
        at = datetime.fromisoformat(date.replace("Z", "+00:00")).timestamp()
        return form(seconds(at + self._fault.seconds))

    # Of a list's page; what is no page is as it would have been

    def shift(self) -> Response:
        """The page lacks its first item, as when one before it was deleted since the page before was read."""

        def shifted(body: Any) -> Any:
            items = next((value for value in body.values() if isinstance(value, list)), [])
            del items[:1]
            body["page_info"]["current_count"] = len(items)
            return body

        return self._with_page(shifted)

    def same_marker(self) -> Response:
        """The page names itself as the next one."""
        return self._with_next_marker(self._call.request.args.get("marker") or BOGUS_MARKER)

    def bogus_marker(self) -> Response:
        """The page names one that is none, also where it is the last."""
        return self._with_next_marker(BOGUS_MARKER)

    def _with_next_marker(self, marker: str) -> Response:
        return self._with_page(lambda body: {**body, "page_info": {**body["page_info"], "next_marker": marker}})

    # Of the world; a call that is about no flow log is as it would have been

    def stuck(self) -> Response:
        """What was created stays pending."""
        return self._with_flow_log(lambda id_: self._store.set_flow_log_state(id_, PENDING))

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

    # What these have in common

    @property
    def _connection(self) -> Connection:
        connection: Connection = self._call.request.environ[ENVIRON_KEY]
        return connection

    def _take_effect(self) -> None:
        if self._fault.when == AFTER:
            self._answer()

    def _dropped(self, *, reset: bool) -> Response:
        self._take_effect()
        self._connection.drop(reset=reset)
        return Response()

    def _page_of_html(self) -> Response:
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
            self._act(act, id_)
            return self._answer()
        response = self._answer()
        if not id_ and response.is_json:
            id_ = response.get_json().get("flow_log", {}).get("id")
        if id_:
            self._act(act, id_)
        return response

    @staticmethod
    def _act(act: Callable[[str], object], id_: str) -> None:
        # One that is gone already has nobody to meddle with it.
        with contextlib.suppress(EmulatorError):
            act(id_)

"""The emulator's own routes, which the cloud does not have: counts of requests, and the fault plan."""

from __future__ import annotations

import threading
from collections import Counter
from http import HTTPStatus

from werkzeug.wrappers import Response

from emulator.errors import EmulatorError, invalid
from emulator.faults.plan import Faults, parse
from emulator.http import Call, Query, Route, Service, json_body, json_response

REQUESTS = "/_emulator/requests"
FAULTS = "/_emulator/faults"


class RequestCounts:
    """How many requests each route has had since the start or the last reset, `GET /v3/{project_id}/...` for a key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def add(self, method: str, path: str) -> None:
        with self._lock:
            self._counts[f"{method} {path}"] += 1

    def read(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()


def routes(requests: RequestCounts, faults: Faults) -> list[Route]:
    def show(call: Call) -> Response:
        Query(call)
        counts = requests.read()
        return json_response(HTTPStatus.OK, {"requests": counts, "total": sum(counts.values())})

    def reset(call: Call) -> Response:
        Query(call)
        requests.reset()
        return Response(status=HTTPStatus.NO_CONTENT)

    def injected(call: Call) -> Response:
        Query(call)
        return json_response(HTTPStatus.OK, {"injected": faults.injected()})

    def inject(call: Call) -> Response:
        Query(call)
        try:
            faults.use(*parse(json_body(call)))
        except EmulatorError as error:
            raise invalid(str(error)) from error
        return Response(status=HTTPStatus.NO_CONTENT)

    def clear(call: Call) -> Response:
        Query(call)
        faults.use(0, [])
        return Response(status=HTTPStatus.NO_CONTENT)

    return [
        Route(Service.EMULATOR, "GET", REQUESTS, show),
        Route(Service.EMULATOR, "DELETE", REQUESTS, reset),
        Route(Service.EMULATOR, "GET", FAULTS, injected),
        Route(Service.EMULATOR, "PUT", FAULTS, inject),
        Route(Service.EMULATOR, "DELETE", FAULTS, clear),
    ]

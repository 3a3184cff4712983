"""The WSGI application: finds the route, has the gateway admit the call, and turns errors into answers."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from emulator import control_api, er_api, iam_api, lts_api
from emulator.control_api import RequestCounts
from emulator.errors import INTERNAL_ERROR, NO_SUCH_API, ApiError, GatewayError, IamError
from emulator.faults.plan import Faults
from emulator.gateway import Gateway
from emulator.http import Call, Route, Service, error_response
from emulator.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

UNKNOWN_ROUTE = "(unknown route)"
_PARSING = threading.Lock()
"""The map of URLs uses Python's parser, which fails now and then if two threads use it at once.

Source: https://github.com/python/cpython/issues/106905, of Python 3.11 and 3.12.
"""
_log = logging.getLogger("emulator")


class Application:
    """Every call to a known route passes through `answer`."""

    def __init__(
        self, store: Store, requests: RequestCounts, faults: Faults, *, refuse: Callable[[float], None]
    ) -> None:
        self._store = store
        self._requests = requests
        self._faults = faults
        self._refuse = refuse
        self._gateway = Gateway(store.identity)
        routes = [
            *er_api.routes(store),
            *lts_api.routes(store),
            *iam_api.routes(store, self._gateway),
            *control_api.routes(requests, faults),
        ]
        with _PARSING:
            self._urls = Map([_rule(route) for route in routes], strict_slashes=False, merge_slashes=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            route, path = self._urls.bind_to_environ(environ).match()
        except HTTPException:
            self._requests.add(request.method, UNKNOWN_ROUTE)
            response = error_response(
                Service.GATEWAY, *_envelope(ApiError(NO_SUCH_API, "The API does not exist or takes another method."))
            )
        else:
            own = route.service is Service.EMULATOR
            call = Call(request, path, strict=own or self._store.behaviour.strict)
            if own:
                response = self.answer(route, call)
            else:
                self._requests.add(route.method, route.path)
                response = self.answer(route, call) if self._faults.is_calm else self._answer_with_fault(route, call)
        return response(environ, start_response)

    def _answer_with_fault(self, route: Route, call: Call) -> Response:
        drawn = self._faults.draw(f"{route.method} {route.path}", self._subject(call))
        if not drawn:
            return self.answer(route, call)
        # Imported here: most emulators run without faults.
        from emulator.faults.effects import FaultInjector

        return FaultInjector(
            *drawn,
            call,
            route.service,
            answer=lambda: self.answer(route, call),
            store=self._store,
            refuse=self._refuse,
        ).answer()

    def _subject(self, call: Call) -> str:
        """The attachment that a call is about, or else its path: ids of flow logs differ between runs."""
        flow_log_id = call.path.get("flow_log_id")
        if flow_log_id:
            return self._store.flow_logs.resource_of(flow_log_id)
        try:
            body = json.loads(call.request.get_data())
        except (ValueError, RecursionError):
            body = None
        flow_log = body.get("flow_log") if isinstance(body, dict) else None
        return str(flow_log.get("resource_id")) if isinstance(flow_log, dict) else " ".join(call.path.values())

    def answer(self, route: Route, call: Call) -> Response:
        try:
            if route.service is Service.GATEWAY:
                self._gateway.admit(route, call)
            return route.handler(call)
        except GatewayError as error:
            return error_response(Service.GATEWAY, *_envelope(error))
        except ApiError as error:
            return error_response(route.service, *_envelope(error))
        except IamError as error:
            return error_response(route.service, error.status, "", error.message)
        except sqlite3.Error as error:
            _log.error("%s: %s", self._store.path, error)
            return error_response(route.service, INTERNAL_ERROR.status, INTERNAL_ERROR.code, str(error))
        except Exception:
            _log.exception("%s %s failed", route.method, route.path)
            return error_response(route.service, INTERNAL_ERROR.status, INTERNAL_ERROR.code, "Internal error.")


def _rule(route: Route) -> Rule:
    path = route.path.replace("{", "<").replace("}", ">")
    return Rule(path, methods=[route.method], endpoint=route)


def _envelope(error: ApiError) -> tuple[int, str, str]:
    return error.kind.status, error.kind.code, error.message

"""The WSGI application: finds the route, asks for the token, and turns refusals into answers."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from emulator import admin, er_api, iam_api, lts_api
from emulator.admin import RequestCounts
from emulator.errors import INTERNAL_ERROR, NO_PERMISSION, NO_SUCH_API, ApiError, IamError
from emulator.iam_api import AUTH_TOKEN_HEADER
from emulator.store import Store
from emulator.wire import Call, Route, Service, error_response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

UNKNOWN_ROUTE = "(unknown route)"
_log = logging.getLogger("emulator")


class Application:
    """Every call passes through `answer` once its route is known and before it has had any effect."""

    def __init__(self, store: Store, requests: RequestCounts) -> None:
        self._store = store
        self._requests = requests
        routes = [
            *er_api.routes(store),
            *lts_api.routes(store),
            *iam_api.routes(store),
            *admin.routes(requests),
        ]
        self._urls = Map([_rule(route) for route in routes], strict_slashes=False, merge_slashes=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        try:
            route, path = self._urls.bind_to_environ(environ).match()
        except HTTPException:
            self._requests.add(request.method, UNKNOWN_ROUTE)
            response = error_response(
                Service.GATEWAY, *_args(ApiError(NO_SUCH_API, "The API does not exist or takes another method."))
            )
        else:
            if route.service is not Service.ADMIN:
                self._requests.add(route.method, route.path)
            response = self.answer(route, Call(request, path))
        return response(environ, start_response)

    def answer(self, route: Route, call: Call) -> Response:
        try:
            if route.service is Service.GATEWAY:
                self._authorize(call)
            return route.handler(call)
        except ApiError as error:
            return error_response(route.service, *_args(error))
        except IamError as error:
            return error_response(route.service, error.status, "", error.message)
        except sqlite3.Error as error:
            _log.error("%s: %s", self._store.path, error)
            return error_response(route.service, INTERNAL_ERROR.status, INTERNAL_ERROR.code, str(error))
        except Exception:
            _log.exception("%s %s failed", route.method, route.path)
            return error_response(route.service, INTERNAL_ERROR.status, INTERNAL_ERROR.code, "Internal error.")

    def _authorize(self, call: Call) -> None:
        """A valid token, and one for the project in the path. No other way of signing a request is known here."""
        project_id = self._store.identity.project_of(call.request.headers.get(AUTH_TOKEN_HEADER))
        if project_id != call.path["project_id"]:
            raise ApiError(NO_PERMISSION, f"The token gives no access to project {call.path['project_id']}.")


def _rule(route: Route) -> Rule:
    path = route.path.replace("{", "<").replace("}", ">")
    return Rule(path, methods=[route.method], endpoint=route)


def _args(error: ApiError) -> tuple[int, str, str]:
    return error.kind.status, error.kind.code, error.message

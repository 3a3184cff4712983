"""HTTP for all endpoints: routes, requests that are read strictly, and answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from uuid import uuid4

from werkzeug.wrappers import Request, Response

from emulator import rules, strict_json
from emulator.errors import invalid
from emulator.paging import Page

PAGE_PARAMETERS = ("limit", "marker", "sort_key", "sort_dir")


class Service(Enum):
    """Who answers a call: how it is authenticated, and in which form it is refused."""

    GATEWAY = "behind the API gateway: a token for the project in the path, or a signature"
    IAM = "the identity service: errors in Keystone's format"
    EMULATOR = "the emulator itself: open to anyone who can reach it"


@dataclass(frozen=True)
class Call:
    """One request to a known route; `path` holds the values of the route's placeholders. Whether it is read strictly:
    see Behaviour.strict."""

    request: Request
    path: Mapping[str, str]
    strict: bool


Handler = Callable[[Call], Response]


@dataclass(frozen=True)
class Route:
    """`path` is written as in the API reference, with placeholders in braces. `action` is the permission that
    IAM requires for the call; without one, the gateway refuses everyone. Other services require none."""

    service: Service
    method: str
    path: str
    handler: Handler
    action: str = ""


class Query:
    """The query parameters of a call; unknown ones are ignored, or refused."""

    def __init__(self, call: Call, *known: str) -> None:
        self._values = dict(call.request.args.lists())
        self._strict = call.strict
        for parameter in self._values:
            if call.strict and parameter not in known:
                allowed = f"the parameters are {', '.join(known)}" if known else "this call takes none"
                raise invalid(f"unknown query parameter {parameter!r}: {allowed}.")

    def get(self, parameter: str, *allowed: str) -> str | None:
        values = self.get_all(parameter, *allowed)
        if len(values) > 1:
            raise invalid(f"query parameter {parameter} is given more than once.")
        return values[0] if values else None

    def get_all(self, parameter: str, *allowed: str) -> Sequence[str]:
        values = self._values.get(parameter, [])
        if allowed:
            for value in values:
                rules.check_literal(parameter, value, *allowed)
        return values

    def page(self, *sort_keys: str) -> Page:
        """API reference: pagination query, sorting by a single field. A blank marker means the first page."""
        limit, marker = self.get("limit"), self.get("marker")
        if marker is not None and limit is None:
            raise invalid("marker must be used together with limit.")
        return Page(
            limit=rules.MAX_LIMIT if limit is None else _limit(limit),
            marker=marker or None,
            sort_key=self.get("sort_key", *rules.SORT_KEYS, *sort_keys) or rules.SORT_KEYS[0],
            descending=self.get("sort_dir", *rules.SORT_DIRECTIONS) == "desc",
            strict=self._strict,
        )


def json_body(call: Call) -> object:
    """The body of a call, which must be well-formed JSON and, in a strict reading, be declared as such."""
    request = call.request
    if call.strict and request.mimetype != "application/json":
        raise invalid("Content-Type must be application/json.")
    try:
        return strict_json.loads(request.get_data(), repeated_keys=not call.strict)
    except ValueError as error:
        raise invalid(f"the body is not valid JSON: {error}.") from error


def no_body(call: Call) -> None:
    if call.strict and call.request.get_data():
        raise invalid("this call takes no body.")


def json_response(
    status: HTTPStatus | int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> Response:
    return Response(json.dumps(body), status=int(status), headers=headers, content_type="application/json")


def with_request_id(body: Mapping[str, object]) -> dict[str, object]:
    return {**body, "request_id": str(uuid4())}


def error_response(service: Service, status: int, code: str, message: str) -> Response:
    if service is Service.IAM:
        title = HTTPStatus(status).phrase
        return json_response(status, {"error": {"code": status, "message": message, "title": title}})
    return json_response(status, with_request_id({"error_code": code, "error_msg": message}))


def _limit(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 4 and int(value) <= rules.MAX_LIMIT):
        raise invalid(f"limit must be a number from 0 to {rules.MAX_LIMIT}.")
    return int(value)

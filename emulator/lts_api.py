"""The calls of the Log Tank Service: log groups, log streams, and the query of a stream."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import islice

from werkzeug.wrappers import Response

from emulator import rules
from emulator.clock import Instant
from emulator.delivery import Line
from emulator.errors import INVALID_PARAMETERS, LTS_INTERNAL, LTS_INVALID, ApiError
from emulator.http import Call, Handler, Query, Route, Service, json_body, json_response, no_body
from emulator.log_query import LogQuery
from emulator.log_tank import LogGroup, Settings
from emulator.store import Store

GROUPS = "/v2/{project_id}/groups"
GROUP = f"{GROUPS}/{{log_group_id}}"
STREAMS = f"{GROUP}/streams"
STREAM = f"{STREAMS}/{{log_stream_id}}"

# In lists of the live service, beside the tags that people set.
SYSTEM_TAGS = {"_sys_enterprise_project_id": "0"}


def routes(store: Store) -> list[Route]:
    api = _LtsApi(store)
    # In the names of its actions, LTS calls streams topics (user guide: permissions).
    calls: list[tuple[str, str, Handler, str]] = [
        ("GET", GROUPS, api.list_groups, "lts:groups:list"),
        ("POST", GROUPS, api.create_group, "lts:groups:create"),
        ("POST", GROUP, api.update_group, "lts:groups:put"),
        ("DELETE", GROUP, api.delete_group, "lts:groups:delete"),
        ("GET", STREAMS, api.list_streams, "lts:topics:list"),
        ("POST", STREAMS, api.create_stream, "lts:topics:create"),
        ("PUT", f"{GROUP}/streams-ttl/{{log_stream_id}}", api.update_stream, "lts:topics:put"),
        ("DELETE", STREAM, api.delete_stream, "lts:topics:delete"),
        ("POST", f"{STREAM}/content/query", api.query, "lts:logs:list"),
    ]
    return [Route(Service.GATEWAY, method, path, _strict(handler), action) for method, path, handler, action in calls]


def _strict(handler: Handler) -> Handler:
    """A handler that refuses what this service refuses of every call, with this service's codes."""

    def handle(call: Call) -> Response:
        _require_content_type(call)
        try:
            Query(call)
            return handler(call)
        except ApiError as error:
            if error.kind == INVALID_PARAMETERS:
                raise ApiError(LTS_INVALID, error.message) from error
            raise

    return handle


def _require_content_type(call: Call) -> None:
    """LTS API reference: Content-Type is mandatory in every call. The live service answers 500 without it."""
    parameters = call.request.mimetype_params
    if call.request.mimetype != "application/json" or parameters.get("charset", "utf-8").lower() != "utf-8":
        raise ApiError(LTS_INTERNAL, "The system encountered an internal error")


class _LtsApi:
    def __init__(self, store: Store) -> None:
        self._store = store
        self._log_tank = store.log_tank

    def list_groups(self, call: Call) -> Response:
        groups = [
            {**_group_body(group), "tag": {**SYSTEM_TAGS, **group.tags}}
            for group in self._log_tank.groups(call.path["project_id"])
        ]
        return json_response(HTTPStatus.OK, {"log_groups": groups})

    def create_group(self, call: Call) -> Response:
        fields = _fields(call, "log_group_name", "ttl_in_days", "tags", "log_group_name_alias")
        name = rules.check_log_name("log_group_name", rules.require_text(fields, "log_group_name"))
        settings = Settings.parse(fields, needs_ttl=True)
        id_ = self._log_tank.create_group(call.path["project_id"], name, settings)
        return json_response(HTTPStatus.CREATED, {"log_group_id": id_})

    def update_group(self, call: Call) -> Response:
        group = self._log_tank.update_group(*_group_path(call), _settings(call))
        return json_response(HTTPStatus.OK, _group_body(group))

    def delete_group(self, call: Call) -> Response:
        no_body(call)
        self._log_tank.delete_group(*_group_path(call))
        return Response(status=HTTPStatus.NO_CONTENT)

    def list_streams(self, call: Call) -> Response:
        streams = [
            {
                "log_stream_id": stream.id,
                "log_stream_name": stream.name,
                "creation_time": _milliseconds(stream.created_at),
                "tag": {**SYSTEM_TAGS, **stream.tags},
                "filter_count": 0,
                "is_favorite": False,
                "ttl_in_days": stream.ttl_in_days,  # not in the reference; the live service has it
            }
            for stream in self._log_tank.streams(*_group_path(call))
        ]
        return json_response(HTTPStatus.OK, {"log_streams": streams})

    def create_stream(self, call: Call) -> Response:
        aliases = ("log_stream_name_alias", "enterprise_project_name")
        fields = _fields(call, "log_stream_name", "ttl_in_days", "tags", *aliases)
        name = rules.check_log_name("log_stream_name", rules.require_text(fields, "log_stream_name"))
        settings = Settings.parse(fields, needs_ttl=False)
        id_ = self._log_tank.create_stream(*_group_path(call), name, settings)
        return json_response(HTTPStatus.CREATED, {"log_stream_id": id_})

    def update_stream(self, call: Call) -> Response:
        stream = self._log_tank.update_stream(*_stream_path(call), _settings(call))
        # An update answers with other keys than the list.
        body = {
            "log_topic_id": stream.id,
            "log_topic_name": stream.name,
            "ttl_in_days": stream.ttl_in_days,
            "creation_time": _milliseconds(stream.created_at),
        }
        return json_response(HTTPStatus.OK, body)

    def delete_stream(self, call: Call) -> Response:
        no_body(call)
        self._log_tank.delete_stream(*_stream_path(call))
        return Response(status=HTTPStatus.NO_CONTENT)

    def query(self, call: Call) -> Response:
        query = LogQuery.parse(json_body(call), strict=call.strict)
        found = list(islice(self._lines(call, query, query.page, from_newest=query.from_newest), query.limit))
        if query.from_newest != query.descending:
            found.reverse()
        logs = [_line_body(line, query.keyword if query.highlight else "") for line in found]
        body: dict[str, object] = {"logs": logs, "isQueryComplete": True}
        if query.counts:
            body["count"] = sum(1 for _ in self._lines(call, query, query.span, from_newest=False))
        return json_response(HTTPStatus.OK, body)

    def _lines(self, call: Call, query: LogQuery, span: tuple[int, int], *, from_newest: bool) -> Iterator[Line]:
        lines = self._store.delivery.lines(*_stream_path(call), span=span, descending=from_newest)
        return (line for line in lines if not query.keyword or line.has(query.keyword))


def _group_path(call: Call) -> tuple[str, str]:
    return call.path["project_id"], call.path["log_group_id"]


def _stream_path(call: Call) -> tuple[str, str, str]:
    return call.path["project_id"], call.path["log_group_id"], call.path["log_stream_id"]


def _fields(call: Call, *known: str) -> Mapping[str, object]:
    return rules.require_object(json_body(call), "the body", known, strict=call.strict)


def _settings(call: Call) -> Settings:
    return Settings.parse(_fields(call, "ttl_in_days", "tags"), needs_ttl=True)


def _group_body(group: LogGroup) -> dict[str, object]:
    return {
        "log_group_id": group.id,
        "log_group_name": group.name,
        "ttl_in_days": group.ttl_in_days,
        "creation_time": _milliseconds(group.created_at),
    }


def _line_body(line: Line, highlighted: str) -> dict[str, object]:
    content = line.content
    if highlighted:
        content = content.replace(highlighted, f"<HighLightTag>{highlighted}</HighLightTag>")
    return {"content": content, "line_num": str(line.number), "labels": {}}


def _milliseconds(instant: Instant) -> int:
    return instant // 1_000

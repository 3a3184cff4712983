"""The calls of the Log Tank Service: the lists of groups and streams."""

from __future__ import annotations

from http import HTTPStatus

from werkzeug.wrappers import Response

from emulator.http import Call, Query, Route, Service, json_response
from emulator.store import Store

GROUPS = "/v2/{project_id}/groups"
STREAMS = f"{GROUPS}/{{log_group_id}}/streams"


def routes(store: Store) -> list[Route]:
    api = _LtsApi(store)
    return [
        Route(Service.GATEWAY, "GET", GROUPS, api.list_groups, "lts:groups:list"),
        # In the names of its actions, LTS calls streams topics.
        Route(Service.GATEWAY, "GET", STREAMS, api.list_streams, "lts:topics:list"),
    ]


class _LtsApi:
    def __init__(self, store: Store) -> None:
        self._store = store

    def list_groups(self, call: Call) -> Response:
        Query(call)
        groups: list[dict[str, object]] = [
            {
                "log_group_id": group.id,
                "log_group_name": group.name,
                "ttl_in_days": group.ttl_in_days,
                "tag": {},
            }
            for group in self._store.log_tank.groups(call.path["project_id"])
        ]
        return json_response(HTTPStatus.OK, {"log_groups": groups})

    def list_streams(self, call: Call) -> Response:
        Query(call)
        streams = [
            {
                "log_stream_id": stream.id,
                "log_stream_name": stream.name,
                "creation_time": stream.created_at // 1_000,  # LTS counts milliseconds since the epoch
            }
            for stream in self._store.log_tank.streams(call.path["project_id"], call.path["log_group_id"])
        ]
        return json_response(HTTPStatus.OK, {"log_streams": streams})

"""The calls of Enterprise Router: the seven of flow logs, those of attachments and routers, and the list of quotas."""

from __future__ import annotations

from http import HTTPStatus

from werkzeug.wrappers import Response

from emulator import rules
from emulator.clock import format_for_api
from emulator.flow_logs import FlowLog, FlowLogChange, NewFlowLog
from emulator.http import (
    PAGE_PARAMETERS,
    Call,
    Query,
    Route,
    Service,
    json_body,
    json_response,
    no_body,
    with_request_id,
)
from emulator.network import Attachment, Router
from emulator.store import Store

BASE = "/v3/{project_id}/enterprise-router"
FLOW_LOGS = f"{BASE}/{{er_id}}/flow-logs"
FLOW_LOG = f"{FLOW_LOGS}/{{flow_log_id}}"
ROUTERS = f"{BASE}/instances"
ATTACHMENTS = f"{BASE}/{{er_id}}/attachments"
CLIENT_TOKEN_HEADER = "X-Client-Token"
QUOTA_UNIT = "count"


def routes(store: Store) -> list[Route]:
    api = _ErApi(store)
    calls = [
        ("POST", FLOW_LOGS, api.create_flow_log, "er:flowlogs:create"),
        ("GET", FLOW_LOGS, api.list_flow_logs, "er:flowlogs:list"),
        ("GET", FLOW_LOG, api.show_flow_log, "er:flowlogs:show"),
        ("PUT", FLOW_LOG, api.update_flow_log, "er:flowlogs:update"),
        ("DELETE", FLOW_LOG, api.delete_flow_log, "er:flowlogs:delete"),
        ("POST", f"{FLOW_LOG}/enable", api.enable_flow_log, "er:flowlogs:enable"),
        ("POST", f"{FLOW_LOG}/disable", api.disable_flow_log, "er:flowlogs:disable"),
        ("GET", ATTACHMENTS, api.list_attachments, "er:attachments:list"),
        ("GET", f"{ATTACHMENTS}/{{attachment_id}}", api.show_attachment, "er:attachments:get"),
        ("GET", ROUTERS, api.list_routers, "er:instances:list"),
        ("GET", f"{ROUTERS}/{{er_id}}", api.show_router, "er:instances:get"),
        ("GET", f"{BASE}/quotas", api.list_quotas, "er:quotas:list"),
    ]
    return [Route(Service.GATEWAY, *call) for call in calls]


class _ErApi:
    def __init__(self, store: Store) -> None:
        self._store = store

    def create_flow_log(self, call: Call) -> Response:
        Query(call)
        router = _router_path(call)
        self._store.network.require_available(*router)
        client_token = call.request.headers.get(CLIENT_TOKEN_HEADER)
        headers = {} if client_token is None else {CLIENT_TOKEN_HEADER: rules.check_client_token(client_token)}
        new = NewFlowLog.parse(json_body(call), strict=call.strict)
        flow_log = self._store.flow_logs.create(*router, new, client_token=client_token)
        return _flow_log_response(HTTPStatus.ACCEPTED, flow_log, headers)

    def list_flow_logs(self, call: Call) -> Response:
        query = Query(call, "resource_type", "resource_id", *PAGE_PARAMETERS)
        query.get("resource_type", rules.RESOURCE_TYPE)
        found = self._store.flow_logs.page(*_router_path(call), query.page(), resource_ids=query.get_all("resource_id"))
        flow_logs = [_flow_log_body(flow_log) for flow_log in found.flow_logs]
        body = {
            "flow_logs": flow_logs,
            "page_info": _page_info(found.next_marker, len(flow_logs)),
            "total_count": found.total,
        }
        return json_response(HTTPStatus.OK, with_request_id(body))

    def show_flow_log(self, call: Call) -> Response:
        Query(call)
        return _flow_log_response(HTTPStatus.OK, self._store.flow_logs.show(*_flow_log_path(call)))

    def update_flow_log(self, call: Call) -> Response:
        Query(call)
        self._store.network.require_available(*_router_path(call))
        change = FlowLogChange.parse(json_body(call), strict=call.strict)
        return _flow_log_response(HTTPStatus.OK, self._store.flow_logs.update(*_flow_log_path(call), change))

    def delete_flow_log(self, call: Call) -> Response:
        Query(call)
        no_body(call)
        self._store.flow_logs.delete(*_flow_log_path(call))
        return Response(status=HTTPStatus.ACCEPTED)

    def enable_flow_log(self, call: Call) -> Response:
        return self._switch(call, enabled=True)

    def disable_flow_log(self, call: Call) -> Response:
        return self._switch(call, enabled=False)

    def list_attachments(self, call: Call) -> Response:
        query = Query(call, "state", "resource_type", "resource_id", *PAGE_PARAMETERS)
        found = self._store.network.attachments(
            *_router_path(call),
            query.page(*rules.MORE_SORT_KEYS),
            states=query.get_all("state", *rules.ATTACHMENT_STATES),
            resource_types=query.get_all("resource_type", *rules.ATTACHMENT_TYPES, *rules.FOREIGN_TYPES),
            resource_ids=query.get_all("resource_id"),
        )
        attachments = [_attachment_body(attachment, call.path["project_id"]) for attachment in found.attachments]
        body = {"attachments": attachments, "page_info": _page_info(found.next_marker, len(attachments))}
        return json_response(HTTPStatus.OK, with_request_id(body))

    def show_attachment(self, call: Call) -> Response:
        Query(call)
        attachment = self._store.network.attachment(*_router_path(call), call.path["attachment_id"])
        return json_response(
            HTTPStatus.OK, with_request_id({"attachment": _attachment_body(attachment, call.path["project_id"])})
        )

    def list_routers(self, call: Call) -> Response:
        # All routers are in the default enterprise project, so this one leaves nothing out.
        query = Query(call, "id", "state", "resource_id", "owned_by_self", "enterprise_project_id", *PAGE_PARAMETERS)
        found = self._store.network.routers(
            call.path["project_id"],
            query.page(*rules.MORE_SORT_KEYS),
            ids=query.get_all("id"),
            states=query.get_all("state", *rules.ROUTER_STATES),
            resource_ids=query.get_all("resource_id"),
            owned_by_self=query.get("owned_by_self", "true", "false") == "true",
        )
        instances = [_router_body(router) for router in found.routers]
        body = {"instances": instances, "page_info": _page_info(found.next_marker, len(instances))}
        return json_response(HTTPStatus.OK, with_request_id(body))

    def show_router(self, call: Call) -> Response:
        Query(call)
        router = self._store.network.router(*_router_path(call))
        return json_response(HTTPStatus.OK, with_request_id({"instance": _router_body(router)}))

    def list_quotas(self, call: Call) -> Response:
        """Of the documented types the emulator has one; the others are not in the answer."""
        query = Query(call, "type", "erId", "routeTableId", "vpcId", "limit", "marker")
        types = query.get_all("type", *rules.QUOTAS)
        quota = self._store.quotas.of(call.path["project_id"], er_id=query.get("erId"))
        body = {"quota_key": quota.key, "quota_limit": quota.limit, "used": quota.used, "unit": QUOTA_UNIT}
        quotas = [body] if not types or quota.key in types else []
        return json_response(
            HTTPStatus.OK, with_request_id({"quotas": quotas, "page_info": _page_info(None, len(quotas))})
        )

    def _switch(self, call: Call, *, enabled: bool) -> Response:
        Query(call)
        no_body(call)
        flow_log = self._store.flow_logs.switch(*_flow_log_path(call), enabled=enabled)
        return _flow_log_response(HTTPStatus.ACCEPTED, flow_log)


def _router_path(call: Call) -> tuple[str, str]:
    return call.path["project_id"], call.path["er_id"]


def _flow_log_path(call: Call) -> tuple[str, str, str]:
    return call.path["project_id"], call.path["er_id"], call.path["flow_log_id"]


def _flow_log_response(status: HTTPStatus, flow_log: FlowLog, headers: dict[str, str] | None = None) -> Response:
    return json_response(status, with_request_id({"flow_log": _flow_log_body(flow_log)}), headers)


def _flow_log_body(flow_log: FlowLog) -> dict[str, object]:
    """API reference: FlowLog. log_store_name is not supported for now, and absent from its examples."""
    return {
        "id": flow_log.id,
        "name": flow_log.name,
        "description": flow_log.description,
        "project_id": flow_log.project_id,
        "resource_type": rules.RESOURCE_TYPE,
        "resource_id": flow_log.resource_id,
        "log_group_id": flow_log.log_group_id,
        "log_stream_id": flow_log.log_stream_id,
        "log_store_type": rules.LOG_STORE_TYPE,
        "log_aggregation_interval": rules.LOG_AGGREGATION_INTERVAL,
        "created_at": format_for_api(flow_log.created_at),
        "updated_at": format_for_api(flow_log.updated_at),
        "state": flow_log.state,
        "enabled": flow_log.enabled,
    }


def _attachment_body(attachment: Attachment, project_id: str) -> dict[str, object]:
    """As a project sees it. Only the router's owner sees the tags."""
    tags = [{"key": key, "value": value} for key, value in attachment.tags.items()]
    return {
        "id": attachment.id,
        "name": attachment.name,
        "description": attachment.description,
        "state": attachment.state,
        "resource_type": attachment.resource_type,
        "resource_id": attachment.resource_id,
        "resource_project_id": attachment.project_id,
        "project_id": attachment.project_id,
        "er_id": attachment.er_id,
        "tags": tags if attachment.project_id == project_id else None,
        "associated": True,
        "route_table_id": attachment.route_table_id,
        "created_at": format_for_api(attachment.created_at),
        "updated_at": format_for_api(attachment.updated_at),
    }


def _router_body(router: Router) -> dict[str, object]:
    return {
        "id": router.id,
        "name": router.name,
        "description": router.description,
        "state": router.state,
        "asn": router.asn,
        "project_id": router.project_id,
        "created_at": format_for_api(router.created_at),
        "updated_at": format_for_api(router.updated_at),
    }


def _page_info(next_marker: str | None, count: int) -> dict[str, object]:
    """The last page has no next_marker."""
    return {"current_count": count} if next_marker is None else {"next_marker": next_marker, "current_count": count}

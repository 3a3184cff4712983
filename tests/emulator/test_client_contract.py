"""The contract files against the client: what it sends, and which record it reads from the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml

from emulator import Server
from providers.er import Client, Deadline, Endpoints
from providers.er.attachments import Attachment
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import (
    ApiError,
    BusyError,
    DeadlineExceededError,
    NotFoundError,
    UnauthorizedError,
    error_class,
)
from providers.er.flow_logs import FlowLog, FlowLogTarget
from providers.er.log_groups import LogGroup
from providers.er.log_streams import LogStream
from providers.er.log_tank import LogStore, LogStores, R
from providers.er.pagination import PAGE_SIZE
from providers.er.quotas import Quota
from providers.er.routers import Router
from tests.emulator.contract_cases import SHAPES, Case, Stage, all_cases, mismatch

Serve = Callable[..., Server]
# Of other clients, or IAM's, where keystoneauth signs in; or see test_client_records.py.
NOT_CALLED = {
    *("show_router", "query_log_stream"),
    *(case.call for case in all_cases() if "{project_id}/" not in case.path),
}
CREATE_FIELDS = {"name", "resource_type", "resource_id", "log_group_id", "log_stream_id", "log_store_type"}
DEFAULT_BODIES = {"create_flow_log": {"description": ""}, "update_flow_log": {"name": "other", "description": ""}}


class RecordingCredentials(TokenCredentials):
    """Keeps every request in the form in which it is sent."""

    def __init__(self, token: str | None, project_id: str) -> None:
        super().__init__(token or "", project_id)
        self._is_missing = token is None
        self.sent: list[requests.PreparedRequest] = []

    def authorize(self, request: requests.PreparedRequest) -> None:
        if not self._is_missing:
            super().authorize(request)
        self.sent.append(request)


def is_expressible(case: Case) -> bool:
    """Whether the client can send what the case sends."""
    if case.call in NOT_CALLED or case.raw_body is not None:
        return False
    is_error = "error" in case.expect

    if case.call == "create_flow_log":
        fields = case.body.get("flow_log", {}) if isinstance(case.body, dict) else {}
        literal = fields.get("resource_type") == "attachment" and fields.get("log_store_type") == "LTS"
        return not case.query and literal and set(fields) - {"description"} == CREATE_FIELDS
    if case.call == "update_flow_log":
        keys = set(case.body or {})
        return bool(keys) and (keys <= {"name", "description"} if is_error else keys == {"name", "description"})
    if case.call.removesuffix("_log_group").removesuffix("_log_stream") in ("create", "update"):
        fields = case.body if isinstance(case.body, dict) else {}
        name = {f"{case.call.removeprefix('create_')}_name"} if case.call.startswith("create_") else set()
        tags = fields.get("tags")
        return {*name, "ttl_in_days"} == set(fields) - {"tags"} and tags in ([], [{"key": "env", "value": "prod"}])
    if case.content_type is not None or case.body is not None:
        return False
    if case.call == "list_quotas":
        return set(case.query) <= {"type", "erId"} and case.query.get("type", "flow_log") == "flow_log"
    if case.call == "list_flow_logs":
        return set(case.query) <= {"resource_id"}
    return not case.query


EXPRESSIBLE = [case for case in all_cases() if is_expressible(case)]


@pytest.mark.parametrize("case", EXPRESSIBLE, ids=str)
def test_client_keeps_the_contract(case: Case, serve: Serve) -> None:
    stage = Stage(serve())
    stage.prepare(case)
    server = stage.server
    token = {"missing": None, "wrong": "not-a-token"}.get(case.auth, server.token)
    if case.auth == "expired":
        server.store.identity.expire_tokens()
    path = stage.path_values(case)
    credentials = RecordingCredentials(token, path["project_id"])
    # No time: "being operated" is raised at once.
    client = Client(credentials, Endpoints.at(server.url)).with_deadline(Deadline(seconds=0))
    request = stage.fill({"body": case.body, "query": dict(case.query)})
    request["body"] = _completed(case, request["body"])

    if "error" in case.expect:
        with pytest.raises(ApiError) as caught:
            _call(client, case, path, request)
        _assert_error(caught.value, case)
    else:
        answer = _call(client, case, path, request)
        _assert_read(case, stage.fill(case.expect.get("body")), answer)

    sent, *_ = credentials.sent  # a failed delete is followed by a list
    _assert_sent(sent, case, server.url + case.path.format_map(path), request, token)


def test_each_call_is_tested_with_an_answer_and_a_refusal() -> None:
    calls = {case.call for case in all_cases()} - NOT_CALLED
    assert {case.call for case in EXPRESSIBLE if "error" not in case.expect} == calls
    assert {case.call for case in EXPRESSIBLE if "error" in case.expect} == calls


def _completed(case: Case, body: Any) -> Any:
    """The body with what the client always sends and a case may leave out."""
    defaults = DEFAULT_BODIES.get(case.call)
    if defaults is None:
        return body
    if case.call == "create_flow_log":
        return {"flow_log": {**defaults, **body["flow_log"]}}
    return {**defaults, **body}


def _call(client: Client, case: Case, path: Mapping[str, str], request: Mapping[str, Any]) -> Any:
    logs, er_id, id_ = client.flow_logs, path.get("er_id", ""), path.get("flow_log_id", "")
    body, query = request["body"], request["query"]
    group, stream = path.get("log_group_id", ""), path.get("log_stream_id", "")

    def streams() -> LogStores[LogStream]:
        return client.log_streams.in_group(group)

    def create() -> FlowLog:
        fields = body["flow_log"]
        target = FlowLogTarget(
            er_id=er_id, **{key: fields[key] for key in ("resource_id", "log_group_id", "log_stream_id")}
        )
        client_token = case.headers.get("X-Client-Token", "contract")
        return logs.create(target, name=fields["name"], description=fields["description"], client_token=client_token)

    def list_flow_logs() -> list[FlowLog]:
        ids = query.get("resource_id", [])
        return list(logs.list(er_id, resource_ids=[ids] if isinstance(ids, str) else ids))

    calls: dict[str, Callable[[], Any]] = {
        "create_flow_log": create,
        "show_flow_log": lambda: logs.get(er_id, id_),
        "list_flow_logs": list_flow_logs,
        "update_flow_log": lambda: logs.update(er_id, id_, name=body["name"], description=body["description"]),
        "delete_flow_log": lambda: logs.delete(er_id, id_),
        "enable_flow_log": lambda: logs.enable(er_id, id_),
        "disable_flow_log": lambda: logs.disable(er_id, id_),
        "list_attachments": lambda: list(client.attachments.list(er_id)),
        "show_attachment": lambda: client.attachments.get(er_id, path["attachment_id"]),
        "list_routers": lambda: list(client.routers.list()),
        "list_quotas": lambda: client.quotas.flow_logs(er_id=query.get("erId")),
        "list_log_groups": client.log_groups.list,
        "list_log_streams": lambda: client.log_streams.list(path["log_group_id"]),
        "create_log_group": lambda: client.log_groups.create(_log_store(LogGroup, body)),
        "update_log_group": lambda: client.log_groups.update(_log_store(LogGroup, body, id_=group)),
        "delete_log_group": lambda: client.log_groups.delete(group),
        "create_log_stream": lambda: streams().create(_log_store(LogStream, body)),
        "update_log_stream": lambda: streams().update(_log_store(LogStream, body, id_=stream)),
        "delete_log_stream": lambda: streams().delete(stream),
    }
    return calls[case.call]()


def _log_store(kind: type[R], body: Mapping[str, Any], *, id_: str = "") -> R:
    tags = {tag["key"]: tag.get("value") for tag in body["tags"]}
    return kind(id=id_, name=body.get(f"{kind.KIND}_name", ""), ttl_in_days=body["ttl_in_days"], tags=tags)


def _assert_sent(
    sent: requests.PreparedRequest, case: Case, url: str, request: Mapping[str, Any], token: str | None
) -> None:
    """The request is that of the reference, in every part."""
    assert sent.method == case.method
    parts = urlsplit(sent.url or "")
    assert isinstance(parts.path, str)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == url
    query = {key: value if isinstance(value, list) else [str(value)] for key, value in request["query"].items()}
    if case.call in ("list_flow_logs", "list_attachments", "list_routers"):
        query["limit"] = [str(PAGE_SIZE)]
    if case.call == "list_quotas":
        query["type"] = ["flow_log"]
    assert parse_qs(str(parts.query), keep_blank_values=True) == query
    assert sent.headers.get("X-Auth-Token") == token
    assert sent.headers["Accept"] == "application/json"
    if case.call == "create_flow_log":
        assert sent.headers["X-Client-Token"] == case.headers.get("X-Client-Token", "contract")
    if request["body"] is None:
        assert sent.body is None
    else:
        assert json.loads(sent.body or b"") == request["body"]
    plain = "application/json" if request["body"] is not None else None
    is_lts = sent.path_url.startswith("/v2/")
    assert sent.headers.get("Content-Type") == ("application/json;charset=UTF-8" if is_lts else plain)


def _assert_error(error: ApiError, case: Case) -> None:
    """The error has every detail of the answer, and the class that callers act on."""
    status, code = case.expect["status"], case.expect["error"]
    assert (error.status, error.code) == (status, code)
    assert error.request_id
    assert case.expect.get("says", "") in error.message
    kind = error_class(status, code)
    assert isinstance(error, DeadlineExceededError if kind is BusyError else kind)
    assert isinstance(error, NotFoundError) == (status == 404 or code in ("LTS.0201", "LTS.0208"))
    assert isinstance(error, UnauthorizedError) == (status == 401)


def _assert_read(case: Case, shape: Any, answer: Any) -> None:
    """The answer is the record, or the records, of the expected body."""
    if case.call.startswith("delete_") or case.call in ("update_log_group", "update_log_stream"):
        assert answer is None
    elif case.call in ("create_log_group", "create_log_stream"):
        (id_,) = shape.values()
        assert mismatch(id_, answer.id) is None
    elif case.call == "list_quotas":
        _assert_record(shape["quotas"][0], answer)
    elif case.call.startswith("list_"):
        (records,) = (value for value in shape.values() if isinstance(value, list))
        assert len(answer) == len(records)
        for record, read in zip(records, answer, strict=True):
            _assert_record(record, read)
    else:
        (record,) = (shape[key] for key in ("flow_log", "attachment") if key in shape)
        _assert_record(record, answer)


def _assert_record(shape: Any, read: object) -> None:
    if "is" in shape:
        # The expected record has more keys than the client reads.
        assert {"flow_log": FlowLog, "attachment": Attachment, "router": Router}[shape["is"]] is type(read)
        shape = {**_shapes()[shape["is"]], **shape}
    sent = _as_sent(read)
    for key, value in sent.items():
        # To the client, null is like an absent field.
        assert shape[key] is None or mismatch(shape[key], value, key) is None


def _shapes() -> Any:
    return yaml.safe_load(SHAPES.read_text(encoding="utf-8"))


def _as_sent(read: object) -> dict[str, Any]:
    """A record under the names that its fields have in the API."""
    fields = dict(vars(read))
    if isinstance(read, FlowLog):
        target = vars(fields.pop("target"))
        return {**fields, **{key: value for key, value in target.items() if key != "er_id"}}
    if isinstance(read, Attachment):
        tags = [{"key": key, "value": value} for key, value in fields.pop("tags").items()]
        return {**fields, "tags": tags}
    if isinstance(read, Router):
        owner = fields.pop("shared_by")
        return {**fields, **({"project_id": owner} if owner else {})}
    names: dict[type, dict[str, str]] = {
        Quota: {"limit": "quota_limit", "used": "used"},
    }
    if isinstance(read, LogStore):
        tag = {"_sys_enterprise_project_id": "0", **read.tags}
        own = {f"{read.KIND}_id": read.id, f"{read.KIND}_name": read.name}
        return {**own, "ttl_in_days": read.ttl_in_days, "tag": tag}
    renamed = names.get(type(read), {})
    return {renamed.get(key, key): value for key, value in fields.items()}

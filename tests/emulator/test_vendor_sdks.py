"""The vendor's Python SDKs against `python -m emulator` as it is: every call that the emulator has, signed.

A row of a table is a method of an SDK, the arguments of its request, and values of its answer by their places. `$name`
stands for what an earlier answer had: the id of the flow log that was created last, and the last token.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials

from emulator import Server, er_api, iam_api, lts_api
from emulator.gateway import Gateway
from tests.emulator.foreign import (
    ACCESS_KEY,
    ATTACHMENTS,
    DOMAIN,
    LOG_GROUP,
    PASSCODE,
    PASSWORD,
    PROJECT,
    ROUTER,
    look_up,
    write_seed,
)
from tests.emulator.plain_client import body
from tests.emulator.process import Process

Row = tuple[str, dict[str, Any], dict[str, Any]]


class Sdk(NamedTuple):
    """The module and the class of a client, its credentials, and the calls to make, in order."""

    module: str
    client: str
    credentials: Any
    calls: list[Row]


def credentials(user: str, **more: str) -> dict[str, Any]:
    return {"user": {"name": user, "domain": {"name": DOMAIN[1]}, **more}}


def auth(scope: dict[str, Any], **methods: dict[str, Any]) -> dict[str, Any]:
    return {"auth": {"identity": {"methods": [*methods], **methods}, "scope": scope}}


FLOW_LOG = {"er_id": ROUTER, "flow_log_id": "$flow_log.id"}
PAGE = {"limit": 1, "sort_key": ["name"], "sort_dir": ["desc"]}
TO_PROJECT, TO_DOMAIN = {"project": {"name": PROJECT[1]}}, {"domain": {"name": DOMAIN[1]}}
ASSUME_ROLE = {"domain_name": "OTC-OTHER", "agency_name": "operations"}

ER_CALLS: list[Row] = [
    ("list_enterprise_routers", {**PAGE, "owned_by_self": True}, {"instances.0.name": "er-second"}),
    ("list_enterprise_routers", {"id": [ROUTER], "state": ["available"]}, {"instances.0.name": "er-main"}),
    ("show_enterprise_router", {"er_id": ROUTER}, {"instance.id": ROUTER, "instance.asn": 64512}),
    ("list_attachments", {"er_id": ROUTER, "resource_type": ["vpc"], **PAGE}, {"attachments.0.resource_type": "vpc"}),
    ("show_attachment", {"er_id": ROUTER, "attachment_id": ATTACHMENTS[0]}, {"attachment.tags.0.key": "env"}),
    ("show_quotas", {"type": ["flow_log", "er_instance"]}, {"quotas.0.quota_limit": 4}),
    (
        "create_flow_log",
        {"er_id": ROUTER, "x_client_token": "once", "body": {"flow_log": body("one", ATTACHMENTS[0])}},
        {"flow_log.name": "one", "x_client_token": "once"},
    ),
    ("show_flow_log", FLOW_LOG, {"flow_log.state": "available", "flow_log.enabled": True}),
    ("list_flow_logs", {"er_id": ROUTER, "resource_id": [ATTACHMENTS[0]], **PAGE}, {"flow_logs.0.name": "one"}),
    ("update_flow_log", {**FLOW_LOG, "body": {"name": "two", "description": ""}}, {"flow_log.name": "two"}),
    ("disable_flow_log", FLOW_LOG, {"flow_log.name": "two"}),
    ("show_flow_log", FLOW_LOG, {"flow_log.enabled": False}),
    ("enable_flow_log", FLOW_LOG, {"flow_log.name": "two"}),
    ("delete_flow_log", FLOW_LOG, {}),
]
NEW_GROUP = {"log_group_id": "$log_group_id"}
NEW_STREAM = {**NEW_GROUP, "log_stream_id": "$log_stream_id"}
LTS_CALLS: list[Row] = [
    ("list_log_groups", {}, {"log_groups.0.log_group_name": "network"}),
    ("list_log_stream", {"log_group_id": LOG_GROUP}, {"log_streams.0.log_stream_name": "flow"}),
    ("create_log_group", {"body": {"log_group_name": "new", "ttl_in_days": 7}}, {}),
    ("update_log_group", {**NEW_GROUP, "body": {"ttl_in_days": 8}}, {"log_group_name": "new", "ttl_in_days": 8}),
    ("create_log_stream", {**NEW_GROUP, "body": {"log_stream_name": "new"}}, {}),
    ("update_log_stream", {**NEW_STREAM, "body": {"ttl_in_days": 5}}, {"log_topic_name": "new", "ttl_in_days": 5}),
    ("list_logs", {**NEW_STREAM, "body": {"start_time": "1", "end_time": "2", "is_count": True}}, {"count": 0}),
    ("delete_log_stream", NEW_STREAM, {}),
    ("delete_log_group", NEW_GROUP, {}),
]
IAM_CALLS: list[Row] = [
    ("keystone_list_versions", {}, {"versions.values.0.status": "stable"}),
    ("keystone_show_version", {}, {"version.status": "stable"}),
    ("keystone_list_auth_domains", {}, {"domains.0.name": DOMAIN[1]}),
    ("keystone_list_auth_projects", {}, {"projects.0.id": PROJECT[0]}),
    ("keystone_list_projects", {"name": PROJECT[1], "domain_id": DOMAIN[0]}, {"projects.0.id": PROJECT[0]}),
    ("keystone_show_project", {"project_id": PROJECT[0]}, {"project.name": PROJECT[1]}),
    ("keystone_list_users", {"name": "reader"}, {"users.0.domain_id": DOMAIN[0]}),
    ("keystone_show_catalog", {}, {"catalog.0.type": "er"}),
    (
        "keystone_create_user_token_by_password",
        {"body": auth(TO_PROJECT, password=credentials("tester", password=PASSWORD))},
        {"token.project.id": PROJECT[0], "token.catalog.0.type": "er"},
    ),
    ("keystone_validate_token", {"x_subject_token": "$x_subject_token"}, {"token.user.name": "tester"}),
    (
        "keystone_create_user_token_by_password_and_mfa",
        {
            "nocatalog": "true",
            "body": auth(
                TO_DOMAIN,
                password=credentials("mfa", password=PASSWORD),
                totp=credentials("mfa", passcode=PASSCODE),
            ),
        },
        {"token.domain.id": DOMAIN[0]},
    ),
    (
        "keystone_create_agency_token",
        {"body": auth({"domain": {"name": "OTC-OTHER"}}, assume_role=ASSUME_ROLE)},
        {"token.domain.name": "OTC-OTHER"},
    ),
]
SDKS = [
    Sdk("huaweicloudsdker.v3", "ErClient", BasicCredentials(*ACCESS_KEY, PROJECT[0]), ER_CALLS),
    Sdk("huaweicloudsdklts.v2", "LtsClient", BasicCredentials(*ACCESS_KEY, PROJECT[0]), LTS_CALLS),
    Sdk("huaweicloudsdkiam.v3", "IamClient", GlobalCredentials(*ACCESS_KEY, DOMAIN[0]), IAM_CALLS),
]
REMEMBERED = ("flow_log.id", "x_subject_token", "log_group_id", "log_stream_id")
NOT_IN_THE_SDK = {"DELETE /v3/auth/tokens"}


def make_calls(sdk: Sdk, url: str) -> None:
    module = import_module(sdk.module)
    client = getattr(module, sdk.client).new_builder().with_credentials(sdk.credentials).with_endpoint(url).build()
    known: dict[str, str] = {}
    for method, arguments, expected in sdk.calls:
        request = getattr(module, f"{method.title().replace('_', '')}Request")
        values = {key: known[value[1:]] if str(value)[0] == "$" else value for key, value in arguments.items()}
        answer = getattr(client, method)(request(**values))
        assert {place: look_up(answer, place) for place in expected} == expected, f"{method}: {answer}"
        known |= {place: look_up(answer, place) for place in REMEMBERED if hasattr(answer, place.partition(".")[0])}


@pytest.mark.acceptance
def test_vendors_sdks_make_every_call(run_emulator: Callable[..., Process], tmp_path: Path, server: Server) -> None:
    url = run_emulator("--seed", write_seed(tmp_path), "--latency", "0").url
    for sdk in SDKS:
        make_calls(sdk, url)
    routes = [
        *er_api.routes(server.store),
        *lts_api.routes(server.store),
        *iam_api.routes(server.store, Gateway(server.store.identity)),
    ]
    called = requests.get(f"{url}/_emulator/requests", timeout=20).json()["requests"]
    assert {f"{route.method} {route.path}" for route in routes} - called.keys() == NOT_IN_THE_SDK

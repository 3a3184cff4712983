"""What other people's clients were seen to send is answered as they need it, so that they go on to work without them.

`foreign_clients.yaml` has each call of each client once. The calls of a client are sent in order, to a server of its
own; a call about a flow log is about the one that was created last.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests
import yaml

import emulator
from emulator import Behaviour, Server
from tests.emulator.foreign import (
    ACCESS_KEY,
    ATTACHMENTS,
    DOMAIN,
    LOG_GROUP,
    LOG_STREAM,
    PASSCODE,
    PASSWORD,
    PROJECT,
    ROUTER,
    TEMPORARY_KEY,
    look_up,
    write_seed,
)
from tests.emulator.plain_client import Signing

RECORDED = yaml.safe_load(Path(__file__).with_name("foreign_clients.yaml").read_text(encoding="utf-8"))
METHODS = ("password", "totp", "token", "assume_role")
PATH = {"project_id": PROJECT[0], "er_id": ROUTER, "attachment_id": ATTACHMENTS[0], "log_group_id": LOG_GROUP}
SCOPE = "20261130///sdk_request"
HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "somebody else's",
    "x-client-token": "once",
    "x-domain-id": DOMAIN[0],
    "x-language": "en-us",
    "x-project-id": PROJECT[0],
    "x-security-token": TEMPORARY_KEY[2],
}
# By the end of the path where one name means different things.
QUERY = {
    "projects.name": PROJECT[1],
    "domains.name": DOMAIN[1],
    "users.name": "tester",
    "attachments.resource_type": "vpc",
    "flow-logs.resource_type": "attachment",
    "domain_id": DOMAIN[0],
    "id": ROUTER,
    "limit": "10",
    "nocatalog": "true",
    "owned_by_self": "true",
    "resource_id": ATTACHMENTS[0],
    "sort_dir": "desc",
    "sort_key": "name",
    "state": "available",
    "type": "flow_log",
}
BODY = {
    "name": "one",
    "description": "",
    "flow_log.description": "of somebody else",
    "flow_log.log_group_id": LOG_GROUP,
    "flow_log.log_store_type": "LTS",
    "flow_log.log_stream_id": LOG_STREAM,
    "flow_log.name": "one",
    "flow_log.resource_type": "attachment",
    "auth.identity.assume_role.agency_name": "operations",
    "auth.identity.assume_role.domain_name": "OTC-OTHER",
    "auth.identity.assume_role.xrole_name": "operations",
    "auth.identity.password.user.domain.name": DOMAIN[1],
    "auth.identity.password.user.password": PASSWORD,
    "auth.identity.totp.user.domain.name": DOMAIN[1],
    "auth.identity.totp.user.passcode": PASSCODE,
    "auth.scope.project.name": PROJECT[1],
}


class ForeignClient:
    """Sends what was recorded of a client, with values of the test's own."""

    def __init__(self, server: Server, recorded: dict[str, Any]) -> None:
        self.server, self.recorded = server, recorded
        self.token = server.token
        self.flow_logs: list[str] = []

    def send(self, call: dict[str, Any]) -> requests.Response:
        usual = {**self.recorded, **call}
        method, path = call["call"].split(" ")
        answer = requests.request(
            method,
            self.server.url + path.format(**PATH, flow_log_id=self.flow_logs[-1] if self.flow_logs else ""),
            params={name: QUERY.get(f"{path.split('/')[-1]}.{name}") or QUERY[name] for name in call.get("query", [])},
            headers=self._headers([*usual.get("headers", []), *usual.get("signed", [])]),
            json=self._body(call["body"]) if "body" in call else None,
            auth=self._signing(usual) if "signed" in usual else None,
            timeout=20,
        )
        self._remember(answer)
        return answer

    def _signing(self, usual: dict[str, Any]) -> Signing:
        temporary = "x-security-token" in usual.get("headers", [])
        access_key, secret_key = TEMPORARY_KEY[:2] if temporary else ACCESS_KEY
        scope = SCOPE if self.recorded["authorization"] == "Credential" else ""
        return Signing(access_key, secret_key, signed=usual["signed"], scope=scope)

    def _headers(self, names: list[str]) -> dict[str, str]:
        values = {**HEADERS, "x-auth-token": self.token, "x-subject-token": self.token}
        return {name: values[name] for name in names if name in values}

    def _body(self, places: list[str]) -> dict[str, Any]:
        methods = [method for method in METHODS if any(f".{method}." in place for place in places)]
        domain = "OTC-OTHER" if "assume_role" in methods else DOMAIN[1]
        user = "mfa" if "totp" in methods else "tester"
        values = {
            **BODY,
            "flow_log.resource_id": ATTACHMENTS[len(self.flow_logs) % 2],
            "auth.identity.methods": methods,
            "auth.identity.token.id": self.token,
            "auth.identity.password.user.name": user,
            "auth.identity.totp.user.name": user,
            "auth.scope.domain.name": domain,
            "auth.scope.project.domain.name": domain,
        }
        body: dict[str, Any] = {}
        for place in places:
            *outer, last = place.split(".")
            inner = body
            for step in outer:
                inner = inner.setdefault(step, {})
            inner[last] = values[place]
        return body

    def _remember(self, answer: requests.Response) -> None:
        content = answer.json() if answer.content else {}
        if answer.request.method == "POST" and answer.status_code == 202:
            self.flow_logs.append(content["flow_log"]["id"])
        if content.get("token", {}).get("project"):
            self.token = answer.headers["X-Subject-Token"]


@pytest.mark.parametrize("recorded", RECORDED["clients"], ids=lambda recorded: str(recorded["client"]))
def test_recorded_calls_of_other_clients_are_answered(recorded: dict[str, Any], tmp_path: Path) -> None:
    seed = write_seed(tmp_path)
    with emulator.serve(tmp_path / "emulator.db", seed=seed, behaviour=Behaviour(latency=0)) as server:
        client = ForeignClient(server, recorded)
        for call in recorded["calls"]:
            expected = RECORDED["answers"][call["call"]]
            answer = client.send(call)
            assert answer.status_code == call.get("status", expected["status"]), f"{call}: {answer.text}"
            if answer.ok:
                assert [place for place in expected["places"] if look_up(answer.json(), place) is None] == []

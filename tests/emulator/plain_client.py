"""The API spoken with nothing but `requests`: no retries, no models, no opinion."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import requests
from keystoneauth1.identity import v3
from requests.auth import AuthBase

from emulator import Server

LTS_CONTENT_TYPE = "application/json;charset=UTF-8"  # of every call of the Log Tank Service


def password_of(server: Server, username: str, password: str) -> v3.Password:
    """A sign-in for the server's project, by a user of the seed file."""
    return v3.Password(
        auth_url=f"{server.url}/v3",
        username=username,
        password=password,
        user_domain_name="OTC-TEST",
        project_id=server.project_id,
    )


class PlainClient:
    """One project and one router of a running emulator, with a kept-alive connection."""

    def __init__(self, url: str, token: str, project_id: str, er_id: str) -> None:
        self.url = url
        self.base = f"{url}/v3/{project_id}/enterprise-router"
        self.router = f"{self.base}/{er_id}"
        self.flow_logs = f"{self.router}/flow-logs"
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-Auth-Token"] = token

    @classmethod
    def of(cls, server: Server, router: str = "er-main") -> PlainClient:
        return cls(server.url, server.token, server.project_id, server.store.router(router).id)

    @classmethod
    def signing(cls, server: Server, key: Signing, router: str = "er-main") -> PlainClient:
        """A client that has no token, and signs every request."""
        client = cls.of(server, router)
        del client.session.headers["X-Auth-Token"]
        client.session.auth = key
        return client

    def post_flow_log(self, body: dict[str, str], *, client_token: str | None = None) -> requests.Response:
        headers = {} if client_token is None else {"X-Client-Token": client_token}
        return self.session.post(self.flow_logs, json={"flow_log": body}, headers=headers)

    def create(self, body: dict[str, str], *, client_token: str | None = None) -> dict[str, Any]:
        answer = self.post_flow_log(body, client_token=client_token)
        assert answer.status_code == 202, answer.text
        created: dict[str, Any] = answer.json()["flow_log"]
        return created

    def lts(self, method: str, path: str, body: Any = None, *, project_id: str | None = None) -> requests.Response:
        """A call of the Log Tank Service below the project, such as `groups`."""
        project = project_id or self.base.split("/")[-2]
        url = f"{self.url}/v2/{project}/{path}"
        return self.session.request(method, url, json=body, headers={"Content-Type": LTS_CONTENT_TYPE})

    def show(self, flow_log_id: str) -> requests.Response:
        return self.session.get(f"{self.flow_logs}/{flow_log_id}")

    def state(self, flow_log_id: str) -> str:
        """Its state, or `gone` when a show does not find it."""
        answer = self.show(flow_log_id)
        if answer.status_code == 404:
            assert answer.json()["error_code"] == "ER.04008501"
            return "gone"
        state: str = answer.json()["flow_log"]["state"]
        return state

    def list(self, **query: Any) -> dict[str, Any]:
        answer = self.session.get(self.flow_logs, params=query)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    def ids(self) -> set[str]:
        return {flow_log["id"] for flow_log in self.list()["flow_logs"]}


class Signing(AuthBase):
    """Signs requests with an access key, as the API Request Signing Guide says, at a time that may be off: the headers
    in `signed`, or those that have to do with the API; in the form with a scope if there is one."""

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        security_token: str | None = None,
        *,
        seconds_off: float = 0.0,
        signed: Sequence[str] = (),
        scope: str = "",
        **headers: str,
    ) -> None:
        self.access_key, self.secret_key = access_key, secret_key
        self.seconds_off, self.signed, self.scope = seconds_off, signed, scope
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if security_token is not None:
            self.headers["x-security-token"] = security_token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(str(request.url))
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + self.seconds_off))
        request.headers.update({**self.headers, "host": parts.netloc, "x-sdk-date": date})
        sent = {name.lower(): str(value).strip() for name, value in request.headers.items()}
        usual = [name for name in sent if name.startswith("x-") or name in ("host", "content-type")]
        signed = sorted(self.signed or usual)
        content = request.body or b""
        content = content.encode() if isinstance(content, str) else content
        canonical = "\n".join(
            [
                str(request.method),
                quote(unquote(parts.path), safe="/~").rstrip("/") + "/",
                urlencode(sorted(parse_qsl(parts.query, keep_blank_values=True)), quote_via=quote, safe="~"),
                "".join(f"{name}:{sent[name]}\n" for name in signed),
                ";".join(signed),
                sent.get("x-sdk-content-sha256") or hashlib.sha256(content).hexdigest(),
            ]
        )
        digest, key, holder = hashlib.sha256(canonical.encode()).hexdigest(), self.secret_key.encode(), "Access="
        text = f"SDK-HMAC-SHA256\n{date}\n{digest}"
        if self.scope:
            text, key, holder = f"SDK-HMAC-SHA256\n{date}\n{self.scope}\n{digest}", b"SDK" + key, "Credential="
            for part in self.scope.split("/"):
                key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        who = "/".join([self.access_key, *([self.scope] if self.scope else [])])
        request.headers["Authorization"] = (
            f"SDK-HMAC-SHA256 {holder}{who}, SignedHeaders={';'.join(signed)}, Signature={signature}"
        )
        return request


def body(name: str, attachment_id: str, *, group: str = "", stream: str = "") -> dict[str, str]:
    """The body of a create to the first stream of the test seed."""
    return {
        "name": name,
        "resource_type": "attachment",
        "resource_id": attachment_id,
        "log_group_id": group or "00000000-0000-4000-b000-000000000001",
        "log_stream_id": stream or "00000000-0000-4000-b000-000000000011",
        "log_store_type": "LTS",
    }

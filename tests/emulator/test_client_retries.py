"""What the client does when the network or the service misbehaves, against a server that follows a script."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from providers.er import Client, Deadline, Endpoints
from providers.er.auth.credentials import Credentials
from providers.er.auth.password import PasswordCredentials
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import (
    ApiError,
    BusyError,
    DeadlineExceededError,
    NotFoundError,
    TemporaryError,
    UnauthorizedError,
)
from providers.er.flow_logs import FlowLogTarget
from tests.emulator import process

ROUTER = "1d0a6c5e-52f7-4b0e-9c38-7e4f1a2b9d60"
FLOW_LOG = "c6720be5-1f83-49da-a94c-5d3b8e7f0216"
PROJECT = "7c2b9e4f61d84a03b5f7e8d1a96c3052"
TOKEN = "a-token-that-must-stay-here"
TARGET = FlowLogTarget(er_id=ROUTER, resource_id="attachment-1", log_group_id="group-1", log_stream_id="stream-1")
RECORD = {
    "id": FLOW_LOG,
    "name": "shop",
    "description": "",
    "project_id": PROJECT,
    "resource_type": "attachment",
    "resource_id": TARGET.resource_id,
    "log_group_id": TARGET.log_group_id,
    "log_stream_id": TARGET.log_stream_id,
    "log_store_type": "LTS",
    "log_aggregation_interval": 600,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:00Z",
    "state": "available",
    "enabled": True,
}


@dataclass(frozen=True)
class Answer:
    """One answer of the script. `sends_less_by` bytes are announced but never sent."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"flow_log": RECORD, "request_id": "r"})
    headers: Mapping[str, str] = field(default_factory=dict)
    sends_less_by: int = 0

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


class Reset:
    """The connection breaks with a TCP reset instead of an answer."""


class Hangup:
    """The connection is closed in order, without an answer."""


Step = Answer | Reset | Hangup
OK = Answer()
BUSY = Answer(400, {"error_code": "ER.04008502", "error_msg": "Being operated.", "request_id": "r-busy"})
THROTTLED = Answer(429, {"error_code": "APIG.0308", "error_msg": "Throttled.", "request_id": "r-429"})
UNAVAILABLE = Answer(503, {"error_code": "ER.05039006", "error_msg": "Try again later.", "request_id": "r-503"})
UNAUTHORIZED = Answer(401, {"error_code": "APIG.0301", "error_msg": "Token expired.", "request_id": "r-401"})


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Message
    body: bytes


class ScriptedServer(ThreadingHTTPServer):
    """Gives the answers of its script one after another, then the last one for ever; remembers what it was asked."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script: Sequence[Step], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = list(script)
        self.received: list[Received] = []
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def next_step(self, received: Received) -> Step:
        with self.lock:
            self.received.append(received)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are part of the script."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: ScriptedServer

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Not on the screen."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        step = self.server.next_step(Received(self.command, self.path, self.headers, body))
        if not isinstance(step, Answer):
            self.close_connection = True
            if isinstance(step, Reset):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                self.connection.shutdown(socket.SHUT_RDWR)
            self.connection.close()
            return
        self.send_response(step.status)
        for name, value in {"Content-Type": "application/json", **step.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(step.content)))
        self.end_headers()
        self.wfile.write(step.content[: len(step.content) - step.sends_less_by])
        if step.sends_less_by:
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - names of the base class


ServerFactory = Callable[..., ScriptedServer]


@pytest.fixture
def scripted() -> Iterator[ServerFactory]:
    """Makes servers from their scripts; they are gone after the test."""
    servers: list[ScriptedServer] = []

    def make(*script: Step, port: int = 0) -> ScriptedServer:
        servers.append(ScriptedServer(script, port))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


class QuickTime(threading.Event):
    """A clock that nobody has to wait for: it moves on by what is waited."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "a wait without an end"
        if not self.is_set():
            self.waits.append(timeout)
            self.now += timeout
        return self.is_set()

    def deadline(self, seconds: float = 600.0, report: Callable[[str], None] = lambda _text: None) -> Deadline:
        return Deadline(seconds=seconds, cancelled=self, clock=self.clock, report=report)


@pytest.fixture
def time() -> QuickTime:
    return QuickTime()


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    return process.free_port()


def token_client(server: ScriptedServer | str, time: QuickTime, seconds: float = 600.0, **urls: str) -> Client:
    """A client with the policy of its docstring, whose waits take no time."""
    url = server if isinstance(server, str) else server.url
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(url).overridden(**urls))
    return client.with_deadline(time.deadline(seconds))


def raised(error: type[ApiError], call: Callable[[], object]) -> ApiError:
    with pytest.raises(error) as caught:
        call()
    return caught.value


def show(client: Client) -> object:
    return client.flow_logs.get(ROUTER, FLOW_LOG)


# Connections


def test_a_refused_connection_is_tried_again_until_somebody_listens(
    scripted: ServerFactory, free_port: int, time: QuickTime
) -> None:
    def starts_the_server(tries: int) -> float:
        if tries == 3:
            scripted(OK, port=free_port)
        return 0.5

    client = Client(
        TokenCredentials(TOKEN, PROJECT), Endpoints.at(f"http://127.0.0.1:{free_port}"), backoff=starts_the_server
    ).with_deadline(time.deadline())

    assert client.flow_logs.get(ROUTER, FLOW_LOG).name == "shop"
    assert time.waits == [0.5, 0.5, 0.5]


def test_an_endpoint_that_never_answered_is_given_up_after_ten_seconds(free_port: int, time: QuickTime) -> None:
    client = token_client(f"http://127.0.0.1:{free_port}", time)

    error = raised(TemporaryError, lambda: show(client))

    assert str(error).startswith(f"cannot reach http://127.0.0.1:{free_port}: ")
    assert str(error).endswith("Connection refused")
    assert (error.status, error.code, error.request_id) == (None, None, None)
    assert 10 < time.now < 30


def test_an_endpoint_that_did_answer_is_given_up_after_two_minutes(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(OK, UNAVAILABLE)
    client = token_client(server, time)
    show(client)

    error = raised(TemporaryError, lambda: show(client))

    assert re.fullmatch(r"gave up after 1(?:[23]\d|40) s of waiting for the service \(Try again later\)", error.message)
    assert str(error) == f"{error.message} (ER.05039006, HTTP 503, request r-503)"
    assert 120 < time.now <= 140
    assert len(server.received) == 1 + len(time.waits) + 1


def test_an_answer_of_one_endpoint_gives_no_credit_to_another_that_never_answered(
    scripted: ServerFactory, free_port: int, time: QuickTime
) -> None:
    client = token_client(scripted(OK), time, lts=f"http://127.0.0.1:{free_port}")
    show(client)

    raised(TemporaryError, client.log_groups.list)

    assert 10 < time.now < 30


@pytest.mark.parametrize(
    ("step", "reason"),
    [(Reset(), "Connection reset by peer"), (Hangup(), "Remote end closed connection without response")],
)
def test_a_lost_connection_is_tried_again_and_told_without_python_objects(
    scripted: ServerFactory, time: QuickTime, step: Step, reason: str
) -> None:
    healed = scripted(step, step, OK)
    assert token_client(healed, time).flow_logs.get(ROUTER, FLOW_LOG).id == FLOW_LOG
    assert len(healed.received) == 3

    lost = scripted(step)
    error = raised(TemporaryError, lambda: show(token_client(lost, time)))

    assert str(error).startswith(f"cannot reach {lost.url}: ")
    assert reason in str(error)
    assert not set("()'\"") & set(str(error))


def test_an_answer_cut_short_is_tried_again_and_told_without_python_objects(
    scripted: ServerFactory, time: QuickTime
) -> None:
    cut = Answer(sends_less_by=100)
    healed = scripted(cut, cut, OK)
    assert token_client(healed, time).flow_logs.get(ROUTER, FLOW_LOG).id == FLOW_LOG
    assert len(healed.received) == 3

    error = raised(TemporaryError, lambda: show(token_client(scripted(cut), time)))

    assert not set("'\"") & set(str(error))


def test_a_create_whose_answer_is_lost_is_repeated_word_for_word(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Hangup(), Reset(), UNAVAILABLE, Answer(202))

    token_client(server, time).flow_logs.create(TARGET, name="shop", description="d", client_token="t" * 64)

    assert len(server.received) == 4
    assert {(one.method, one.path, one.body, one.headers["X-Client-Token"]) for one in server.received} == {
        ("POST", f"/v3/{PROJECT}/enterprise-router/{ROUTER}/flow-logs", server.received[0].body, "t" * 64)
    }


# Answers that are not the ones hoped for


@pytest.mark.parametrize("status", [502, 503, 504])
def test_an_outage_of_the_gateway_is_waited_out(scripted: ServerFactory, time: QuickTime, status: int) -> None:
    page = Answer(status, b"<html>Sorry</html>", {"Content-Type": "text/html"})
    server = scripted(page, page, OK)

    assert token_client(server, time).flow_logs.get(ROUTER, FLOW_LOG).id == FLOW_LOG
    assert len(server.received) == 3


def test_a_page_of_the_gateway_is_told_in_one_sentence(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(502, b"<html>Sorry</html>", {"Content-Type": "text/html"}))

    error = raised(TemporaryError, lambda: show(token_client(server, time)))

    assert str(error) == f"{server.url} answered Bad Gateway without saying why (HTTP 502)"


@pytest.mark.usefixtures("collected_later")
@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"flow_log": {"id": "c6', b"[]", b"null", b"[" * 200_000])
def test_a_success_that_is_not_the_promised_json_is_tried_again(
    scripted: ServerFactory, time: QuickTime, body: bytes
) -> None:
    server = scripted(Answer(200, body), OK)
    assert token_client(server, time).flow_logs.get(ROUTER, FLOW_LOG).id == FLOW_LOG
    assert len(server.received) == 2

    broken = scripted(Answer(200, body))
    error = raised(TemporaryError, lambda: show(token_client(broken, time)))
    assert str(error) == f"{broken.url} answered something that is not JSON (HTTP 200)"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"flow_log": []}', json.dumps({"flow_log": {**RECORD, "enabled": "yes"}}).encode()]
)
def test_json_without_the_promised_record_is_tried_again(scripted: ServerFactory, time: QuickTime, body: bytes) -> None:
    server = scripted(Answer(202, body), Answer(202))
    client = token_client(server, time)

    made = client.flow_logs.create(TARGET, name="shop", description="", client_token="t")

    assert made.id == FLOW_LOG
    assert [one.headers["X-Client-Token"] for one in server.received] == ["t", "t"]


def test_json_that_never_has_the_promised_record_says_what_is_missing(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(200, {"flow_log": {**RECORD, "state": 7}}))

    error = raised(TemporaryError, lambda: show(token_client(server, time)))

    assert "(the API's answer has int where 'state' should be str)" in error.message


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "ER.04009999"), (403, "APIG.0302"), (405, "APIG.0106"), (409, "ER.04099999"), (500, "ER.05000001")],
)
def test_any_other_refusal_is_told_at_once_with_all_its_facts(
    scripted: ServerFactory, time: QuickTime, status: int, code: str
) -> None:
    server = scripted(Answer(status, {"error_code": code, "error_msg": "No.", "request_id": "abc"}), OK)

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert (error.message, error.status, error.code, error.request_id) == ("No", status, code, "abc")
    assert str(error) == f"No ({code}, HTTP {status}, request abc)"
    assert not isinstance(error, TemporaryError | BusyError | NotFoundError | UnauthorizedError)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("status", "body", "gone"),
    [
        (404, {"error_code": "ER.04008501", "error_msg": "x", "request_id": "r"}, True),
        (400, {"error_code": "ER.04008501", "error_msg": "x", "request_id": "r"}, True),
        (404, {"error_code": "ER.04041001", "error_msg": "x", "request_id": "r"}, True),
        (404, {"error_code": "APIG.0101", "error_msg": "x", "request_id": "r"}, False),
        (404, b"<html>not found</html>", False),
        (404, b"", False),
        (404, {"detail": "Not Found"}, False),
        (404, {"error_code": 8501, "error_msg": None, "request_id": []}, False),
        (410, {"error_code": "ER.04008599", "error_msg": "x", "request_id": "r"}, False),
    ],
)
def test_only_the_service_itself_can_say_that_something_does_not_exist(
    scripted: ServerFactory, time: QuickTime, status: int, body: Any, gone: bool
) -> None:
    server = scripted(Answer(status, body))

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert isinstance(error, NotFoundError) == gone
    assert error.status == status
    assert len(server.received) == 1


def test_what_a_service_says_reaches_the_terminal_on_one_line_without_control_characters(
    scripted: ServerFactory, time: QuickTime
) -> None:
    nasty = "Bad\n\x1b[31mthing\x07\tin \u202ename." + "x" * 5000
    server = scripted(Answer(400, {"error_code": "ER.\n1", "error_msg": nasty, "request_id": "a\x1b]b"}))

    text = str(raised(ApiError, lambda: show(token_client(server, time))))

    assert text.startswith("Bad [31mthing in name.xxx")
    assert text.isprintable()
    assert len(text) < 600


def test_a_token_that_a_service_repeats_is_not_told(scripted: ServerFactory, time: QuickTime) -> None:
    text = f"Bad headers: X-Auth-Token: {TOKEN}; Accept: */*"
    refused = Answer(400, {"error_code": "APIGW.0101", "error_msg": text, "request_id": "r"})

    error = raised(ApiError, lambda: show(token_client(scripted(refused), time)))

    assert error.message == "Bad headers: X-Auth-Token: …; Accept: */*"


# Throttling, and things being operated


def test_a_throttled_call_comes_back_not_before_it_may(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(429, THROTTLED.body, {"Retry-After": "7"}), OK)

    show(token_client(server, time))

    assert time.waits == [7.0]
    assert len(server.received) == 2


@pytest.mark.parametrize("value", ["", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "-5", "nan"])
def test_a_retry_after_that_is_no_number_of_seconds_leaves_the_usual_wait(
    scripted: ServerFactory, time: QuickTime, value: str
) -> None:
    server = scripted(Answer(429, THROTTLED.body, {"Retry-After": value}), OK)

    show(token_client(server, time))

    (wait,) = time.waits
    assert 0.25 <= wait <= 0.5


def test_an_outage_may_say_how_long_it_lasts_too(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(503, UNAVAILABLE.body, {"Retry-After": "30"}), OK)

    show(token_client(server, time))

    assert time.waits == [30.0]


def test_throttling_is_borne_until_the_caller_has_no_more_patience(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(THROTTLED)

    error = raised(DeadlineExceededError, lambda: show(token_client(server, time, seconds=400)))

    assert time.now == pytest.approx(400)
    assert str(error) == (
        "gave up after 400 s of waiting for the service (Throttled) (APIG.0308, HTTP 429, request r-429)"
    )
    assert len(server.received) == len(time.waits) + 1


def test_at_64_in_parallel_under_steady_throttling_ever_fewer_requests_are_sent(scripted: ServerFactory) -> None:
    server = scripted(THROTTLED)
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url))

    def instants_of_requests(_number: int) -> list[float]:
        time = QuickTime()
        raised(DeadlineExceededError, lambda: show(client.with_deadline(time.deadline(300))))
        return [0.0, *itertools.accumulate(time.waits)]

    with ThreadPoolExecutor(64) as pool:
        instants = sorted(itertools.chain.from_iterable(pool.map(instants_of_requests, range(64))))

    assert len(server.received) == len(instants)
    in_ten_seconds = Counter(int(instant // 10) for instant in instants)
    assert in_ten_seconds[0] < 64 * 8
    assert max(in_ten_seconds[number] for number in range(6, 30)) < in_ten_seconds[0] / 3
    # Refused together, they don't come back together.
    assert len({round(instant, 3) for instant in instants if instant}) > len(instants) / 2


def test_an_outage_counts_anew_after_throttling_or_being_operated(scripted: ServerFactory, time: QuickTime) -> None:
    failing = [UNAVAILABLE] * 6
    server = scripted(*failing, BUSY, *failing, THROTTLED, *failing, OK)
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url), backoff=lambda _tries: 18.0)

    client.with_deadline(time.deadline()).flow_logs.get(ROUTER, FLOW_LOG)

    assert time.now > 300


@pytest.mark.parametrize("code", ["ER.04008502", "ER.04004003", "ER.04001003"])
def test_what_is_being_operated_is_asked_again_soon(scripted: ServerFactory, time: QuickTime, code: str) -> None:
    busy = Answer(400, {"error_code": code, "error_msg": "Busy.", "request_id": "r"})
    server = scripted(busy, busy, busy, OK)

    show(token_client(server, time))

    assert len(server.received) == 4
    assert time.now < 1


def test_what_is_always_being_operated_exhausts_the_callers_patience(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(BUSY)

    error = raised(DeadlineExceededError, lambda: show(token_client(server, time, seconds=300)))

    assert time.now == pytest.approx(300)
    assert error.code == "ER.04008502"
    assert str(error) == (
        "gave up after 300 s of waiting for the service (Being operated) (ER.04008502, HTTP 400, request r-busy)"
    )


def test_a_cancelled_operation_stops_waiting(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(THROTTLED)
    client = token_client(server, time)
    time.set()

    error = raised(DeadlineExceededError, lambda: show(client))

    assert error.message == "cancelled while waiting for the service to answer"
    assert server.received == []


def test_a_waiting_caller_is_told_what_for(scripted: ServerFactory, time: QuickTime) -> None:
    texts: list[str] = []
    client = token_client(scripted(Answer(429, THROTTLED.body, {"Retry-After": "7"}), BUSY, OK), time)

    show(client.with_deadline(time.deadline(report=texts.append)))

    # "the service to answer" is said where an answer takes its time, on a busy machine.
    assert [text for text in texts if "(" in text] == ["the service (Throttled)", "the service (Being operated)"]


# Credentials that are refused, and where they may go


class Renewable:
    """Credentials that count how often they were renewed."""

    if_refused = "sign in anew"
    project_name: str | None = None

    def __init__(self) -> None:
        self.renewals = 0

    def project_id(self) -> str:
        return PROJECT

    def authorize(self, request: requests.PreparedRequest) -> None:
        request.headers["X-Auth-Token"] = f"token-{self.renewals}"

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        assert rejected.headers["X-Auth-Token"] == f"token-{self.renewals}"
        self.renewals += 1
        return True

    def find_endpoint(self, service: str) -> str | None:
        return None


def test_refused_credentials_are_renewed_once_and_the_call_goes_on(scripted: ServerFactory, time: QuickTime) -> None:
    credentials: Credentials = Renewable()
    server = scripted(UNAUTHORIZED, OK)

    show(Client(credentials, Endpoints.at(server.url)).with_deadline(time.deadline()))

    assert [one.headers["X-Auth-Token"] for one in server.received] == ["token-0", "token-1"]
    assert time.waits == []


def test_renewed_credentials_that_are_refused_too_are_not_renewed_again(
    scripted: ServerFactory, time: QuickTime
) -> None:
    credentials = Renewable()
    server = scripted(UNAVAILABLE, UNAUTHORIZED, BUSY, UNAUTHORIZED)

    error = raised(
        UnauthorizedError, lambda: show(Client(credentials, Endpoints.at(server.url)).with_deadline(time.deadline()))
    )

    assert credentials.renewals == 1
    assert len(server.received) == 4
    assert str(error) == (
        f"{server.url} refused the credentials (Token expired): sign in anew (APIG.0301, HTTP 401, request r-401)"
    )


def test_a_given_token_that_is_refused_is_not_tried_twice(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(UNAUTHORIZED)

    error = raised(UnauthorizedError, lambda: show(token_client(server, time)))

    assert len(server.received) == 1
    assert TOKEN not in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error_and_the_token_does_not_follow_it(
    scripted: ServerFactory, time: QuickTime, status: int
) -> None:
    elsewhere = scripted(OK)
    server = scripted(Answer(status, b"", {"Location": f"{elsewhere.url}/v3/x"}))

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert error.status == status
    assert elsewhere.received == []
    assert len(server.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_password_does_not_follow_a_redirect_of_iam(
    scripted: ServerFactory, time: QuickTime, status: int, password: Callable[[str], PasswordCredentials]
) -> None:
    elsewhere = scripted(OK)
    iam = scripted(Answer(status, b"", {"Location": f"{elsewhere.url}/v3/auth/tokens"}))

    raised(ApiError, lambda: show(Client(password(iam.url), Endpoints.at(iam.url)).with_deadline(time.deadline())))

    assert elsewhere.received == []


@pytest.fixture(params=[{"project_id": PROJECT}, {"project_name": "eu-de"}], ids=["project by id", "project by name"])
def password(request: pytest.FixtureRequest) -> Callable[[str], PasswordCredentials]:
    """Makes credentials that sign in at the IAM of a base URL."""

    def make(url: str) -> PasswordCredentials:
        return PasswordCredentials(
            auth_url=f"{url}/v3", username="demo", password="hush-hush", domain_name="D", **request.param
        )

    return make


SIGNED_IN = Answer(
    201,
    {
        "token": {
            "methods": ["password"],
            "user": {"id": "u", "name": "demo", "domain": {"id": "d", "name": "D"}},
            "project": {"id": PROJECT, "name": "eu-de", "domain": {"id": "d", "name": "D"}},
            "roles": [],
            "catalog": [],
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "expires_at": "2099-01-01T00:00:00.000000Z",
        }
    },
    {"X-Subject-Token": "issued"},
)


@pytest.fixture
def proxy(scripted: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """A proxy that the environment names for everything."""
    server = scripted(OK)
    for variable in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, server.url)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    return server


def test_a_proxy_of_the_environment_does_not_come_between_us_and_our_own_machine(
    scripted: ServerFactory, time: QuickTime, proxy: ScriptedServer
) -> None:
    server = scripted(OK)

    show(token_client(server, time))

    assert proxy.received == []
    assert len(server.received) == 1


def test_a_proxy_of_the_environment_never_sees_the_password_for_our_own_machine(
    scripted: ServerFactory, time: QuickTime, proxy: ScriptedServer, password: Callable[[str], PasswordCredentials]
) -> None:
    server = scripted(SIGNED_IN, OK)

    with contextlib.suppress(ApiError):
        show(Client(password(server.url), Endpoints.at(server.url)).with_deadline(time.deadline()))

    assert proxy.received == []
    assert [one.method for one in server.received] == ["POST", "GET"]


def elsewhere_client(time: QuickTime) -> Client:
    """A client of a machine that is not this one, over plain http so that a proxy can read along."""
    url = "http://er.example.invalid"
    return Client(TokenCredentials(TOKEN, PROJECT), Endpoints(er=url, iam=url, lts=url)).with_deadline(time.deadline())


def test_other_machines_are_reached_through_the_proxy_of_the_environment(
    time: QuickTime, proxy: ScriptedServer
) -> None:
    show(elsewhere_client(time))

    (received,) = proxy.received
    assert received.path == f"http://er.example.invalid/v3/{PROJECT}/enterprise-router/{ROUTER}/flow-logs/{FLOW_LOG}"
    assert received.headers["X-Auth-Token"] == TOKEN


@pytest.mark.parametrize("proxy", ["http://ann:sec#ret@127.0.0.1:1", "http://ann:sec/ret@127.0.0.1:1", "http://[sec"])
def test_a_proxy_that_is_no_address_is_told_without_its_password(
    time: QuickTime, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)

    error = raised(ApiError, lambda: show(token_client("https://er.example.com", time)))

    assert "cannot reach https://er.example.com: " in str(error)
    assert "sec" not in str(error)


def test_passwords_of_a_netrc_file_are_not_sent_to_the_service(
    time: QuickTime, proxy: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    show(elsewhere_client(time))

    (received,) = proxy.received
    assert received.headers["Authorization"] is None


def test_a_file_of_trusted_certificates_that_does_not_exist_is_told(
    time: QuickTime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "no-such-bundle.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    for variable in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(variable, raising=False)

    error = raised(ApiError, lambda: show(token_client("https://er.example.invalid", time)))

    assert str(bundle) in str(error)
    assert not isinstance(error, TemporaryError)


@pytest.mark.parametrize("token", [f"{TOKEN}\n{TOKEN}", f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}…"])
def test_a_token_that_cannot_be_a_header_is_refused_without_showing_it(
    scripted: ServerFactory, time: QuickTime, token: str
) -> None:
    server = scripted(OK)
    client = Client(TokenCredentials(token, PROJECT), Endpoints.at(server.url)).with_deadline(time.deadline())

    error = raised(ApiError, lambda: show(client))

    assert TOKEN not in str(error)
    assert server.received == []


# Signing in


def test_an_iam_that_cannot_be_reached_is_tried_for_ten_seconds(
    free_port: int, time: QuickTime, password: Callable[[str], PasswordCredentials]
) -> None:
    url = f"http://127.0.0.1:{free_port}"

    error = raised(
        TemporaryError, lambda: show(Client(password(url), Endpoints.at(url)).with_deadline(time.deadline()))
    )

    assert str(error) == f"cannot reach IAM at {url}/v3: Connection refused"
    assert 10 < time.now < 30


@pytest.mark.parametrize(
    "step", [Answer(503, b"<html>"), Answer(429, b""), Hangup(), Reset(), Answer(201, SIGNED_IN.body, sends_less_by=20)]
)
def test_an_iam_that_stumbles_is_asked_again(
    scripted: ServerFactory, time: QuickTime, step: Step, password: Callable[[str], PasswordCredentials]
) -> None:
    server = scripted(step, SIGNED_IN, OK)

    show(Client(password(server.url), Endpoints.at(server.url)).with_deadline(time.deadline()))

    assert [one.method for one in server.received] == ["POST", "POST", "GET"]
    assert server.received[-1].headers["X-Auth-Token"] == "issued"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>Welcome</html>"),
        Answer(200, b"{}"),
        Answer(201, b"7"),
        Answer(201, SIGNED_IN.body),
        Answer(201, {"token": {}}, SIGNED_IN.headers),
        Answer(201, {"token": {"expires_at": "soon"}}, SIGNED_IN.headers),
        Answer(400, {"error": {"code": 400, "message": "No.", "title": "Bad Request"}}),
        Answer(403, {"error": {"code": 403, "message": "No.", "title": "Forbidden"}}),
        Answer(404, b"<html>not found</html>"),
        Answer(500, b""),
    ],
)
def test_an_iam_that_talks_nonsense_is_an_error_of_the_api_without_the_password(
    scripted: ServerFactory, time: QuickTime, answer: Answer, password: Callable[[str], PasswordCredentials]
) -> None:
    server = scripted(answer)
    credentials = PasswordCredentials(
        auth_url=f"{server.url}/v3", username="demo", password="hush-hush", domain_name="D", project_name="eu-de"
    )

    error = raised(ApiError, lambda: show(Client(credentials, Endpoints.at(server.url)).with_deadline(time.deadline())))

    assert server.url in str(error) or "demo" in str(error)
    assert "hush-hush" not in str(error)
    assert {one.method for one in server.received} == {"POST"}

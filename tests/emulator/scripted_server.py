"""A server that follows a script, a clock that takes no time, and clients that use both."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from providers.er import Client, Deadline, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import ApiError
from providers.er.flow_logs import FlowLogTarget

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

# What an answer may have in place of a text or an id.
RED = "\x1b[31mred\x1b]0;title\x07\n\r\u202e\u2066\x9b2Jevil"
COLOUR = "<{%no colour of Pulumi's%}>"  # Pulumi's CLI panics over a colour tag that it does not know
LONG = "x" * 1_000_000
HALF = "\ud800"  # half of a surrogate pair: JSON can escape it, UTF-8 cannot encode it
NOT_IDS = ["", "..", "../flow-logs", "a/b", "%2e%2e", "a\nb", "x" * 10_000, RED]


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
    """The connection is closed properly, without an answer."""


@dataclass(frozen=True)
class Raw:
    """Pieces that are sent byte for byte instead of an answer, until the connection or the server is closed."""

    pieces: Callable[[], Iterable[bytes]]


Step = Answer | Reset | Hangup | Raw
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
    """Gives the answers of its script one after another, then the last one for ever; records the requests."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script: Sequence[Step], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.script = list(script)
        self.received: list[Received] = []
        self.lock = threading.Lock()
        self.stopped = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def next_step(self, received: Received) -> Step:
        with self.lock:
            self.received.append(received)
            return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    def stop(self) -> None:
        self.stopped.set()
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
        self.close_connection = not isinstance(step, Answer) or bool(step.sends_less_by)
        if isinstance(step, Raw):
            for piece in step.pieces():
                if self.server.stopped.is_set():
                    break
                self.wfile.write(piece)
            return
        if not isinstance(step, Answer):
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

    do_GET = do_POST = do_PUT = do_DELETE = do_CONNECT = _answer  # noqa: N815 - names of the base class


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


def signed_in(**changes: Any) -> Answer:
    return Answer(201, {"token": {**SIGNED_IN.body["token"], **changes}}, SIGNED_IN.headers)


ServerFactory = Callable[..., ScriptedServer]


class QuickTime(threading.Event):
    """A clock that moves on by what is waited, so that no test takes that time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.waits: list[float] = []

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None, "an endless wait"
        if not self.is_set():
            self.waits.append(timeout)
            self.now += timeout
        return self.is_set()

    def deadline(self, seconds: float = 600.0, report: Callable[[str], None] = lambda _text: None) -> Deadline:
        return Deadline(seconds=seconds, cancelled=self, clock=self.clock, report=report)


def token_client(server: ScriptedServer | str, time: QuickTime, seconds: float = 600.0, **urls: str) -> Client:
    """A client with the default retries, whose waits take no time."""
    url = server if isinstance(server, str) else server.url
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(url).overridden(**urls))
    return client.with_deadline(time.deadline(seconds))


def impatient_client(url: str, time: QuickTime) -> Client:
    """A client that tries a few times, and whose waits take no time."""
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(url), backoff=lambda _tries: 20.0)
    return client.with_deadline(time.deadline(60))


def raised(error: type[ApiError], call: Callable[[], object]) -> ApiError:
    with pytest.raises(error) as caught:
        call()
    return caught.value


def show(client: Client) -> object:
    return client.flow_logs.get(ROUTER, FLOW_LOG)


def fits_a_terminal(text: str, *, longest: int = 2000, lines: int = 1) -> bool:
    """Whether the text may be shown as it is."""
    shown = text.split("\n")
    is_plain = all(line.isprintable() and len(line) <= longest for line in shown)
    return is_plain and len(shown) <= lines and "<{%" not in text

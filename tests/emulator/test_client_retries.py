"""What the client does when the network or the service misbehaves, against a server that follows a script."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from providers.er import Client, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import (
    ApiError,
    BusyError,
    DeadlineExceededError,
    ForbiddenError,
    FrozenError,
    NotFoundError,
    TemporaryError,
    UnauthorizedError,
)
from tests.emulator.scripted_server import (
    BUSY,
    FLOW_LOG,
    OK,
    PROJECT,
    RECORD,
    ROUTER,
    TARGET,
    THROTTLED,
    TOKEN,
    UNAVAILABLE,
    Answer,
    Hangup,
    QuickTime,
    Reset,
    ServerFactory,
    Step,
    raised,
    show,
    token_client,
)

SORRY = b"<html>Sorry</html>"
INCOMPLETE = Answer(sends_less_by=100)

# Connections


def test_refused_connection_is_retried(scripted: ServerFactory, unused_port: int, time: QuickTime) -> None:
    def start_server(tries: int) -> float:
        if tries == 3:
            scripted(OK, port=unused_port)
        return 0.5

    endpoints = Endpoints.at(f"http://127.0.0.1:{unused_port}")
    client = Client(TokenCredentials(TOKEN, PROJECT), endpoints, backoff=start_server).with_deadline(time.deadline())

    assert client.flow_logs.get(ROUTER, FLOW_LOG).name == "shop"
    assert time.waits == [0.5, 0.5, 0.5]


def test_endpoint_that_never_answered_is_given_up_after_10_s(
    scripted: ServerFactory, unused_port: int, time: QuickTime
) -> None:
    url = f"http://127.0.0.1:{unused_port}"
    client = token_client(scripted(OK), time, lts=url)
    show(client)  # another endpoint, whose answer does not count

    error = raised(TemporaryError, client.log_groups.list)

    assert str(error) == f"cannot reach {url}: Connection refused"
    assert (error.status, error.code, error.request_id) == (None, None, None)
    assert 10 < time.now < 30


def test_endpoint_that_did_answer_is_given_up_after_2_min(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(OK, UNAVAILABLE)
    client = token_client(server, time)
    show(client)

    error = raised(TemporaryError, lambda: show(client))

    assert re.fullmatch(r"gave up after 1(?:[23]\d|40) s of waiting for the service \(Try again later\)", error.message)
    assert str(error) == f"{error.message} (ER.05039006, HTTP 503, request r-503)"
    assert 120 < time.now <= 140
    assert len(server.received) == 1 + len(time.waits) + 1


LOST = "cannot reach {url}: "
NOT_JSON = "{url} gave an answer that is not JSON (HTTP 200)"


@pytest.mark.usefixtures("no_garbage_collection")
@pytest.mark.parametrize(
    ("step", "message"),
    [
        (Reset(), f"{LOST}Connection reset by peer"),
        (Hangup(), f"{LOST}Remote end closed connection without response"),
        (INCOMPLETE, LOST),
        (Answer(502, SORRY), "{url} answered Bad Gateway without an explanation (HTTP 502)"),
        (Answer(503, SORRY), "{url} answered Service Unavailable without an explanation (HTTP 503)"),
        (Answer(504, SORRY), "{url} answered Gateway Timeout without an explanation (HTTP 504)"),
        *(
            (Answer(200, body), NOT_JSON)
            for body in (SORRY, b'{"flow_log": {"id": "c6', b"[]", b"null", b'"text"', b"[" * 200_000, OK.content * 2)
        ),
    ],
)
def test_outage_and_broken_answer_are_retried_and_described_in_words(
    scripted: ServerFactory, time: QuickTime, step: Step, message: str
) -> None:
    recovered, broken = scripted(step, step, OK), scripted(step)
    show(token_client(recovered, time))
    assert len(recovered.received) == 3

    shown = str(raised(TemporaryError, lambda: show(token_client(broken, time))))

    assert shown.startswith(message.format(url=broken.url))
    assert not set("'\"") & set(shown)


def test_create_without_an_answer_is_repeated_unchanged(scripted: ServerFactory, time: QuickTime) -> None:
    unreadable = [Answer(202, body) for body in (b"", b"{}", b'{"flow_log": []}')]
    mangled = Answer(202, {"flow_log": {**RECORD, "enabled": "yes"}})
    server = scripted(Hangup(), Reset(), UNAVAILABLE, *unreadable, mangled, Answer(202))

    token_client(server, time).flow_logs.create(TARGET, name="shop", description="d", client_token="t" * 64)

    assert len(server.received) == 8
    assert {(sent.method, sent.path, sent.body, sent.headers["X-Client-Token"]) for sent in server.received} == {
        ("POST", f"/v3/{PROJECT}/enterprise-router/{ROUTER}/flow-logs", server.received[0].body, "t" * 64)
    }


# Answers other than promised


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "ER.04009999"), (405, "APIG.0106"), (409, "ER.04099999"), (500, "ER.05000001")],
)
def test_other_refusal_is_raised_at_once_with_its_details(
    scripted: ServerFactory, time: QuickTime, status: int, code: str
) -> None:
    server = scripted(Answer(status, {"error_code": code, "error_msg": "No.", "request_id": "abc"}), OK)

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert (error.message, error.status, error.code, error.request_id) == ("No", status, code, "abc")
    assert not isinstance(error, TemporaryError | BusyError | NotFoundError | UnauthorizedError)
    assert len(server.received) == 1


def test_missing_permission_names_action_project_and_page(scripted: ServerFactory, time: QuickTime) -> None:
    server = scripted(Answer(403, {"error_code": "LTS.0003", "error_msg": "Invalid role", "request_id": "abc"}))

    error = raised(ForbiddenError, token_client(server, time).log_groups.list)

    assert str(error) == (
        f"lts:groups:list is not permitted in project {PROJECT} (Invalid role): add this action to a policy of the"
        " user, see docs/iam/README.md (LTS.0003, HTTP 403, request abc)"
    )


@pytest.mark.parametrize(
    ("status", "body", "is_gone"),
    [
        (404, {"error_code": "ER.04008501", "error_msg": "x", "request_id": "r"}, True),
        (400, {"error_code": "ER.04008501", "error_msg": "x", "request_id": "r"}, True),
        (404, {"error_code": "APIG.0101", "error_msg": "x", "request_id": "r"}, False),
        (404, SORRY, False),
        (404, b"", False),
        (404, {"detail": "Not Found"}, False),
        (404, {"error_code": 8501, "error_msg": None, "request_id": []}, False),
        *((status, b"", False) for status in (101, 199, 304, 399, 410, 600, 999)),
    ],
)
def test_only_an_error_code_of_the_service_means_not_found(
    scripted: ServerFactory, time: QuickTime, status: int, body: Any, is_gone: bool
) -> None:
    server = scripted(Answer(status, body), OK)

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert isinstance(error, NotFoundError) == is_gone
    assert error.status == status
    assert len(server.received) == 1


@pytest.mark.parametrize("part", ["error_code", "error_msg", "request_id"])
def test_token_repeated_by_the_service_is_redacted(scripted: ServerFactory, time: QuickTime, part: str) -> None:
    body = {"error_code": "APIGW.0101", "error_msg": "No.", "request_id": "r", part: f"X-Auth-Token: {TOKEN}; Accept"}

    error = raised(ApiError, lambda: show(token_client(scripted(Answer(400, body)), time)))

    assert "X-Auth-Token: …; Accept" in str(error)


# Throttled and busy


@pytest.mark.parametrize(
    ("status", "value", "shortest", "longest"),
    [
        (429, "7", 7, 7),
        (503, "30", 30, 30),
        *((503, value, 120, 120) for value in ("inf", "1e999", "9" * 400)),
        *(
            (429, value, 0.25, 0.5)
            for value in ("", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "-5", "-inf", "nan", "1,5")
        ),
    ],
)
def test_retry_after_delays_the_next_try(
    scripted: ServerFactory, time: QuickTime, status: int, value: str, shortest: float, longest: float
) -> None:
    server = scripted(Answer(status, THROTTLED.body, {"Retry-After": value}), OK)

    show(token_client(server, time))

    (wait,) = time.waits
    assert shortest <= wait <= longest
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (THROTTLED, "the service (Throttled) (APIG.0308, HTTP 429, request r-429)"),
        (BUSY, "the service (Being operated) (ER.04008502, HTTP 400, request r-busy)"),
    ],
)
def test_throttled_and_busy_are_retried_until_the_deadline(
    scripted: ServerFactory, time: QuickTime, answer: Answer, message: str
) -> None:
    server = scripted(answer)

    error = raised(DeadlineExceededError, lambda: show(token_client(server, time, seconds=400)))

    assert time.now == pytest.approx(400)
    assert str(error) == f"gave up after 400 s of waiting for {message}"
    assert len(server.received) == len(time.waits) + 1


def test_steady_throttling_gets_ever_fewer_requests(scripted: ServerFactory) -> None:
    clients = 24
    server = scripted(THROTTLED)
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url))

    def times_of_requests(_number: int) -> list[float]:
        time = QuickTime()
        raised(DeadlineExceededError, lambda: show(client.with_deadline(time.deadline(300))))
        return [0.0, *itertools.accumulate(time.waits)]

    with ThreadPoolExecutor(clients) as pool:
        times = sorted(itertools.chain.from_iterable(pool.map(times_of_requests, range(clients))))

    assert len(server.received) == len(times)
    in_ten_seconds = Counter(int(time // 10) for time in times)
    assert in_ten_seconds[0] < clients * 8
    assert max(in_ten_seconds[number] for number in range(6, 30)) < in_ten_seconds[0] / 3
    # Refused together, they don't come back together.
    assert len({round(time, 3) for time in times if time}) > len(times) / 2


def test_throttled_and_busy_restart_the_time_of_an_outage(scripted: ServerFactory, time: QuickTime) -> None:
    failing = [UNAVAILABLE] * 6
    server = scripted(*failing, BUSY, *failing, THROTTLED, *failing, OK)
    client = Client(TokenCredentials(TOKEN, PROJECT), Endpoints.at(server.url), backoff=lambda _tries: 18.0)

    show(client.with_deadline(time.deadline()))

    assert time.now > 300


@pytest.mark.parametrize("code", ["ER.04008502", "ER.04004003", "ER.04001003"])
def test_busy_is_retried_soon(scripted: ServerFactory, time: QuickTime, code: str) -> None:
    busy = Answer(400, {"error_code": code, "error_msg": "Busy.", "request_id": "r"})
    server = scripted(busy, busy, busy, OK)

    show(token_client(server, time))

    assert len(server.received) == 4
    assert time.now < 1


@pytest.mark.parametrize("code", ["ER.04009011", "ER.04009012", "ER.04009013", "ER.04009019", "ER.04004002"])
def test_frozen_is_not_retried(scripted: ServerFactory, time: QuickTime, code: str) -> None:
    server = scripted(Answer(400, {"error_code": code, "error_msg": "Frozen.", "request_id": "r"}), OK)

    assert re.fullmatch(
        rf"Frozen: .+, so .+ \({code}, HTTP 400, request r\)",
        str(raised(FrozenError, lambda: show(token_client(server, time)))),
    )
    assert time.waits == []


def test_create_on_a_frozen_attachment_that_seems_busy_is_given_up(scripted: ServerFactory, time: QuickTime) -> None:
    busy = Answer(400, {"error_code": "ER.04004003", "error_msg": "Unavailable.", "request_id": "r"})
    frozen = Answer(body={"attachment": {"id": TARGET.resource_id, "resource_type": "vpc", "state": "freezed"}})
    words = {"name": "shop", "description": "", "client_token": "token"}

    error = raised(FrozenError, lambda: token_client(scripted(busy, frozen), time).flow_logs.create(TARGET, **words))

    assert str(error) == "attachment attachment-1 is frozen: take it out of the selection until it is unfrozen"
    # Without the permission to show it, the service is believed.
    assert (
        token_client(scripted(busy, Answer(403, {}), busy, OK), time).flow_logs.create(TARGET, **words).id == FLOW_LOG
    )


def test_waits_are_reported_with_their_reason(scripted: ServerFactory, time: QuickTime) -> None:
    texts: list[str] = []
    client = token_client(scripted(Answer(429, THROTTLED.body, {"Retry-After": "7"}), BUSY, OK), time)

    show(client.with_deadline(time.deadline(report=texts.append)))

    # "the service to answer" is reported as well if the machine is busy.
    assert [text for text in texts if "(" in text] == ["the service (Throttled)", "the service (Being operated)"]

"""Who sees credentials, and what a failing IAM means, against a server that follows a script."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import requests

from providers.er import Client, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import ApiError, TemporaryError, UnauthorizedError
from tests.credentials import password_credentials
from tests.emulator.scripted_server import (
    BUSY,
    FLOW_LOG,
    HALF,
    LONG,
    NOT_IDS,
    OK,
    PROJECT,
    RED,
    ROUTER,
    SIGNED_IN,
    TOKEN,
    UNAUTHORIZED,
    UNAVAILABLE,
    Answer,
    Hangup,
    QuickTime,
    Reset,
    ScriptedServer,
    ServerFactory,
    Step,
    fits_a_terminal,
    raised,
    show,
    signed_in,
    token_client,
)

REDIRECTS = [301, 302, 303, 307, 308]
PROXY_VARIABLES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
SignIn = Callable[[str], Client]


class Renewable(TokenCredentials):
    """Credentials that count how often they were renewed."""

    def __init__(self) -> None:
        super().__init__("token-0", PROJECT)
        self.renewals = 0

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        assert rejected.headers["X-Auth-Token"] == f"token-{self.renewals}"
        self.renewals += 1
        self._token = f"token-{self.renewals}"
        return True


@pytest.fixture(params=[{"project_id": PROJECT}, {"project_name": "eu-de"}], ids=["project by id", "project by name"])
def sign_in(request: pytest.FixtureRequest, time: QuickTime) -> SignIn:
    """Make a client that signs in with a password at the IAM of a base URL."""

    def make(url: str) -> Client:
        credentials = password_credentials(
            auth_url=f"{url}/v3", username="demo", password="hush-hush", domain_name="D", **request.param
        )
        return Client(credentials, Endpoints.at(url)).with_deadline(time.deadline())

    return make


@pytest.fixture
def proxy(scripted: ServerFactory, monkeypatch: pytest.MonkeyPatch) -> ScriptedServer:
    """A proxy that the environment names for everything."""
    server = scripted(OK)
    for variable in PROXY_VARIABLES:
        monkeypatch.setenv(variable, server.url)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    return server


def remote_client(time: QuickTime) -> Client:
    """A client of another machine, over plain http so that a proxy can read the requests."""
    url = "http://er.example.invalid"
    return Client(TokenCredentials(TOKEN, PROJECT), Endpoints(er=url, iam=url, lts=url)).with_deadline(time.deadline())


# Refused credentials


def test_renewed_credentials_are_not_renewed_again(scripted: ServerFactory, time: QuickTime) -> None:
    credentials = Renewable()
    server = scripted(UNAVAILABLE, UNAUTHORIZED, BUSY, UNAUTHORIZED)
    client = Client(credentials, Endpoints.at(server.url)).with_deadline(time.deadline())

    error = raised(UnauthorizedError, lambda: show(client))

    assert credentials.renewals == 1
    assert len(server.received) == 4
    assert str(error) == (
        f"{server.url} refused the credentials (Token expired): get a new token (X-Auth-Token)"
        " (APIG.0301, HTTP 401, request r-401)"
    )


@pytest.mark.parametrize("token", [f"{TOKEN}\n{TOKEN}", f"{TOKEN}\r\nX-Evil: 1", f"{TOKEN}…"])
def test_token_that_cannot_be_a_header_is_not_sent_or_shown(
    scripted: ServerFactory, time: QuickTime, token: str
) -> None:
    server = scripted(OK)
    client = Client(TokenCredentials(token, PROJECT), Endpoints.at(server.url)).with_deadline(time.deadline())

    error = raised(ApiError, lambda: show(client))

    assert TOKEN not in str(error)
    assert server.received == []


# Redirects and proxies


@pytest.mark.parametrize("status", REDIRECTS)
@pytest.mark.parametrize(
    "location", [None, "file:///etc/passwd", "http://h:99999999/", "x" * 60_000, "http://[", "\xff"]
)
def test_token_does_not_follow_a_redirect(
    scripted: ServerFactory, time: QuickTime, status: int, location: str | None
) -> None:
    other = scripted(OK)
    server = scripted(Answer(status, b"", {"Location": location or f"{other.url}/v3/x"}))

    error = raised(ApiError, lambda: show(token_client(server, time)))

    assert (error.status, error.message) == (status, f"{server.url} redirects to another address: check the endpoint")
    assert other.received == []
    assert len(server.received) == 1


@pytest.mark.parametrize("status", REDIRECTS)
def test_password_does_not_follow_a_redirect(scripted: ServerFactory, status: int, sign_in: SignIn) -> None:
    other = scripted(OK)
    iam = scripted(Answer(status, b"", {"Location": f"{other.url}/v3/auth/tokens"}))

    raised(ApiError, lambda: show(sign_in(iam.url)))

    assert other.received == []


def test_loopback_is_reached_without_the_proxy(scripted: ServerFactory, proxy: ScriptedServer, sign_in: SignIn) -> None:
    server = scripted(SIGNED_IN, OK)

    with contextlib.suppress(ApiError):
        show(sign_in(server.url))

    assert proxy.received == []
    assert [sent.method for sent in server.received] == ["POST", "GET"]


def test_other_machines_are_reached_through_the_proxy_without_netrc(
    time: QuickTime, proxy: ScriptedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    show(remote_client(time))

    (received,) = proxy.received
    assert received.path == f"http://er.example.invalid/v3/{PROJECT}/enterprise-router/{ROUTER}/flow-logs/{FLOW_LOG}"
    assert received.headers["X-Auth-Token"] == TOKEN
    assert received.headers["Authorization"] is None


def test_https_goes_through_a_tunnel_of_the_proxy(proxy: ScriptedServer, sign_in: SignIn, time: QuickTime) -> None:
    proxy.script[:] = [Answer(407)]

    at_sign_in = raised(TemporaryError, lambda: show(sign_in("https://iam.example.invalid")))
    later = raised(TemporaryError, lambda: show(token_client("https://er.example.invalid", time)))

    sent = {(request.method, request.path) for request in proxy.received}
    assert sent == {("CONNECT", f"{service}.example.invalid:443") for service in ("iam", "er")}
    for error in (at_sign_in, later):
        reason = "Tunnel connection failed: 407 Proxy Authentication Required"
        assert str(error).endswith(f" through the proxy (HTTPS_PROXY): {reason}")


@pytest.mark.parametrize("proxy", ["http://ann:sec#ret@127.0.0.1:1", "http://ann:sec/ret@127.0.0.1:1", "http://[sec"])
def test_password_of_an_invalid_proxy_address_is_not_shown(
    time: QuickTime, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)

    error = raised(ApiError, lambda: show(token_client("https://er.example.com", time)))

    assert "cannot reach https://er.example.com: " in str(error)
    assert "sec" not in str(error)


def test_missing_certificate_file_is_named(
    time: QuickTime, sign_in: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "no-such-bundle.pem"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    for variable in PROXY_VARIABLES:
        monkeypatch.delenv(variable, raising=False)

    for client in (sign_in("https://iam.example.invalid"), token_client("https://er.example.invalid", time)):
        error = raised(ApiError, partial(show, client))
        assert str(error) == (
            f"the file with the CAs to trust, {bundle}, does not exist: correct OS_CACERT or REQUESTS_CA_BUNDLE"
        )


def test_file_without_certificates_is_refused_at_once(
    scripted: ServerFactory, time: QuickTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", __file__)

    error = raised(ApiError, lambda: show(token_client(scripted().url.replace("http", "https"), time)))

    assert str(error) == "the file with the CAs to trust has no certificate: correct OS_CACERT or REQUESTS_CA_BUNDLE"


def test_socks_proxy_is_refused_at_once(time: QuickTime, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")

    for client in (sign_in("https://iam.example.invalid"), token_client("https://er.example.invalid", time)):
        error = raised(ApiError, partial(show, client))
        assert str(error).endswith(" through a SOCKS proxy: name an HTTP proxy in HTTPS_PROXY, or install PySocks")
    assert time.now == 0


# A failing IAM


def test_unreachable_iam_is_given_up_after_10_s(unused_port: int, time: QuickTime, sign_in: SignIn) -> None:
    url = f"http://127.0.0.1:{unused_port}"

    error = raised(TemporaryError, lambda: show(sign_in(url)))

    assert str(error) == f"cannot reach IAM at {url}/v3: Connection refused"
    assert 10 < time.now < 30


@pytest.mark.parametrize(
    "step", [Answer(503, b"<html>"), Answer(429, b""), Hangup(), Reset(), Answer(201, SIGNED_IN.body, sends_less_by=20)]
)
def test_temporary_failure_of_iam_is_retried(scripted: ServerFactory, step: Step, sign_in: SignIn) -> None:
    server = scripted(step, SIGNED_IN, OK)

    show(sign_in(server.url))

    assert [sent.method for sent in server.received] == ["POST", "POST", "GET"]
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
        Answer(400, {"error": {"code": 400, "message": "No hush-hush.", "title": "Bad Request"}}),
        Answer(403, {"error": {"code": 403, "message": "No.", "title": "Forbidden"}}),
        Answer(404, b"<html>not found</html>"),
        Answer(500, b""),
        *(Answer(201, SIGNED_IN.body, {"X-Subject-Token": token}) for token in ("a b", "\x1b[31m", "\xff", "a\r\n b")),
        *(signed_in(project={"id": id_, "name": "n", "domain": {"id": "d"}}) for id_ in [*NOT_IDS, LONG, HALF]),
        *(Answer(400, {"error": {"code": 400, "message": text, "title": text}}) for text in (RED, LONG)),
        Answer(400, {"error": {"message": "No."}}, {"X-Openstack-Request-Id": "\x1b[31mred"}),
        *(Answer(status, b'{"token": NaN}', SIGNED_IN.headers) for status in (201, 400, 503)),
        Answer(201, b'{"token": %s}' % (b"9" * 5000), SIGNED_IN.headers),
    ],
    ids=str,
)
def test_hostile_answer_of_iam_is_an_error_that_may_be_shown(
    scripted: ServerFactory, answer: Answer, sign_in: SignIn
) -> None:
    server = scripted(answer)

    error = raised(ApiError, lambda: show(sign_in(server.url)))

    assert server.url in str(error) or "demo" in str(error)
    assert "hush-hush" not in str(error)
    assert fits_a_terminal(str(error), longest=1000)
    assert {sent.method for sent in server.received} == {"POST"}

"""Signing in with a user's name and password at the emulator's IAM, and renewing what has expired."""

from __future__ import annotations

import functools
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator import Server
from providers import shared_sign_in
from providers.er import Client, Deadline, Endpoints
from providers.er.auth.agency import act_through_agency
from providers.er.auth.keystone import KeystoneCredentials
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import ApiError, UnauthorizedError
from tests.credentials import password_credentials
from tests.emulator.clients import CREATE, target_of
from tests.waiting import when

Serve = Callable[..., Server]
PASSWORD = "only-for-tests"  # of the test seed
SIGN_IN = "POST /v3/auth/tokens"

ROUTERS = "GET /v3/{project_id}/enterprise-router/instances"
THREADS = 16


def credentials(server: Server, **changes: Any) -> KeystoneCredentials:
    user: dict[str, Any] = {
        "auth_url": f"{server.url}/v3",
        "username": "tester",
        "password": PASSWORD,
        "domain_name": "OTC-TEST",
        "project_name": "eu-de",
    }
    return password_credentials(**{**user, **changes})


def client(server: Server, **changes: Any) -> Client:
    return Client(credentials(server, **changes), Endpoints.at(server.url)).with_deadline(Deadline(seconds=60))


def routers(er: Client) -> list[str]:
    return [router.name for router in er.routers.list()]


def together(call: Callable[[], object]) -> list[object]:
    """The result of one call in many threads at the same moment: what it returned, or the ApiError it raised."""
    barrier = threading.Barrier(THREADS)

    def run(_index: int) -> object:
        barrier.wait(30)
        try:
            return call()
        except ApiError as error:
            return error

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(run, range(THREADS)))


def test_nothing_is_sent_before_the_first_call_and_one_sign_in_serves_all(server: Server) -> None:
    er = client(server)
    assert server.requests.read() == {}

    assert routers(er) == ["er-main", "er-second", "er-modifying"]
    routers(er)
    er.log_groups.list()

    counts = server.requests.read()
    assert counts.pop("GET /v2/{project_id}/groups") == 1
    assert counts == {SIGN_IN: 1, ROUTERS: 2}


def test_project_may_be_given_by_name_or_by_id(server: Server) -> None:
    elsewhere = server.store.identity.projects("eu-nl")[0].id

    assert routers(client(server, project_name="eu-nl")) == ["er-elsewhere"]
    assert routers(client(server, project_name=None, project_id=elsewhere)) == ["er-elsewhere"]
    with pytest.raises(ApiError, match=r"signs in to project 'eu-nl', id \w+, which is not project 'eu-de', id \w+"):
        routers(client(server, project_name="eu-de", project_id=elsewhere))


def test_threads_that_start_together_sign_in_once(server: Server) -> None:
    er = client(server)

    assert together(lambda: len(routers(er))) == [3] * THREADS
    assert server.requests.read() == {SIGN_IN: 1, ROUTERS: THREADS}


def test_wrong_password_is_sent_once_and_each_call_has_its_own_error(server: Server) -> None:
    er = client(server, password="wrong")

    errors = together(lambda: routers(er))

    assert str(errors[0]) == (
        "IAM refused user 'tester' of domain 'OTC-TEST':"
        " check user name, password, domain and project 'eu-de'; a user with MFA also needs a passcode (OS_PASSCODE)"
        " (HTTP 401)"
    )
    assert {type(error) for error in errors} == {UnauthorizedError}
    assert len(set(map(id, errors))) == THREADS
    assert len(set(map(str, errors))) == 1
    assert server.requests.read() == {SIGN_IN: 1}


def test_token_that_expires_under_many_threads_is_renewed_once(server: Server) -> None:
    er = client(server, renew_password=lambda: pytest.fail("requested a newer password"))
    routers(er)
    server.store.identity.expire_tokens()
    server.requests.reset()

    assert together(lambda: len(routers(er))) == [3] * THREADS

    counts = server.requests.read()
    assert counts[SIGN_IN] == 1
    assert THREADS < counts[ROUTERS] <= 2 * THREADS


def test_token_that_expires_while_a_call_waits_is_renewed(server: Server) -> None:
    def meanwhile() -> None:
        server.store.identity.expire_tokens()
        server.store.set_attachment_state("vpc-modifying", "available")

    er = client(server).with_deadline(Deadline(report=when("the service (Attachment", meanwhile)))
    target = target_of(server, "vpc-modifying")

    assert er.flow_logs.create(target, name="a", description="", client_token="t").target == target
    requests = server.requests.read()
    assert (requests[SIGN_IN], requests[CREATE]) == (2, 2)


def test_expired_given_token_is_an_error_without_the_token(server: Server) -> None:
    er = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
    routers(er)
    server.store.identity.revoke(server.token)
    server.requests.reset()

    with pytest.raises(UnauthorizedError) as caught:
        routers(er)

    assert server.requests.read() == {ROUTERS: 1}
    assert server.token not in str(caught.value)
    assert caught.value.code == "APIG.0301"
    assert f"{server.url} refused the credentials (" in str(caught.value)
    assert "): get a new token (X-Auth-Token) (APIG.0301, HTTP 401, request " in str(caught.value)


def test_refused_password_is_replaced_by_a_newer_one(server: Server) -> None:
    requests: list[str] = []

    def newer() -> str:
        requests.append("newer")
        return PASSWORD

    er = client(server, password="last-month", renew_password=newer)

    assert together(lambda: len(routers(er))) == [3] * THREADS
    assert requests == ["newer"]
    assert server.requests.read() == {SIGN_IN: 2, ROUTERS: THREADS}


@pytest.mark.parametrize(("newer", "sign_ins"), [("wrong-too", 2), ("last-month", 1), ("", 1), (None, 1)])
def test_newer_password_that_is_wrong_too_is_sent_once(server: Server, newer: str | None, sign_ins: int) -> None:
    er = client(server, password="last-month", renew_password=lambda: newer)

    with pytest.raises(UnauthorizedError, match="check user name, password, domain and project"):
        routers(er)

    assert server.requests.read() == {SIGN_IN: sign_ins}


def test_repr_of_credentials_has_no_password_and_no_token(server: Server) -> None:
    given = credentials(server)
    er = Client(given, Endpoints.at(server.url))
    routers(er)
    for thing in (given, er, TokenCredentials(server.token, server.project_id)):
        assert PASSWORD not in repr(thing)
        assert server.token not in repr(thing)


def test_sign_in_library_is_only_loaded_to_sign_in() -> None:
    script = (
        "import sys\n"
        "from providers.er import Client, Endpoints\n"
        "from tests.credentials import password_credentials\n"
        "Client(password_credentials(auth_url='http://127.0.0.1:1/v3', username='u', password='p', domain_name='d',\n"
        "    project_id='p'), Endpoints.of_region('eu-de'))\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('keystoneauth1', 'pulumi', 'emulator')])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def offer() -> shared_sign_in.Offer:
    return shared_sign_in.Offer()


def continuing(server: Server, environment: Mapping[str, str], **changes: Any) -> Client:
    """A client in a process that this one would start with this environment."""
    return client(server, ask_for_state=functools.partial(shared_sign_in.ask, environment), **changes)


def test_processes_wait_for_the_sign_in_of_the_command_that_starts_them(
    server: Server, offer: shared_sign_in.Offer
) -> None:
    own = client(server)
    with ThreadPoolExecutor() as threads:
        found = [threads.submit(routers, continuing(server, offer.environment)) for _ in range(3)]
        own.project_id()
        offer.hand_on(own.credentials.state())

        assert [len(future.result(30)) for future in found] == [3, 3, 3]

    assert server.requests.read()[SIGN_IN] == 1


def test_sign_in_of_another_is_renewed_once_it_is_refused(server: Server, offer: shared_sign_in.Offer) -> None:
    own = client(server)
    own.project_id()
    offer.hand_on(own.credentials.state())
    server.store.identity.expire_tokens()

    assert len(routers(continuing(server, offer.environment))) == 3
    assert server.requests.read()[SIGN_IN] == 2


@pytest.mark.parametrize("case", ["another project", "none to hand on", "nobody", "wrong secret"])
def test_processes_sign_in_by_themselves_if_nothing_fits(
    server: Server, offer: shared_sign_in.Offer, unused_port: int, case: str
) -> None:
    own = client(server, project_name="eu-nl" if case == "another project" else "eu-de")
    own.project_id()
    offer.hand_on({} if case == "none to hand on" else own.credentials.state())
    value = offer.environment[shared_sign_in.VARIABLE]
    port, _, secret = value.partition(":")
    value = {"nobody": f"{unused_port}:{secret}", "wrong secret": f"{port}:{'0' * len(secret)}"}.get(case, value)

    assert len(routers(continuing(server, {shared_sign_in.VARIABLE: value}))) == 3
    assert server.requests.read()[SIGN_IN] == 2


def test_sign_in_through_an_agency_is_known_by_user_and_agency() -> None:
    def identify(agency: str, **user: str) -> object:
        named = {"agency_name": agency, "agency_domain_name": "OTC-OTHER"}
        return act_through_agency("http://iam/v3", "v3password", user, named, {"project_id": "p"}).get_cache_id()

    ann, bob = {"user_id": "ann", "password": "x"}, {"user_id": "bob", "password": "x"}
    assert identify("readers", **ann) == identify("readers", **ann)
    assert len({identify("readers", **ann), identify("writers", **ann), identify("readers", **bob), None}) == 4

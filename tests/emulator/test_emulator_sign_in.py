"""Signing in, and what a token is good for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import generic, v3

from emulator import Server
from emulator.errors import ApiError
from emulator.identity import TOKEN_LIFETIME
from emulator.instants import now, seconds
from emulator.store import Store
from tests.emulator.plain_client import PlainClient

PASSWORD = "only-for-tests"


def test_the_token_of_a_server_is_valid_until_the_server_is_closed(serve: Callable[..., Server]) -> None:
    first, second = serve(), serve()
    assert first.token != second.token
    assert PlainClient(second.url, first.token, first.project_id, "-").session.get(second.url + "/v3/projects").ok
    first.close()
    client = PlainClient(second.url, first.token, first.project_id, "-")
    assert client.session.get(f"{client.base}/instances").status_code == 401


def test_keystoneauth_signs_in_by_names(server: Server) -> None:
    plugin = v3.Password(
        auth_url=f"{server.url}/v3",
        username="tester",
        password=PASSWORD,
        user_domain_name="OTC-TEST",
        project_name="eu-de",
        project_domain_name="OTC-TEST",
    )
    signed_in = session.Session(auth=plugin)
    assert signed_in.get_project_id() == server.project_id
    client = PlainClient(server.url, str(signed_in.get_token()), server.project_id, "-")
    assert client.session.get(f"{client.base}/instances").status_code == 200


def test_keystoneauth_signs_in_by_project_id_and_learns_when_the_token_expires(server: Server) -> None:
    plugin = v3.Password(
        auth_url=f"{server.url}/v3",
        username="tester",
        password=PASSWORD,
        user_domain_name="OTC-TEST",
        project_id=server.project_id,
    )
    access = plugin.get_access(session.Session())
    assert access.expires is not None
    assert 23 * 3600 < access.expires.timestamp() - time.time() <= TOKEN_LIFETIME
    assert not access.will_expire_soon()


def test_keystoneauth_discovers_the_version_of_the_identity_service(server: Server) -> None:
    plugin = generic.Password(
        auth_url=f"{server.url}/v3",
        username="tester",
        password=PASSWORD,
        user_domain_name="OTC-TEST",
        project_id=server.project_id,
    )
    assert session.Session(auth=plugin).get_token()


def test_keystoneauth_understands_a_refusal(server: Server) -> None:
    plugin = v3.Password(
        auth_url=f"{server.url}/v3",
        username="tester",
        password="wrong",
        user_domain_name="OTC-TEST",
        project_id=server.project_id,
    )
    with pytest.raises(exceptions.Unauthorized, match="password is wrong"):
        session.Session(auth=plugin).get_token()


def test_a_token_tells_what_it_stands_for(server: Server) -> None:
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token}
    answer = requests.get(f"{server.url}/v3/auth/tokens", headers=headers)
    assert answer.json()["token"]["project"]["id"] == server.project_id
    assert answer.headers["X-Subject-Token"] == server.token
    headers["X-Subject-Token"] = "unknown"
    assert requests.get(f"{server.url}/v3/auth/tokens", headers=headers).status_code == 404


def test_a_token_ends_after_24_hours_and_is_forgotten(db: Path) -> None:
    instant = now()
    store = Store(db, clock=lambda: instant)
    user, project = store.identity.users()[0], store.identity.projects()[0]
    bearer, _ = store.identity.issue(user, project)
    instant += seconds(TOKEN_LIFETIME) - 1
    assert store.identity.project_of(bearer) == project.id
    instant += 1
    with pytest.raises(ApiError, match="expired"):
        store.identity.project_of(bearer)
    store.identity.issue(user, project)
    instant -= seconds(TOKEN_LIFETIME)
    with pytest.raises(ApiError):
        store.identity.project_of(bearer)
    store.close()


def test_neither_passwords_nor_tokens_are_in_the_file(server: Server, db: Path) -> None:
    contents = b"".join(file.read_bytes() for file in db.parent.glob(db.name + "*"))
    assert b"OTC-TEST" in contents
    assert PASSWORD.encode() not in contents
    assert server.token.encode() not in contents

"""Signing in, and what a token is good for."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import generic, v3

from emulator import Server
from emulator.clock import now, seconds
from emulator.identity import TOKEN_LIFETIME, Named
from emulator.store import Store
from tests.emulator.plain_client import PlainClient, password_of

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
    plugin = password_of(server, "tester", PASSWORD)
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
    plugin = password_of(server, "tester", "wrong")
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
    found = store.identity.token(bearer)
    assert found is not None
    assert (found.user, found.project) == (user, project)
    instant += 1
    assert store.identity.token(bearer) is None
    store.identity.issue(user, project)
    instant -= seconds(TOKEN_LIFETIME)
    assert store.identity.token(bearer) is None
    store.close()


def test_keystoneauth_signs_in_by_ids(server: Server) -> None:
    user = server.store.identity.users()[0]
    plugin = v3.Password(auth_url=f"{server.url}/v3", user_id=user.id, password=PASSWORD, project_id=server.project_id)
    access = plugin.get_access(session.Session())
    assert (access.user_id, access.project_id) == (user.id, server.project_id)


def test_keystoneauth_exchanges_a_token_for_one_of_another_project(server: Server) -> None:
    plugin = v3.Token(
        auth_url=f"{server.url}/v3", token=server.token, project_name="eu-nl", project_domain_name="OTC-TEST"
    )
    access = plugin.get_access(session.Session())
    assert access.auth_token != server.token
    client = PlainClient(server.url, str(access.auth_token), str(access.project_id), "-")
    (router,) = client.session.get(f"{client.base}/instances").json()["instances"]
    assert router["name"] == "er-elsewhere"
    assert client.session.get(f"{PlainClient.of(server).base}/instances").status_code == 403


def test_an_exchanged_token_ends_when_the_first_one_does(db: Path) -> None:
    instant = now()
    store = Store(db, clock=lambda: instant)
    user, project = store.identity.users()[0], store.identity.projects()[0]
    bearer, first = store.identity.issue(user, project)
    instant += seconds(3600)
    _, second = store.identity.exchange(bearer, Named(id=project.id))
    assert (second.issued_at, second.expires_at) == (instant, first.expires_at)
    store.close()


def test_a_token_that_is_not_valid_is_exchanged_for_none(server: Server) -> None:
    plugin = v3.Token(auth_url=f"{server.url}/v3", token=server.token, project_id=server.project_id)
    server.store.identity.expire_tokens()
    with pytest.raises(exceptions.Unauthorized, match="does not exist or has expired"):
        session.Session(auth=plugin).get_token()


def test_the_catalog_has_every_service_where_the_request_came_in(server: Server) -> None:
    plugin = password_of(server, "tester", PASSWORD)
    catalog = plugin.get_access(session.Session()).service_catalog
    found = {
        service: catalog.get_urls(service_type=service, interface="public", region_name="eu-de")
        for service in ("er", "lts", "iam")
    }
    assert found == {"er": (server.url,), "lts": (server.url,), "iam": (f"{server.url}/v3",)}
    assert not catalog.get_urls(service_type="er", region_name="eu-nl")
    by_another_name = server.url.replace("127.0.0.1", "localhost")
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token, "Host": urlsplit(by_another_name).netloc}
    answer = requests.get(f"{server.url}/v3/auth/tokens", headers=headers)
    urls = [service["endpoints"][0]["url"] for service in answer.json()["token"]["catalog"]]
    assert urls == [by_another_name, by_another_name, f"{by_another_name}/v3"]


def test_the_catalog_is_left_out_for_whoever_says_so(server: Server) -> None:
    plugin = v3.Password(
        auth_url=f"{server.url}/v3",
        username="tester",
        password=PASSWORD,
        user_domain_name="OTC-TEST",
        project_id=server.project_id,
        include_catalog=False,
    )
    access = plugin.get_access(session.Session())
    assert access.auth_token
    assert not access.has_service_catalog()
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token}
    assert "catalog" not in requests.get(f"{server.url}/v3/auth/tokens?nocatalog", headers=headers).json()["token"]


def test_neither_passwords_nor_tokens_are_in_the_file(server: Server, db: Path) -> None:
    contents = b"".join(file.read_bytes() for file in db.parent.glob(db.name + "*"))
    assert b"OTC-TEST" in contents
    assert PASSWORD.encode() not in contents
    assert server.token.encode() not in contents

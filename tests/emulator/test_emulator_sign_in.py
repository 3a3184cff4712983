"""Sign-in as keystoneauth does it, and what a token is valid for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from keystoneauth1 import exceptions, session
from keystoneauth1.identity import generic, v3

from emulator import Server
from emulator.clock import seconds
from emulator.identity import TOKEN_LIFETIME, Named
from tests.emulator.plain_client import PlainClient, password_of
from tests.emulator.timeline import Timeline

PASSWORD = "only-for-tests"
USER: dict[str, Any] = {"username": "tester", "password": PASSWORD, "user_domain_name": "OTC-TEST"}
PROJECT_ID = "0605767a9980d5762fbcc00b3537e757"


def list_routers(server: Server, token: str | None, project_id: str) -> requests.Response:
    client = PlainClient(server.url, str(token), project_id, "-")
    return client.session.get(f"{client.base}/instances")


def show_token(server: Server, query: str = "", **headers: str) -> requests.Response:
    headers = {"X-Auth-Token": server.token, "X-Subject-Token": server.token, **headers}
    return requests.get(f"{server.url}/v3/auth/tokens{query}", headers=headers)


def test_token_of_a_server_is_valid_until_it_is_closed(serve: Callable[..., Server]) -> None:
    first, second = serve(), serve()
    assert first.token != second.token
    assert list_routers(second, first.token, first.project_id).status_code == 200
    first.close()
    assert list_routers(second, first.token, first.project_id).status_code == 401


@pytest.mark.parametrize(
    ("plugin", "credentials"),
    [
        (v3.Password, {**USER, "project_name": "eu-de", "project_domain_name": "OTC-TEST"}),
        (v3.Password, {**USER, "project_id": PROJECT_ID}),
        (
            v3.Password,
            {"user_id": "0u000000000000000000000000000001", "password": PASSWORD, "project_id": PROJECT_ID},
        ),
        # Discovers the version of the identity service first.
        (generic.Password, {**USER, "project_id": PROJECT_ID}),
    ],
)
def test_keystoneauth_signs_in(server: Server, plugin: Any, credentials: dict[str, Any]) -> None:
    signed_in = session.Session(auth=plugin(auth_url=f"{server.url}/v3", **credentials))
    assert signed_in.get_project_id() == PROJECT_ID
    assert signed_in.get_user_id() == "0u000000000000000000000000000001"
    assert list_routers(server, signed_in.get_token(), PROJECT_ID).status_code == 200


def test_keystoneauth_understands_refusals(server: Server) -> None:
    with pytest.raises(exceptions.Unauthorized, match="password is wrong"):
        session.Session(auth=password_of(server, "tester", "wrong")).get_token()
    plugin = v3.Token(auth_url=f"{server.url}/v3", token=server.token, project_id=server.project_id)
    server.store.identity.expire_tokens()
    with pytest.raises(exceptions.Unauthorized, match="does not exist or has expired"):
        session.Session(auth=plugin).get_token()


def test_token_can_be_validated_and_revoked(server: Server) -> None:
    url, headers = f"{server.url}/v3/auth/tokens", {"X-Auth-Token": server.token, "X-Subject-Token": server.token}
    assert (requests.head(url, headers=headers).status_code, requests.head(url).status_code) == (200, 401)
    assert requests.delete(url, headers=headers).status_code == 204
    assert requests.head(url, headers=headers).status_code == 401


def test_token_names_its_project(server: Server) -> None:
    answer = show_token(server)
    assert answer.json()["token"]["project"]["id"] == server.project_id
    assert answer.headers["X-Subject-Token"] == server.token
    assert show_token(server, **{"X-Subject-Token": "unknown"}).status_code == 404


def test_token_expires_after_24_hours_and_is_deleted(timeline: Timeline) -> None:
    identity = timeline.store.identity
    user, project = identity.users()[0], identity.projects()[0]
    bearer, _ = identity.issue(user, project)
    timeline.at(TOKEN_LIFETIME - 0.001)
    found = identity.token(bearer)
    assert found is not None
    assert (found.user, found.project) == (user, project)
    timeline.at(TOKEN_LIFETIME)
    assert identity.token(bearer) is None
    identity.issue(user, project)
    timeline.at(0)
    assert identity.token(bearer) is None


def test_keystoneauth_exchanges_token_for_another_project(server: Server) -> None:
    plugin = v3.Token(
        auth_url=f"{server.url}/v3", token=server.token, project_name="eu-nl", project_domain_name="OTC-TEST"
    )
    access = plugin.get_access(session.Session())
    assert access.auth_token != server.token
    (router,) = list_routers(server, access.auth_token, str(access.project_id)).json()["instances"]
    assert router["name"] == "er-elsewhere"
    assert list_routers(server, access.auth_token, server.project_id).status_code == 403


def test_exchanged_token_expires_with_the_first(timeline: Timeline) -> None:
    identity = timeline.store.identity
    project = identity.projects()[0]
    bearer, first = identity.issue(identity.users()[0], project)
    timeline.at(3600)
    _, second = identity.exchange(bearer, Named(id=project.id))
    assert (second.issued_at, second.expires_at) == (first.issued_at + seconds(3600), first.expires_at)


def test_catalog_has_the_address_of_the_request(server: Server) -> None:
    catalog = password_of(server, "tester", PASSWORD).get_access(session.Session()).service_catalog
    found = {
        service: catalog.get_urls(service_type=service, interface="public", region_name="eu-de")
        for service in ("er", "lts", "identity")
    }
    assert found == {"er": (server.url,), "lts": (server.url,), "identity": (f"{server.url}/v3",)}
    assert not catalog.get_urls(service_type="er", region_name="eu-nl")
    address = server.url.replace("127.0.0.1", "localhost")
    services = show_token(server, Host=urlsplit(address).netloc).json()["token"]["catalog"]
    urls = [service["endpoints"][0]["url"] for service in services]
    assert urls == [address, address, f"{address}/v3", f"{address}/v2/{server.project_id}"]


def test_catalog_can_be_left_out(server: Server) -> None:
    plugin = v3.Password(auth_url=f"{server.url}/v3", **USER, project_id=server.project_id, include_catalog=False)
    assert not plugin.get_access(session.Session()).has_service_catalog()
    assert "catalog" not in show_token(server, "?nocatalog").json()["token"]


def test_passwords_and_tokens_are_not_in_the_database(server: Server, db: Path) -> None:
    contents = b"".join(file.read_bytes() for file in db.parent.glob(db.name + "*"))
    assert b"OTC-TEST" in contents
    assert PASSWORD.encode() not in contents
    assert server.token.encode() not in contents

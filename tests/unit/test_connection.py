"""Where the API is and who is acting: what outranks what, and what is said when something is missing."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from providers.config import ConfigError
from providers.connection import Connection
from providers.er import Client, Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.credentials import TokenCredentials
from providers.er.auth.password import PasswordCredentials

HERE = Path("unused")
TOKEN = {"token": "stack-token", "project_id": "stack-project"}
USER = {"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "OTC-1"}


def client(config: Mapping[str, Any], **environment: str) -> Client:
    return Connection(config.get, environment, directory=HERE).client


def refused(config: Mapping[str, Any], **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        client(config, **environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def token(made: Client) -> object:
    request = requests.PreparedRequest()
    request.prepare("GET", "https://er.example.com")
    made.credentials.authorize(request)
    return request.headers["X-Auth-Token"]


def test_nothing_is_read_before_the_client_is_asked_for() -> None:
    def read(_key: str) -> object:
        raise AssertionError("read too early")

    Connection(read, {}, directory=HERE)


def test_the_client_is_made_once() -> None:
    connection = Connection({"region": "eu-de", **TOKEN}.get, {}, directory=HERE)
    assert connection.client is connection.client


def test_the_region_gives_the_endpoints() -> None:
    assert client({"region": "eu-nl", **TOKEN}).endpoints == Endpoints.of_region("eu-nl")


def test_the_stack_says_where_before_the_environment_does() -> None:
    assert client({"region": "eu-nl", **TOKEN}, OS_REGION_NAME="eu-de").endpoints == Endpoints.of_region("eu-nl")
    assert client(TOKEN, OS_REGION_NAME="eu-de").endpoints == Endpoints.of_region("eu-de")
    own = client({"endpoint": "https://er.example.com", "region": "eu-nl", **TOKEN}, OS_REGION_NAME="eu-de")
    assert own.endpoints == Endpoints.at("https://er.example.com")


def test_single_services_can_be_moved() -> None:
    moved = client({"region": "eu-de", "endpoints": json.dumps({"lts": "https://lts.example.com/"}), **TOKEN})
    assert moved.endpoints == Endpoints.of_region("eu-de").overridden(lts="https://lts.example.com")


def test_the_environments_iam_is_used_unless_the_stack_names_one() -> None:
    auth_url = "https://iam.example.com/v3"
    assert client({"region": "eu-de", **TOKEN}, OS_AUTH_URL=auth_url).endpoints.iam == auth_url
    own = {"region": "eu-de", "endpoints": '{"iam": "https://own.example.com/v3"}', **TOKEN}
    assert client(own, OS_AUTH_URL=auth_url).endpoints.iam == "https://own.example.com/v3"
    one = client({"endpoint": "https://er.example.com", **TOKEN}, OS_AUTH_URL=auth_url)
    assert one.endpoints.iam == "https://er.example.com/v3"


def test_all_three_services_named_one_by_one_need_no_region() -> None:
    services = {"er": "https://er.example.com", "iam": "https://iam.example.com/v3", "lts": "https://lts.example.com"}
    assert client({"endpoints": json.dumps(services), **TOKEN}).endpoints == Endpoints(**services)


def test_a_token_of_the_environment_outranks_that_of_the_stack() -> None:
    made = client({"region": "eu-de", **TOKEN}, OS_TOKEN="env-token")
    assert token(made) == "env-token"


def test_a_user_of_the_environment_outranks_the_token_of_the_stack() -> None:
    assert isinstance(client({"region": "eu-de", **TOKEN}, **USER).credentials, PasswordCredentials)


def key_of(made: Client) -> str:
    assert isinstance(made.credentials, AccessKeyCredentials)
    return made.credentials.ak


def test_an_access_key_comes_after_a_user_of_its_place_and_before_all_of_the_next() -> None:
    key = {"OS_ACCESS_KEY": "env-ak", "OS_SECRET_KEY": "sk"}
    stack_key = {"access_key": "stack-ak", "secret_key": "sk"}
    assert isinstance(client({"region": "eu-de"}, **key, **USER).credentials, PasswordCredentials)
    assert key_of(client({"region": "eu-de", **TOKEN, **stack_key}, **key)) == "env-ak"
    assert key_of(client({"region": "eu-de", **stack_key})) == "stack-ak"
    assert key_of(client({"region": "eu-de", "access_key": "stack-ak"}, OS_SECRET_KEY="sk")) == "stack-ak"


def test_a_token_outranks_a_user_of_the_same_place() -> None:
    assert token(client({"region": "eu-de"}, OS_TOKEN="t", OS_PROJECT_ID="p", **USER)) == "t"
    of_stack = {"region": "eu-de", "username": "u", "password": "p", "domain": "d", **TOKEN}
    assert token(client(of_stack)) == "stack-token"


def test_the_stack_says_which_project_before_the_environment_does() -> None:
    assert client({"region": "eu-de", **TOKEN}, OS_PROJECT_ID="env").credentials.project_id() == "stack-project"
    of_environment = client({"region": "eu-de"}, OS_TOKEN="t", OS_PROJECT_ID="env").credentials
    assert of_environment.project_id() == "env"
    of_user = client({"region": "eu-de", "project_id": "mine"}, OS_PROJECT_ID="env", **USER).credentials
    assert of_user.project_id() == "mine"


def test_a_token_takes_its_projects_id_from_the_environment_where_the_stack_has_only_a_name() -> None:
    made = client({"region": "eu-de", "project": "eu-de_team"}, OS_TOKEN="t", OS_PROJECT_ID="env")
    assert made.credentials.project_id() == "env"


@pytest.mark.parametrize(
    "places",
    [
        ({}, USER),
        ({}, {**USER, "OS_USER_DOMAIN_NAME": "", "OS_DOMAIN_NAME": "OTC-1"}),
        ({"username": "ann", "password": "pw", "domain": "OTC-1"}, {}),
        ({"username": "ann", "domain": "OTC-1"}, {"OS_PASSWORD": "pw"}),
    ],
)
def test_a_user_may_be_named_here_or_there(places: tuple[dict[str, str], dict[str, str]]) -> None:
    config, environment = places
    made = client({"region": "eu-de", **config}, **environment)
    assert isinstance(made.credentials, PasswordCredentials)


@pytest.mark.parametrize("config", [{}, {"region": ""}, {"region": None}, {"region": 5}])
def test_without_a_region_it_says_where_to_set_one(config: dict[str, Any]) -> None:
    assert refused({**config, **TOKEN}) == (
        "no region: set otc-flow-logs:region in the stack file to eu-de or eu-nl (or OS_REGION_NAME in the environment)"
    )


def test_without_credentials_it_names_all_that_was_looked_for() -> None:
    assert refused({"region": "eu-de"}) == (
        "no credentials for https://er.eu-de.otc.t-systems.com: set OS_USERNAME (or otc-flow-logs:username) and"
        " OS_PASSWORD (or otc-flow-logs:password) and OS_USER_DOMAIN_NAME (or otc-flow-logs:domain); there is no"
        " OS_TOKEN, OS_ACCESS_KEY or OS_CLOUD in the environment either, and no token or access_key in the stack file"
    )


@pytest.mark.parametrize(
    ("config", "environment", "incomplete"),
    [
        ({}, {**USER, "OS_USERNAME": ""}, "set OS_USERNAME (or otc-flow-logs:username);"),
        ({}, {"OS_USERNAME": "ann", "OS_DOMAIN_NAME": "d"}, "OS_USERNAME also needs OS_PASSWORD"),
        (
            {"password": "not for ann"},
            {"OS_USERNAME": "ann"},
            "OS_USERNAME also needs OS_PASSWORD and OS_USER_DOMAIN_NAME (or otc-flow-logs:domain)",
        ),
        ({}, {"OS_ACCESS_KEY": "AK"}, "OS_ACCESS_KEY also needs OS_SECRET_KEY"),
        ({}, {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}, "set OS_USERNAME "),
        (
            {"access_key": "AK"},
            {},
            "otc-flow-logs:access_key also needs OS_SECRET_KEY (or otc-flow-logs:secret_key)",
        ),
        (
            {"username": "ann"},
            {"OS_PASSWORD": "pw"},
            "otc-flow-logs:username also needs OS_USER_DOMAIN_NAME (or otc-flow-logs:domain)",
        ),
    ],
)
def test_credentials_that_are_incomplete_say_what_they_also_need(
    config: dict[str, str], environment: dict[str, str], incomplete: str
) -> None:
    message = refused({"region": "eu-de", **config}, **environment)
    assert message.startswith(f"no credentials for https://er.eu-de.otc.t-systems.com: {incomplete}")


@pytest.mark.parametrize("place", [{"OS_TOKEN": "t"}, {"OS_TOKEN": "t", "OS_PROJECT_NAME": "eu-de"}])
def test_a_token_without_a_project_id_is_refused(place: dict[str, str]) -> None:
    assert refused({"region": "eu-de"}, **place) == (
        "a token needs the id of its project: set otc-flow-logs:project_id in the stack file"
        " (or OS_PROJECT_ID in the environment)"
    )


def test_a_user_without_any_project_is_told_before_signing_in() -> None:
    message = refused({"endpoint": "https://er.example.com"}, **USER)
    assert "otc-flow-logs:project" in message


@pytest.mark.parametrize(
    "endpoints",
    ["{", "[]", '"x"', "5", "null", "true", '{"er": 5}', '{"er": null}', '{"vpc": "https://x.example.com"}', "text"],
)
def test_endpoints_that_are_no_addresses_by_service_are_refused(endpoints: str) -> None:
    assert refused({"region": "eu-de", "endpoints": endpoints, **TOKEN}) == (
        "otc-flow-logs:endpoints must map services (er, iam, lts) to addresses"
    )


@pytest.mark.parametrize(
    ("config", "environment", "place"),
    [
        ({"endpoint": "nonsense"}, {}, "otc-flow-logs:endpoint"),
        ({"endpoint": "https://[::1"}, {}, "otc-flow-logs:endpoint"),
        ({"region": "eu-xx"}, {}, "otc-flow-logs:region"),
        ({"region": "eu-de", "endpoints": '{"lts": "http://lts.example.com"}'}, {}, "otc-flow-logs:endpoints"),
        ({}, {"OS_REGION_NAME": "eu-xx"}, "OS_REGION_NAME"),
        ({"region": "eu-de"}, {"OS_AUTH_URL": "iam.example.com"}, "OS_AUTH_URL"),
    ],
)
def test_a_place_that_makes_no_sense_is_told_with_the_one_key_or_variable_that_names_it(
    config: dict[str, str], environment: dict[str, str], place: str
) -> None:
    message = refused({**config, **TOKEN}, **environment)
    assert message.startswith(f"{place}: ")


def test_a_secret_is_in_no_message() -> None:
    for config in (
        {"endpoint": "nonsense", "password": "hunter2", "token": "hunter2"},
        {"region": "eu-de", "token": "hunter2"},
        {"region": "eu-de", "password": "hunter2"},
    ):
        assert "hunter2" not in refused(config, OS_PASSWORD="hunter2")


def test_a_mistake_is_told_every_time_and_gone_once_it_is_mended() -> None:
    config: dict[str, Any] = {**TOKEN}
    connection = Connection(config.get, {}, directory=HERE)
    for _ in range(2):
        with pytest.raises(ConfigError, match="no region"):
            _ = connection.client
    config["region"] = "eu-de"
    assert isinstance(connection.client.credentials, TokenCredentials)


def test_an_embedded_emulator_that_cannot_have_its_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file where the folder should be")
    connection = Connection({"endpoint": "emulator"}.get, {}, directory=tmp_path)
    with pytest.raises(ConfigError, match="the embedded emulator cannot start: "):
        _ = connection.client


def test_an_embedded_emulator_that_is_not_installed_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "emulator", None)
    connection = Connection({"endpoint": "emulator"}.get, {}, directory=tmp_path)
    with pytest.raises(ConfigError) as caught:
        _ = connection.client
    assert str(caught.value) == (
        "otc-flow-logs:endpoint is emulator, which is not installed: install otc-flow-logs[emulator]"
    )

"""clouds.yaml: which of its clouds, what outranks it, and what is said when it does not fit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from providers.config import ConfigError
from providers.connection import Connection
from providers.er import Client, Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.credentials import TokenCredentials
from providers.er.auth.password import PasswordCredentials

CLOUDS = """
clouds:
  user:
    region_name: eu-nl
    auth: {username: ann, password: pw, user_domain_name: OTC-1, project_name: eu-nl_team,
           auth_url: "https://iam.example.com/v3"}
  apart:
    region_name: eu-de
    auth: {username: ann, user_domain_name: OTC-1}
  key:
    region_name: eu-de
    auth: {ak: cloud-ak, sk: sk, project_id: "0605767a9980d5762fbcc00b3537e757"}
  token:
    region_name: eu-de
    auth: {token: cloud-token, project_id: "0605767a9980d5762fbcc00b3537e757"}
  empty:
    region_name: eu-de
  nothing:
    region_name: eu-de
    auth: {token: null}
  text: nonsense
  flat:
    region_name: eu-de
    auth: nonsense
"""


@pytest.fixture(autouse=True)
def _clouds_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clouds.yaml").write_text(CLOUDS)
    monkeypatch.chdir(tmp_path)
    # openstacksdk looks in the environment for itself.
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE", raising=False)


def client(config: Mapping[str, str] = {}, **environment: str) -> Client:
    return Connection(config.get, environment, directory=Path()).client


def refused(**environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        client({}, **environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_cloud_says_where_and_who() -> None:
    made = client(OS_CLOUD="user")
    assert isinstance(made.credentials, PasswordCredentials)
    assert made.endpoints == Endpoints.of_region("eu-nl").overridden(iam="https://iam.example.com/v3")


def test_a_cloud_may_have_an_access_key_or_a_token() -> None:
    key, token = client(OS_CLOUD="key").credentials, client(OS_CLOUD="token").credentials
    assert isinstance(key, AccessKeyCredentials)
    assert (key.ak, key.project_id()) == ("cloud-ak", "0605767a9980d5762fbcc00b3537e757")
    assert isinstance(token, TokenCredentials)


def test_the_password_may_be_kept_apart() -> None:
    assert isinstance(client(OS_CLOUD="apart", OS_PASSWORD="pw").credentials, PasswordCredentials)
    assert "cloud 'apart' in clouds.yaml also needs password in its auth (or OS_PASSWORD)" in refused(OS_CLOUD="apart")


def test_variables_outrank_the_cloud_and_the_cloud_outranks_the_stack_file() -> None:
    assert isinstance(client(OS_CLOUD="user", OS_TOKEN="t", OS_PROJECT_ID="p").credentials, TokenCredentials)
    of_cloud = client({"token": "t", "project_id": "p"}, OS_CLOUD="user")
    assert isinstance(of_cloud.credentials, PasswordCredentials)


def test_where_things_are_the_stack_file_and_the_variables_say_before_the_cloud() -> None:
    assert client({"region": "eu-de"}, OS_CLOUD="key").endpoints == Endpoints.of_region("eu-de")
    assert client(OS_CLOUD="user", OS_REGION_NAME="eu-de", OS_AUTH_URL="https://other.example.com/v3").endpoints == (
        Endpoints.of_region("eu-de").overridden(iam="https://other.example.com/v3")
    )


def test_an_unknown_cloud_is_told_with_those_there_are_and_the_file() -> None:
    assert re.fullmatch(
        r"OS_CLOUD: there is no cloud 'prod' in \S+/clouds.yaml; the clouds there are: apart, empty, flat, key, nothing, text,"
        r" token, user",
        refused(OS_CLOUD="prod"),
    )


def test_a_cloud_without_anybody_is_told() -> None:
    assert "cloud 'empty' in clouds.yaml has no token, username or ak in its auth" in refused(OS_CLOUD="empty")


@pytest.mark.parametrize("name", ["text", "flat"])
def test_a_cloud_of_another_form_is_told(name: str) -> None:
    assert f"cloud '{name}'" in refused(OS_CLOUD=name)


def test_a_token_that_is_null_is_none() -> None:
    assert "cloud 'nothing' in clouds.yaml has no token, username or ak in its auth" in refused(OS_CLOUD="nothing")


def test_a_named_file_that_is_not_there_is_told_and_no_other_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", "/nowhere/clouds.yaml")
    assert "OS_CLIENT_CONFIG_FILE names '/nowhere/clouds.yaml', which is not a file" in refused(OS_CLOUD="user")

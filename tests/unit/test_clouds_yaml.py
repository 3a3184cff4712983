"""clouds.yaml: which settings of a cloud are used, and what is reported if something is wrong."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from providers.config import ConfigError
from providers.connection import Connection
from providers.er import Client, Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.password import PasswordCredentials
from providers.er.auth.token import TokenCredentials

CLOUDS = """
clouds:
  user:
    region_name: eu-nl
    auth: {username: ann, password: pw, user_domain_name: OTC-1, project_name: eu-nl_team,
           auth_url: "https://iam.example.com/v3"}
  no-password:
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
  null-token:
    region_name: eu-de
    auth: {token: null}
  no-network-name:
    networks: [{}]
  text: nonsense
  flat:
    region_name: eu-de
    auth: nonsense
  list:
    region_name: eu-de
    auth: [nonsense]
"""


@pytest.fixture(autouse=True)
def clouds_yaml(tmp_path: Path, no_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(CLOUDS)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))


def client(config: Mapping[str, str] = {}, **environment: str) -> Client:
    return Connection(config.get, environment, directory=Path()).client


def refused(**environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        client({}, **environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_cloud_has_endpoints_and_user() -> None:
    of_cloud = client(OS_CLOUD="user")
    assert isinstance(of_cloud.credentials, PasswordCredentials)
    assert of_cloud.endpoints == Endpoints.of_region("eu-nl").overridden(iam="https://iam.example.com/v3")


def test_cloud_may_have_access_key_or_token() -> None:
    key, token = client(OS_CLOUD="key").credentials, client(OS_CLOUD="token").credentials
    assert isinstance(key, AccessKeyCredentials)
    assert (key.ak, key.project_id()) == ("cloud-ak", "0605767a9980d5762fbcc00b3537e757")
    assert isinstance(token, TokenCredentials)


def test_password_may_be_in_environment() -> None:
    assert isinstance(client(OS_CLOUD="no-password", OS_PASSWORD="pw").credentials, PasswordCredentials)
    assert "cloud 'no-password' in clouds.yaml also needs password in its auth (or OS_PASSWORD)" in refused(
        OS_CLOUD="no-password"
    )


def test_variables_override_cloud_and_cloud_overrides_stack_file() -> None:
    assert isinstance(client(OS_CLOUD="user", OS_TOKEN="t", OS_PROJECT_ID="p").credentials, TokenCredentials)
    of_cloud = client({"token": "t", "project_id": "p"}, OS_CLOUD="user")
    assert isinstance(of_cloud.credentials, PasswordCredentials)


def test_stack_file_and_variables_override_endpoints_of_cloud() -> None:
    assert client({"region": "eu-de"}, OS_CLOUD="key").endpoints == Endpoints.of_region("eu-de")
    assert client(OS_CLOUD="user", OS_REGION_NAME="eu-de", OS_AUTH_URL="https://other.example.com/v3").endpoints == (
        Endpoints.of_region("eu-de").overridden(iam="https://other.example.com/v3")
    )


def test_unknown_cloud_is_reported_with_file_and_known_clouds() -> None:
    assert re.fullmatch(
        r"OS_CLOUD: there is no cloud 'prod' in \S+/clouds.yaml; known: empty, flat, key, list,"
        r" no-network-name, no-password, null-token, text, token, user",
        refused(OS_CLOUD="prod"),
    )


@pytest.mark.parametrize("name", ["empty", "null-token"])
def test_cloud_without_credentials_is_reported(name: str) -> None:
    assert f"cloud '{name}' in clouds.yaml has no token, username or ak in its auth" in refused(OS_CLOUD=name)


@pytest.mark.parametrize("name", ["text", "flat", "list"])
def test_cloud_that_is_not_a_mapping_is_reported(name: str) -> None:
    assert f"cloud '{name}' in clouds.yaml must be a mapping" in refused(OS_CLOUD=name)


def test_what_openstacksdk_refuses_is_reported() -> None:
    assert "cloud 'no-network-name' in clouds.yaml cannot be used: " in refused(OS_CLOUD="no-network-name")


def test_file_that_does_not_exist_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", "/nowhere/clouds.yaml")
    assert "OS_CLIENT_CONFIG_FILE names '/nowhere/clouds.yaml', which is not a file" in refused(OS_CLOUD="user")


def test_missing_openstacksdk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openstack.config", None)
    assert refused(OS_CLOUD="user").endswith("install otc-flow-logs[clouds]")

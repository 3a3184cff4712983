"""Where the API is and who signs in: which setting is used, and what is reported if one is missing or wrong."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from providers.config import ConfigError, ProviderConfig
from providers.connection import Connection
from providers.er import Client, Endpoints
from providers.er.auth.access_key import AccessKeyCredentials
from providers.er.auth.keystone import KeystoneCredentials

HERE = Path("unused")
TOKEN = {"token": "stack-token", "project_id": "stack-project"}
EU_DE = {"region": "eu-de"}
USER = {"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "OTC-1"}
KEY = {"OS_ACCESS_KEY": "env-ak", "OS_SECRET_KEY": "sk"}
STACK_KEY = {"access_key": "stack-ak", "secret_key": "sk"}
IAM = "https://iam.example.com/v3"
NO_REGION = "no region: set otc-flow-logs:region in the stack file to eu-de or eu-nl or eu-ch2 (or OS_REGION_NAME in"
NOBODY = "no credentials"


def client(config: Mapping[str, Any], **environment: str) -> Client:
    return Connection(config.get, environment, directory=HERE).client


def refused(config: Mapping[str, Any], **environment: str) -> str:
    with pytest.raises(ConfigError) as caught:
        client(config, **environment)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def who(config: Mapping[str, Any], **environment: str) -> str:
    """The token or access key that signs in; "user" for a user."""
    credentials = client({**EU_DE, **config}, **environment).credentials
    if isinstance(credentials, KeystoneCredentials):
        return "user"
    if isinstance(credentials, AccessKeyCredentials):
        return credentials.ak
    request = requests.PreparedRequest()
    request.prepare("GET", "https://er.example.com")
    credentials.authorize(request)
    return str(request.headers["X-Auth-Token"])


def test_nothing_is_read_before_first_use_of_client() -> None:
    def read(_key: str) -> object:
        raise AssertionError("read too early")

    Connection(read, {}, directory=HERE)


def test_client_is_created_once() -> None:
    connection = Connection({**EU_DE, **TOKEN}.get, {}, directory=HERE)
    assert connection.client is connection.client


@pytest.mark.parametrize(
    ("config", "environment", "endpoints"),
    [
        ({"region": "eu-nl"}, {}, Endpoints.of_region("eu-nl")),
        ({"region": "eu-nl"}, {"OS_REGION_NAME": "eu-de"}, Endpoints.of_region("eu-nl")),
        (
            {"endpoint": "https://er.example.com", "region": "eu-nl"},
            {"OS_REGION_NAME": "eu-de", "OS_AUTH_URL": IAM},
            Endpoints.at("https://er.example.com"),
        ),
        (
            {"region": "eu-de", "endpoints": '{"lts": "https://lts.example.com/"}'},
            {},
            Endpoints.of_region("eu-de").overridden(lts="https://lts.example.com"),
        ),
        ({"region": "eu-de"}, {"OS_AUTH_URL": IAM}, Endpoints.of_region("eu-de").overridden(iam=IAM)),
        (
            {"region": "eu-de", "endpoints": '{"iam": "https://own.example.com/v3"}'},
            {"OS_AUTH_URL": IAM},
            Endpoints.of_region("eu-de").overridden(iam="https://own.example.com/v3"),
        ),
        (
            {"endpoints": json.dumps({"er": "https://er.example.com", "iam": IAM, "lts": "https://lts.example.com"})},
            {},
            Endpoints(er="https://er.example.com", iam=IAM, lts="https://lts.example.com"),
        ),
        ({"region": "eu-fr"}, {"OS_AUTH_URL": IAM}, Endpoints(iam=IAM)),
    ],
)
def test_stack_file_overrides_environment_for_endpoints(
    config: dict[str, str], environment: dict[str, str], endpoints: Endpoints
) -> None:
    assert client({**config, **TOKEN}, **environment).endpoints == endpoints


@pytest.mark.parametrize(
    ("config", "environment", "expected"),
    [
        (TOKEN, {"OS_TOKEN": "env-token"}, "env-token"),
        (TOKEN, {"OS_TOKEN": "env-token", **USER, **KEY}, "env-token"),
        (TOKEN, USER, "user"),
        (TOKEN, {**USER, **KEY}, "user"),
        ({**TOKEN, **STACK_KEY}, KEY, "env-ak"),
        ({**TOKEN, **STACK_KEY, "username": "u", "password": "p", "domain": "d"}, {}, "stack-token"),
        ({"access_key": "stack-ak"}, {"OS_SECRET_KEY": "sk"}, "stack-ak"),
        ({}, {**USER, "OS_USER_DOMAIN_NAME": "", "OS_DOMAIN_NAME": "OTC-1"}, "user"),
        ({"username": "ann", "password": "pw", "domain": "OTC-1", **STACK_KEY}, {}, "user"),
        ({"username": "ann", "domain": "OTC-1"}, {"OS_PASSWORD": "pw"}, "user"),
    ],
)
def test_environment_overrides_stack_file_for_credentials(
    config: dict[str, str], environment: dict[str, str], expected: str
) -> None:
    assert who(config, **environment) == expected


@pytest.mark.parametrize(
    ("config", "environment", "message"),
    [
        (TOKEN, {}, NO_REGION),
        ({**TOKEN, "region": ""}, {}, NO_REGION),
        ({**TOKEN, "region": None}, {}, NO_REGION),
        ({**TOKEN, "region": 5}, {}, NO_REGION),
        (EU_DE, {}, f"{NOBODY}: set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY in the environment, or one of"),
        (EU_DE, {**USER, "OS_USERNAME": ""}, f"{NOBODY}: set OS_CLOUD"),
        (EU_DE, {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"}, f"{NOBODY}: set OS_CLOUD"),
        (EU_DE, {"OS_USERNAME": "ann", "OS_DOMAIN_NAME": "d"}, f"{NOBODY}: OS_USERNAME also needs OS_PASSWORD"),
        (
            {**EU_DE, "password": "not for ann"},
            {"OS_USERNAME": "ann"},
            f"{NOBODY}: OS_USERNAME also needs OS_PASSWORD and OS_USER_DOMAIN_NAME (or",
        ),
        (
            {**EU_DE, "access_key": "AK"},
            {},
            f"{NOBODY}: otc-flow-logs:access_key also needs OS_SECRET_KEY (or otc-flow-logs:secret_key)",
        ),
        (
            {**EU_DE, "username": "ann"},
            {"OS_PASSWORD": "pw"},
            f"{NOBODY}: otc-flow-logs:username also needs OS_USER_DOMAIN_NAME (or otc-flow-logs:domain)",
        ),
        ({"endpoint": "https://er.example.com"}, USER, "no project: set otc-flow-logs:project"),
    ],
)
def test_missing_setting_is_reported_with_where_to_set_it(
    config: dict[str, Any], environment: dict[str, str], message: str
) -> None:
    assert refused(config, **environment).startswith(message)


@pytest.mark.parametrize(
    "endpoints",
    ["{", "[]", '"x"', "5", "null", "true", '{"er": 5}', '{"er": null}', '{"vpc": "https://x.example.com"}', "text"],
)
def test_endpoints_that_do_not_map_services_to_addresses_are_refused(endpoints: str) -> None:
    assert refused({"endpoints": endpoints, **EU_DE, **TOKEN}) == (
        "otc-flow-logs:endpoints must map services (er, iam, lts) to addresses"
    )


@pytest.mark.parametrize(
    ("config", "environment", "source"),
    [
        ({"endpoint": "nonsense"}, {}, "otc-flow-logs:endpoint"),
        ({"endpoint": "https://[::1"}, {}, "otc-flow-logs:endpoint"),
        ({"region": "eu-xx"}, {}, "otc-flow-logs:region"),
        ({"region": "eu-de", "endpoints": '{"lts": "http://lts.example.com"}'}, {}, "otc-flow-logs:endpoints"),
        ({}, {"OS_REGION_NAME": "eu-xx"}, "OS_REGION_NAME"),
        ({"region": "eu-de"}, {"OS_AUTH_URL": "http://iam.example.com"}, "OS_AUTH_URL"),
    ],
)
def test_invalid_address_or_region_is_reported_with_its_key_or_variable(
    config: dict[str, str], environment: dict[str, str], source: str
) -> None:
    secrets = {"token": "hunter2", "password": "hunter2", "project_id": "p"}
    message = refused({**config, **secrets}, OS_PASSWORD="hunter2", **environment)
    assert message.startswith(f"{source}: ")
    assert "hunter2" not in message


def test_error_is_reported_every_time_until_it_is_fixed() -> None:
    config: dict[str, Any] = {**TOKEN}
    connection = Connection(config.get, {}, directory=HERE)
    for _ in range(2):
        with pytest.raises(ConfigError, match="no region"):
            _ = connection.client
    config["region"] = "eu-de"
    assert connection.client


def test_emulator_without_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / ".local").write_text("a file where the folder should be")
    connection = Connection({"endpoint": "emulator"}.get, {}, directory=tmp_path)
    with pytest.raises(ConfigError, match="the embedded emulator cannot start: "):
        _ = connection.client


def test_missing_emulator_package_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "emulator", None)
    connection = Connection({"endpoint": "emulator"}.get, {}, directory=tmp_path)
    with pytest.raises(ConfigError) as caught:
        _ = connection.client
    assert str(caught.value) == (
        "otc-flow-logs:endpoint is emulator, which is not installed: install otc-flow-logs[emulator]"
    )


@pytest.mark.parametrize(("setting", "verifies"), [("TRUE", False), ("1", False), ("no", True), ("", True)])
def test_insecure_turns_verification_off(setting: str, verifies: bool) -> None:
    assert ProviderConfig(lambda _key: None, {**USER, "OS_INSECURE": setting}).verify is verifies


@pytest.mark.parametrize("number", ["0", "many"])
def test_number_of_stacks_at_once_must_be_positive(number: str) -> None:
    error = refused({**EU_DE}, **USER, OTC_FLOW_LOGS_STACKS=number)
    assert error == f"OTC_FLOW_LOGS_STACKS is '{number}': it must be a whole number from 1 on"


@pytest.mark.parametrize("variable", ["OS_INSECURE", "OS_VERIFY"])
def test_switch_of_another_value_is_refused(variable: str) -> None:
    assert refused({**EU_DE}, **USER, **{variable: "maybe"}) == f"{variable} is 'maybe': it must be true or false"

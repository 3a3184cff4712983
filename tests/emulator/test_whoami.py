"""`make whoami`: which credentials are used, and one sentence for each mistake."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from bench.processes import neutral_environment
from emulator import Server
from providers.config import ConfigError
from providers.er.exceptions import ApiError
from stacks.commands.whoami import collect_facts
from tests.emulator.process import PROJECT_FOLDER

PROJECT = "0605767a9980d5762fbcc00b3537e757"
USER = {"OS_USERNAME": "tester", "OS_USER_DOMAIN_NAME": "OTC-TEST", "OS_PASSWORD": "only-for-tests"}
KEY = {"OS_ACCESS_KEY": "TESTACCESSKEY0000001", "OS_SECRET_KEY": "secret-of-a-key"}
TEMPORARY = {"OS_ACCESS_KEY": "TESTACCESSKEY0000002", "OS_SECRET_KEY": "secret-of-a-day", "OS_SECURITY_TOKEN": "a-day"}
ENDED = {"OS_ACCESS_KEY": "TESTACCESSKEY0000003", "OS_SECRET_KEY": "secret-of-once", "OS_SECURITY_TOKEN": "once"}
SECRETS = ("only-for-tests", "secret-of-a-key", "secret-of-a-day", "a-day", "secret-of-once", "canary")
STACK_FILE_USER = {"username": "tester", "domain": "OTC-TEST", "password": "only-for-tests"}
STACK_FILE_KEY = {"access_key": KEY["OS_ACCESS_KEY"], "secret_key": KEY["OS_SECRET_KEY"]}
STACK_FILE_TEMPORARY_KEY = {
    "access_key": TEMPORARY["OS_ACCESS_KEY"],
    "secret_key": TEMPORARY["OS_SECRET_KEY"],
    "security_token": TEMPORARY["OS_SECURITY_TOKEN"],
}
AS_USER = "user 'tester' of domain 'OTC-TEST'"
AS_KEY = "access key 'TESTACCESSKEY0000001'"
AS_TEMPORARY_KEY = "access key 'TESTACCESSKEY0000002' (temporary)"


@pytest.fixture
def keyed(server: Server) -> Server:
    """A server whose user has a key of each kind."""
    for key in (KEY, TEMPORARY):
        server.store.add_access_key("tester", key["OS_ACCESS_KEY"], key["OS_SECRET_KEY"], key.get("OS_SECURITY_TOKEN"))
    server.store.add_access_key("tester", *ENDED.values(), expires_in=-1)
    return server


def facts(server: Server, environment: Mapping[str, str], config: Mapping[str, str] | None = None) -> dict[str, str]:
    values = {"endpoint": server.url, "project": "eu-de", **(config or {})}
    found = dict(collect_facts(values.get, environment, report=lambda _text: None))
    assert not [secret for secret in SECRETS if secret in str(found)]
    return found


@pytest.mark.parametrize(
    ("environment", "config", "source", "who"),
    [
        (USER, {}, "OS_USERNAME", AS_USER),
        (KEY, {}, "OS_ACCESS_KEY", AS_KEY),
        (TEMPORARY, {}, "OS_ACCESS_KEY", AS_TEMPORARY_KEY),
        ({**KEY, **USER}, {}, "OS_USERNAME", AS_USER),
        ({**USER, "OS_TOKEN": "a token", "OS_PROJECT_ID": PROJECT}, {}, "OS_TOKEN", "the owner of the token"),
        ({}, STACK_FILE_USER, "otc-flow-logs:username", AS_USER),
        ({}, STACK_FILE_KEY, "otc-flow-logs:access_key", AS_KEY),
        ({}, STACK_FILE_TEMPORARY_KEY, "otc-flow-logs:access_key", AS_TEMPORARY_KEY),
    ],
)
def test_first_credentials_of_environment_and_stack_file_are_used(
    keyed: Server, environment: dict[str, str], config: dict[str, str], source: str, who: str
) -> None:
    if "OS_TOKEN" in environment:
        environment = {**environment, "OS_TOKEN": keyed.token}
    found = facts(keyed, environment, config)
    assert (found["signs in with"], found["as"]) == (source, who)
    assert found["project"].startswith(PROJECT)
    assert found["endpoint er"] == keyed.url
    assert found["signed in"] == "yes: 3 routers"


CHECK = "check OS_ACCESS_KEY, OS_SECRET_KEY"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({}, "set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY"),
        ({**USER, "OS_PASSWORD": "canary"}, "IAM refused user 'tester' of domain 'OTC-TEST'"),
        ({**USER, "OS_USERNAME": "nobody"}, "IAM refused user 'nobody' of domain 'OTC-TEST'"),
        ({**USER, "OS_USER_DOMAIN_NAME": "OTC-WRONG"}, "IAM refused user 'tester' of domain 'OTC-WRONG'"),
        ({**USER, "OS_PASSWORD": ""}, "OS_USERNAME also needs OS_PASSWORD"),
        ({**KEY, "OS_SECRET_KEY": "canary"}, CHECK),
        ({**KEY, "OS_ACCESS_KEY": "NOBODYSACCESSKEY0001"}, CHECK),
        ({**TEMPORARY, "OS_SECURITY_TOKEN": "canary"}, CHECK),
        ({**TEMPORARY, "OS_SECURITY_TOKEN": ""}, CHECK),
        (ENDED, CHECK),
        ({**KEY, "OS_SECRET_KEY": "canary", "OS_PROJECT_ID": PROJECT}, CHECK),
        ({"OS_TOKEN": "canary", "OS_PROJECT_ID": PROJECT}, "refused the credentials"),
        ({"OS_SECRET_KEY": "canary"}, "set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY"),
    ],
)
def test_refused_credentials_are_one_sentence_without_a_secret(
    keyed: Server, environment: dict[str, str], sentence: str
) -> None:
    with pytest.raises((ConfigError, ApiError)) as caught:
        facts(keyed, environment)
    text = str(caught.value)
    assert sentence in text
    assert "\n" not in text
    assert not [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("who", [USER, KEY])
def test_unknown_project_is_named(keyed: Server, who: dict[str, str]) -> None:
    with pytest.raises((ConfigError, ApiError), match="eu-xx"):
        facts(keyed, who, {"project": "eu-xx"})


def test_variables_of_another_cloud_are_not_used(keyed: Server) -> None:
    others = {"AWS_ACCESS_KEY_ID": "canary", "AWS_SECRET_ACCESS_KEY": "canary", "AWS_SESSION_TOKEN": "canary"}
    with pytest.raises(ConfigError, match="set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY"):
        facts(keyed, others)


def test_command_prints_all_facts_of_a_cloud_in_clouds_yaml(keyed: Server, tmp_path: Path) -> None:
    clouds = tmp_path / "clouds.yaml"
    auth = {"ak": KEY["OS_ACCESS_KEY"], "sk": KEY["OS_SECRET_KEY"], "project_name": "eu-de"}
    clouds.write_text(yaml.safe_dump({"clouds": {"team": {"auth": auth}}}))
    config = {"otc-flow-logs:endpoint": {"value": keyed.url}, "other:endpoint": {"value": "x"}}

    done = subprocess.run(
        [sys.executable, "-m", "stacks.commands.whoami", "team", json.dumps({"user": "t", "url": "file://./state"})],
        cwd=PROJECT_FOLDER,
        env={**neutral_environment(), "OS_CLOUD": "team", "OS_CLIENT_CONFIG_FILE": str(clouds)},
        input=json.dumps(config),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()][:3] == [
        ["version", importlib.metadata.version("otc-flow-logs")],
        ["stack", "team"],
        ["state", "file://./state"],
    ]
    assert "signs in with  cloud 'team' in clouds.yaml\n" in done.stdout
    assert "as             access key 'TESTACCESSKEY0000001'\n" in done.stdout
    assert f"project        {PROJECT} (eu-de)\n" in done.stdout
    assert KEY["OS_SECRET_KEY"] not in done.stdout

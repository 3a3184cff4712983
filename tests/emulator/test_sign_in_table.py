"""Shapes of settings that people have, signed in with for real: who acts, and in which project; or the refusal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import emulator
from bench.processes import neutral_environment
from emulator import Server
from emulator.behaviour import Behaviour
from providers.config import ConfigError
from providers.er.exceptions import ApiError
from stacks.commands.whoami import collect_facts
from tests.emulator.process import PROJECT_FOLDER

MAIN, TEAM, THEIRS = (f"0605767a9980d5762fbcc00b3537e75{number}" for number in range(3))
SEED = {
    "domain": {"id": "0d000000000000000000000000000001", "name": "OTC-TEST"},
    "users": [
        {
            "id": "0a000000000000000000000000000001",
            "name": "ann",
            "password": "pw",
            "access_keys": [
                {"access_key": "AK", "secret_key": "SK"},
                {"access_key": "TEMPORARY", "secret_key": "SK", "security_token": "session"},
            ],
        },
        {"id": "0b000000000000000000000000000001", "name": "mfa", "password": "pw", "passcode": "123456"},
    ],
    "projects": [{"id": MAIN, "name": "eu-de"}, {"id": TEAM, "name": "eu-de_team"}],
    "other_accounts": [
        {
            "domain": {"name": "OTC-OTHER"},
            "agencies": [{"name": "operations", "role": "reader"}],
            "projects": [{"id": THEIRS, "name": "eu-de_theirs"}],
        }
    ],
}
ANN = {"OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_USER_DOMAIN_NAME": "OTC-TEST"}
MFA = {"OS_USER_ID": "0b000000000000000000000000000001", "OS_PASSWORD": "pw"}
KEY = {"OS_ACCESS_KEY": "AK", "OS_SECRET_KEY": "SK"}
AGENCY = {"OS_AGENCY_NAME": "operations", "OS_AGENCY_DOMAIN_NAME": "OTC-OTHER"}
CLOUD: dict[str, Any] = {"username": "ann", "password": "pw", "user_domain_name": "OTC-TEST"}


@pytest.fixture(scope="module")
def iam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("iam")
    (folder / "seed.yaml").write_text(yaml.safe_dump(SEED))
    with emulator.serve(folder / "e.db", seed=folder / "seed.yaml", behaviour=Behaviour(latency=0)) as server:
        yield server


def variables(server: Server, environment: Mapping[str, str]) -> dict[str, str]:
    places = {"OS_ER_ENDPOINT_OVERRIDE": server.url, "OS_LTS_ENDPOINT_OVERRIDE": server.url, "OS_REGION_NAME": "eu-de"}
    token = {"OS_TOKEN": server.token} if environment.get("OS_TOKEN") == "valid" else {}
    return {"OS_AUTH_URL": f"{server.url}/v3", **places, **environment, **token}


def facts(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # openstacksdk reads the process's own environment
    config: dict[str, str] = {}
    return dict(collect_facts(config.get, environment, report=lambda _text: None))


@pytest.mark.parametrize(
    ("environment", "project"),
    [
        (ANN, MAIN),
        ({**ANN, "OS_TENANT_NAME": "eu-de_team"}, TEAM),
        ({**ANN, "OS_TENANT_ID": TEAM}, TEAM),
        ({**ANN, "OS_PROJECT_NAME": "eu-de_team", "OS_PROJECT_ID": TEAM}, TEAM),
        ({"OS_USER_ID": "0a000000000000000000000000000001", "OS_PASSWORD": "pw"}, MAIN),
        ({**ANN, "OS_USER_DOMAIN_NAME": "", "OS_USER_DOMAIN_ID": "0d000000000000000000000000000001"}, MAIN),
        ({**MFA, "OS_PASSCODE": "123456"}, MAIN),
        ({**ANN, "OS_AUTH_TYPE": "v3password", "OS_PROJECT_NAME": "eu-de_team"}, TEAM),
        ({"OS_TOKEN": "valid"}, MAIN),
        ({"OS_TOKEN": "valid", "OS_PROJECT_NAME": "eu-de"}, MAIN),
        (KEY, MAIN),
        ({**KEY, "OS_PROJECT_NAME": "eu-de_team"}, TEAM),
        ({"OS_AK": "AK", "OS_SK": "SK", "OS_PROJECT_ID": TEAM}, TEAM),
        (
            {
                "OS_ACCESS_KEY_ID": "TEMPORARY",
                "OS_SECRET_ACCESS_KEY": "SK",
                "AWS_ACCESS_KEY_ID": "TEMPORARY",
                "AWS_SESSION_TOKEN": "session",
            },
            MAIN,
        ),
        ({**ANN, **AGENCY, "OS_DELEGATED_PROJECT": "eu-de_theirs"}, THEIRS),
        ({"OS_TOKEN": "valid", **AGENCY, "OS_DELEGATED_PROJECT": "eu-de_theirs"}, THEIRS),
    ],
    ids=str,
)
def test_variables_act_in_the_project_they_name(
    environment: dict[str, str], project: str, iam: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = facts(variables(iam, environment), monkeypatch)
    assert found["project"].startswith(project)
    assert found["signed in"] == "yes: 0 routers"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({**ANN, "OS_PROJECT_NAME": "eu-de", "OS_PROJECT_ID": TEAM}, "which is not project 'eu-de', id"),
        ({"OS_TOKEN": "valid", "OS_PROJECT_NAME": "eu-de_team"}, "which is not project 'eu-de_team'"),
        ({**KEY, "OS_PROJECT_NAME": "eu-de", "OS_PROJECT_ID": TEAM}, "which is not project 'eu-de', id"),
        ({**KEY, "OS_PROJECT_NAME": "eu-de_theirs"}, "no project 'eu-de_theirs'"),
        ({**ANN, "OS_PROJECT_ID": THEIRS}, "IAM refused user 'ann'"),
        (MFA, "a user with MFA also needs a passcode (OS_PASSCODE)"),
        ({**MFA, "OS_PASSCODE": "000000"}, "IAM refused user '0b000000000000000000000000000001'"),
        ({"OS_ACCESS_KEY": "TEMPORARY", "OS_SECRET_KEY": "SK"}, "a temporary key also needs its security token"),
        ({**ANN, **AGENCY, "OS_AGENCY_NAME": "other", "OS_DELEGATED_PROJECT": "eu-de_theirs"}, "no agency 'other'"),
        ({**ANN, **AGENCY, "OS_DELEGATED_PROJECT": "eu-de"}, "IAM refused user 'ann' of domain 'OTC-TEST', through"),
    ],
    ids=str,
)
def test_variables_that_name_another_project_or_account_are_refused(
    environment: dict[str, str], sentence: str, iam: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises((ConfigError, ApiError)) as caught:
        facts(variables(iam, environment), monkeypatch)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("cloud", "project"),
    [
        ({"auth": {**CLOUD, "project_name": "eu-de_team"}}, TEAM),
        ({"auth": {"ak": "AK", "sk": "SK", "project_name": "eu-de_team"}}, TEAM),
        ({"auth_type": "v3password", "auth": {**CLOUD, "project_id": TEAM}}, TEAM),
        (
            {
                "auth_type": "agency",
                "auth": {
                    **CLOUD,
                    "target_agency_name": "operations",
                    "target_domain_name": "OTC-OTHER",
                    "target_project_name": "eu-de_theirs",
                },
            },
            THEIRS,
        ),
        ({"regions": [{"name": "eu-de", "values": {"auth": {**CLOUD, "project_name": "eu-de_team"}}}, "eu-nl"]}, TEAM),
    ],
    ids=["user", "access key", "plugin", "agency", "regions"],
)
def test_whoami_shows_the_project_of_a_cloud(cloud: dict[str, Any], project: str, iam: Server, tmp_path: Path) -> None:
    places = {"er_endpoint_override": iam.url, "lts_endpoint_override": iam.url, "region_name": "eu-de"}
    if "regions" in cloud:
        del places["region_name"]
    settings = {**places, **cloud, "identity_endpoint_override": f"{iam.url}/v3"}
    (tmp_path / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"it": settings}}))
    done = subprocess.run(
        [sys.executable, "-m", "stacks.commands.whoami", "team", '{"user": "t", "url": "file://./state"}'],
        cwd=PROJECT_FOLDER,
        env={
            **neutral_environment(),
            "OS_CLOUD": "it",
            "OS_REGION_NAME": "eu-de",
            "OS_CLIENT_CONFIG_FILE": str(tmp_path / "clouds.yaml"),
        },
        input="{}",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert project in done.stdout
    assert "yes: 0 routers" in done.stdout

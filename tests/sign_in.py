"""The table of the shapes of settings that people have, and how to lay one of them out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

Case = dict[str, Any]
CASES: list[Case] = yaml.safe_load(Path(__file__).with_name("sign_in_cases.yaml").read_text())["cases"]

_IDS = {
    **{
        f"eu-{region}": f"0605767a9980d5762fbcc00b3537e7{number}"
        for number, region in enumerate(("de", "nl", "ch2"), 61)
    },
    "eu-de_a": "0605767a9980d5762fbcc00b3537e757",
    "eu-nl_a": "0605767a9980d5762fbcc00b3537e758",
    "eu-de_team": "0605767a9980d5762fbcc00b3537e764",
    "eu-nl_team": "0605767a9980d5762fbcc00b3537e765",
    "eu-nl_b": "0605767a9980d5762fbcc00b3537e766",
}
_OTHERS_IDS = {
    "eu-de_b": "0605767a9980d5762fbcc00b3537e771",
    "eu-de_theirs": "0605767a9980d5762fbcc00b3537e772",
    "eu-nl_theirs": "0605767a9980d5762fbcc00b3537e773",
}
_USERS = [
    {
        "id": "a0",
        "name": "ann",
        "password": "pw",
        "access_keys": [
            {"access_key": "AK", "secret_key": "SK"},
            {"access_key": "TK", "secret_key": "SK", "security_token": "st"},
        ],
    },
    {"id": "m0", "name": "mia", "password": "pw", "passcode": "123456"},
    {"id": "n0", "name": "nina", "password": "None"},
    {"id": "u0", "name": "uli", "password": "pw"},
]
SECRETS = ("pw", "SK", "st", "hush")


def _projects(ids: dict[str, str]) -> list[dict[str, str]]:
    return [{"id": id_, "name": name} for name, id_ in ids.items()]


SEED = {
    "domain": {"id": "d0", "name": "OTC-1"},
    "users": _USERS,
    "projects": _projects(_IDS),
    "other_accounts": [
        {
            "domain": {"name": "OTC-2"},
            "agencies": [{"name": "ops", "role": "reader"}],
            "projects": _projects(_OTHERS_IDS),
        }
    ],
}
"""The emulator's seed in which the cases act."""


def project_id(case: Case) -> str:
    """The id of the project in which a case acts."""
    id_, name = case.get("project", [None, None])
    return str(id_ or {**_IDS, **_OTHERS_IDS}[name or case.get("region", "eu-de")])


def token_project_id(case: Case) -> str:
    """The id of the project that a token of the case is for."""
    return _IDS[case["token_of"]] if "token_of" in case else project_id(case)


def lay_out(case: Case, folder: Path) -> dict[str, str]:
    """The environment variables of a case, for which the folder may get a clouds.yaml."""
    environment = dict(case.get("environment", {}))
    if "cloud" in case:
        (folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"it": case["cloud"]}}))
        environment |= {"OS_CLOUD": "it", "OS_CLIENT_CONFIG_FILE": str(folder / "clouds.yaml")}
    return environment


def has_token(values: Case) -> bool:
    """Whether the values have the token `t`."""
    return any(has_token(value) if isinstance(value, dict) else value == "t" for value in values.values())


def with_token(values: Case, token: str) -> Case:
    """The values, in which the token `t` is a real one."""
    return {
        key: with_token(value, token) if isinstance(value, dict) else token if value == "t" else value
        for key, value in values.items()
    }

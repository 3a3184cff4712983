"""An account for other people's clients: that of the test seed, with another account whose agency trusts it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.emulator.contract_cases import SEED

DOMAIN = ("0d000000000000000000000000000001", "OTC-TEST")
PROJECT = ("0605767a9980d5762fbcc00b3537e757", "eu-de")
ACCESS_KEY = ("TESTERSACCESSKEY0001", "the-testers-secret-key-of-40-characters.")
TEMPORARY_KEY = ("TEMPORARYACCESSKEY01", "another-secret-key-of-forty-characters..", "a-security-token")
PASSWORD = "only-for-tests"
PASSCODE = "123456"
ROUTER = "00000000-0000-4000-8000-000000000001"
ATTACHMENTS = ("00000000-0000-4000-a000-000000000001", "00000000-0000-4000-a000-000000000002")
LOG_GROUP = "00000000-0000-4000-b000-000000000001"
LOG_STREAM = "00000000-0000-4000-b000-000000000011"


def look_up(answer: Any, place: str) -> Any:
    """What is at a place, as in `instances.0.id`, of JSON or of an SDK's model."""
    for step in place.split("."):
        if isinstance(answer, list):
            answer = answer[int(step)]
        else:
            answer = answer[step] if isinstance(answer, dict) else getattr(answer, step)
    return answer


def write_seed(folder: Path) -> Path:
    """The seed file, also with a temporary key, a user with MFA, `mfa`, and the agency `operations` of `OTC-OTHER`."""
    seed = yaml.safe_load(SEED.read_text(encoding="utf-8"))
    seed["users"].append({"name": "mfa", "password": PASSWORD, "passcode": PASSCODE})
    names = ("access_key", "secret_key", "security_token")
    seed["users"][0]["access_keys"].append(dict(zip(names, TEMPORARY_KEY, strict=True)))
    other = {"domain": {"name": "OTC-OTHER"}, "agencies": [{"name": "operations"}], "projects": [{"name": "eu-de"}]}
    path = folder / "foreign.yaml"
    path.write_text(yaml.safe_dump({**seed, "other_accounts": [other]}), encoding="utf-8")
    return path

"""An account for other people's clients: that of the test seed, with another account whose agency trusts it."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.emulator.contract_cases import SEED

DOMAIN = ("0d000000000000000000000000000001", "OTC-TEST")
PROJECT = ("0605767a9980d5762fbcc00b3537e757", "eu-de")
ACCESS_KEY = ("TESTERSACCESSKEY0001", "the-testers-secret-key-of-40-characters.")
PASSWORD = "only-for-tests"
PASSCODE = "123456"
ROUTER = "00000000-0000-4000-8000-000000000001"
ATTACHMENTS = ("00000000-0000-4000-a000-000000000001", "00000000-0000-4000-a000-000000000002")
LOG_GROUP = "00000000-0000-4000-b000-000000000001"


def write_seed(folder: Path) -> Path:
    """The seed file, also with a user with MFA, `mfa`, and the agency `operations` of the account `OTC-OTHER`."""
    seed = yaml.safe_load(SEED.read_text(encoding="utf-8"))
    seed["users"].append({"name": "mfa", "password": PASSWORD, "passcode": PASSCODE})
    other = {"domain": {"name": "OTC-OTHER"}, "agencies": [{"name": "operations"}], "projects": [{"name": "eu-de"}]}
    path = folder / "foreign.yaml"
    path.write_text(yaml.safe_dump({**seed, "other_accounts": [other]}), encoding="utf-8")
    return path

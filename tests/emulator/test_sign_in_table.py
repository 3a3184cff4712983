"""Every shape of settings that people have, at the real names of the hosts: who acts, and where; or the refusal."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from providers.config import ConfigError
from providers.er import Endpoints
from providers.er.exceptions import ApiError
from stacks.commands.whoami import collect_facts
from tests.emulator.real_hosts import RealHosts
from tests.sign_in import CASES, SECRETS, Case, lay_out, project_id


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_settings_act_as_the_table_says_or_are_refused(
    case: Case, real_hosts: RealHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = real_hosts.with_token(case)
    environment = {**lay_out(case, tmp_path), **real_hosts.environment}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    real_hosts.called.clear()

    found: dict[str, str] = {}
    sentence = case.get("refusal") or case.get("answer")
    with pytest.raises((ConfigError, ApiError)) if sentence else contextlib.nullcontext() as caught:
        for what, value in collect_facts(case.get("stack", {}).get, environment, report=lambda _text: None):
            found[what] = value

    text = str(caught and caught.value)
    assert re.search(rf"\b({'|'.join(SECRETS)})\b|\n", f"{text} {found}") is None
    assert (sentence or "") in text
    if "refusal" in case:
        assert real_hosts.called == set()
        return
    region = case.get("region", "eu-de")
    usual = Endpoints.of_region(region)
    er, iam = case.get("er", usual.er), case.get("iam", usual.iam)
    assert found["as"] == case.get("account", "user 'ann' of domain 'OTC-1'")
    assert found["region"].split()[0] == region
    assert (found["endpoint er"], found["endpoint iam"]) == (er, iam)
    hosts = {urlsplit(url).hostname for url in (er, iam)}
    assert real_hosts.called <= ({case["called"]} if "called" in case else hosts)
    if sentence:
        return
    assert found["project"].split()[0] == project_id(case)
    assert found["signed in"] == "yes: 0 routers"
    assert urlsplit(er).hostname in real_hosts.called

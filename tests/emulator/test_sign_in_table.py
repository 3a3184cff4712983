"""Every shape of settings that people have, at the real names of the hosts: who acts, and where; or the refusal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from providers.config import ConfigError
from providers.er import Endpoints
from providers.er.exceptions import ApiError
from stacks.commands.whoami import collect_facts
from tests.emulator.real_hosts import RealHosts, serve_account
from tests.sign_in import CASES, Case, lay_out, project_id


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealHosts]:
    with serve_account(tmp_path_factory.mktemp("cloud")) as hosts:
        yield hosts


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_settings_act_as_the_table_says_or_are_refused(
    case: Case, cloud: RealHosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = cloud.with_token(case)
    environment = {**lay_out(case, tmp_path), **cloud.environment}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cloud.called.clear()

    def facts() -> dict[str, str]:
        return dict(collect_facts(case.get("stack", {}).get, environment, report=lambda _text: None))

    if sentence := case.get("refusal") or case.get("answer"):
        with pytest.raises((ConfigError, ApiError)) as caught:
            facts()
        assert sentence in str(caught.value)
        if "refusal" in case:
            assert not cloud.called
        if "called" in case:
            assert cloud.called == {case["called"]}
        return
    found = facts()
    assert found["as"] == case.get("account", "user 'ann' of domain 'OTC-1'")
    assert found["project"].split()[0] == project_id(case)
    assert found["signed in"] == "yes: 0 routers"
    usual = Endpoints.of_region(case.get("region", "eu-de"))
    er, iam = (urlsplit(case.get(key, getattr(usual, key))).hostname for key in ("er", "iam"))
    assert er in cloud.called
    assert cloud.called <= {er, iam}

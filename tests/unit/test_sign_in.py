"""Who acts, where and in which project, for every shape of settings that people have; or the refusal."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from providers.config import ConfigError, ProviderConfig
from tests.unit.sign_in_cases import CASES, Case


def settings(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ProviderConfig:
    environment = {**({"OS_CLOUD": "it"} if case.cloud else {}), **case.environment}
    if case.cloud:
        (folder / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"it": case.cloud}}))
        environment["OS_CLIENT_CONFIG_FILE"] = str(folder / "clouds.yaml")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)  # openstacksdk looks in the process's own environment
    return ProviderConfig(case.stack.get, environment, lambda _key: None)


@pytest.mark.parametrize("case", [case for case in CASES if not case.refusal], ids=lambda case: case.name)
def test_settings_give_account_project_and_endpoints(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(case, tmp_path, monkeypatch)
    endpoints, project = config.endpoints(), config.project()
    config.credentials(endpoints)
    found = (config.account.description, (project.id, project.name), config.region()[0], endpoints.er, endpoints.iam)
    assert found == (case.account, case.project, case.region, case.er, case.iam)


@pytest.mark.parametrize("case", [case for case in CASES if case.refusal], ids=lambda case: case.name)
def test_settings_that_cannot_be_honoured_are_refused(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = settings(case, tmp_path, monkeypatch)
    with pytest.raises(ConfigError) as caught:
        config.credentials(config.endpoints())
    assert case.refusal in str(caught.value)
    assert "\n" not in str(caught.value)

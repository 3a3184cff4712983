"""Clouds that cannot be used; what the others give is in the table of `tests.sign_in`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from providers.config import ConfigError, ProviderConfig


def refused_cloud(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, clouds: str) -> str:
    (folder / "clouds.yaml").write_text(clouds)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(folder / "clouds.yaml"))
    config = ProviderConfig({"region": "eu-de"}.get, {"OS_CLOUD": name}, lambda _key: None)
    with pytest.raises(ConfigError) as caught:
        _ = config.account
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "clouds", "sentence"),
    [
        ("prod", "clouds: {one: {}, two: {}}", "clouds.yaml; the clouds there are: one, two"),
        ("one", "clouds: {one: {}}", "cloud 'one' in clouds.yaml has no token, username or access key"),
        ("one", "clouds: {one: {auth: {token: null}}}", "has no token, username or access key"),
        ("one", "clouds: {one: text}", "cloud 'one' in clouds.yaml must be keys with values"),
        ("one", "clouds: {one: {auth: text}}", "cloud 'one' in clouds.yaml must be keys with values"),
        ("one", "clouds: {one: []}", "cloud 'one' in clouds.yaml must be keys with values"),
        ("one", "clouds:\n\tone: {", "clouds.yaml cannot be read, or is not valid YAML"),
        ("one", "clouds: {one: {regions: [{nome: eu-de, values: {auth: {password: pw}}}]}}", "must be a name, or"),
        ("one", "clouds: {one: {networks: [{a: b}]}}", "cloud 'one' in clouds.yaml cannot be used: "),
    ],
)
def test_cloud_that_cannot_be_used_is_refused(
    name: str, clouds: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sentence in refused_cloud(tmp_path, monkeypatch, name, clouds)


@pytest.mark.parametrize("variable", ["OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE"])
def test_clouds_yaml_that_does_not_exist_is_refused(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "/nowhere/clouds.yaml")
    config = ProviderConfig({"region": "eu-de"}.get, {"OS_CLOUD": "it"}, lambda _key: None)
    with pytest.raises(ConfigError, match=rf"{variable} names '/nowhere/clouds.yaml', which is not a file"):
        _ = config.account


def test_missing_openstacksdk_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openstack.config", None)
    assert refused_cloud(tmp_path, monkeypatch, "it", "").endswith("install otc-flow-logs[clouds]")

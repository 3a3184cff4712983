"""`make whoami` for every shape of settings that people have."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest
import yaml

from providers.config import SECRET_KEYS
from tests.e2e.harness import STACK, Cloud, Project, make_checkout, run_shell
from tests.emulator.real_hosts import RealHosts
from tests.sign_in import CASES, Case, lay_out, project_id


@pytest.fixture(scope="module")
def shared_checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("checkout")
    make_checkout(directory)
    return directory


@pytest.mark.acceptance
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_make_whoami_shows_who_acts_or_the_refusal(
    case: Case, real_hosts: RealHosts, shared_checkout: Path, tmp_path: Path
) -> None:
    case = real_hosts.with_token(case)
    environment = {**lay_out(case, tmp_path), **real_hosts.environment, "STACK": "it", "PULUMI_CONFIG_PASSPHRASE": "x"}
    stack = case.get("stack", {})
    config = {f"otc-flow-logs:{key}": value for key, value in stack.items() if key not in SECRET_KEYS}
    (shared_checkout / "stacks" / "Pulumi.it.yaml").write_text(yaml.safe_dump({"config": config}))
    for key in stack.keys() & set(SECRET_KEYS):
        command = f'eval "$(make env)" && pulumi config set --stack it --secret otc-flow-logs:{key} {stack[key]}'
        run_shell(command, shared_checkout, STACK="it", PULUMI_CONFIG_PASSPHRASE="x")
    sentence = case.get("refusal") or case.get("answer")
    output = run_shell("make whoami", shared_checkout, 2 if sentence else 0, **environment)
    assert (sentence or project_id(case)) in output
    assert output.count("error: ") == (1 if sentence else 0), output


def test_whoami_prints_all_facts_of_a_cloud_in_clouds_yaml(project: Project, standalone: Cloud, tmp_path: Path) -> None:
    standalone.server.store.add_access_key("demo", "TESTACCESSKEY0000001", "secret-of-a-key")
    clouds = tmp_path / "clouds.yaml"
    auth = {"ak": "TESTACCESSKEY0000001", "sk": "secret-of-a-key", "project_name": "eu-de"}
    clouds.write_text(yaml.safe_dump({"clouds": {"team": {"auth": auth}}}))
    project.environment |= {"OS_CLOUD": "team", "OS_CLIENT_CONFIG_FILE": str(clouds)}

    output = project.module("stacks.commands.whoami", STACK).output

    version = importlib.metadata.version("otc-flow-logs")
    assert f"version        {version}\nstack          {STACK}\nstate          file://" in output
    assert "signs in with  cloud 'team' in clouds.yaml\n" in output
    assert "as             access key 'TESTACCESSKEY0000001'\n" in output
    assert f"project        {standalone.server.project_id} (eu-de)\n" in output
    assert "secret-of-a-key" not in output

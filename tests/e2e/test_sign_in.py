"""`make whoami` for every shape of settings that people have."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from providers.config import SECRET_KEYS
from tests.e2e.harness import make_checkout, run_shell
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

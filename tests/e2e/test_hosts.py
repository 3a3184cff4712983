"""The Pulumi SDK's own host runs FlowLog too; and what state files hold is a contract with every later version."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.harness import ARCHIVE, CHECKOUT, DEMO_FLOW_LOGS, FLOW_LOG, QUICK, Cloud, Project, assert_same_flow_logs
from tools.cache import cache_folder, make_once

STATE = Path(__file__).with_name("state.json")


@pytest.fixture(scope="session")
def oldest_sdk() -> Path:
    """The oldest SDK that pyproject.toml allows, in a folder for PYTHONPATH; kept in the project's cache."""
    found = re.search(r'"pulumi>=([\d.]+),', (CHECKOUT / "pyproject.toml").read_text())
    assert found
    version = f"{found[1]}.0"

    def install(folder: Path) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder)]
        subprocess.run([*command, f"pulumi=={version}"], check=True, timeout=300)

    folder = cache_folder() / f"pulumi-sdk-{version}"
    return make_once(folder, lambda folder: (folder / "pulumi" / "__init__.py").is_file(), install)


def use_base_host(project: Project) -> None:
    file = project.directory / "Pulumi.yaml"
    document = yaml.safe_load(file.read_text())
    del document["plugins"]
    file.write_text(yaml.safe_dump(document))


@pytest.mark.acceptance
def test_base_host_creates_updates_moves_refreshes_and_destroys(project: Project, cloud: Cloud) -> None:
    use_base_host(project)
    project.up()
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
    assert_same_flow_logs(project, cloud)

    project.change_router("core", description="changed", enabled=False)
    project.change_router("edge", log_stream=ARCHIVE, overrides={})
    output = project.up()
    for count in ("6 updated", "3 created", "3 deleted", f"{DEMO_FLOW_LOGS + 4 - 6 - 3} unchanged"):
        assert count in output
    assert_same_flow_logs(project, cloud)

    cloud.server.store.delete_flow_log("core-vpc-shop")
    project.up("--refresh")
    assert_same_flow_logs(project, cloud)
    project.destroy()
    assert cloud.flow_logs() == {}


@pytest.mark.acceptance
@pytest.mark.parametrize("sdk", ["newest", "oldest"])
def test_error_is_one_sentence_with_code_and_request_id(
    sdk: str, project: Project, cloud: Cloud, request: pytest.FixtureRequest
) -> None:
    if sdk == "oldest":
        project.environment["PYTHONPATH"] = str(request.getfixturevalue("oldest_sdk"))
    cloud.server.store.set_quota(DEMO_FLOW_LOGS - 1)

    output = project.pulumi("up", *QUICK).output

    sentence = (
        r"flow log '[\w-]+' was not created: \S.* \(ER\.04009008, HTTP 400, request [\w-]+\): 9 of 9 are in use;"
        r" delete unused flow logs, or request a higher quota with a service ticket"
    )
    lines = [line.rpartition("error: ")[2] for line in output.splitlines() if "was not created" in line]
    assert lines
    for line in lines:
        assert re.fullmatch(sentence, line), line
    assert "Exception calling application" not in output
    assert_same_flow_logs(project, cloud)


def test_state_names_the_provider_by_module_and_class() -> None:
    resources = json.loads(STATE.read_text())["deployment"]["resources"]
    references = {resource["inputs"]["__provider"] for resource in resources if resource["type"] == FLOW_LOG}
    (pickled,) = (base64.b64decode(reference) for reference in references)
    assert b"providers.flow_log_provider" in pickled
    assert b"FlowLogProvider" in pickled


@pytest.mark.parametrize("host", ["own", pytest.param("base", marks=pytest.mark.acceptance)])
def test_committed_state_is_refreshed_and_destroyed(host: str, project: Project, cloud: Cloud) -> None:
    if host == "base":
        use_base_host(project)
    text = STATE.read_text()
    for attachment, name in (("vpc-shop", "renamed-by-hand"), ("vpn-office-bonn", "core-vpn-office-bonn-6d95ad29")):
        id_ = cloud.log(attachment, name, description="Everything that passes the core router")
        text = text.replace(f"FLOW-LOG-OF-{attachment.upper()}", id_)
    project.import_state(json.loads(text))

    assert "1 updated" in project.refresh()
    assert project.flow_logs().keys() == cloud.flow_logs().keys()

    project.destroy()
    assert cloud.flow_logs() == {}

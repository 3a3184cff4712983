"""The Pulumi SDK's own host runs FlowLog too; and what state files hold is a contract with every later version."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import requests
import yaml

from tests.e2e.harness import FLOW_LOG, LOGGED_IN_DEMO, Project, World, agree, same_flow_logs

STATE = Path(__file__).with_name("state.json")


def use_the_stock_host(project: Project) -> None:
    file = project.directory / "Pulumi.yaml"
    document = yaml.safe_load(file.read_text())
    del document["plugins"]
    file.write_text(yaml.safe_dump(document))


def test_the_stock_host_creates_changes_refreshes_and_destroys(project: Project, world: World) -> None:
    use_the_stock_host(project)

    project.up()
    assert len(world.flow_logs()) == LOGGED_IN_DEMO
    agree(project, world)

    project.change_router("core", description="changed", enabled=False)
    project.change_router("edge", log_stream="er-flow-logs-archive", overrides={})
    output = project.up()
    assert "6 updated" in output
    assert "3 replaced" in output
    same_flow_logs(project, world)

    world.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
    project.up("--refresh")
    same_flow_logs(project, world)

    project.destroy()
    assert world.flow_logs() == {}


def flow_log_as_in_the_committed_state(world: World, attachment: str, name: str) -> str:
    """Create the flow log that the committed state tells of, by a plain call; its id."""
    store = world.server.store
    group = store.log_group("network")
    streams = store.log_tank.streams(world.server.project_id, group.id)
    body = {
        "name": name,
        "description": "Everything that passes the core router",
        "resource_type": "attachment",
        "resource_id": store.attachment(attachment).id,
        "log_group_id": group.id,
        "log_stream_id": next(stream.id for stream in streams if stream.name == "er-flow-logs"),
        "log_store_type": "LTS",
    }
    er_id = store.router("er-core").id
    answer = requests.post(
        f"{world.server.url}/v3/{world.server.project_id}/enterprise-router/{er_id}/flow-logs",
        json={"flow_log": body},
        headers={"X-Auth-Token": world.server.token},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    id_: str = answer.json()["flow_log"]["id"]
    return id_


def test_state_names_the_provider_by_module_and_class() -> None:
    resources = json.loads(STATE.read_text())["deployment"]["resources"]
    references = {one["inputs"]["__provider"] for one in resources if one["type"] == FLOW_LOG}
    (pickled,) = (base64.b64decode(reference) for reference in references)
    assert b"providers.flow_log_provider" in pickled
    assert b"FlowLogProvider" in pickled


@pytest.mark.parametrize("stock", [False, True], ids=["our host", "the stock host"])
def test_committed_state_is_refreshed_and_destroyed(stock: bool, project: Project, world: World) -> None:
    if stock:
        use_the_stock_host(project)
    text = STATE.read_text()
    for attachment, name in (("vpc-shop", "renamed-by-hand"), ("vpn-office-bonn", "core-vpn-office-bonn-6d95ad29")):
        id_ = flow_log_as_in_the_committed_state(world, attachment, name)
        text = text.replace(f"FLOW-LOG-OF-{attachment.upper()}", id_)
    file = project.directory / "state.json"
    file.write_text(text)
    project.ok("stack", "import", "--file", str(file))

    assert "1 updated" in project.refresh()
    assert project.flow_logs().keys() == world.flow_logs().keys()

    project.destroy()
    assert world.flow_logs() == {}

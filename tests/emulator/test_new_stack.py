"""`make new-stack`: a stack file for the routers of the emulator."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from emulator import Server
from providers.er import Client, Endpoints
from providers.er.auth.token import TokenCredentials
from providers.er.flow_logs import FlowLogTarget
from stacks.commands.new_stack import format_stack_file
from stacks.stackfile.loader import parse_defaults
from stacks.stackfile.model import StackConfig
from tests.emulator.process import PROJECT_FOLDER


def written(server: Server, *routers: str, shared: str = "", **place: str) -> str:
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
    return format_stack_file(client, "lab", routers, place, parse_defaults(shared))


def unwrapped(text: str) -> str:
    """The text with its comments on one line each."""
    return re.sub(r"\n *# ", " ", text)


def test_stack_file_is_valid_and_its_comments_name_what_exists(server: Server) -> None:
    found = written(server, "er-main", "er-second", region="eu-de", state="s3://states")

    assert "# Stack lab. Review this file, then run: STACK=lab make preview" in found
    assert "attachments can be logged: vgw-a, vpc-a, vpc-b, vpc-modifying, vpn-a." in found
    assert "cfw-a is of type cfw, which cannot be logged" in unwrapped(found)
    config = yaml.safe_load(found)["config"]
    assert (config["otc-flow-logs:region"], config["otc-flow-logs:state"]) == ("eu-de", "s3://states")
    routers = config["otc-flow-logs:routers"]
    assert list(routers) == ["er-main", "er-second"]
    assert routers["er-main"] == {
        "router": "er-main",
        "log_group": "network",
        "log_stream": "archive",
        "attachments": "all",
    }
    assert StackConfig.model_validate({"routers": routers})


def test_defaults_of_all_stacks_are_not_repeated(server: Server) -> None:
    found = written(server, "er-main", shared="router: {log_group: network, log_stream: flow}")
    assert yaml.safe_load(found)["config"]["otc-flow-logs:routers"]["er-main"].keys() == {"router", "attachments"}


@pytest.mark.parametrize(
    ("routers", "shared", "sentence"),
    [
        (["er-man"], "", "there is no router with id or name 'er-man'; known: er-main"),
        (["er-main"], "router: {log_group: netwrk}", "the project has no log stream netwrk/…: create it"),
        (["er-main"], "router: {log_stream: x}", "the project has no log stream …/x"),
    ],
)
def test_missing_router_or_log_stream_is_refused(
    server: Server, routers: list[str], shared: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        written(server, *routers, shared=shared)


def test_existing_flow_logs_are_mentioned(server: Server) -> None:
    router, attachment = server.store.router("er-main"), server.store.attachment("vpc-a")
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
    group = next(group for group in client.log_groups.list() if group.name == "network")
    stream = client.log_streams.list(group.id)[0]
    target = FlowLogTarget(er_id=router.id, resource_id=attachment.id, log_group_id=group.id, log_stream_id=stream.id)
    client.flow_logs.create(target, name="x", description="", client_token="t")
    found = unwrapped(written(server, "er-main"))
    assert "The router already has flow logs (1): unless they belong to another stack, `make adopt` writes" in found


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stacks.commands.new_stack", *arguments],
        cwd=folder,
        env={**os.environ, **environment, "PYTHONPATH": str(PROJECT_FOLDER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["", "er-main"], ["lab"], [""]])
def test_command_without_name_or_router_shows_how_to_call_it(arguments: list[str], tmp_path: Path) -> None:
    ended = run(tmp_path, *arguments)
    assert ended.returncode == 1
    assert ended.stderr == "error: set NAME and ROUTER, for example: make new-stack NAME=lab ROUTER='er-core er-edge'\n"


def test_command_never_overwrites_a_stack_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    backend = "backend:\n  url: file://./.local/state?metadata=skip\n"
    (tmp_path / "Pulumi.yaml").write_text(f"name: x\nstackConfigDir: stacks\n{backend}")
    credentials = {"OS_TOKEN": server.token, "OS_PROJECT_ID": server.project_id}
    file = tmp_path / "stacks" / "Pulumi.lab.yaml"

    first, second, wrong = (
        run(tmp_path, stack, "er-main", f"--endpoint={server.url}", **credentials) for stack in ("lab", "lab", "../lab")
    )

    assert first.stdout == "stacks/Pulumi.lab.yaml was written. Review it, then run: STACK=lab make preview\n"
    assert yaml.safe_load(file.read_text())["config"]["otc-flow-logs:state"] == "file://./.local/state"
    assert second.returncode == 1
    assert "it already exists: name another stack" in second.stderr
    assert "is not a valid stack name" in wrong.stderr

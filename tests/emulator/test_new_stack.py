"""`make new-stack`: a stack file out of what the API tells, for the emulator's test world."""

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
from stacks.commands.new_stack import NewStackError, text
from stacks.stackfile import model
from tests.emulator.process import PROJECT_FOLDER


def written(server: Server, *routers: str, shared: str = "", **place: str) -> str:
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
    return text(client, "lab", routers, place, model.defaults(shared))


def unwrapped(text: str) -> str:
    """The text with its comments on one line each."""
    return re.sub(r"\n *# ", " ", text)


def test_it_names_what_there_is_and_the_preview_takes_it_as_it_is(server: Server) -> None:
    found = written(server, "er-main", "er-second", region="eu-de", state="s3://states")

    assert "# The stack lab. Look it over, then: STACK=lab make preview" in found
    assert "attachments can be logged: vgw-a, vpc-a, vpc-b, vpc-modifying, vpn-a." in found
    assert "cfw-a is of type cfw, which cannot be logged" in unwrapped(found)
    said = yaml.safe_load(found)["config"]
    assert (said["otc-flow-logs:region"], said["otc-flow-logs:state"]) == ("eu-de", "s3://states")
    routers = said["otc-flow-logs:routers"]
    assert list(routers) == ["er-main", "er-second"]
    assert routers["er-main"] == {
        "router": "er-main",
        "log_group": "network",
        "log_stream": "archive",
        "attachments": "all",
    }
    assert model.StackConfig.model_validate({"routers": routers})


def test_what_all_stacks_share_is_not_said_again(server: Server) -> None:
    found = written(server, "er-main", shared="router: {log_group: network, log_stream: flow}")
    assert yaml.safe_load(found)["config"]["otc-flow-logs:routers"]["er-main"].keys() == {"router", "attachments"}


@pytest.mark.parametrize(
    ("routers", "shared", "sentence"),
    [
        (["er-man"], "", "there is no router with id or name 'er-man'; there are: er-main"),
        (["er-main"], "router: {log_group: netwrk}", "there is no log stream netwrk/… in the project: create one"),
        (["er-main"], "router: {log_stream: x}", "there is no log stream …/x in the project"),
    ],
)
def test_what_is_not_there_is_told(server: Server, routers: list[str], shared: str, sentence: str) -> None:
    with pytest.raises(NewStackError) as caught:
        written(server, *routers, shared=shared)
    assert str(caught.value).startswith(sentence)


def test_flow_logs_that_are_there_already_are_pointed_out(server: Server) -> None:
    router, attachment = server.store.router("er-main"), server.store.attachment("vpc-a")
    client = Client(TokenCredentials(server.token, server.project_id), Endpoints.at(server.url))
    group = next(one for one in client.log_groups.list() if one.name == "network")
    stream = client.log_streams.list(group.id)[0]
    target = FlowLogTarget(er_id=router.id, resource_id=attachment.id, log_group_id=group.id, log_stream_id=stream.id)
    client.flow_logs.create(target, name="x", description="", client_token="t")
    found = unwrapped(written(server, "er-main"))
    assert "Flow logs that are there already: 1; if they are no other stack's, `make adopt` writes" in found


@pytest.mark.parametrize("said", [["", "er-main"], ["lab"], [""]])
def test_the_command_says_what_make_is_to_be_told(said: list[str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "stacks.commands.new_stack", *said],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(PROJECT_FOLDER)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "error: say NAME=… and ROUTER='name …', as in: make new-stack NAME=lab ROUTER=er-core\n"


def test_the_command_writes_a_file_once_and_never_over_another(server: Server, tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(
        "name: x\nstackConfigDir: stacks\nbackend:\n  url: file://./.local/state?metadata=skip\n"
    )
    environment = {**os.environ, "OS_TOKEN": server.token, "OS_PROJECT_ID": server.project_id}

    def run(stack: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "stacks.commands.new_stack", stack, "er-main", f"--endpoint={server.url}"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(PROJECT_FOLDER)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert run("lab").stdout == "stacks/Pulumi.lab.yaml is written. Look it over, then: STACK=lab make preview\n"
    file = tmp_path / "stacks" / "Pulumi.lab.yaml"
    first = file.read_text()
    assert yaml.safe_load(first)["config"]["otc-flow-logs:state"] == "file://./.local/state"
    again = run("lab")
    assert (again.returncode, file.read_text()) == (1, first)
    assert "it is there already: name another stack" in again.stderr
    assert "is no name of a stack" in run("../lab").stderr

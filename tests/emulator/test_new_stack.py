"""`make new-stack`: a stack file for the routers of the emulator."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from emulator import Server
from stacks.commands.new_stack import format_stack_file, main
from stacks.stackfile.loader import parse_defaults
from stacks.stackfile.model import StackConfig
from tests.emulator.clients import client_of, target_of


def written(server: Server, *routers: str, shared: str = "", **place: str) -> str:
    return format_stack_file(client_of(server), "lab", routers, place, parse_defaults(shared))


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
    ("shared", "group", "stream"),
    [("", "network", "er-flow-logs"), ("router: {log_group: logs, log_stream: flow}", "logs", "flow")],
)
def test_log_group_is_declared_if_the_project_has_none(server: Server, shared: str, group: str, stream: str) -> None:
    for existing in server.store.log_tank.groups():
        server.store.remove_log_group(existing.name)

    config = yaml.safe_load(written(server, "er-main", shared=shared))["config"]

    log_groups, routers = config["otc-flow-logs:log_groups"], config["otc-flow-logs:routers"]
    assert log_groups == {group: {"ttl_in_days": 30, "streams": {stream: {}}}}
    expected = {} if shared else {"log_group": group, "log_stream": stream}
    assert routers["er-main"] == {"router": "er-main", **expected, "attachments": "all"}


@pytest.mark.parametrize("exists", [False, True])
def test_log_stream_that_every_stack_declares_is_used(server: Server, exists: bool) -> None:
    if exists:
        server.store.add_log_group("shared")
    shared = "{router: {log_group: shared}, log_groups: {shared: {streams: {flow: {}}}}}"
    config = yaml.safe_load(written(server, "er-main", shared=shared))["config"]
    assert "otc-flow-logs:log_groups" not in config
    assert config["otc-flow-logs:routers"]["er-main"]["log_stream"] == "flow"


@pytest.mark.parametrize(
    ("routers", "shared", "sentence"),
    [
        (["er-man"], "", "there is no router with id or name 'er-man'; known: er-main"),
        (
            ["er-main"],
            "router: {log_group: netwrk}",
            "the project has no log stream netwrk/…: create it, or change stacks/defaults.yaml",
        ),
        (
            ["er-main"],
            "router: {log_stream: x}",
            "the project has no log stream …/x: create it, or change stacks/defaults.yaml",
        ),
    ],
)
def test_missing_router_or_log_stream_is_refused(
    server: Server, routers: list[str], shared: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}"):
        written(server, *routers, shared=shared)


def test_existing_flow_logs_are_mentioned(server: Server) -> None:

    client_of(server).flow_logs.create(target_of(server), name="x", description="", client_token="t")
    found = unwrapped(written(server, "er-main"))
    assert "The router already has flow logs (1): unless they belong to another stack, `make adopt` writes" in found


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_settings: None) -> Callable[..., None]:
    """Call the command, in an empty folder of the test's own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> None:
        monkeypatch.setattr(sys, "argv", ["new_stack", *arguments])
        main()

    return call


@pytest.mark.parametrize("arguments", [["", "er-main"], ["lab"], [""]])
def test_command_without_name_or_router_shows_how_to_call_it(
    arguments: list[str], command: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    usage = "error: set NAME and ROUTER, for example: make new-stack NAME=lab ROUTER='er-core er-edge'"
    with pytest.raises(SystemExit, match="1"):
        command(*arguments)
    assert capsys.readouterr().err == f"{usage}\n"


def test_command_never_overwrites_a_stack_file(
    server: Server, command: Callable[..., None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path("stacks")
    folder.mkdir()
    backend = "backend:\n  url: file://./.local/state?metadata=skip\n"
    Path("Pulumi.yaml").write_text(f"name: x\nstackConfigDir: stacks\n{backend}")
    monkeypatch.setenv("OS_TOKEN", server.token)
    monkeypatch.setenv("OS_PROJECT_ID", server.project_id)
    for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL"):
        monkeypatch.delenv(name, raising=False)

    command("lab", "er-main", f"--endpoint={server.url}")

    choose = "choose a passphrase for its secrets (export PULUMI_CONFIG_PASSPHRASE=…)"
    written = f"stacks/Pulumi.lab.yaml was written. Review it, {choose}, then run: STACK=lab make preview\n"
    assert capsys.readouterr().out == written
    before = (folder / "Pulumi.lab.yaml").read_text()
    assert yaml.safe_load(before)["config"]["otc-flow-logs:state"] == "file://./.local/state"
    for stack, problem in (("lab", "it already exists: name another stack"), ("../lab", "is not a valid stack name")):
        with pytest.raises(SystemExit, match="1"):
            command(stack, "er-main", f"--endpoint={server.url}")
        assert problem in capsys.readouterr().err
    assert (folder / "Pulumi.lab.yaml").read_text() == before

"""The commands of the README, run by the real make in a checkout of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.harness import (
    ARCHIVE,
    DEAD_PROXY,
    STACK,
    Cloud,
    Project,
    Run,
    as_in_a_new_shell,
    run_at_terminal,
    run_shell,
    serving,
)

CORE = "{router: er-core, log_group: network, log_stream: er-flow-logs}"


@pytest.fixture
def cloud(checkout: Path) -> Iterator[Cloud]:
    """The cloud of the checkout's embedded emulator."""
    (checkout / ".local").mkdir()
    with serving(checkout / ".local" / "emulator.db") as cloud:
        yield cloud


@pytest.fixture
def team(checkout: Path, cloud: Cloud) -> dict[str, str]:
    """The environment of a stack `team`, which has no routers yet."""
    (checkout / "stacks" / "Pulumi.team.yaml").write_text(
        f"# The team's.\nconfig:\n  otc-flow-logs:endpoint: {cloud.server.url}\n"
    )
    return {
        "OS_TOKEN": cloud.server.token,
        "OS_PROJECT_ID": cloud.server.project_id,
        "OS_REGION_NAME": "eu-de",
        "STACK": "team",
        "PULUMI_CONFIG_PASSPHRASE": "x",
    }


@pytest.mark.acceptance
def test_make_adopt_writes_the_file_of_a_new_stack(checkout: Path, cloud: Cloud, team: dict[str, str]) -> None:
    cloud.log("vpc-edge-proxy", "proxy")

    output = run_shell("make adopt", checkout, ROUTER="er-edge", **team)

    assert "stacks/Pulumi.team.yaml: 1 flow log, under er-edge." in output
    assert (checkout / "stacks" / "Pulumi.team.yaml").read_text().startswith("# The team's.\nconfig:\n")
    # The flow log, its log group and its log stream.
    assert "= 3 to import" in run_shell("make preview", checkout, **team)


def at_terminal(
    command: str, answer: str, checkout: Path, team: dict[str, str], *, question: str = "Make these changes?"
) -> str:
    """What the terminal shows; the answer is for the question."""
    environment = {**as_in_a_new_shell(), "NO_COLOR": "1", "TERM": "dumb", **team}
    return run_at_terminal(command, checkout, environment, question=question, answer=answer)


@pytest.mark.acceptance
def test_make_forget_asks_at_a_terminal(checkout: Path, cloud: Cloud, team: dict[str, str]) -> None:
    file = checkout / "stacks" / "Pulumi.team.yaml"
    file.write_text(f"{file.read_text()}  otc-flow-logs:routers: {{core: {CORE}}}\n")
    run_shell("make up", checkout, **team)
    before, text = cloud.flow_logs(), file.read_text()

    def forget(answer: str) -> str:
        return at_terminal("make forget ATTACHMENT=vpc-shop", answer, checkout, team, question="Forget them?")

    shown = forget("no")
    assert shown.index("er-core, vpc-shop, ") < shown.index("Forget them?") < shown.index("Nothing was changed.")
    assert file.read_text() == text
    assert "Forgotten." in forget("yes")
    assert file.read_text() == text.replace("flow-logs}}", "flow-logs, attachments: {exclude: [vpc-shop]}}}")
    assert cloud.flow_logs() == before


def test_make_up_asks_at_a_terminal_and_shows_moves_first(checkout: Path, cloud: Cloud, team: dict[str, str]) -> None:
    file = checkout / "stacks" / "Pulumi.team.yaml"
    file.write_text(f"{file.read_text()}  otc-flow-logs:routers: {{core: {CORE}}}\n")
    assert "6 of 6 loggable attachments are logged" in at_terminal("make up", "yes", checkout, team)
    before = cloud.flow_logs()
    assert len(before) == 6
    file.write_text(file.read_text().replace("er-flow-logs}", f"{ARCHIVE}}}"))

    shown = at_terminal("make up", "no", checkout, team)

    assert "6 TO MOVE" in shown.upper()
    assert shown.index("network/er-flow-logs-archive") < shown.index("Make these changes?")
    assert "Nothing was changed." in shown
    assert "Nothing was changed." in at_terminal("make recover", "no", checkout, team)
    assert cloud.flow_logs() == before


@pytest.mark.acceptance
def test_bare_pulumi_stays_on_its_stack_while_make_works_on_another(
    checkout: Path, cloud: Cloud, team: dict[str, str]
) -> None:
    file = checkout / "stacks" / "Pulumi.team.yaml"
    file.write_text(f"{file.read_text()}  otc-flow-logs:routers: {{core: {CORE}}}\n")

    shell = 'eval "$(STACK=local make env)" && make preview && pulumi stack ls && pulumi stack --show-name'
    lines = run_shell(shell, checkout, **team).splitlines()

    assert any(line.startswith("team ") for line in lines)
    assert lines[-1] == STACK


@pytest.mark.acceptance
def test_make_up_with_yes_does_not_ask_at_a_terminal(checkout: Path, cloud: Cloud, team: dict[str, str]) -> None:
    file = checkout / "stacks" / "Pulumi.team.yaml"
    file.write_text(f"{file.read_text()}  otc-flow-logs:routers: {{core: {CORE}}}\n")
    assert "Make these changes?" not in at_terminal("make up YES=1", "", checkout, team)
    assert len(cloud.flow_logs()) == 6
    assert "there is no terminal to answer at: set YES=1" in run_shell("setsid -w make destroy", checkout, 2, **team)


@pytest.mark.acceptance
def test_make_up_with_confirm_asks_for_local_too(checkout: Path, team: dict[str, str]) -> None:
    local = team | {"STACK": "local"}
    assert "Nothing was changed." in at_terminal("make apply CONFIRM=1", "no", checkout, local)


@pytest.mark.up
def test_run_without_changes_prints_a_few_lines(project: Project) -> None:
    run = project.module("stacks.commands.run", "up", STACK)
    assert run.ok
    assert "14 unchanged" in run.output
    assert "dynamic/er:FlowLog" not in run.output


@pytest.mark.up
def test_locked_stack_leads_to_make_recover_which_ends_no_live_run(project: Project) -> None:
    locks = project.directory / ".local" / "state" / ".pulumi" / "locks" / "organization" / "otc-flow-logs" / STACK
    locks.mkdir(parents=True, exist_ok=True)
    lock = {"pid": os.getpid(), "username": "ann", "hostname": "office", "timestamp": "2026-01-01T08:00:00+01:00"}

    def run(command: str, **changes: Any) -> Run:
        (locks / "00000000-0000-0000-0000-000000000001.json").write_text(json.dumps(lock | changes))
        return project.run(["setsid", "-w", sys.executable, "-m", "stacks.commands.run", command, STACK])

    assert run("refresh").output.endswith(
        f"error: stack {STACK} is locked: if no run of it is in progress, run `make recover`\n"
    )
    here = socket.gethostname()
    for host in ("office", here):
        refused = run("recover", hostname=host).output
        assert f"(by ann@{host}, process {os.getpid()}, begun on 2026-01-01 at 07:00:00 UTC) is in progress" in refused
        assert "set YES=1" in refused
        assert len(list(locks.iterdir())) == 1
    ended = subprocess.Popen(["true"])
    recovered = run("recover", hostname=here, pid=ended.pid)
    ended.wait()
    assert recovered.ok, recovered.output
    assert not list(locks.iterdir())


def test_make_version_names_all_versions(checkout: Path) -> None:
    printed = run_shell("make version", checkout)
    assert [line.split("  ")[0] for line in printed.splitlines()[-4:]] == [
        *("otc-flow-logs", "Pulumi CLI", "Pulumi SDK", "Python")
    ]


def test_make_up_works_behind_a_proxy(checkout: Path) -> None:
    output = run_shell("unset no_proxy NO_PROXY no_grpc_proxy; make up", checkout, **DEAD_PROXY)
    assert "10 of 10 loggable attachments are logged" in output


def test_make_reports_wrong_credentials_once(checkout: Path, team: dict[str, str]) -> None:
    for target in ("up", "destroy", "preview", "review"):
        output = run_shell(f"make {target}", checkout, 2, **{**team, "OS_TOKEN": "wrong"})
        assert output.count("refused the credentials") == output.count("error: ") == 1, output

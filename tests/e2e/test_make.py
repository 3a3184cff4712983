"""The commands of the README, run by the real make in a checkout of its own."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import ARCHIVE, DEMO_FLOW_LOGS, TIMEOUT, Cloud, as_in_a_new_shell, run_shell, serving


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


def test_make_runs_a_stack_from_first_up_to_destroy(checkout: Path, cloud: Cloud) -> None:
    output = run_shell("make up", checkout)
    assert "+ 14 created" in output
    assert "10 of 10 loggable attachments are logged, 2 cannot be." in output
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS

    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
    cloud.server.store.set_flow_log_state("core-vpc-payments-8bd9e320", "failed")
    assert "10 of 10 loggable attachments are logged" in run_shell("make recover", checkout)
    assert {flow_log["state"] for flow_log in cloud.flow_logs().values()} == {"available"}
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS

    # Bare `pulumi` works in the environment that make prints, which keeps what the user has set.
    passphrase = {"PULUMI_CONFIG_PASSPHRASE": "hers"}
    run_shell('eval "$(make env)" && test "$PULUMI_CONFIG_PASSPHRASE" = hers', checkout, **passphrase)
    run_shell('eval "$(make env)" && pulumi destroy --yes --skip-preview', checkout)
    assert cloud.flow_logs() == {}
    assert "0 of 10 loggable attachments are logged, 2 cannot be." in run_shell("make coverage", checkout)
    assert (checkout / ".local" / "coverage" / "local.html").is_file()
    assert run_shell("git status --short", checkout) == ""


@pytest.mark.acceptance
def test_make_adopt_writes_the_file_of_a_new_stack(checkout: Path, cloud: Cloud, team: dict[str, str]) -> None:
    cloud.log("vpc-edge-proxy", "proxy")

    output = run_shell("make adopt", checkout, ROUTER="er-edge", **team)

    assert "stacks/Pulumi.team.yaml: 1 flow log, under er-edge." in output
    assert (checkout / "stacks" / "Pulumi.team.yaml").read_text().startswith("# The team's.\nconfig:\n")
    assert "= 1 to import" in run_shell("make preview", checkout, **team)


def run_at_terminal(command: str, answer: str, directory: Path, **environment: str) -> str:
    """Run a shell command on a terminal, and give this answer to its question; what the terminal showed."""
    controller, terminal = pty.openpty()
    # The first terminal that a session opens becomes its own.
    name = os.ttyname(terminal)
    process = subprocess.Popen(
        ["sh", "-c", f"exec <{name} >{name} 2>&1; {command}"],
        cwd=directory,
        env={**as_in_a_new_shell(), "NO_COLOR": "1", "TERM": "dumb", **environment},
        start_new_session=True,
    )
    shown, is_answered, deadline = "", False, time.monotonic() + TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([controller], [], [], 0.1)[0]:
            shown += os.read(controller, 65536).decode(errors="replace")
        if "Make these changes?" in shown and not is_answered:
            is_answered = True
            os.write(controller, f"{answer}\n".encode())
    process.wait(1)
    os.close(terminal)
    os.close(controller)
    return shown.replace("\r\n", "\n")


def test_make_up_asks_at_a_terminal_and_shows_moves_first(checkout: Path, cloud: Cloud, team: dict[str, str]) -> None:
    file = checkout / "stacks" / "Pulumi.team.yaml"
    stream = "  otc-flow-logs:routers: {core: {router: er-core, log_group: network, log_stream: er-flow-logs}}\n"
    file.write_text(file.read_text() + stream)
    assert "Make these changes?" not in run_at_terminal("make up YES=1", "", checkout, **team)
    before = cloud.flow_logs()
    assert len(before) == 6
    file.write_text(file.read_text().replace("er-flow-logs}", f"{ARCHIVE}}}"))

    shown = run_at_terminal("make up", "no", checkout, **team)

    assert "6 TO MOVE" in shown.upper()
    assert shown.index("network/er-flow-logs-archive") < shown.index("Make these changes?")
    assert "Nothing was changed." in shown
    assert cloud.flow_logs() == before

    shown = run_at_terminal("make up", "yes", checkout, **team)
    assert "6 of 6 loggable attachments are logged" in shown
    assert not before.keys() & cloud.flow_logs().keys()


def test_make_reports_wrong_credentials_once(checkout: Path, team: dict[str, str]) -> None:
    for target in ("up", "destroy"):
        output = run_shell(f"make {target}", checkout, 2, **{**team, "OS_TOKEN": "wrong"})
        assert output.count("refused the credentials") == output.count("error: ") == 1, output

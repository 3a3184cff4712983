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

from tests.e2e.harness import DEMO_FLOW_LOGS, TIMEOUT, Cloud, as_in_a_new_shell, make_checkout, serving


def run(command: str, directory: Path, ends_with: int = 0, /, **environment: str) -> str:
    """Run a shell command, which must succeed unless told otherwise; nothing of Pulumi's own is in its environment."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env={**as_in_a_new_shell(), "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == ends_with, done.stdout
    return done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the files of this one, all committed; its virtual environment is this one's."""
    directory = tmp_path / "checkout"
    make_checkout(directory)
    return directory


@pytest.fixture
def cloud(checkout: Path) -> Iterator[Cloud]:
    """The cloud of the checkout's embedded emulator."""
    (checkout / ".local").mkdir()
    with serving(checkout / ".local" / "emulator.db") as cloud:
        yield cloud


def test_the_make_targets_from_the_first_up_to_destroy(checkout: Path, cloud: Cloud) -> None:
    first = run("make up", checkout)
    assert "+ 14 created" in first
    assert "10 of 10 loggable attachments are logged, 2 cannot be." in first
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS

    cloud.server.store.delete_flow_log("core-vpc-shop-e4ec9862")
    cloud.server.store.set_flow_log_state("core-vpc-payments-8bd9e320", "failed")
    assert "10 of 10 loggable attachments are logged" in run("make recover", checkout)
    assert {flow_log["state"] for flow_log in cloud.flow_logs().values()} == {"available"}
    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS

    run("make destroy", checkout)
    assert cloud.flow_logs() == {}
    assert "0 of 10 loggable attachments are logged, 2 cannot be." in run("make coverage", checkout)
    assert (checkout / ".local" / "coverage" / "local.html").is_file()
    assert run("git status --short", checkout) == ""


@pytest.mark.acceptance
def test_make_adopt_writes_the_file_of_a_new_stack(checkout: Path, cloud: Cloud) -> None:
    cloud.log("vpc-edge-proxy", "proxy")
    place = {"OS_TOKEN": cloud.server.token, "OS_PROJECT_ID": cloud.server.project_id, "OS_REGION_NAME": "eu-de"}
    file = checkout / "stacks" / "Pulumi.team.yaml"
    file.write_text(f"# The team's.\nconfig:\n  otc-flow-logs:endpoint: {cloud.server.url}\n")
    place |= {"STACK": "team", "ROUTER": "er-edge", "PULUMI_CONFIG_PASSPHRASE": "x"}

    said = run("make adopt", checkout, **place)

    assert "stacks/Pulumi.team.yaml: 1 flow log, under er-edge." in said
    assert file.read_text().startswith("# The team's.\nconfig:\n")
    assert "= 1 to import" in run("make preview", checkout, **place)


def at_a_terminal(command: str, answer: str, directory: Path, **environment: str) -> str:
    """Run a shell command whose terminal answers its question with this; what was on the screen."""
    controller, terminal = pty.openpty()
    # A session without a terminal has as its own the first that it opens.
    name = os.ttyname(terminal)
    process = subprocess.Popen(
        ["sh", "-c", f"exec <{name} >{name} 2>&1; {command}"],
        cwd=directory,
        env={**as_in_a_new_shell(), "NO_COLOR": "1", "TERM": "dumb", **environment},
        start_new_session=True,
    )
    seen, is_answered, deadline = "", False, time.monotonic() + TIMEOUT
    while process.poll() is None and time.monotonic() < deadline:
        if select.select([controller], [], [], 0.1)[0]:
            seen += os.read(controller, 65536).decode(errors="replace")
        if "Do this?" in seen and not is_answered:
            is_answered = True
            os.write(controller, f"{answer}\n".encode())
    process.wait(1)
    os.close(terminal)
    os.close(controller)
    return seen.replace("\r\n", "\n")


def test_make_up_asks_at_a_terminal_and_shows_first_what_moves(checkout: Path, cloud: Cloud) -> None:
    place = {"OS_TOKEN": cloud.server.token, "OS_PROJECT_ID": cloud.server.project_id, "OS_REGION_NAME": "eu-de"}
    place |= {"STACK": "team", "PULUMI_CONFIG_PASSPHRASE": "x"}
    file = checkout / "stacks" / "Pulumi.team.yaml"
    stream = "  otc-flow-logs:routers: {core: {router: er-core, log_group: network, log_stream: er-flow-logs}}\n"
    file.write_text(f"config:\n  otc-flow-logs:endpoint: {cloud.server.url}\n{stream}")
    run("make up", checkout, **place)  # without a terminal nothing is asked
    before = cloud.flow_logs()
    file.write_text(file.read_text().replace("er-flow-logs}", "er-flow-logs-archive}"))

    refused = at_a_terminal("make up", "no", checkout, **place)

    assert "6 TO MOVE" in refused.upper()
    assert refused.index("network/er-flow-logs-archive") < refused.index("Do this?")
    assert "Nothing was changed." in refused
    assert cloud.flow_logs() == before

    agreed = at_a_terminal("make up", "yes", checkout, **place)
    assert "6 of 6 loggable attachments are logged" in agreed
    assert not before.keys() & cloud.flow_logs().keys()
    file.write_text(file.read_text().replace("er-flow-logs-archive}", "er-flow-logs}"))
    assert "Do this?" not in at_a_terminal("make up YES=1", "", checkout, **place)
    assert len(cloud.flow_logs()) == 6


def test_a_wrong_credential_is_told_once_and_not_of_each_flow_log(checkout: Path, cloud: Cloud) -> None:
    (checkout / "stacks" / "Pulumi.team.yaml").write_text(f"config:\n  otc-flow-logs:endpoint: {cloud.server.url}\n")
    place = {"OS_TOKEN": "wrong", "OS_PROJECT_ID": cloud.server.project_id, "OS_REGION_NAME": "eu-de"}
    place |= {"STACK": "team", "PULUMI_CONFIG_PASSPHRASE": "x"}

    for target in ("preview", "up", "refresh", "destroy"):
        said = run(f"make {target}", checkout, 2, **place)
        assert said.count("refused the credentials") == said.count("error: ") == 1, said


def test_bare_pulumi_works_in_the_environment_that_make_prints(checkout: Path, cloud: Cloud) -> None:
    run('eval "$(make env)" && pulumi up --yes --skip-preview', checkout)

    assert len(cloud.flow_logs()) == DEMO_FLOW_LOGS
    run('eval "$(make env)" && test "$PULUMI_CONFIG_PASSPHRASE" = hers', checkout, PULUMI_CONFIG_PASSPHRASE="hers")
    assert run("git status --short", checkout) == ""

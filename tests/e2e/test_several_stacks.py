"""Several stacks in one command of make, side by side."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.harness import (
    FOREVER,
    TIMEOUT,
    Cloud,
    Project,
    as_in_a_new_shell,
    on_one_line,
    run_at_terminal,
    run_shell,
    serving,
    wait_until,
)
from tests.e2e.test_connections import WRITER

ATTACHMENTS = {"one": "vpc-shop", "two": "vpc-payments", "three": "vpn-office-bonn"}
STACKS = " ".join(ATTACHMENTS)


def write(checkout: Path, cloud: Cloud, stack: str, router: str = "er-core") -> None:
    """Write a stack file that logs one attachment."""
    settings = {"router": router, "log_group": "network", "log_stream": "er-flow-logs"}
    config = {
        "otc-flow-logs:endpoint": cloud.server.url,
        "otc-flow-logs:project_id": cloud.server.project_id,
        "otc-flow-logs:routers": {"core": {**settings, "attachments": [ATTACHMENTS[stack]]}},
    }
    (checkout / "stacks" / f"Pulumi.{stack}.yaml").write_text(json.dumps({"config": config}))  # JSON is YAML


@pytest.fixture
def environment(cloud: Cloud) -> dict[str, str]:
    return {"OS_TOKEN": cloud.server.token, "PULUMI_CONFIG_PASSPHRASE": "x", "STACKS": STACKS}


@pytest.fixture
def cloud(checkout: Path) -> Iterator[Cloud]:
    with serving(checkout.parent / "emulator.db", latency=0.2) as cloud:
        for stack in ATTACHMENTS:
            write(checkout, cloud, stack)
        yield cloud


def results(output: str) -> dict[str, str]:
    """What the table at the end says of each stack: the result, and what became of flow logs."""
    rows = re.findall(r"^(\w+)  +(\w.*\S)  +\d+:\d\d$", output, re.MULTILINE)
    return {stack: on_one_line(result) for stack, result in rows}


def test_make_up_runs_stacks_side_by_side(checkout: Path, cloud: Cloud, environment: dict[str, str]) -> None:
    write(checkout, cloud, "two", router="er-missing")

    output = run_shell("make up", checkout, 2, **environment)

    assert results(output) == {"one": "done 1 created", "two": "failed -", "three": "done 1 created"}
    assert "two: error: otc-flow-logs:routers.core.router in stacks/Pulumi.two.yaml: there is no router" in output
    assert "error: stack two failed: correct the errors above, then run `make up STACK=two`" in output
    assert len(cloud.flow_logs()) == 2
    covered = run_shell("make coverage JSON=1 2>/dev/null", checkout, 2, **environment)
    mistaken = [found["stack"] for found in json.loads(covered) if found["mistakes"]]
    assert mistaken == ["two"]
    output = run_shell("make up", checkout, 2, **environment | {"STACKS": "one two"})
    assert "Stack one:\n" in output
    assert "Incomplete, because of mistakes in the stack file: 0 of 0" in run_shell(
        "make coverage STACK=two", checkout, 2, **{key: value for key, value in environment.items() if key != "STACKS"}
    )


@pytest.mark.acceptance
def test_question_is_asked_once_for_all_stacks(checkout: Path, cloud: Cloud, environment: dict[str, str]) -> None:
    def at_terminal(target: str, answer: str) -> str:
        shell = {**as_in_a_new_shell(), "NO_COLOR": "1", "TERM": "dumb", **environment}
        return run_at_terminal(f"make {target}", checkout, shell, question="Make these changes?", answer=answer)

    shown = at_terminal("up", "no")
    assert "Flow logs: 3 to create" in shown
    assert shown.count("Make these changes?") == shown.count("Nothing was changed.") == 1
    assert cloud.flow_logs() == {}
    assert results(at_terminal("up", "yes")) == dict.fromkeys(ATTACHMENTS, "done 1 created")
    assert run_shell("make review", checkout, **environment).count("nothing to do, 1 unchanged") == 3
    run_shell("make refresh >/dev/full", checkout, **environment)
    waited = run_shell("make up YES=1 WAIT=delivery WITHIN=1m", checkout, **environment)
    assert re.findall(r"^(\w+):$", waited, re.MULTILINE) == list(ATTACHMENTS)
    assert waited.count("1 of 1 flow logs of this stack deliver.") == 3
    del environment["OS_TOKEN"]
    user = {**WRITER, "OS_AUTH_URL": f"{cloud.server.url}/v3"}
    assert run_shell("make preview", checkout, **environment, **user).count("Previewing update") == 3
    assert cloud.server.requests.read()["POST /v3/auth/tokens"] == 1
    environment["OS_TOKEN"] = cloud.server.token
    assert results(at_terminal("destroy", "yes")) == dict.fromkeys(ATTACHMENTS, "done 1 deleted")


@pytest.mark.acceptance
def test_preview_that_fails_keeps_all_stacks_as_they_are(
    checkout: Path, cloud: Cloud, environment: dict[str, str]
) -> None:
    write(checkout, cloud, "two", router="er-missing")
    shell = {**as_in_a_new_shell(), "NO_COLOR": "1", "TERM": "dumb", **environment}
    shown = run_at_terminal("make up", checkout, shell)
    assert "1 of 3 previews failed" in shown
    assert "error: nothing was changed in any stack, because a preview failed" in shown
    (checkout / "stacks" / "Pulumi.two.yaml").write_text("config: {otc-flow-logs:nonsense: 1}")
    refused = run_shell("make up", checkout, 2, **environment)
    assert "error: stack two is not ready, so nothing was done in any stack" in refused
    covered = run_shell("make coverage JSON=1 2>/dev/null", checkout, 2, **environment)
    assert [found["stack"] for found in json.loads(covered)] == ["one", "three"]
    assert cloud.flow_logs() == {}


@pytest.mark.acceptance
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stacks_that_were_ended_can_go_on(checkout: Path, tmp_path: Path, number: signal.Signals) -> None:
    project = Project.at(checkout)
    with serving(tmp_path / "stuck.db", latency=FOREVER) as cloud:
        for stack in ATTACHMENTS:
            write(checkout, cloud, stack)
        environment = {"OS_TOKEN": cloud.server.token, "PULUMI_CONFIG_PASSPHRASE": "x"}
        process = project.start_command(["make", "up", f"STACKS={STACKS}"], {**as_in_a_new_shell(), **environment})
        try:
            wait_until(lambda: len(cloud.flow_logs()) == len(ATTACHMENTS), process)
            os.killpg(process.pid, number)
            output, _ = process.communicate(timeout=TIMEOUT)
        finally:
            project.end()
        cloud.restart_without_latency()
        environment["OS_TOKEN"] = cloud.server.token
        before = cloud.flow_logs().keys()
        if number == signal.SIGINT:
            assert results(output).keys() == ATTACHMENTS.keys()
            assert "Error 130" in output
            run_shell("make up", checkout, STACKS=STACKS, **environment)
        else:
            for stack in ATTACHMENTS:
                run_shell("make recover", checkout, STACK=stack, **environment)
        assert cloud.flow_logs().keys() == before
        assert all(flow_log["state"] == "available" for flow_log in cloud.flow_logs().values())

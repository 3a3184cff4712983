"""`make delivery`, `make up WAIT=delivery` and `python -m stacks.records`, on the demo cloud, which delivers."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.e2e.harness import DEMO_FLOW_LOGS, STACK, Cloud, Project, run_shell


@pytest.mark.up
def test_delivery_is_good_until_a_log_stream_is_deleted(project: Project, cloud: Cloud) -> None:
    cloud.server.store.set_delivery(0.5)
    command = [sys.executable, "-m", "stacks.delivery", "--stack", STACK, "--span", "10m"]

    good = project.run([*command, "--json"])
    assert good.ok, good.output
    states = Counter(found["state"] for found in json.loads(good.output)["attachments"] if found["is_expected"])
    assert states == {"delivering": DEMO_FLOW_LOGS}

    command_of_records = [sys.executable, "-m", "stacks.records", "er-core/vpc-shop", "--since", "10m"]
    shown = project.run([*command_of_records, "--stack", STACK]).output
    assert "records of er-core/vpc-shop in network/er-flow-logs, in UTC:" in shown

    cloud.server.store.lose_stream("edge-vpc-partner-portal")
    bad = project.run(command)
    assert bad.code == 1
    (line,) = [line for line in bad.output.splitlines() if " vpc-partner-portal " in line]
    assert line.endswith("  network/er-flow-logs-archive: its log stream has been deleted")

    covered = project.module("stacks.coverage", "--stack", STACK, "--json")
    assert covered.code == 2
    document, _, mistake = covered.output.rpartition("}")
    assert "there is no log stream in group 'network'" in mistake
    (found,) = [
        each for each in json.loads(document + "}")["attachments"] if each["attachment"] == "vpc-partner-portal"
    ]
    assert (found["logs_to"], found["is_in_stack"]) == ("network/er-flow-logs-archive", True)


@pytest.mark.acceptance
def test_make_up_waits_until_records_arrive(checkout: Path) -> None:
    output = run_shell("make up WAIT=delivery WITHIN=1m", checkout)
    assert "10 of 10 flow logs of this stack deliver." in output
    assert "10 of 10 flow logs of this stack deliver." in run_shell("make delivery", checkout)
    assert "WAIT must be delivery, not records." in run_shell("make up WAIT=records", checkout, 2)
    refused = run_shell("make up WAIT=delivery WITHIN=soon", checkout, 2)
    assert "'soon' is not a duration" in refused
    assert "Updating" not in refused

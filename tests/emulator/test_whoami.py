"""The output of `make whoami`; what it shows for each shape of settings is in the table of `tests.sign_in`."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import yaml

from bench.processes import neutral_environment
from emulator import Server
from tests.emulator.process import PROJECT_FOLDER


def test_command_prints_all_facts_of_a_cloud_in_clouds_yaml(server: Server, tmp_path: Path) -> None:
    server.store.add_access_key("tester", "TESTACCESSKEY0000001", "secret-of-a-key")
    clouds = tmp_path / "clouds.yaml"
    auth = {"ak": "TESTACCESSKEY0000001", "sk": "secret-of-a-key", "project_name": "eu-de"}
    clouds.write_text(yaml.safe_dump({"clouds": {"team": {"auth": auth}}}))
    config = {"otc-flow-logs:endpoint": {"value": server.url}, "other:endpoint": {"value": "x"}}

    done = subprocess.run(
        [sys.executable, "-m", "stacks.commands.whoami", "team", json.dumps({"user": "t", "url": "file://./state"})],
        cwd=PROJECT_FOLDER,
        env={**neutral_environment(), "OS_CLOUD": "team", "OS_CLIENT_CONFIG_FILE": str(clouds)},
        input=json.dumps(config),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.stderr == ""
    assert [line.split(maxsplit=1) for line in done.stdout.splitlines()][:3] == [
        ["version", importlib.metadata.version("otc-flow-logs")],
        ["stack", "team"],
        ["state", "file://./state"],
    ]
    assert "signs in with  cloud 'team' in clouds.yaml\n" in done.stdout
    assert "as             access key 'TESTACCESSKEY0000001'\n" in done.stdout
    assert f"project        {server.project_id} (eu-de)\n" in done.stdout
    assert "secret-of-a-key" not in done.stdout

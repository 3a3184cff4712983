"""The programs of `examples/`, in projects of their own that use this project as an installed package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stacks.commands.review.changes import review_stack
from stacks.commands.review.model import Kind
from tests.e2e.conftest import CreateOnce
from tests.e2e.harness import CHECKOUT, FLOW_LOG, QUICK, Project, serving
from tests.e2e.record_previews import preview

STACK = "dev"
PACKAGED = ("pyproject.toml", "README.md", "providers", "stacks", "emulator")

CLOCK = """
from pulumi.dynamic import CreateResult, Resource, ResourceProvider

class Provider(ResourceProvider):
    serialize_as_secret_always = False

    def create(self, props):
        return CreateResult("now", {**props, "hour": 11})

class Clock(Resource):
    hour: object
    def __init__(self, name):
        super().__init__(Provider(), name, {"hour": None})
"""


def copy_package(folder: Path) -> Path:
    """Copy all that is in the package: a build there leaves nothing behind in the checkout."""
    folder.mkdir()
    for name in PACKAGED:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(CHECKOUT / name, folder)
    return folder


def without_pythonpath() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


@pytest.fixture(scope="session")
def environment(create_once: CreateOnce) -> Path:
    """A virtual environment in which this project is installed as a package; its dependencies are borrowed."""

    def fill(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
        source = copy_package(folder.with_name(f"{folder.name}-source"))
        subprocess.run([*pip, "--no-deps", str(source)], check=True, timeout=300, env=without_pythonpath())
        site_packages = folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
        (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))

    return create_once("installed", fill)


class Example(Project):
    """A copy of an example, with a stack `dev` of its own."""

    @classmethod
    def copy(cls, name: str, directory: Path, environment: Path) -> Example:
        shutil.copytree(CHECKOUT / "examples" / name, directory)
        (directory / ".venv").symlink_to(environment)
        (directory / ".local" / "state").mkdir(parents=True)
        example = cls(directory, Project.at(directory).environment)
        backend = "file://./.local/state?metadata=skip"
        example.environment |= {"PULUMI_CONFIG_PASSPHRASE": "correct-horse", "PULUMI_BACKEND_URL": backend}
        example.expect_ok("stack", "init", STACK)
        return example

    @staticmethod
    def _command(arguments: tuple[str, ...], stack: str | None) -> list[str]:
        return ["pulumi", *arguments, "--non-interactive", *(() if "init" in arguments else ("--stack", STACK))]

    @property
    def program(self) -> str:
        return (self.directory / "__main__.py").read_text()

    @program.setter
    def program(self, text: str) -> None:
        (self.directory / "__main__.py").write_text(text)

    def resources(self) -> set[str]:
        """The ids of the flow logs in the state."""
        resources = json.loads(self.expect_ok("stack", "export"))["deployment"]["resources"]
        return {resource["id"] for resource in resources if resource["type"] == FLOW_LOG}

    def in_cloud(self) -> dict[str, dict[str, Any]]:
        with serving(self.database) as cloud:
            return cloud.flow_logs()


@pytest.fixture
def routers(tmp_path: Path, environment: Path) -> Iterator[Example]:
    example = Example.copy("routers", tmp_path / "routers", environment)
    yield example
    example.end()


@pytest.fixture
def one_flow_log(tmp_path: Path, environment: Path) -> Iterator[Example]:
    example = Example.copy("one-flow-log", tmp_path / "one-flow-log", environment)
    yield example
    example.end()


def test_routers_are_logged_from_a_program(routers: Example) -> None:
    created = review_stack(STACK, preview(routers, "--refresh", stack=STACK)).rows[Kind.CREATE]
    assert len(created) == 8
    assert {(row.router, row.logs_to) for row in created} == {
        ("er-core", "network/er-flow-logs"),
        ("er-edge", "network/er-flow-logs-archive"),
    }
    assert {"vpc-shop", "vpc-edge-proxy"} < {row.attachment for row in created}

    routers.up()

    flow_logs = routers.in_cloud()
    assert flow_logs.keys() == routers.resources()
    outputs = json.loads(routers.expect_ok("stack", "output", "--json"))
    assert outputs.keys() == {"flow_logs", "otc_flow_logs"}
    assert outputs["otc_flow_logs"].keys() == {"coverage", "flow_logs", "last_run"}
    assert sorted(id_ for ids in outputs["flow_logs"].values() for id_ in ids.values()) == sorted(flow_logs)

    routers.program = routers.program.replace('["vpc"]', '["vgw"]').replace('"max_deletes": 2', '"max_deletes": 1')
    error = routers.expect_error("up", *QUICK)
    assert "max_deletes in the program: 2 of 8 attachments would lose their flow log" in error
    assert routers.in_cloud() == flow_logs


@pytest.mark.acceptance
def test_one_flow_log_stands_beside_another_dynamic_resource(one_flow_log: Example) -> None:
    (one_flow_log.directory / "clock.py").write_text(CLOCK)
    one_flow_log.program += "\nfrom clock import Clock\npulumi.export('hour', Clock('clock').hour)\n"

    one_flow_log.up()

    outputs = json.loads(one_flow_log.expect_ok("stack", "output", "--json"))
    ((id_, flow_log),) = one_flow_log.in_cloud().items()
    assert outputs == {"flow_log": id_, "state": "available", "hour": 11}
    assert flow_log["name"] == "shop"
    one_flow_log.expect_no_changes("--refresh")
    one_flow_log.destroy()
    assert one_flow_log.in_cloud() == {}


@pytest.mark.acceptance
def test_failing_program_deletes_nothing_and_shows_no_secret(routers: Example) -> None:
    good = routers.program
    routers.program += '\npulumi.export("password", pulumi.Output.secret("hush-hush"))\n'
    routers.up()
    before = routers.in_cloud()

    routers.program = routers.program.replace("er-core", "er-cor")
    error = routers.expect_error("up", *QUICK)
    assert "routers.core.router in the program: there is no router with id or name 'er-cor'" in error
    assert "hush-hush" not in error
    assert "hush-hush" not in routers.expect_ok("stack", "export")

    # A program that goes on after the error cannot delete anything, either.
    call = "declare_flow_logs({'routers': {'core': {'router': 'er-cor'}}})"
    head = "from stacks.program import declare_flow_logs\n"
    routers.program = f"{head}try:\n    {call}\nexcept Exception as error:\n    print('never mind')\n"
    error = routers.expect_error("up", *QUICK)
    assert "routers.core.log_group in the program: is missing" in error
    assert "never mind" not in error
    assert routers.in_cloud() == before

    # max_deletes counts even if the program's own output has replaced the one that it reads.
    routers.program = good + "\npulumi.export('otc_flow_logs', {'a': 1})\n"
    routers.up()
    routers.program = good.replace('"core": {', '"core": {"attachments": ["vpc-shop"], ')
    error = routers.expect_error("up", *QUICK)
    assert "max_deletes in the program: 5 of 8 attachments would lose their flow log, but at most 2 may" in error
    assert routers.in_cloud() == before


@pytest.mark.acceptance
def test_program_and_stack_file_must_not_contradict(routers: Example) -> None:
    good = routers.program
    routers.program += "\ndeclare_flow_logs()\n"
    assert "declare_flow_logs may be called only once in a program" in routers.expect_error("preview")

    routers.program = "from stacks.program import declare_flow_logs\ndeclare_flow_logs()\n"
    assert "otc-flow-logs:routers in Pulumi.dev.yaml: is missing" in routers.expect_error("up", *QUICK)
    file = routers.directory / "Pulumi.dev.yaml"
    router = {"router": "er-edge", "log_group": "network", "log_stream": "er-flow-logs"}
    added = f"config:\n  otc-flow-logs:routers: {json.dumps({'edge': router})}\n"
    before = file.read_text()
    file.write_text(before.replace("config:\n", added))
    routers.up()
    assert len(routers.in_cloud()) == 4

    routers.program = good
    file.write_text(before)
    routers.expect_ok("config", "set", "otc-flow-logs:max_deletes", "0")
    routers.expect_ok("config", "set", "otc-flow-logs:regoin", "eu-de")
    error = routers.expect_error("preview")
    assert (
        "otc-flow-logs:max_deletes in Pulumi.dev.yaml: the program passes it too: remove it from one of the two"
        in error
    )
    assert "otc-flow-logs:regoin in Pulumi.dev.yaml: unknown key; did you mean region?" in error


@pytest.mark.acceptance
def test_example_runs_after_a_plain_pip_install(tmp_path: Path, one_flow_log: Example) -> None:
    venv = one_flow_log.directory / ".venv"
    venv.unlink()
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True, timeout=120)
    pip = [str(venv / "bin" / "pip"), "install", "--quiet", f"{copy_package(tmp_path / 'source')}[emulator]"]
    subprocess.run(pip, check=True, timeout=600, env=without_pythonpath())
    one_flow_log.environment.pop("PYTHONPATH")

    one_flow_log.up()

    assert one_flow_log.in_cloud().keys() == one_flow_log.resources()
    one_flow_log.destroy()
    assert one_flow_log.in_cloud() == {}

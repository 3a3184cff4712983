"""This project in somebody else's Pulumi program, installed as a package: what `examples/` shows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import create_once
from tests.e2e.harness import CHECKOUT, FLOW_LOG, QUICK, Project, serving

STACK = "dev"
PASSPHRASE = "correct-horse"
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


def packaged(folder: Path) -> Path:
    """A folder with all that is in the package: to build there leaves nothing behind in the checkout."""
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
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment that has this project installed, as a package; its dependencies are borrowed."""

    def make(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True, timeout=120)
        pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
        source = packaged(folder.with_name(f"{folder.name}-source"))
        subprocess.run([*pip, "--no-deps", str(source)], check=True, timeout=300, env=without_pythonpath())
        site_packages = folder / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
        (site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))

    return create_once(tmp_path_factory, "installed", make)


@pytest.fixture
def example(tmp_path: Path, environment: Path) -> Iterator[Callable[[str], Project]]:
    """Makes a project of its own from an example's folder."""
    made = []

    def make(name: str) -> Project:
        directory = tmp_path / name
        shutil.copytree(CHECKOUT / "examples" / name, directory)
        (directory / ".venv").symlink_to(environment)
        (directory / ".local" / "state").mkdir(parents=True)
        project = Project.at(directory)
        project.environment |= {
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_BACKEND_URL": "file://./.local/state?metadata=skip",
        }
        project.expect_ok("stack", "init", STACK, stack=None)
        made.append(project)
        return project

    yield make
    for project in made:
        project.end()


def flow_logs(project: Project) -> dict[str, dict[str, Any]]:
    """Those in the state, by id."""
    export = json.loads(project.expect_ok("stack", "export", stack=STACK))
    return {one["id"]: one for one in export["deployment"]["resources"] if one["type"] == FLOW_LOG}


def there(project: Project) -> dict[str, dict[str, Any]]:
    with serving(project.database) as cloud:
        return cloud.flow_logs()


def test_routers_are_logged_from_somebody_elses_program(example: Callable[[str], Project]) -> None:
    project = example("routers")

    project.expect_ok("up", *QUICK, stack=STACK)

    assert there(project).keys() == flow_logs(project).keys()
    outputs = json.loads(project.expect_ok("stack", "output", "--json", stack=STACK))
    assert outputs.keys() == {"flow_logs", "otc_flow_logs"}
    assert sorted(id_ for of_router in outputs["flow_logs"].values() for id_ in of_router.values()) == sorted(
        there(project)
    )
    project.expect_ok("preview", "--refresh", "--expect-no-changes", stack=STACK)

    program = project.directory / "__main__.py"
    program.write_text(
        program.read_text().replace('["vpc"]', '["vgw"]').replace('"max_deletes": 2', '"max_deletes": 1')
    )
    said = project.expect_error("up", *QUICK, stack=STACK)
    assert "max_deletes in the program: 2 of 8 attachments would lose their flow log" in said
    program.write_text(program.read_text().replace("er-core", "er-cor"))
    said = project.expect_error("up", *QUICK, stack=STACK)
    assert "routers.core.router in the program: there is no router with id or name 'er-cor'" in said
    assert there(project).keys() == flow_logs(project).keys()

    project.expect_ok("destroy", *QUICK, stack=STACK)
    assert there(project) == {}


@pytest.mark.acceptance
def test_one_flow_log_is_made_by_its_ids_beside_another_dynamic_resource(example: Callable[[str], Project]) -> None:
    project = example("one-flow-log")
    (project.directory / "clock.py").write_text(CLOCK)
    with (project.directory / "__main__.py").open("a") as program:
        program.write("\nfrom clock import Clock\npulumi.export('hour', Clock('clock').hour)\n")

    project.expect_ok("up", *QUICK, stack=STACK)

    outputs = json.loads(project.expect_ok("stack", "output", "--json", stack=STACK))
    ((id_, flow_log),) = there(project).items()
    assert outputs == {"flow_log": id_, "state": "available", "hour": 11}
    assert flow_log["name"] == "shop"
    project.expect_ok("preview", "--refresh", "--expect-no-changes", stack=STACK)
    project.expect_ok("destroy", *QUICK, stack=STACK)
    assert there(project) == {}


def add(project: Project, text: str) -> None:
    with (project.directory / "__main__.py").open("a") as program:
        program.write(f"\n{text}\n")


@pytest.mark.acceptance
def test_a_program_that_fails_shows_no_secret_of_its_own_and_the_guard_remembers(
    example: Callable[[str], Project],
) -> None:
    project = example("routers")
    add(project, 'pulumi.export("password", pulumi.Output.secret("hush-hush"))')
    project.expect_ok("up", *QUICK, stack=STACK)
    program = project.directory / "__main__.py"
    good = program.read_text()

    program.write_text(good.replace("er-core", "er-cor"))
    said = project.expect_error("up", *QUICK, stack=STACK)
    assert "hush-hush" not in said
    assert "hush-hush" not in project.expect_ok("stack", "export", stack=STACK)

    program.write_text(good.replace('["vpc"]', '["vgw"]').replace('"max_deletes": 2', '"max_deletes": 1'))
    assert "2 of 8 attachments would lose their flow log" in project.expect_error("up", *QUICK, stack=STACK)
    project.expect_ok("destroy", *QUICK, stack=STACK)


@pytest.mark.acceptance
def test_nothing_is_deleted_by_a_program_that_goes_on_without_its_routers(example: Callable[[str], Project]) -> None:
    project = example("routers")
    project.expect_ok("up", *QUICK, stack=STACK)
    before = there(project)
    program = project.directory / "__main__.py"
    good = program.read_text()

    wrong = "declare_flow_logs({'routers': {'core': {'router': 'er-cor'}}})"
    head = "from stacks.program import declare_flow_logs\n"
    program.write_text(f"{head}try:\n    {wrong}\nexcept Exception as error:\n    print('never mind')\n")
    said = project.expect_error("up", *QUICK, stack=STACK)
    assert "routers.core.log_group in the program: is missing" in said
    assert "never mind" not in said
    assert there(project) == before

    # Somebody's own output took the place of ours.
    program.write_text(good + "\npulumi.export('otc_flow_logs', {'a': 1})\n")
    project.expect_ok("up", *QUICK, stack=STACK)
    program.write_text(good.replace('"core": {', '"core": {"attachments": ["vpc-shop"], '))
    said = project.expect_error("up", *QUICK, stack=STACK)
    assert "max_deletes in the program: 5 of 8 attachments would lose their flow log, but at most 2 may" in said
    assert there(project) == before
    program.write_text(good)
    project.expect_ok("up", *QUICK, stack=STACK)
    project.expect_ok("destroy", *QUICK, stack=STACK)


@pytest.mark.acceptance
def test_a_program_is_to_name_all_routers_in_one_call_and_in_one_place(example: Callable[[str], Project]) -> None:
    project = example("routers")
    program = project.directory / "__main__.py"
    good = program.read_text()

    add(project, "declare_flow_logs()")
    assert "declare_flow_logs is to be called once in a program" in project.expect_error("preview", stack=STACK)

    program.write_text(good)
    project.expect_ok("config", "set", "otc-flow-logs:max_deletes", "0", stack=STACK)
    project.expect_ok("config", "set", "otc-flow-logs:regoin", "eu-de", stack=STACK)
    said = project.expect_error("preview", stack=STACK)
    assert "otc-flow-logs:max_deletes in Pulumi.dev.yaml: the program says it: take it out of one of them" in said
    assert "otc-flow-logs:regoin in Pulumi.dev.yaml: there is no such key; did you mean region?" in said


@pytest.mark.acceptance
def test_the_hosts_launcher_takes_the_environment_that_it_is_installed_in(environment: Path, tmp_path: Path) -> None:
    launcher = environment / "share" / "otc-flow-logs" / "host" / "pulumi-resource-pulumi-python"
    process = subprocess.Popen(
        [launcher, "127.0.0.1:1"], cwd=tmp_path, env=without_pythonpath(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert int(process.stdout.readline()) > 0
    finally:
        process.kill()
        process.communicate(timeout=60)


@pytest.mark.acceptance
def test_routers_of_a_stack_file_are_logged_from_somebody_elses_program(example: Callable[[str], Project]) -> None:
    project = example("routers")
    (project.directory / "__main__.py").write_text(
        "from stacks.program import declare_flow_logs\ndeclare_flow_logs()\n"
    )
    said = project.expect_error("up", *QUICK, stack=STACK)
    assert "otc-flow-logs:routers in Pulumi.dev.yaml: is missing" in said

    file = project.directory / "Pulumi.dev.yaml"
    router = {"router": "er-edge", "log_group": "network", "log_stream": "er-flow-logs"}
    added = f"config:\n  otc-flow-logs:routers: {json.dumps({'edge': router})}\n"
    file.write_text(file.read_text().replace("config:\n", added))
    project.expect_ok("up", *QUICK, stack=STACK)
    assert len(there(project)) == 4
    project.expect_ok("destroy", *QUICK, stack=STACK)


@pytest.mark.acceptance
def test_an_example_runs_after_a_plain_pip_install(tmp_path: Path, example: Callable[[str], Project]) -> None:
    project = example("one-flow-log")
    (project.directory / ".venv").unlink()
    subprocess.run([sys.executable, "-m", "venv", str(project.directory / ".venv")], check=True, timeout=120)
    pip = [str(project.directory / ".venv" / "bin" / "pip"), "install", "--quiet"]
    subprocess.run(
        [*pip, f"{packaged(tmp_path / 'source')}[emulator]"], check=True, timeout=600, env=without_pythonpath()
    )
    project.environment.pop("PYTHONPATH")

    project.expect_ok("up", *QUICK, stack=STACK)

    assert there(project).keys() == flow_logs(project).keys()
    project.expect_ok("destroy", *QUICK, stack=STACK)
    assert there(project) == {}

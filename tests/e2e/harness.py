"""A Pulumi project of its own for each test, the real `pulumi` in it, and a look at the emulator's cloud."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import yaml

from bench.processes import members, without_a_persons_own
from emulator import Behaviour, Server, clock, serve
from emulator.clock import Instant

CHECKOUT = Path(__file__).parents[2]
STACK = "local"
NAMESPACE = "otc-flow-logs"
FLOW_LOG = "pulumi-python:dynamic/er:FlowLog"
TIMEOUT = 120  # seconds, for one command
QUICK = ("--yes", "--skip-preview", "--suppress-progress")

# What the demo cloud has for the stack file's local stack: 12 attachments, one of type cfw, one not accepted.
DEMO_FLOW_LOGS = 10


FOREVER = 3600.0  # seconds

shared_settings: dict[str, str] = {}
"""Environment variables that spare the projects of a run of tests what each command would do again; none at first."""


@dataclass(frozen=True)
class Run:
    """How a command ended, and what a person saw of it."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass
class Cloud:
    """The emulator behind a project: what the API would tell anybody."""

    server: Server

    def flow_logs(self) -> dict[str, dict[str, Any]]:
        """All flow logs by id, of all routers."""
        return {
            flow_log["id"]: flow_log
            for router in self._get("instances")["instances"]
            for flow_log in self._get(f"{router['id']}/flow-logs")["flow_logs"]
        }

    def flow_log_of(self, attachment: str) -> dict[str, Any]:
        """The one flow log of the attachment of this name."""
        id_ = self.server.store.attachment(attachment).id
        (found,) = [one for one in self.flow_logs().values() if one["resource_id"] == id_]
        return found

    def log(self, attachment: str, name: str, *, stream: str = "network/er-flow-logs", description: str = "") -> str:
        """Have somebody else create a flow log as with the console; its id."""
        store = self.server.store
        there = store.attachment(attachment)
        group_name, _, stream_name = stream.partition("/")
        group = store.log_group(group_name)
        streams = store.log_tank.streams(self.server.project_id, group.id)
        flow_log = {
            "name": name,
            "description": description,
            "resource_type": "attachment",
            "resource_id": there.id,
            "log_group_id": group.id,
            "log_stream_id": next(one.id for one in streams if one.name == stream_name),
            "log_store_type": "LTS",
        }
        answer = requests.post(
            f"{self._url}/{there.er_id}/flow-logs",
            json={"flow_log": flow_log},
            headers={"X-Auth-Token": self.server.token},
            timeout=30,
        )
        assert answer.status_code == 202, answer.text
        id_: str = answer.json()["flow_log"]["id"]
        return id_

    @staticmethod
    def now() -> Instant:
        """The moment, by the emulator's clock."""
        return clock.now()

    def complete_operations(self) -> None:
        """Have all be done that is under way."""
        for id_, flow_log in self.flow_logs().items():
            if flow_log["state"] in ("pending", "modifying"):
                self.server.store.set_flow_log_state(id_, "available")

    def restart_without_latency(self) -> None:
        """The same at the same address, with another token; all is done at once from now on."""
        self.complete_operations()
        db, port = self.server.store.path, urlsplit(self.server.url).port
        self.server.close()
        self.server = serve(db, port=port or 0, switches=Behaviour(latency=0))

    @property
    def _url(self) -> str:
        return f"{self.server.url}/v3/{self.server.project_id}/enterprise-router"

    def _get(self, path: str) -> dict[str, Any]:
        answer = requests.get(f"{self._url}/{path}", headers={"X-Auth-Token": self.server.token}, timeout=30)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body


@dataclass
class Project:
    """A project folder with the checkout's code, its own stack files, state and emulator."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)

    @classmethod
    def create(cls, directory: Path, *, copying: Path | None = None) -> Project:
        """A new one, with the stack file of the checkout's local stack.

        Its stack is empty, or that of the project in the folder `copying`, and so is its emulator's cloud.
        """
        for name in ("providers", "emulator", ".venv"):
            (directory / name).symlink_to(CHECKOUT / name)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(CHECKOUT / name, directory)
        # With bytecode, which every program would otherwise begin by making.
        shutil.copytree(CHECKOUT / "stacks", directory / "stacks")
        if copying:
            shutil.copytree(copying / ".local", directory / ".local")
        else:
            (directory / ".local" / "state").mkdir(parents=True)
        project = cls.at(directory)
        if not copying:
            project.expect_ok("stack", "init")
        return project

    @classmethod
    def at(cls, directory: Path) -> Project:
        """The one that is in the folder."""
        settings = {
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_PARALLEL": "128",
            "NO_COLOR": "1",
        }
        return cls(directory, {**without_a_persons_own(), **settings, **shared_settings})

    # What a person types.

    def pulumi(self, *arguments: str, stack: str | None = STACK, **environment: str) -> Run:
        """Run `pulumi` to its end, whatever that is."""
        return self.run(self._command(arguments, stack), **environment)

    def run(self, command: list[str], **environment: str) -> Run:
        """Run a command in the project to its end, whatever that is."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return Run(done.returncode, done.stdout)

    def expect_ok(self, *arguments: str, stack: str | None = STACK, **environment: str) -> str:
        """Run `pulumi`, which must succeed; its output."""
        run = self.pulumi(*arguments, stack=stack, **environment)
        assert run.ok, run.output
        return run.output

    def expect_error(self, *arguments: str, stack: str | None = STACK, **environment: str) -> str:
        """Run `pulumi`, which must fail; its output."""
        run = self.pulumi(*arguments, stack=stack, **environment)
        assert not run.ok, run.output
        return run.output

    def up(self, *arguments: str, **environment: str) -> str:
        """`up` without its preview, which is the same run again; tests of previews ask for one."""
        return self.expect_ok("up", *QUICK, *arguments, **environment)

    def destroy(self, *arguments: str, **environment: str) -> str:
        return self.expect_ok("destroy", *QUICK, *arguments, **environment)

    def refresh(self, *arguments: str, **environment: str) -> str:
        return self.expect_ok("refresh", *QUICK, *arguments, **environment)

    def recover(self) -> None:
        """What `make recover` does, but for the coverage table."""
        pending = [sys.executable, "-m", "stacks.pending"]
        alone = self.run([*pending, "refuse-live", STACK])
        assert alone.ok, alone.output
        self.expect_ok("cancel", "--yes")
        file = self.directory / "state.json"
        self.expect_ok("stack", "export", "--file", str(file))
        taken_over = subprocess.run(
            [*pending, "take-over", STACK],
            cwd=self.directory,
            input=file.read_text(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        )
        file.write_text(taken_over.stdout)
        self.expect_ok("stack", "import", "--file", str(file))
        shutil.rmtree(self.creating, ignore_errors=True)
        self.refresh()
        self.up("--refresh")

    def expect_no_changes(self, **environment: str) -> None:
        """A preview finds nothing to do."""
        self.expect_ok("preview", "--expect-no-changes", "--suppress-progress", **environment)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `pulumi` as the leader of a group of its own, to be killed in the middle."""
        process = subprocess.Popen(
            self._command(arguments, STACK),
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.sessions.add(process.pid)
        return process

    @staticmethod
    def kill_engine(process: subprocess.Popen[str]) -> None:
        """Kill `pulumi` itself; what it started is left to notice."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=TIMEOUT)

    def end(self) -> None:
        """Kill what is left of all that was started here: Pulumi's language host outlives a killed `pulumi`."""
        for session in self.sessions:
            for pid in members(session):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    @staticmethod
    def _command(arguments: tuple[str, ...], stack: str | None) -> list[str]:
        return ["pulumi", *arguments, *(["--stack", stack] if stack else []), "--non-interactive"]

    # The stack file.

    def stack_file(self, stack: str = STACK) -> Path:
        return self.directory / "stacks" / f"Pulumi.{stack}.yaml"

    def config(self, stack: str = STACK) -> dict[str, Any]:
        """The values in the stack file, by key without the namespace."""
        written = yaml.safe_load(self.stack_file(stack).read_text())["config"]
        return {key.removeprefix(f"{NAMESPACE}:"): value for key, value in written.items()}

    def write_config(self, values: Mapping[str, Any], stack: str = STACK) -> None:
        """Put these values in the stack file, by key without the namespace; what is not config stays."""
        document = yaml.safe_load(self.stack_file(stack).read_text())
        document["config"] = {f"{NAMESPACE}:{key}": value for key, value in values.items()}
        self.stack_file(stack).write_text(yaml.safe_dump(document, sort_keys=False))

    def change_config(self, **values: Any) -> None:
        """Change these keys in the stack file; None takes one away."""
        changed = {**self.config(), **values}
        self.write_config({key: value for key, value in changed.items() if value is not None})

    def change_router(self, key: str, **values: Any) -> None:
        """Change what the stack file says of one router."""
        routers = self.config()["routers"]
        routers[key] = {**routers[key], **values}
        self.change_config(routers=routers)

    def use_cloud(self, cloud: Cloud) -> None:
        """Have the project use this cloud in place of its embedded one."""
        self.change_config(endpoint=cloud.server.url, project_id=cloud.server.project_id)
        self.environment["OS_TOKEN"] = cloud.server.token

    # What is left behind.

    @property
    def creating(self) -> Path:
        """Where the provider records the creates that are under way."""
        return self.directory / ".local" / "creating" / STACK

    @property
    def database(self) -> Path:
        """The embedded emulator's file."""
        return self.directory / ".local" / "emulator.db"

    def state_file(self, stack: str = STACK) -> Path:
        return self.directory / ".local" / "state" / ".pulumi" / "stacks" / NAMESPACE / f"{stack}.json"

    def state(self, stack: str = STACK) -> dict[str, Any]:
        """The stack's state as its file holds it."""
        latest: dict[str, Any] = json.loads(self.state_file(stack).read_text())["checkpoint"]["latest"] or {}
        return latest

    def flow_logs(self, stack: str = STACK) -> dict[str, dict[str, Any]]:
        """The flow logs in state, by id. Those that a failed create kept are among them."""
        resources = self.state(stack).get("resources", [])
        found = [one for one in resources if one["type"] == FLOW_LOG and not one.get("delete")]
        assert all(one.get("id") for one in found)
        return {one["id"]: one for one in found}

    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = json.loads(self.expect_ok("stack", "output", "--json"))
        return outputs


def assert_converged(project: Project, cloud: Cloud) -> None:
    """State and cloud hold the same flow logs, no operation is pending, and nothing is left to do."""
    assert_same_flow_logs(project, cloud)
    project.expect_no_changes()


def assert_same_flow_logs(project: Project, cloud: Cloud) -> None:
    """State and cloud hold the same flow logs, and no operation is pending."""
    assert project.flow_logs().keys() == cloud.flow_logs().keys()
    assert not project.state().get("pending_operations")


def as_in_a_new_shell() -> dict[str, str]:
    """The environment variables, less those of a cloud, of Pulumi's own, and of a make that runs these tests."""
    outer = ("PULUMI_", "OS_", "MAKE", "ARGS", "MFLAGS", "STACK", "ROUTER")
    return {key: value for key, value in os.environ.items() if not key.startswith(outer)}


def make_checkout(directory: Path) -> None:
    """Make the folder a checkout with the files of this one, all committed; its virtual environment is this one's."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=CHECKOUT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for name in names.rstrip("\0").split("\0"):
        if (CHECKOUT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(CHECKOUT / name, directory / name)
    (directory / ".venv").symlink_to(CHECKOUT / ".venv")
    somebody = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for arguments in (("init", "-q", "."), ("add", "-A"), (*somebody, "commit", "-qm", "all")):
        subprocess.run(["git", *arguments], cwd=directory, check=True)


@contextlib.contextmanager
def serving(db: Path, **switches: Any) -> Iterator[Cloud]:
    """A cloud that outlives no test; `latency` and the like are the emulator's switches."""
    cloud = Cloud(serve(db, switches=Behaviour(**switches)))
    try:
        yield cloud
    finally:
        cloud.server.close()

"""A Pulumi project of its own for each test, the real `pulumi` in it, and the emulated cloud behind it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import yaml

from bench.processes import members, neutral_environment
from emulator import Behaviour, Server, clock, serve
from emulator.clock import Instant
from emulator.flow_logs import NewFlowLog
from providers.urn import STACK_TYPE, Urn

CHECKOUT = Path(__file__).parents[2]
STACK = "local"
STACK_FILE = f"stacks/Pulumi.{STACK}.yaml"
NAMESPACE = "otc-flow-logs"
FLOW_LOG = "pulumi-python:dynamic/er:FlowLog"
LOG_STORES = ("pulumi-python:dynamic/lts:LogGroup", "pulumi-python:dynamic/lts:LogStream")
TIMEOUT = 120  # seconds, for one command
QUICK = ("--yes", "--skip-preview", "--suppress-progress")

# The demo cloud has 12 attachments on the routers of the stack `local`: one of type cfw, one not accepted.
DEMO_FLOW_LOGS = 10
CORE = ["vpc-data-platform", "vpc-payments", "vpc-shop", "vpc-shop-staging", "vpn-office-bonn", "vgw-direct-connect"]
EDGE = ["vpc-edge-proxy", "vpc-partner-portal", "vpn-office-hamburg", "vgw-colocation-munich"]
ARCHIVE = "er-flow-logs-archive"
CREATE = "POST */flow-logs"

FOREVER = 3600.0  # seconds

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "grpc_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
DEAD_PROXY = dict.fromkeys(PROXY_VARIABLES, "http://127.0.0.1:9")
"""A company's proxy for everything, which nothing on this machine can be reached through."""

shared_settings: dict[str, str] = {}
"""Environment variables with which each command skips what would be the same each time; set by `conftest`."""


def on_one_line(output: str) -> str:
    """The output with each run of white space replaced by one space: sentences are wrapped anywhere."""
    return " ".join(output.split())


@dataclass(frozen=True)
class Run:
    """How a command ended, and what it printed."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass
class Cloud:
    """The emulator behind a project, as its API and its console show it."""

    server: Server

    def flow_logs(self) -> dict[str, dict[str, Any]]:
        """All flow logs of all routers, by id."""
        return {
            flow_log["id"]: flow_log
            for router in self._get("instances")["instances"]
            for flow_log in self._get(f"{router['id']}/flow-logs")["flow_logs"]
        }

    def flow_log_of(self, attachment: str) -> dict[str, Any]:
        """The only flow log of the attachment with this name."""
        id_ = self.server.store.attachment(attachment).id
        (found,) = [flow_log for flow_log in self.flow_logs().values() if flow_log["resource_id"] == id_]
        return found

    def log(self, attachment: str, name: str, *, stream: str = "network/er-flow-logs", description: str = "") -> str:
        """Create a flow log outside the stack, as somebody does with the console; its id."""
        store = self.server.store
        target = store.attachment(attachment)
        group_name, _, stream_name = stream.partition("/")
        group = store.log_group(group_name)
        streams = {stream.name: stream.id for stream in store.log_tank.streams(self.server.project_id, group.id)}
        new = NewFlowLog(
            name=name,
            description=description,
            resource_id=target.id,
            log_group_id=group.id,
            log_stream_id=streams[stream_name],
        )
        return store.flow_logs.create(self.server.project_id, target.er_id, new).id

    def log_stores(self) -> dict[str, int]:
        """How long records are kept, in days, by `GROUP` and `GROUP/STREAM`."""
        log_tank, found = self.server.store.log_tank, {}
        for group in log_tank.groups():
            found[group.name] = group.ttl_in_days
            streams = log_tank.streams(group.project_id, group.id)
            found |= {f"{group.name}/{stream.name}": stream.ttl_in_days for stream in streams}
        return found

    def has_records(self, group: str, stream: str) -> bool:
        """Whether the log stream has any record."""
        store, found = self.server.store, self.server.store.log_group(group)
        ids = {other.name: other.id for other in store.log_tank.streams(found.project_id, found.id)}
        return any(store.delivery.lines(found.project_id, found.id, ids[stream], span=(0, 10**19)))

    def remove_log_groups(self) -> None:
        """Leave no log group, as in a new project."""
        for group in self.server.store.log_tank.groups():
            self.server.store.remove_log_group(group.name)

    @staticmethod
    def now() -> Instant:
        """The time on the emulator's clock."""
        return clock.now()

    @contextlib.contextmanager
    def assert_no_gaps(self, *attachments: str) -> Iterator[None]:
        """The attachments are logged at every instant of the block."""
        since = self.now()
        yield
        assert self.server.store.gaps(since=since, attachments=attachments) == []

    def complete_operations(self) -> None:
        """Complete all operations on flow logs that are under way."""
        for id_, flow_log in self.flow_logs().items():
            if flow_log["state"] in ("pending", "modifying"):
                self.server.store.set_flow_log_state(id_, "available")

    def restart_without_latency(self) -> None:
        """Complete all operations, and serve the same at the same address, without latency and with another token."""
        self.complete_operations()
        db, port = self.server.store.path, urlsplit(self.server.url).port
        self.server.close()
        self.server = serve(db, port=port or 0, behaviour=Behaviour(latency=0, strict=True))

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
    """A project folder with the checkout's code, and with stack files, state and emulator of its own."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)
    sessions: set[int] = field(default_factory=set)

    @classmethod
    def create(cls, directory: Path, *, copying: Path | None = None) -> Project:
        """Create a project with the stack file of the checkout's stack `local`.

        State and cloud are copies of those of the project in the folder `copying`; without it they are empty.
        """
        directory.mkdir(exist_ok=True)
        for name in ("providers", "emulator", "tools", ".venv"):
            (directory / name).symlink_to(CHECKOUT / name)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(CHECKOUT / name, directory)
        # With bytecode, which every program would otherwise compile first.
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
        """The project in a folder."""
        settings = {
            "PULUMI_CONFIG_PASSPHRASE": "",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_PARALLEL": "128",
            "OTC_FLOW_LOGS_READS": "128",
            "NO_COLOR": "1",
        }
        return cls(directory, {**neutral_environment(), **settings, **shared_settings})

    # Commands.

    def pulumi(self, *arguments: str, stack: str | None = STACK, **environment: str) -> Run:
        """Run `pulumi`, whether it succeeds or fails."""
        return self.run(self._command(arguments, stack), **environment)

    def run(self, command: list[str], *, input: str = "", **environment: str) -> Run:  # noqa: A002
        """Run a command in the project, whether it succeeds or fails."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env={**self.environment, **environment},
            input=input,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert "Traceback" not in done.stdout, done.stdout
        return Run(done.returncode, done.stdout)

    def module(self, name: str, *arguments: str) -> Run:
        """Run one of the project's commands, as `make` does."""
        return self.run([sys.executable, "-m", name, *arguments])

    def expect_ok(self, *arguments: str, stack: str | None = STACK, **environment: str) -> str:
        """Run `pulumi`, which must succeed; its output."""
        run = self.pulumi(*arguments, stack=stack, **environment)
        assert run.ok, run.output
        return run.output

    def expect_error(self, *arguments: str, stack: str | None = STACK, **environment: str) -> str:
        """Run `pulumi`, which must fail; its output on one line."""
        run = self.pulumi(*arguments, stack=stack, **environment)
        assert not run.ok, run.output
        return on_one_line(run.output)

    def up(self, *arguments: str, **environment: str) -> str:
        """Run `up` without its preview, which is the same run again; tests of previews ask for one."""
        return self.expect_ok("up", *QUICK, *arguments, **environment)

    def destroy(self, *arguments: str, **environment: str) -> str:
        return self.expect_ok("destroy", *QUICK, *arguments, **environment)

    def refresh(self, *arguments: str, **environment: str) -> str:
        return self.expect_ok("refresh", *QUICK, *arguments, **environment)

    def import_state(self, export: Mapping[str, Any], **environment: str) -> None:
        """Replace the stack's state."""
        file = self.directory / "state.json"
        file.write_text(json.dumps(export))
        self.expect_ok("stack", "import", "--file", str(file), **environment)

    def recover(self) -> None:
        """Do what `make recover` does."""
        run = self.module("stacks.commands.run", "recover", STACK)
        assert run.ok, run.output

    def expect_no_changes(self, *arguments: str, **environment: str) -> None:
        """Run a preview, which must find nothing to do."""
        self.expect_ok("preview", "--expect-no-changes", "--suppress-progress", *arguments, **environment)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `pulumi` as the leader of a session of its own, to be interrupted."""
        return self.start_command(self._command(arguments, STACK), {**self.environment, **environment})

    def start_command(self, command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command,
            cwd=self.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.sessions.add(process.pid)
        return process

    def start_creating(self, cloud: Cloud) -> subprocess.Popen[str]:
        """Start an `up`, and return when all its creates are under way in a cloud that completes none."""
        process = self.start("up", *QUICK)
        wait_until(lambda: len(cloud.flow_logs()) == DEMO_FLOW_LOGS, process)
        return process

    @staticmethod
    def kill_engine(process: subprocess.Popen[str]) -> None:
        """Kill `pulumi` itself; the processes that it started are left to notice."""
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=TIMEOUT)

    def end(self) -> None:
        """Kill all processes that were started here: Pulumi's language host outlives a killed `pulumi`."""
        for session in self.sessions:
            _kill_session(session)

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
        """Write these values to the stack file, by key without the namespace; what is not config stays."""
        document = yaml.safe_load(self.stack_file(stack).read_text())
        document["config"] = {f"{NAMESPACE}:{key}": value for key, value in values.items()}
        self.stack_file(stack).write_text(yaml.safe_dump(document, sort_keys=False))

    def change_config(self, **values: Any) -> None:
        """Change these keys in the stack file; None removes one."""
        changed = {**self.config(), **values}
        self.write_config({key: value for key, value in changed.items() if value is not None})

    def change_router(self, key: str, **values: Any) -> None:
        """Change these values of one router in the stack file."""
        routers = self.config()["routers"]
        routers[key] = {**routers[key], **values}
        self.change_config(routers=routers)

    def set_routers(self, **routers: Mapping[str, Any]) -> None:
        """Replace all routers in the stack file; each is er-core and logs to the group `network` by default."""
        usual = {"router": "er-core", "log_group": "network"}
        self.change_config(routers={key: {**usual, **router} for key, router in routers.items()})

    def use_cloud(self, cloud: Cloud) -> None:
        """Connect the project to this cloud in place of its embedded emulator."""
        self.change_config(endpoint=cloud.server.url, project_id=cloud.server.project_id)
        self.environment["OS_TOKEN"] = cloud.server.token

    # State.

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
        """The stack's state as its file has it."""
        latest: dict[str, Any] = json.loads(self.state_file(stack).read_text())["checkpoint"]["latest"] or {}
        return latest

    def outputs(self, stack: str = STACK) -> dict[str, Any]:
        """The stack's outputs as its state has them."""
        (outputs,) = [found["outputs"] for found in self.state(stack)["resources"] if found["type"] == STACK_TYPE]
        return dict(outputs)

    def flow_logs(self, stack: str = STACK) -> dict[str, dict[str, Any]]:
        """The flow logs in state, by id, including those that a failed create left."""
        resources = self.state(stack).get("resources", [])
        found = [resource for resource in resources if resource["type"] == FLOW_LOG and not resource.get("delete")]
        assert all(resource.get("id") for resource in found)
        return {resource["id"]: resource for resource in found}

    def log_stores(self, stack: str = STACK) -> dict[str, str]:
        """The ids of the log groups and log streams in state, by `GROUP` or `GROUP/STREAM`."""
        resources = self.state(stack).get("resources", [])
        return {Urn.parse(found["urn"]).name: found["id"] for found in resources if found["type"] in LOG_STORES}

    def urn(self, cloud: Cloud, attachment: str) -> str:
        """The URN of an attachment's only flow log."""
        urn: str = self.flow_logs()[cloud.flow_log_of(attachment)["id"]]["urn"]
        return urn


def _kill_session(session: int) -> None:
    for pid in members(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def assert_converged(project: Project, cloud: Cloud) -> None:
    """State and cloud have the same flow logs, no operation is pending, and a preview finds nothing to do."""
    assert_same_flow_logs(project, cloud)
    project.expect_no_changes()


def assert_same_flow_logs(project: Project, cloud: Cloud) -> None:
    """State and cloud have the same flow logs, and no operation is pending."""
    assert project.flow_logs().keys() == cloud.flow_logs().keys()
    assert not project.state().get("pending_operations")


def wait_until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for a condition while the process runs."""
    deadline = time.monotonic() + TIMEOUT / 2
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the condition was never met:\n{process.communicate(timeout=TIMEOUT)[0]}")
        time.sleep(0.05)


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
    author = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for arguments in (("init", "-q", "."), ("add", "-A"), (*author, "commit", "-qm", "all")):
        subprocess.run(["git", *arguments], cwd=directory, check=True)


def run_shell(
    command: str, directory: Path, exit_code: int = 0, timeout: float = TIMEOUT, /, **environment: str
) -> str:
    """Run a shell command, which must end with this code; none of Pulumi's variables is in its environment."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=directory,
        env={**as_in_a_new_shell(), "NO_COLOR": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == exit_code, done.stdout
    return done.stdout


def run_at_terminal(
    command: str,
    directory: Path,
    environment: Mapping[str, str],
    *,
    question: str = "",
    answer: str = "",
    until: str = "",
) -> str:
    """Run a shell command on a terminal, and answer its question; what the terminal showed.

    The command and all that it started are killed once the terminal shows the pattern `until`.
    """
    controller, terminal = pty.openpty()
    # The first terminal that a session opens becomes its own.
    name = os.ttyname(terminal)
    process = subprocess.Popen(
        ["sh", "-c", f"exec <{name} >{name} 2>&1; {command}"], cwd=directory, env=environment, start_new_session=True
    )
    shown, deadline, has_ended = "", time.monotonic() + TIMEOUT, False
    while not has_ended and time.monotonic() < deadline and not (until and re.search(until, shown)):
        has_ended = process.poll() is not None  # What it has shown last is read below.
        while select.select([controller], [], [], 0 if has_ended else 0.1)[0]:
            shown += os.read(controller, 65536).decode(errors="replace")
            if not has_ended:
                break
        if question and question in shown:
            question = ""
            os.write(controller, f"{answer}\n".encode())
    _kill_session(process.pid)
    process.wait(TIMEOUT)
    os.close(terminal)
    os.close(controller)
    return shown.replace("\r\n", "\n")


@contextlib.contextmanager
def serving(db: Path, **behaviour: Any) -> Iterator[Cloud]:
    """A cloud for the length of the block; `latency` and the like are the emulator's behaviour."""
    cloud = Cloud(serve(db, behaviour=Behaviour(strict=True, **behaviour)))
    try:
        yield cloud
    finally:
        cloud.server.close()

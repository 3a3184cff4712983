"""Commands on the demo cloud that something interrupts in the middle, with an emulator of their own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

from emulator.faults.plan import Fault
from tests.chaos.desired import DOUBLED, LOST, OWN, find_log_store_differences
from tests.chaos.expectations import LogStoreSpec, StackFile, take_snapshot
from tests.chaos.site import EmulatorProcess, Site, database_file, find_unfinished
from tests.e2e.harness import DEMO_FLOW_LOGS, QUICK, TIMEOUT, Project, serving

HOLD = 2.0 * TIMEOUT  # seconds, far beyond what a command may take
LATENCY = "0.3"  # seconds
DEMO_USER = {"OS_USERNAME": "demo", "OS_USER_DOMAIN_NAME": "OTC-DEMO", "OS_PASSWORD": "flow-logs-on-loopback"}
POLL_INTERVAL = 0.02  # seconds

COMMANDS = {
    "create": ("up", *QUICK),
    "change": ("up", *QUICK),
    "refresh": ("refresh", *QUICK),
    "destroy": ("destroy", *QUICK),
}
READ = "GET */flow-logs*"

LOG_STORES = {name: LogStoreSpec(14, {"env": "test"}, delete=True) for name in OWN}
CHANGED_LOG_STORES = {name: LogStoreSpec(30, {"env": "prod"}, delete=True) for name in OWN if name != "own/flow"}


class InterruptionSite(Site):
    """Where commands are run, each on a project that is ready for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, DEMO_USER, "--latency", LATENCY, project="eu-de")
        blank = self.project(self.blank)
        blank.change_router("edge", log_group="own", log_stream="flow", overrides={})
        _declare_log_stores(blank, LOG_STORES)
        self._up = folder / "up"
        shutil.copytree(self.blank, self._up, symlinks=True)
        project = self.project(self._up)
        with self.emulator(project):
            project.up()

    @contextmanager
    def ready_for(self, command: str) -> Iterator[tuple[Project, EmulatorProcess]]:
        """A project and its emulator, on which this command has something to do."""
        template = self.blank if command == "create" else self._up
        with self.copy(template) as project, self.emulator(project) as emulator:
            if command == "change":
                project.change_router("core", description="changed", enabled=False)
                project.change_router("edge", log_stream="more")
                _declare_log_stores(project, CHANGED_LOG_STORES)
            yield project, emulator


def start_until(
    project: Project, emulator: EmulatorProcess, command: str, call: str, *, number: int = 0, when: str = "before"
) -> Popen[str]:
    """Start a command, and return when a call is under way, which is not answered.

    Args:
        project: The project.
        emulator: Its emulator, where the call hangs until other faults are injected.
        command: One of `COMMANDS`.
        call: Which call, as a glob.
        number: Which of those that match, from 0.
        when: Whether the call hangs before or after it took effect.
    """
    emulator.inject([Fault("hold", calls=call, skip=number, times=1, when=when, seconds=HOLD)])
    process = project.start(*COMMANDS[command])
    deadline = time.monotonic() + TIMEOUT
    while not emulator.injected():
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"this call was never made: {call} number {number + 1} of {command}")
        time.sleep(POLL_INTERVAL)
    return process


def find_problems(project: Project, command: str) -> list[str]:
    """What is lost, doubled or left to do after a command and its recovery."""
    expected = 0 if command == "destroy" else DEMO_FLOW_LOGS
    stores = {"destroy": {}, "change": CHANGED_LOG_STORES}.get(command, LOG_STORES)
    with serving(database_file(project)) as cloud:
        flow_logs = cloud.flow_logs()
        targets = [
            (flow_log["resource_id"], flow_log["log_group_id"], flow_log["log_stream_id"])
            for flow_log in flow_logs.values()
        ]
        found = find_unfinished(project, flow_logs.keys())
        existing = take_snapshot(cloud.server.store).log_stores
        found += find_log_store_differences(stores, existing, project.log_stores())
        found += [f"{name} was to be deleted" for name in set(OWN) & existing.keys() - stores.keys()]
        found += [f"{DOUBLED}: {target}" for target in set(targets) if targets.count(target) > 1]
        if len(flow_logs) != expected:
            found.append(f"{LOST}: there are {len(flow_logs)} flow logs, not {expected}")
        if expected and not (preview := project.pulumi("preview", "--expect-no-changes", "--suppress-progress")).ok:
            found.append(f"left to do: {preview.output}")
    return found


def _declare_log_stores(project: Project, specs: Mapping[str, LogStoreSpec]) -> None:
    project.change_config(log_groups=StackFile({}, dict(specs)).config()["log_groups"])

"""Checks a state backend: `make check-backend`, or python -m bench.backend [--n N] for the one in $PULUMI_BACKEND_URL.

It makes a stack of its own in the backend, whose flow logs exist only in an emulator, and removes it at the end. It
kills `pulumi` in the middle of an `up`, shows what the state knows then, recovers the run, and times an `up` and a
`destroy`. It ends with 1 if the recovered state is not complete.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.emulator_process import EmulatorProcess, run_emulator
from bench.errors import BenchError
from bench.processes import Children
from bench.project import CHECKOUT, Project, pulumi_environment
from providers.backend import VARIABLE
from providers.urn import FLOW_LOG_TYPE
from stacks.checks.backend import mask_secrets
from stacks.state.recovery import find_pending_operations
from stacks.state.snapshot import find_resources

LATENCY = 2.0  # seconds
WAIT_SECONDS = 120.0
KILLED_AT = 3  # a third is created; at this width, the next third is being created
QUIET = ("--yes", "--skip-preview", "--suppress-progress")


class Check:
    """The check of one backend, step by step."""

    def __init__(self, project: Project, emulator: EmulatorProcess, n: int, report: Callable[[str, str], None]) -> None:
        self._project = project
        self._emulator = emulator
        self._n = n
        self._report = report

    def run(self) -> bool:
        """Whether the recovered state is complete."""
        self._kill()
        self._report("state after the kill", self._describe())
        failure = self._cancel()
        self._report("after `pulumi cancel`", failure or self._describe())
        if failure := self._try(sys.executable, "-m", "stacks.commands.run", "recover", self._project.stack):
            self._report("recovered", f"no: {failure}")
            return False
        in_state, in_cloud = len(self._flow_logs()), self._emulator.flow_logs()
        is_complete = in_state == in_cloud == self._n and not find_pending_operations(self._export())
        self._report("recovered", f"{'yes' if is_complete else 'no'}: {in_state} in the state, {in_cloud} in the cloud")
        self._project.pulumi("destroy", *QUIET)
        self._time("up")
        self._time("destroy")
        return is_complete

    def remove(self) -> None:
        """Remove the stack, in whatever state."""
        self._cancel()
        self._project.pulumi("stack", "rm", "--yes", "--force")

    def _cancel(self) -> str:
        return self._try("pulumi", "cancel", "--yes", "--stack", self._project.stack)

    def _kill(self) -> None:
        width, deadline = self._n // KILLED_AT, time.monotonic() + WAIT_SECONDS
        command = self._project.with_stack("pulumi", "up", *QUIET)
        with self._project.running(*command, PULUMI_PARALLEL=str(width)) as run:
            while (created := self._emulator.flow_logs()) < width:
                if run.process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError(f"`pulumi up` could not be killed in the middle:\n{run.output.read_text()}")
                time.sleep(LATENCY / 20)
            time.sleep(LATENCY / 2)
            run.process.kill()  # With the block, all that it has started is killed as well.
        self._report("killed", f"`pulumi up` of {self._n} flow logs, when {created} were available")

    def _time(self, command: str) -> None:
        seconds = self._project.pulumi(command, *QUIET)
        self._report(f"{command} of {self._n}", f"{seconds:.1f} s, of which a flow log takes {LATENCY:g} s")

    def _describe(self) -> str:
        pending = len(find_pending_operations(self._export()))
        return f"{len(self._flow_logs())} flow logs, {pending} pending operations"

    def _flow_logs(self) -> list[dict[str, Any]]:
        return [resource for resource in find_resources(self._export()) if resource["type"] == FLOW_LOG_TYPE]

    def _export(self) -> dict[str, Any]:
        file = self._project.directory / "export.json"
        self._project.pulumi("stack", "export", "--file", str(file))
        export: dict[str, Any] = json.loads(file.read_text())
        return export

    def _try(self, *command: str) -> str:
        """The last line of the command's output if it fails."""
        ended = subprocess.run(
            command,
            cwd=self._project.directory,
            env=self._project.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return ended.stdout.strip().splitlines()[-1] if ended.returncode else ""


def check_backend(n: int, report: Callable[[str, str], None]) -> bool:
    """Check the backend in the environment; whether a killed run is recovered completely.

    Args:
        n: The number of flow logs, at least 3.
        report: Called with each result: a label and a text.

    Raises:
        BenchError: A command failed.
    """
    url, stack = os.environ.get(VARIABLE, ""), f"check-{uuid.uuid4().hex[:8]}"
    report("backend", mask_secrets(url) or "a local file")
    with tempfile.TemporaryDirectory() as name, Children() as children:
        folder = Path(name)
        (folder / "project").mkdir()
        with run_emulator(children, CHECKOUT, folder, attachments=n, latency=LATENCY) as emulator:
            chosen = {**emulator.credentials, "PULUMI_CONFIG_PASSPHRASE": stack, **({VARIABLE: url} if url else {})}
            environment = pulumi_environment(**chosen)
            config = emulator.stack_config(range(1))
            project = Project.of_checkout(folder / "project", environment, children, stack=stack, stack_config=config)
            check = Check(project, emulator, n, report)
            try:
                return check.run()
            finally:
                check.remove()


def main() -> int:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="python -m bench.backend", description=__doc__, formatter_class=form)
    parser.add_argument("--n", type=int, default=60, help="how many flow logs (default: %(default)s)")
    options = parser.parse_args()

    def report(label: str, text: str) -> None:
        print(f"{label:22} {text}", flush=True)

    try:
        is_complete = check_backend(max(options.n, KILLED_AT), report)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0 if is_complete else 1


if __name__ == "__main__":
    sys.exit(main())

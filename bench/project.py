"""A Pulumi project of its own for each repetition, and the real `pulumi` in it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import yaml

from bench.errors import BenchError
from bench.memory import PeakMemory
from bench.processes import Children, neutral_environment
from bench.variants import THIS_PROJECT, Variant
from providers.config_keys import qualified
from tools import offline, pulumi_cli
from tools.prepare import exports

CHECKOUT = Path(__file__).absolute().parent.parent
STACK = "local"
COMMAND_SECONDS = 3600.0  # far beyond the longest: the base host with 1,000 flow logs
LAST_LINES = 30  # of a failed command


def pulumi_environment(**chosen: str) -> dict[str, str]:
    """The variables that `make` sets for `pulumi`, with `chosen` ones, and without the user's own cloud and backend."""
    kept = {**neutral_environment(), "PULUMI_CONFIG_PASSPHRASE": "", **chosen}
    kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    cli, venv = pulumi_cli.find_cli(), CHECKOUT / ".venv"
    made = {**kept, **exports(kept, venv, cli.folder, STACK), "NO_COLOR": "1"}
    made |= {name: value for name, value in offline.environment(cli.folder, venv, made).items() if value is not None}
    return made


@dataclass(frozen=True)
class Outcome:
    """How long a command took, and the peak memory of the provider process in 10^6 bytes."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Run:
    """A command that was started.

    Attributes:
        command: What was run.
        process: It leads a session of its own.
        start: By `time.perf_counter`.
        output: The file with its output.
    """

    command: str
    process: subprocess.Popen[bytes]
    start: float
    output: Path

    def end(self) -> float:
        """Wait until it succeeds; the seconds since its start.

        Raises:
            BenchError: It failed; with its last lines.
        """
        # Without a timeout, with which it would poll for the end.
        code = self.process.wait()
        seconds = time.perf_counter() - self.start
        if code:
            last = "\n".join(self.output.read_text(errors="replace").splitlines()[-LAST_LINES:])
            raise BenchError(f"{self.command} ended with {code} after {seconds:.0f} s:\n{last}")
        return seconds


@dataclass(frozen=True)
class Project:
    """A project folder with a stack in which nothing is up yet."""

    directory: Path
    environment: Mapping[str, str]
    children: Children
    provider_module: str
    stack: str = STACK

    @classmethod
    def of_checkout(
        cls,
        directory: Path,
        environment: Mapping[str, str],
        children: Children,
        *,
        variant: Variant = THIS_PROJECT,
        stack: str = STACK,
        stack_config: Mapping[str, Any] | None = None,
    ) -> Project:
        """The checkout's code with the variant's host, and `stack_config` in place of the stack file."""
        for name in ("providers", "emulator", "bench", ".venv"):
            (directory / name).symlink_to(CHECKOUT / name)
        shutil.copy(CHECKOUT / "__main__.py", directory)
        # With bytecode, as after an earlier run.
        shutil.copytree(CHECKOUT / "stacks", directory / "stacks")
        document = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
        variant.adapt(document)
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(document))
        return cls(directory, environment, children, variant.module, stack)._with_stack(stack_config)

    def beside(self, stack: str, stack_config: Mapping[str, Any]) -> Project:
        """The same project folder with another stack of that name."""
        return replace(self, stack=stack)._with_stack(stack_config)

    @classmethod
    def with_empty_program(cls, directory: Path, environment: Mapping[str, str], children: Children) -> Project:
        """A project with the checkout's runtime and backend, and a program that declares nothing."""
        (directory / ".venv").symlink_to(CHECKOUT / ".venv")
        (directory / "__main__.py").write_text("import pulumi\n")
        document = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
        kept = {key: document[key] for key in ("name", "runtime", "backend")}
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(kept))
        return cls(directory, environment, children, THIS_PROJECT.module)._with_stack(None)

    def _with_stack(self, stack_config: Mapping[str, Any] | None) -> Project:
        if stack_config is not None:
            config = {qualified(key): value for key, value in stack_config.items()}
            (self.directory / "stacks" / f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        (self.directory / ".local" / "state").mkdir(parents=True, exist_ok=True)
        # Not selected: a selection would stay in Pulumi's home.
        self.pulumi("stack", "init", "--no-select")
        return self

    @property
    def state_bytes(self) -> int:
        """The size of the stack's state."""
        (file,) = (self.directory / ".local" / "state").glob(f".pulumi/stacks/*/{self.stack}.json")
        return file.stat().st_size

    def pulumi(self, *arguments: str, **environment: str) -> Outcome:
        """Run `pulumi`, which must succeed.

        Raises:
            BenchError: It failed; with its last lines.
        """
        with (
            self.running(*arguments, **environment) as run,
            PeakMemory(run.process.pid, self.provider_module) as peak,
        ):
            seconds = run.end()
        return Outcome(seconds, peak.megabytes)

    @contextlib.contextmanager
    def running(self, *arguments: str, **environment: str) -> Iterator[Run]:
        """`pulumi` as long as the block lasts; its output is kept in case it fails."""
        file = self.directory / f"output-{self.stack}.txt"
        with file.open("wb") as output:
            start = time.perf_counter()
            with self.started(*arguments, output=output, **environment) as process:
                yield Run(f"pulumi {' '.join(arguments)} --stack {self.stack}", process, start, file)

    @contextlib.contextmanager
    def started(
        self, *arguments: str, output: IO[bytes] | int, **environment: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`pulumi` as long as the block lasts, and no longer than `COMMAND_SECONDS`."""
        command = ["pulumi", *arguments, "--stack", self.stack, "--non-interactive"]
        with self.children.running(
            command, cwd=self.directory, environment={**self.environment, **environment}, output=output
        ) as process:
            deadline = threading.Timer(COMMAND_SECONDS, self.children.end, (process,))
            deadline.daemon = True
            deadline.start()
            try:
                yield process
            finally:
                deadline.cancel()

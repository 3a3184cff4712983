"""A Pulumi project of its own for each repetition, and the real `pulumi` and `make` in it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from bench.errors import BenchError
from bench.processes import Children, neutral_environment
from bench.variants import OURS, Variant
from providers.config_keys import qualified
from tools import offline, pulumi_cli
from tools.prepare import exports

CHECKOUT = Path(__file__).absolute().parent.parent
STACK = "local"
COMMAND_SECONDS = 1200.0  # far beyond the longest
LAST_LINES = 30  # of a failed command
OUTER_MAKE = ("MAKE", "MFLAGS", "ARGS", "STACK", "CONFIRM", "DELIVERY", "WAIT")
"""How the names begin that `make bench` and its user set for that make, and not for those that are measured."""


def pulumi_environment(**chosen: str) -> dict[str, str]:
    """The variables that `make` sets for `pulumi`, with `chosen` ones, and without the user's own cloud and backend."""
    kept = {name: value for name, value in neutral_environment().items() if not name.startswith(OUTER_MAKE)}
    kept |= {"PULUMI_CONFIG_PASSPHRASE": "", **chosen}
    kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    cli, venv = pulumi_cli.find_cli(), CHECKOUT / ".venv"
    made = {**kept, **exports(kept, venv, cli.folder, STACK), "NO_COLOR": "1", **chosen}
    made |= {name: value for name, value in offline.environment(cli.folder, venv, made).items() if value is not None}
    return made


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
    stack: str = STACK

    @classmethod
    def of_checkout(
        cls,
        directory: Path,
        environment: Mapping[str, str],
        children: Children,
        *,
        stack_config: Mapping[str, Any],
        variant: Variant = OURS,
        stack: str = STACK,
    ) -> Project:
        """The checkout's code with the variant's host, and `stack_config` in place of the stack file."""
        for name in ("providers", "emulator", "bench", "tools", ".venv", "Makefile"):
            (directory / name).symlink_to(CHECKOUT / name)
        shutil.copy(CHECKOUT / "__main__.py", directory)
        # With bytecode, as after an earlier run.
        shutil.copytree(CHECKOUT / "stacks", directory / "stacks")
        document = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
        variant.adapt(document)
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(document))
        return cls(directory, environment, children, stack)._with_stack(stack_config)

    def beside(self, stack: str, stack_config: Mapping[str, Any]) -> Project:
        """The same project folder with another stack of that name."""
        return replace(self, stack=stack)._with_stack(stack_config)

    def _with_stack(self, stack_config: Mapping[str, Any]) -> Project:
        config = {qualified(key): value for key, value in stack_config.items()}
        (self.directory / "stacks" / f"Pulumi.{self.stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        (self.directory / ".local" / "state").mkdir(parents=True, exist_ok=True)
        # Not selected: a selection would stay in Pulumi's home.
        self.pulumi("stack", "init", "--no-select")
        return self

    def pulumi(self, *arguments: str, **environment: str) -> float:
        """Run `pulumi`, which must succeed; how many seconds it took.

        Raises:
            BenchError: It failed; with its last lines.
        """
        with self.running(*self.with_stack("pulumi", *arguments), **environment) as run:
            return run.end()

    def with_stack(self, *command: str) -> tuple[str, ...]:
        """The command of make or Pulumi, for this stack."""
        if command[0] == "make":
            return (*command, f"STACK={self.stack}")
        return (*command, "--stack", self.stack, "--non-interactive")

    @contextlib.contextmanager
    def running(self, *command: str, **environment: str) -> Iterator[Run]:
        """The command as long as the block lasts, and no longer than `COMMAND_SECONDS`; its output is kept."""
        file = self.directory / f"output-{self.stack}.txt"
        changed = {**self.environment, **environment}
        with file.open("wb") as output:
            start = time.perf_counter()
            with self.children.running(command, cwd=self.directory, environment=changed, output=output) as process:
                deadline = threading.Timer(COMMAND_SECONDS, self.children.end, (process,))
                deadline.daemon = True
                deadline.start()
                try:
                    yield Run(" ".join(command), process, start, file)
                finally:
                    deadline.cancel()

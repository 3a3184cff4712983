"""A Pulumi project of its own for each repetition, and the real `pulumi` in it."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import yaml

from bench.errors import BenchError
from bench.memory import PeakMemory
from bench.processes import Children, without_a_persons_own
from bench.variants import OURS, Variant
from providers.keys import full
from tools import pulumi_cli
from tools.prepare import exports
from tools.stand_in_home import stand_in_home

CHECKOUT = Path(__file__).absolute().parent.parent
STACK = "local"
COMMAND_SECONDS = 3600.0  # far beyond the longest: the stock host with 1,000 flow logs
LAST_LINES = 30  # of a failed command


def pulumi_environment() -> dict[str, str]:
    """What `make` sets for `pulumi` (PULUMI_PARALLEL among it), and nothing of the person's own cloud or backend."""
    kept = without_a_persons_own()
    kept.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
    cli, venv = pulumi_cli.find(), CHECKOUT / ".venv"
    made = {**kept, "PULUMI_CONFIG_PASSPHRASE": "", **exports(kept, venv, cli.folder, STACK), "NO_COLOR": "1"}
    return made | (stand_in_home(cli.folder, venv, made) if cli.has_stand_in else {})


@dataclass(frozen=True)
class Outcome:
    """How long a command took, and the peak memory of the provider process in 10^6 bytes."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Project:
    """A project folder with a stack in which nothing is up yet."""

    directory: Path
    environment: Mapping[str, str]
    children: Children
    provider_module: str

    @classmethod
    def of_checkout(
        cls,
        directory: Path,
        environment: Mapping[str, str],
        children: Children,
        *,
        variant: Variant = OURS,
        stack_config: Mapping[str, Any] | None = None,
    ) -> Project:
        """The checkout's code with the variant's host; its stack file says `stack_config`, else what it says there."""
        for name in ("providers", "emulator", "bench", ".venv"):
            (directory / name).symlink_to(CHECKOUT / name)
        shutil.copy(CHECKOUT / "__main__.py", directory)
        # With bytecode, as where pulumi has run before.
        shutil.copytree(CHECKOUT / "stacks", directory / "stacks")
        document = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
        variant.adapt(document)
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(document))
        if stack_config is not None:
            config = {full(key): value for key, value in stack_config.items()}
            (directory / "stacks" / f"Pulumi.{STACK}.yaml").write_text(yaml.safe_dump({"config": config}))
        return cls(directory, environment, children, variant.module)._with_stack()

    @classmethod
    def with_empty_program(cls, directory: Path, environment: Mapping[str, str], children: Children) -> Project:
        """A project with the checkout's runtime and backend, and a program that declares nothing."""
        (directory / ".venv").symlink_to(CHECKOUT / ".venv")
        (directory / "__main__.py").write_text("import pulumi\n")
        document = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())
        kept = {key: document[key] for key in ("name", "runtime", "backend")}
        (directory / "Pulumi.yaml").write_text(yaml.safe_dump(kept))
        return cls(directory, environment, children, OURS.module)._with_stack()

    def _with_stack(self) -> Project:
        (self.directory / ".local" / "state").mkdir(parents=True)
        # Unselected: a selection would stay behind in Pulumi's home.
        self.pulumi("stack", "init", "--no-select")
        return self

    @property
    def state_bytes(self) -> int:
        """The size of the stack's state."""
        (file,) = (self.directory / ".local" / "state").glob(f".pulumi/stacks/*/{STACK}.json")
        return file.stat().st_size

    def pulumi(self, *arguments: str, **environment: str) -> Outcome:
        """Run `pulumi`, which must succeed.

        Raises:
            BenchError: It did not; with what it printed last.
        """
        file = self.directory / "output.txt"
        with file.open("wb") as output:
            start = time.perf_counter()
            with (
                self.started(*arguments, output=output, **environment) as process,
                PeakMemory(process.pid, self.provider_module) as peak,
            ):
                # Without a timeout of its own, which would have it look for the end now and then only.
                code = process.wait()
                seconds = time.perf_counter() - start
        if code:
            last = "\n".join(file.read_text(errors="replace").splitlines()[-LAST_LINES:])
            raise BenchError(f"pulumi {' '.join(arguments)} ended with {code} after {seconds:.0f} s:\n{last}")
        return Outcome(seconds, peak.megabytes)

    @contextlib.contextmanager
    def started(
        self, *arguments: str, output: IO[bytes] | int, **environment: str
    ) -> Iterator[subprocess.Popen[bytes]]:
        """`pulumi` as long as the block lasts, and no longer than `COMMAND_SECONDS`."""
        command = ["pulumi", *arguments, "--stack", STACK, "--non-interactive"]
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

"""Thousands of operations in one provider process, and whether its memory and its open files stay as they are."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2_grpc

import emulator
from bench.emulator_process import seed as world_of
from bench.processes import neutral_environment
from emulator import Behaviour, Server
from tests.chaos.desired import STREAMS, FlowLogSpec
from tests.chaos.engine import Engine, declaring
from tests.chaos.faults_in_process import inputs
from tests.e2e.harness import CHECKOUT, NAMESPACE

ENGINES = 8  # at work at once
FLOW_LOGS = 25  # of each
PER_ROUND = ENGINES * FLOW_LOGS * 5  # each is created, read, updated, read and deleted
TIMEOUT = 60.0  # seconds for one operation
WARM = 2 * PER_ROUND  # operations after which all caches are filled
MORE_MEMORY = 1.1  # of the memory when warm: freed memory is not returned at once
MORE_FILES = 8  # more than when warm: connections to the API come and go
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)  # proc(5), in KiB


@dataclass(frozen=True)
class Usage:
    """What the provider process uses after a number of operations: resident memory in 10^6 bytes, and open files."""

    operations: int
    megabytes: float
    files: int

    def __str__(self) -> str:
        return f"{self.megabytes:.0f} MB and {self.files} open files after {self.operations:,} operations"


def soak(operations: int, folder: Path, say: Callable[[str], None]) -> tuple[list[Usage], list[str]]:
    """Run the operations; what the provider used once it was warm and at the end, and all problems.

    Args:
        operations: How many at least.
        folder: An empty folder.
        say: ResultT how far it is.
    """
    seed = folder / "seed.yaml"
    seed.write_text(json.dumps(world_of(ENGINES * FLOW_LOGS)))
    usages: list[Usage] = []
    problems: list[str] = []
    with (
        emulator.serve(folder / "emulator.db", seed=seed, behaviour=Behaviour(latency=0, strict=True)) as server,
        _provider() as (pid, stub),
        ThreadPoolExecutor(ENGINES) as pool,
    ):
        names = sorted(attachment.name for attachment in server.store.network.all_attachments())
        shares = [
            {name: FlowLogSpec(name, STREAMS[0], name, enabled=True) for name in names[first : first + FLOW_LOGS]}
            for first in range(0, len(names), FLOW_LOGS)
        ]
        while not usages or usages[-1].operations < operations:
            problems += _round(server, stub, pool, shares)
            usages.append(_usage(pid, PER_ROUND * (len(usages) + 1)))
            say(f"{usages[-1].operations:,} of {operations:,} operations")
    warm, last = [usage for usage in usages if usage.operations <= WARM][-1], usages[-1]
    if last.megabytes > warm.megabytes * MORE_MEMORY or last.files > warm.files + MORE_FILES:
        problems.append(f"grown from {warm} to {last}")
    return [warm, last], problems


def _round(server: Server, stub: Any, pool: Executor, shares: Sequence[Mapping[str, FlowLogSpec]]) -> list[str]:
    """Create the flow logs, rename them, and delete them; for the host, each is a run of its own."""
    engines = [Engine(stub, TIMEOUT, []) for _ in shares]
    renamed = [{name: replace(spec, name=f"{name}-renamed") for name, spec in share.items()} for share in shares]
    deleted: list[dict[str, FlowLogSpec]] = [{} for _ in shares]
    problems = []
    for phase in (shares, renamed, deleted):
        _begin_run(server, stub)
        reports = pool.map(lambda engine, share: engine.up(declaring(inputs(server, share))), engines, phase)
        for share, report in zip(shares, reports, strict=True):
            if len(report.steps) != len(share):
                problems.append(f"an up had {len(report.steps)} steps, not {len(share)}; errors: {report.errors}")
    return problems


def _begin_run(server: Server, stub: Any) -> None:
    config = {"endpoint": server.url, "token": server.token, "project_id": server.project_id}
    args = Struct()
    args.update({f"{NAMESPACE}:{key}": value for key, value in config.items()})
    stub.Configure(proto.ConfigureRequest(args=args))


@contextmanager
def _provider() -> Iterator[tuple[int, Any]]:
    """The host as a process of its own, as the engine starts it: its id, and a stub for it."""
    no_engine = "127.0.0.1:1"  # the address for messages about waits of seconds
    command = [sys.executable, "-u", "-m", "providers.host", no_engine]
    environment = neutral_environment()
    with subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield process.pid, provider_pb2_grpc.ResourceProviderStub(channel)
        finally:
            process.kill()


def _usage(pid: int, operations: int) -> Usage:
    folder = Path("/proc", str(pid))
    resident = _RESIDENT.search((folder / "status").read_text())
    assert resident
    return Usage(operations, int(resident[1]) * 1024 / 1e6, len(list((folder / "fd").iterdir())))

"""One seeded run through the real host, in this process: faults, crashes, edits; then one more `up` converges.

Operations run one at a time, hardly wait, and even ids are drawn: a seed decides all that happens.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock
from uuid import UUID

import emulator
from bench.emulator_process import DOMAIN, LOG_GROUP, PASSWORD, PROJECT, ROUTER, USER
from bench.emulator_process import seed as world_of
from emulator import Behaviour, Server
from emulator.behaviour import MISSING_FLOW_LOG
from emulator.flow_logs import AVAILABLE, PENDING, FlowLog, NewFlowLog
from emulator.rules import UNLIMITED
from providers.connection import Connection
from providers.er import Client, Deadline, Endpoints
from providers.er.retry import Backoff, exponential_backoff
from providers.host.session import Session
from providers.urn import FLOW_LOG_TYPE, Urn
from tests.chaos import desired, faults
from tests.chaos.desired import FlowLogSpec
from tests.chaos.engine import (
    CrashError,
    Engine,
    IdOf,
    Resource,
    Runs,
    declare_log_stores,
    declaring,
    log_store_urn,
)
from tests.chaos.expectations import LogStoreSpec, take_snapshot
from tests.chaos.outcome import Outcome
from tests.credentials import password_credentials
from tests.sdk import hosted

ATTACHMENTS = 30
OTHERS = 4  # flow logs of somebody else
UPS = 4  # with faults, before the one without
CRASHES = 0.01  # of all operations
TIMEOUT = 5.0  # seconds for one operation, by a clock of its own
ANSWER_TAKES = 0.2  # seconds on that clock
KEY = "0f2b6c1e-8f0e-4a1c-9d55-3a1be6a7c001"  # the stack's idempotency key
AT_ONCE = exponential_backoff(first=0.001, factor=1.2, cap=0.02)
_IDS = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|127\.0\.0\.1:\d+")


def run(seed: int, folder: Path, base: type[Any]) -> Outcome:
    """Run this seed, in an empty folder, with the SDK's servicer class."""
    rng, outcome = Random(seed), Outcome()
    behaviour = Behaviour(latency=0, strict=True, missing_flow_log=rng.choice(MISSING_FLOW_LOG))
    with (
        drawn_ids(rng, "emulator.flow_logs.uuid4", "emulator.log_tank.uuid4", "emulator.store.uuid4"),
        serve_seeded(folder, behaviour) as server,
    ):
        attachments = sorted(attachment.name for attachment in server.store.network.all_attachments())
        others = create_flow_logs_of_others(server, rng, attachments)
        state: list[Resource] = []
        specs = desired.draw(rng, attachments)
        stores = desired.draw_log_stores(rng, specs)
        for number in range(UPS):
            server.faults.use(rng.randrange(1_000_000), faults.draw(rng))
            crash_rng = Random(rng.randrange(1_000_000))
            try:
                with host(server, base) as stub:
                    engine = Engine(stub, TIMEOUT, state, crashes=lambda own=crash_rng: own.random() < CRASHES)  # type: ignore[misc]
                    report = engine.up(_program(server, specs, stores))
                outcome.journal.append(f"up {number}: {len(report.steps)} steps")
            except CrashError:
                outcome.injected["crash"] += 1
                outcome.journal.append(f"up {number}: crash")
            specs = desired.change(rng, specs, attachments)
            stores = desired.draw_log_stores(rng, specs)
            outcome.journal += [_IDS.sub("…", error) for error in engine.report.errors]
            outcome.injected.update(server.faults.injected())
        outcome.journal.append(json.dumps(dict(sorted(server.requests.read().items()))))
        clear_faults(server)
        outcome.problems = _converge(server, base, state, specs, stores, others)
    return outcome


def _converge(
    server: Server,
    base: type[Any],
    state: list[Resource],
    specs: dict[str, FlowLogSpec],
    stores: dict[str, LogStoreSpec],
    others: dict[str, FlowLog],
) -> list[str]:
    """The problems after one more `up`."""
    program = _program(server, specs, stores)
    with host(server, base) as stub:
        report = Engine(stub, TIMEOUT, state).up(program)
        found = [*report.errors, *desired.find_differences(specs, server.store, others=others)]
        live = {flow_log.id for flow_log in server.store.flow_logs.live()}
        flow_logs = {resource.id for resource in state if resource.type_token == FLOW_LOG_TYPE}
        found += desired.find_strays(live - others.keys(), flow_logs)
        in_state = {Urn.parse(resource.urn).name: resource.id for resource in state if resource.id not in flow_logs}
        found += desired.find_log_store_differences(stores, take_snapshot(server.store).log_stores, in_state)
    with host(server, base) as stub:
        if steps := Engine(stub, TIMEOUT, state).up(program).steps:
            found.append(f"another up has steps: {steps}")
    return found


def _program(server: Server, specs: dict[str, FlowLogSpec], stores: dict[str, LogStoreSpec]) -> Runs:
    settings = {
        name: {"ttl_in_days": spec.ttl_in_days, "tags": spec.tags, "delete_with_data": spec.delete}
        for name, spec in stores.items()
    }
    return declaring(inputs(server, specs), declare_log_stores(settings, KEY))


def create_flow_logs_of_others(server: Server, rng: Random, attachments: list[str]) -> dict[str, FlowLog]:
    """Create some that log to a stream of their own; by id, as they have to stay."""
    store = server.store
    store.add_log_stream(LOG_GROUP, "of-somebody-else")
    group = store.log_group(LOG_GROUP)
    stream = store.log_tank.streams(server.project_id, group.id)[-1]
    er_id = store.router(ROUTER).id
    for name in rng.sample(attachments, OTHERS):
        new = NewFlowLog(
            name="of-somebody-else",
            description="",
            resource_id=store.attachment(name).id,
            log_group_id=group.id,
            log_stream_id=stream.id,
        )
        created = store.flow_logs.create(server.project_id, er_id, new)
        store.set_flow_log_state(created.id, AVAILABLE)
    return {flow_log.id: flow_log for flow_log in store.flow_logs.live()}


def clear_faults(server: Server) -> None:
    """End all faults, complete all operations, and lift the quota."""
    server.faults.use(0, [])
    server.store.set_quota(UNLIMITED)
    for flow_log in server.store.flow_logs.live():
        if flow_log.state == PENDING:
            server.store.set_flow_log_state(flow_log.id, AVAILABLE)


@contextmanager
def drawn_ids(rng: Random, *functions: str) -> Iterator[None]:
    """Draw the ids that these functions return: the order of lists depends on them."""
    id_rng = Random(rng.randrange(1_000_000))

    def draw() -> UUID:
        return UUID(int=id_rng.getrandbits(128), version=4)

    with ExitStack() as patches:
        for function in functions:
            patches.enter_context(mock.patch(function, draw))
        yield


@contextmanager
def serve_document(folder: Path, document: Mapping[str, Any], behaviour: Behaviour) -> Iterator[Server]:
    """An emulator with the cloud that a seed document describes."""
    seed_file = folder / "seed.yaml"
    seed_file.write_text(json.dumps(document))
    with emulator.serve(folder / "emulator.db", seed=seed_file, behaviour=behaviour) as server:
        yield server


@contextmanager
def serve_seeded(folder: Path, behaviour: Behaviour) -> Iterator[Server]:
    with serve_document(folder, world_of(ATTACHMENTS), behaviour) as server:
        server.store.add_log_stream(*desired.STREAMS[1].split("/"))
        yield server


class Time:
    """A clock that moves only when it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class QuickDeadline(Deadline):
    """The same in every run: pauses and answers take time on its own clock only."""

    def sleep(self, seconds: float, *, waiting_for: str) -> None:
        self.check(waiting_for)
        self._pass(seconds)

    def wait_for(self, done: threading.Event, *, waiting_for: Callable[[], str], grace: float = 0.0) -> None:
        done.wait()
        self._pass(ANSWER_TAKES)

    def _pass(self, seconds: float) -> None:
        cast(Time, self.clock).now += seconds


class QuickSession(Session):
    @contextmanager
    def deadline(self, request: Any) -> Iterator[Deadline]:
        with super().deadline(request) as deadline:
            yield QuickDeadline(seconds=deadline.seconds, cancelled=deadline.cancelled, clock=Time())


def quick_client(server: Server, backoff: Backoff | None = AT_ONCE) -> Client:
    """A client that hardly waits between polls; without a backoff it uses its own."""
    endpoints = Endpoints.at(server.url)
    credentials = password_credentials(
        auth_url=endpoints.iam, username=USER, password=PASSWORD, domain_name=DOMAIN, project_name=PROJECT
    )
    return Client(credentials, endpoints, backoff=backoff, poll=AT_ONCE)


def host_with(client: Client, base: type[Any]) -> AbstractContextManager[Any]:
    """A stub for a new host, as every `up` has one, with this client."""
    return hosted(base, QuickSession(connection=cast(Connection, SimpleNamespace(client=client))))


def host(server: Server, base: type[Any], backoff: Backoff | None = AT_ONCE) -> AbstractContextManager[Any]:
    """A stub for a new host, with a client of its own."""
    return host_with(quick_client(server, backoff), base)


def inputs(server: Server, specs: Mapping[str, FlowLogSpec]) -> dict[str, dict[str, Any]]:
    """The inputs of these flow logs, by logical name, which follows from the target."""
    store, existing = server.store, take_snapshot(server.store).streams

    def place(stream: str) -> tuple[str | IdOf, str | IdOf]:
        group, _, name = stream.partition("/")
        own = IdOf(log_store_urn(group)), IdOf(log_store_urn(stream))
        return own if stream in desired.OWN else existing[group, name]

    return {
        f"{attachment}-{spec.stream}": {
            "er_id": store.router(ROUTER).id,
            "resource_id": store.attachment(attachment).id,
            **dict(zip(("log_group_id", "log_stream_id"), place(spec.stream), strict=True)),
            "name": spec.name,
            "enabled": spec.enabled,
            "idempotency_key": KEY,
        }
        for attachment, spec in specs.items()
    }

"""Sequences of edits, each with its preview and its `up`, in this process: what is decided by the real code, what is
done by the real host, and only the engine is a stand-in. A seed decides all that happens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock
from uuid import UUID

from google.protobuf.json_format import MessageToDict

import emulator
from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from providers.connection import Connection
from providers.er import Client, Endpoints
from providers.er.auth.password import PasswordCredentials
from providers.flow_log_provider import FlowLogProvider
from providers.urn import FLOW_LOG_TYPE, Urn
from stacks.decision import Decision, Previous, decide
from stacks.errors import PROGRAM, StackError
from stacks.planning.naming import COMPONENT_TYPE
from stacks.stackfile.loader import parse_stack_file
from stacks.state.last_run import read_last_run
from stacks.state.managed import find_managed_flow_logs
from tests.chaos import edits
from tests.chaos.course import Course, Held, follow
from tests.chaos.edits import Editor
from tests.chaos.engine import (
    Declaration,
    Engine,
    Options,
    Program,
    RefusedError,
    Report,
    Resource,
    urn,
)
from tests.chaos.intent import StackFile
from tests.chaos.judge import DONE, FAILED_RUN, REFUSED, Ended
from tests.chaos.seeded import AT_ONCE, KEY, QuickHandler, QuickPatience, Time
from tests.sdk import hosted

TIMEOUT = 5.0  # seconds for one operation, by a clock of its own
STACK = "local"


def run(seed: int, folder: Path, base: type[Any]) -> Course:
    """The sequence of this seed.

    Args:
        seed: Decides everything.
        folder: An empty one.
        base: The SDK's servicer class.
    """
    lots, course = Random(seed), Course(seed)
    id_lots = Random(lots.randrange(1_000_000))

    def drawn_id() -> UUID:
        return UUID(int=id_lots.getrandbits(128), version=4)

    with (
        mock.patch("emulator.flow_logs.uuid4", drawn_id),
        mock.patch("emulator.store.uuid4", drawn_id),
        mock.patch("providers.journal.FOLDER", folder / "creating"),
        _world(folder, lots) as server,
    ):
        stack = _Stack(server, base)
        editor = Editor(lots, server.store, edits.first_file(lots))
        follow(course, stack, editor, waits=True, name_as_before=stack.name_as_before)
    return course


@contextmanager
def _world(folder: Path, lots: Random) -> Iterator[Server]:
    seed_file = folder / "seed.yaml"
    seed_file.write_text(json.dumps(edits.world(lots)))
    with emulator.serve(folder / "emulator.db", seed=seed_file, behaviour=Behaviour(latency=0)) as server:
        yield server


class _Stack:
    """The stack: its state, the outputs of its last run, and what runs it."""

    def __init__(self, server: Server, base: type[Any]) -> None:
        self.store = server.store
        self._faults = server.faults
        self._state: list[Resource] = []
        self._stock = base
        self._outputs: Mapping[str, Any] = {}
        self._has_key = False
        endpoints = Endpoints.at(server.url)
        credentials = PasswordCredentials(
            auth_url=endpoints.iam,
            username=edits.USER,
            password=edits.PASSWORD,
            domain_name=edits.DOMAIN,
            project_name=edits.PROJECT,
        )
        self._client = Client(credentials, endpoints, backoff=AT_ONCE, poll=AT_ONCE)

    @property
    def held(self) -> list[Held]:
        """The flow logs in the state."""
        return [
            Held(one.urn, one.id, str(one.outputs["resource_id"]), str(one.outputs["log_stream_id"]))
            for one in self._state
        ]

    def inject(self, faults: Sequence[Fault], seed: int) -> None:
        """Have these faults from now on, and no others."""
        self._faults.use(seed, faults)

    def injected(self) -> Mapping[str, int]:
        """How many there were of the last ones."""
        return self._faults.injected()

    def preview(self, file: StackFile, options: Options) -> Ended:
        """What `pulumi preview --refresh` does."""
        with self._host() as stub:
            report = Engine(stub, TIMEOUT, self._state).preview(
                lambda state: _program(self._decide(file, state, is_preview=True)), options
            )
        return _ended(report)

    def up(self, file: StackFile, options: Options) -> Ended:
        """What `pulumi up --refresh` does."""

        def runs(state: Sequence[Resource]) -> Program:
            decision = self._decide(file, state, is_preview=False)
            self._outputs = json.loads(json.dumps(decision.outputs))
            self._has_key = self._has_key or options.targets is None
            return _program(decision)

        with self._host() as stub:
            return _ended(Engine(stub, TIMEOUT, self._state).up(runs, options))

    def name_as_before(self) -> None:
        """Name all in the state otherwise, as an earlier version did."""
        for number, one in enumerate(self._state):
            one.urn = urn(f"as-before-{number}-{Urn.parse(one.urn).name[:8]}", COMPONENT_TYPE)

    def _decide(self, file: StackFile, state: Sequence[Resource], *, is_preview: bool) -> Decision:
        values = {key: json.dumps(value) for key, value in file.config().items()}
        snapshot = {one.urn: {"type": FLOW_LOG_TYPE, "outputs": MessageToDict(one.outputs)} for one in state}
        previous = Previous(
            last_run=read_last_run(self._outputs),
            managed=find_managed_flow_logs(snapshot),
            has_key=self._has_key,
        )
        client = self._client.with_deadline(QuickPatience(seconds=TIMEOUT, clock=Time()))
        try:
            config = parse_stack_file(values, is_secret={})
            return decide(client, config, previous, stack=STACK, place=PROGRAM, is_preview=is_preview)
        except StackError as error:
            raise RefusedError(str(error)) from error

    @contextmanager
    def _host(self) -> Iterator[Any]:
        provider = FlowLogProvider()
        provider._connection = cast(Connection, SimpleNamespace(client=self._client))
        with hosted(self._stock, QuickHandler(provider=provider)) as stub:
            yield stub


def _program(decision: Decision) -> Program:
    """What `stacks.component` declares."""
    declarations: list[Declaration] = []
    required = []
    for router in decision.plan.routers:
        enabled: dict[str, list[str]] = {}
        for desired in sorted(router.flow_logs, key=lambda flow_log: not flow_log.enabled):
            target, own = desired.target, urn(desired.logical_name, COMPONENT_TYPE)
            inputs = {
                "er_id": target.er_id,
                "resource_id": target.resource_id,
                "log_group_id": target.log_group_id,
                "log_stream_id": target.log_stream_id,
                "name": desired.name,
                "description": desired.description,
                "enabled": desired.enabled,
                "idempotency_key": KEY,
            }
            is_removal = target.attachment in decision.removing_from
            after = () if desired.enabled else tuple(enabled.get(target.resource_id, ()))
            needs = after if is_removal else ()
            declarations.append(Declaration(urn=own, inputs=inputs, after=after, needs=needs))
            if desired.enabled:
                enabled.setdefault(target.resource_id, []).append(own)
            if is_removal:
                required.append(own)
    return Program(declarations=declarations, required=required)


def _ended(report: Report) -> Ended:
    end = REFUSED if report.is_refused else FAILED_RUN if report.errors else DONE
    return Ended(end=end, steps=report.steps, words="; ".join(report.errors))

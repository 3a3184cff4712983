"""Sequences of edits in this process: the real planning code and the real host, and a simulated engine.

A seed decides all that happens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from google.protobuf.json_format import MessageToDict

from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from providers.schema import IDENTITY
from providers.urn import COMPONENT_TYPE, FLOW_LOG_TYPE, Urn
from stacks.decision import Decision, Previous, decide
from stacks.errors import PROGRAM, StackError
from stacks.stackfile.loader import parse_stack_file
from stacks.state.last_run import read_last_run
from stacks.state.managed import find_managed_flow_logs, find_managed_log_stores
from tests.chaos.audit import DONE, FAILED_RUN, REFUSED, RunResult
from tests.chaos.editor import Editor, first_file, seed_document
from tests.chaos.engine import (
    Engine,
    IdOf,
    Options,
    Program,
    RefusedError,
    Report,
    Resource,
    declare,
    declare_log_stores,
    log_store_urn,
    urn,
)
from tests.chaos.expectations import StackFile
from tests.chaos.faults_in_process import (
    KEY,
    QuickDeadline,
    Time,
    drawn_ids,
    host_with,
    quick_client,
    serve_document,
)
from tests.chaos.outcome import Outcome
from tests.chaos.scenario import StateEntry, run_scenario

TIMEOUT = 5.0  # seconds for one operation, by a clock of its own
STACK = "local"


def run(seed: int, folder: Path, base: type[Any]) -> Outcome:
    """Run the sequence of this seed, in an empty folder, with the SDK's servicer class."""
    rng, outcome = Random(seed), Outcome()
    with (
        drawn_ids(rng, "emulator.flow_logs.uuid4", "emulator.log_tank.uuid4", "emulator.store.uuid4"),
        mock.patch("providers.journal.FOLDER", folder / "creating"),
        serve_document(folder, seed_document(rng), Behaviour(latency=0, strict=True)) as server,
    ):
        stack = _Stack(server, base)
        editor = Editor(rng, server.store, first_file(rng))
        run_scenario(outcome, stack, editor, waits=True, use_old_names=stack.use_old_names)
    return outcome


class _Stack:
    """The stack: its state, the outputs of its last run, and what runs it."""

    def __init__(self, server: Server, base: type[Any]) -> None:
        self.store = server.store
        self._faults = server.faults
        self._state: list[Resource] = []
        self._base = base
        self._outputs: Mapping[str, Any] = {}
        self._has_key = False
        self._client = quick_client(server)

    @property
    def state_entries(self) -> list[StateEntry]:
        def entry(resource: Resource) -> StateEntry:
            return StateEntry(resource.urn, resource.id, MessageToDict(resource.outputs))

        return list(map(entry, self._state))

    def inject(self, faults: Sequence[Fault], seed: int) -> None:
        self._faults.use(seed, faults)

    def injected(self) -> Mapping[str, int]:
        return self._faults.injected()

    def preview(self, file: StackFile, options: Options) -> RunResult:
        with host_with(self._client, self._base) as stub:
            report = Engine(stub, TIMEOUT, self._state).preview(
                lambda state: _program(self._decide(file, state, is_preview=True)), options
            )
        return _ended(report)

    def up(self, file: StackFile, options: Options) -> RunResult:
        def runs(state: Sequence[Resource]) -> Program:
            decision = self._decide(file, state, is_preview=False)
            self._outputs = json.loads(json.dumps(decision.outputs))
            self._has_key = self._has_key or options.targets is None
            return _program(decision)

        with host_with(self._client, self._base) as stub:
            return _ended(Engine(stub, TIMEOUT, self._state).up(runs, options))

    def use_old_names(self) -> None:
        """Rename all resources in the state, as an earlier version named them."""
        flow_logs = [resource for resource in self._state if resource.type_token == FLOW_LOG_TYPE]
        for number, resource in enumerate(flow_logs):
            resource.urn = urn(f"as-before-{number}-{Urn.parse(resource.urn).name[:8]}", COMPONENT_TYPE)

    def _decide(self, file: StackFile, state: Sequence[Resource], *, is_preview: bool) -> Decision:
        values = {key: json.dumps(value) for key, value in file.config().items()}
        snapshot = {
            resource.urn: {"type": resource.type_token, "outputs": MessageToDict(resource.outputs)}
            for resource in state
        }
        previous = Previous(
            last_run=read_last_run(self._outputs),
            managed=find_managed_flow_logs(snapshot),
            has_key=self._has_key,
            log_stores=find_managed_log_stores(snapshot),
        )
        client = self._client.with_deadline(QuickDeadline(seconds=TIMEOUT, clock=Time()))
        try:
            config = parse_stack_file(values, is_secret={})
            return decide(client, config, previous, stack=STACK, place=PROGRAM, is_preview=is_preview)
        except StackError as error:
            raise RefusedError(str(error)) from error


def _program(decision: Decision) -> Program:
    """What `stacks.component` declares."""
    stores = {store.logical_name: store for group in decision.plan.log_groups for store in (group, *group.streams)}
    existing = {name: store.id for name, store in stores.items() if store.existing}
    ids = {store.id: IdOf(log_store_urn(name), existing.get(name, "")) for name, store in stores.items()}
    settings = {
        name: {
            "ttl_in_days": store.config.ttl_in_days,
            "tags": store.config.tags,
            "delete_with_data": store.config.delete,
        }
        for name, store in stores.items()
    }
    flow_logs = {
        urn(desired.logical_name, COMPONENT_TYPE): {
            **{key: ids.get(id_, id_) for key in IDENTITY for id_ in [getattr(desired.target, key)]},
            "name": desired.name,
            "description": desired.description,
            "enabled": desired.enabled,
            "idempotency_key": KEY,
        }
        for router in decision.plan.routers
        for desired in router.flow_logs
    }
    losing = {attachment_id for _, attachment_id in decision.removing_from}
    return declare(flow_logs, losing, declare_log_stores(settings, KEY, existing))


def _ended(report: Report) -> RunResult:
    end = REFUSED if report.is_refused else FAILED_RUN if report.errors else DONE
    return RunResult(end=end, steps=report.steps, errors="; ".join(report.errors))

"""Client and emulator under any interleaving of operations, outside changes and faults, against a simple model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import emulator
from emulator import Behaviour
from emulator.faults.plan import Fault
from providers.er import Client, Deadline, Endpoints, idempotency, lifecycle
from providers.er.auth.token import TokenCredentials
from providers.er.exceptions import NotFoundError
from providers.er.flow_logs import FlowLogSpec, FlowLogTarget
from providers.er.idempotency import TargetTakenError
from providers.er.retry import exponential_backoff
from tests.emulator.contract_cases import SEED

GROUP = "00000000-0000-4000-b000-000000000001"
STREAMS = ("00000000-0000-4000-b000-000000000011", "00000000-0000-4000-b000-000000000012")
ATTACHMENTS = ("vpc-a", "vpn-a")
FAULTS = (
    Fault("reset"),
    Fault("reset", when="after"),
    Fault("hang_up", when="after"),
    Fault("truncate"),
    Fault("garbage", when="after"),
    Fault("html", status=502, when="after"),
    Fault("error", status=503),
    Fault("error", status=429, retry_after=0.0),
    Fault("skew", seconds=-86_400.0),
    Fault("shift"),
    Fault("bogus_marker"),
    Fault("same_marker"),
)
"""A client has to survive all of them."""

AT_ONCE = exponential_backoff(first=0.001, factor=1, cap=0.001)

targets = st.tuples(st.sampled_from(ATTACHMENTS), st.sampled_from(STREAMS))
words = st.builds(
    FlowLogSpec, name=st.sampled_from("abc"), description=st.sampled_from(["", "d"]), enabled=st.booleans()
)
keys = st.sampled_from(["first-caller", "second-caller"])


@dataclass(frozen=True)
class Expected:
    """A flow log that exists, who created it, and in which words."""

    id: str
    key: str
    created_as: tuple[str, str]
    now: FlowLogSpec


class FlowLogs(RuleBasedStateMachine):
    """What two callers, and a person at a console, do to the flow logs of one router."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        db = Path(self._folder.name, "e.db")
        self._server = emulator.serve(db, seed=SEED, behaviour=Behaviour(latency=0, strict=True))
        credentials = TokenCredentials(self._server.token, self._server.project_id)
        client = Client(credentials, Endpoints.at(self._server.url), backoff=AT_ONCE, poll=AT_ONCE)
        self._client = client.with_deadline(Deadline(seconds=600))
        self._model: dict[tuple[str, str], Expected] = {}

    def teardown(self) -> None:
        self._server.close()
        self._folder.cleanup()

    @rule(fault=st.sampled_from(FAULTS), times=st.integers(1, 3), skip=st.integers(0, 3))
    def calls_go_wrong(self, fault: Fault, times: int, skip: int) -> None:
        self._server.faults.use(0, [replace(fault, times=times, skip=skip)])

    @rule(place=targets, desired=words, key=keys)
    def create(self, place: tuple[str, str], desired: FlowLogSpec, key: str) -> None:
        entry = self._model.get(place)
        sent = (desired.name, desired.description)
        is_found = entry is None or (
            entry.key == key
            and (sent == entry.created_as or (entry.now.name, entry.now.description) == entry.created_as)
        )
        if entry and not is_found:
            with pytest.raises(TargetTakenError) as refused:
                idempotency.create(self._client, self._target(place), desired, key=key)
            assert refused.value.holder.id == entry.id
            return
        created = idempotency.create(self._client, self._target(place), desired, key=key)
        if entry:
            assert created.id == entry.id
            self._model[place] = replace(entry, now=desired)
        else:
            assert created.id not in {known.id for known in self._model.values()}
            self._model[place] = Expected(created.id, key, sent, desired)

    @rule(place=targets, desired=words)
    def update(self, place: tuple[str, str], desired: FlowLogSpec) -> None:
        if entry := self._model.get(place):
            flow_log = self._client.flow_logs.get(self._er_id, entry.id)
            lifecycle.converge(self._client, flow_log, desired)
            self._model[place] = replace(entry, now=desired)

    @rule(place=targets)
    def delete(self, place: tuple[str, str]) -> None:
        if entry := self._model.pop(place, None):
            lifecycle.delete(self._client, self._er_id, entry.id)
            lifecycle.delete(self._client, self._er_id, entry.id)

    @rule(place=targets, name=st.sampled_from("abc"))
    def somebody_renames(self, place: tuple[str, str], name: str) -> None:
        if entry := self._model.get(place):
            self._server.store.rename_flow_log(entry.id, name)
            self._model[place] = replace(entry, now=replace(entry.now, name=name))

    @rule(place=targets, enabled=st.booleans())
    def somebody_switches(self, place: tuple[str, str], enabled: bool) -> None:
        if entry := self._model.get(place):
            store = self._server.store
            (store.enable_flow_log if enabled else store.disable_flow_log)(entry.id)
            self._model[place] = replace(entry, now=replace(entry.now, enabled=enabled))

    @rule(place=targets)
    def somebody_deletes(self, place: tuple[str, str]) -> None:
        if entry := self._model.pop(place, None):
            self._server.store.delete_flow_log(entry.id)

    @rule(place=targets)
    def show(self, place: tuple[str, str]) -> None:
        entry = self._model.get(place)
        try:
            found = self._client.flow_logs.get(self._er_id, entry.id if entry else "none-of-these")
        except NotFoundError:
            assert entry is None
        else:
            assert entry
            assert FlowLogSpec(name=found.name, description=found.description, enabled=found.enabled) == entry.now

    @invariant()
    def flow_logs_are_as_in_the_model(self) -> None:
        actual = {
            flow_log.id: FlowLogSpec(name=flow_log.name, description=flow_log.description, enabled=flow_log.enabled)
            for flow_log in self._server.store.flow_logs.live()
        }
        assert actual == {expected.id: expected.now for expected in self._model.values()}

    @property
    def _er_id(self) -> str:
        return self._server.store.router("er-main").id

    def _target(self, place: tuple[str, str]) -> FlowLogTarget:
        attachment, stream = place
        resource_id = self._server.store.attachment(attachment).id
        return FlowLogTarget(er_id=self._er_id, resource_id=resource_id, log_group_id=GROUP, log_stream_id=stream)


def settings_for(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        suppress_health_check=list(HealthCheck),
    )


def test_flow_logs_follow_the_model_under_any_interleaving() -> None:
    run_state_machine_as_test(FlowLogs, settings=settings_for(8))


@pytest.mark.acceptance
def test_flow_logs_follow_the_model_in_many_more_runs() -> None:
    run_state_machine_as_test(FlowLogs, settings=settings_for(60))

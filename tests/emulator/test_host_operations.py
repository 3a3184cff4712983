"""The host's operations on flow logs: the engine's calls over gRPC, down to the API of the emulator."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2

from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from providers.flow_log_provider import FlowLogProvider
from providers.urn import FLOW_LOG_TYPE
from tests.emulator.clients import ARCHIVE, target_of
from tests.sdk import hosted, properties, refusal, struct

URN = f"urn:pulumi:local::otc-flow-logs::{FLOW_LOG_TYPE}::core-vpc-shop"
OTHER_URN = f"{URN}-under-another-name"
REFERENCE = {PROVIDER_KEY: serialize_provider(FlowLogProvider())}
INSTANT = Behaviour(latency=0)
NEVER_DONE = Behaviour(latency=100_000)
CREATES = "POST */flow-logs"
KEY = "9b0c6d0e-6f3c-4f0f-8a53-8d0b8f0a7a11"


class Engine:
    """The engine's side: its requests over a real channel, for flow logs of `vpc-a`."""

    def __init__(self, api: Server, stub: Any, config: Struct) -> None:
        self.api = api
        self.stub = stub
        self._config = config
        self.begin_run()
        inputs = {**vars(target_of(api)), "name": "shop", "idempotency_key": KEY}
        self.inputs: dict[str, Any] = dict(FlowLogProvider().check({}, inputs).inputs)
        self.other_stream: dict[str, Any] = {"log_stream_id": ARCHIVE}

    def begin_run(self) -> None:
        """Begin another run; the first has begun already."""
        self.stub.Configure(proto.ConfigureRequest(args=self._config))

    def _message(self, changed: dict[str, Any]) -> Struct:
        return struct({**self.inputs, **changed}, **REFERENCE)

    def create(self, urn: str = URN, timeout: float = 30, **changed: Any) -> Any:
        return self.stub.Create(proto.CreateRequest(urn=urn, properties=self._message(changed), timeout=timeout))

    def read(self, id_: str, properties: Struct | None = None, inputs: Struct | None = None) -> Any:
        return self.stub.Read(proto.ReadRequest(id=id_, urn=URN, properties=properties, inputs=inputs))

    def update(self, resource: Any, timeout: float = 30, **changed: Any) -> Any:
        news = self._message(changed)
        return self.stub.Update(
            proto.UpdateRequest(id=resource.id, urn=URN, olds=resource.properties, news=news, timeout=timeout)
        )

    def delete(self, resource: Any) -> None:
        self.stub.Delete(proto.DeleteRequest(id=resource.id, urn=URN, properties=resource.properties, timeout=30))

    def diff(self, resource: Any, urn: str = URN, **changed: Any) -> Any:
        news = self._message(changed)
        return self.stub.Diff(proto.DiffRequest(id=resource.id, urn=urn, olds=resource.properties, news=news))

    def ids(self) -> set[str]:
        """The flow logs that exist."""
        return {flow_log.id for flow_log in self.api.store.flow_logs.live()}


class Start(Protocol):
    def __call__(self, behaviour: Behaviour = INSTANT) -> Engine: ...


@pytest.fixture
def start(
    base: type[Any], no_settings: None, serve: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Engine]]:
    """Starts an emulator and a host that is configured for it; several with one database."""
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:

        def start_both(behaviour: Behaviour = INSTANT) -> Engine:
            api, stub = serve(behaviour), stack.enter_context(hosted(base))
            settings = {"token": api.token, "project_id": api.project_id, "endpoint": api.url}
            return Engine(api, stub, struct({f"otc-flow-logs:{key}": value for key, value in settings.items()}))

        yield start_both


@pytest.fixture
def engine(start: Start) -> Engine:
    return start()


@pytest.fixture
def created(engine: Engine) -> Any:
    """A flow log that an earlier run has created."""
    response = engine.create()
    engine.begin_run()
    return response


def kept(call: Callable[[], object]) -> provider_pb2.ErrorResourceInitFailed:
    """The resource that stays in the state although the call fails."""
    failure = refusal(call)
    assert failure.kept
    return failure.kept


def lose_response(engine: Engine) -> provider_pb2.ErrorResourceInitFailed:
    """Lose the response of a create that the service has executed, and begin another run."""
    lost = Fault("reset", calls=CREATES, when="after", times=1)
    engine.api.faults.use(0, [lost, Fault("error", calls=CREATES, status=403)])
    resource = kept(engine.create)
    engine.api.faults.use(0, [])
    engine.begin_run()
    return resource


# Operations


def test_create_returns_outputs_and_reference_to_provider(engine: Engine) -> None:
    response = engine.create()

    outputs = properties(response.properties)
    assert {response.id} == engine.ids()
    assert {key: outputs[key] for key in engine.inputs} == engine.inputs
    assert (outputs["state"], outputs["project_id"]) == ("available", engine.api.project_id)
    assert outputs[PROVIDER_KEY] == REFERENCE[PROVIDER_KEY]


def test_create_that_runs_out_of_time_keeps_flow_log_with_reason(start: Start) -> None:
    engine = start(NEVER_DONE)

    failure = refusal(lambda: engine.create(timeout=0.3))

    assert failure.kept
    assert {failure.kept.id} == engine.ids()
    assert properties(failure.kept.inputs) == {**engine.inputs, **REFERENCE}
    assert failure.kept.properties["state"] == "pending"
    assert failure.kept.properties["idempotency_key"] == KEY
    assert failure.kept.properties[PROVIDER_KEY] == REFERENCE[PROVIDER_KEY]
    assert list(failure.kept.reasons) == [failure.sentence]
    assert "exists but is not as declared yet: gave up after 0 s" in failure.sentence


def test_cancelled_create_keeps_flow_log(start: Start) -> None:
    engine = start(NEVER_DONE)

    def cancel_once_accepted() -> None:
        while not engine.ids():
            time.sleep(0.01)
        engine.stub.Cancel(empty_pb2.Empty())

    threading.Thread(target=cancel_once_accepted, daemon=True).start()
    failure = refusal(engine.create)
    assert failure.kept
    assert {failure.kept.id} == engine.ids()
    assert "exists but is not as declared yet: cancelled while waiting for " in failure.sentence


def test_create_after_cancel_creates_nothing(engine: Engine) -> None:
    engine.stub.Cancel(empty_pb2.Empty())

    assert "was not created: cancelled while waiting for the service to answer" in refusal(engine.create).sentence
    assert engine.ids() == set()


def test_read_returns_drift_in_outputs_and_inputs(engine: Engine, created: Any) -> None:
    engine.api.store.rename_flow_log(created.id, "by-hand")
    engine.api.store.disable_flow_log(created.id)

    response = engine.read(created.id, created.properties, struct({"idempotency_key": "new"}))

    expected = {**engine.inputs, "name": "by-hand", "enabled": False, "idempotency_key": "new", **REFERENCE}
    assert response.id == created.id
    assert properties(response.inputs) == expected
    assert {key: response.properties[key] for key in expected} == expected


def test_read_and_delete_of_deleted_flow_log_succeed(engine: Engine, created: Any) -> None:
    engine.delete(created)

    assert engine.ids() == set()
    assert engine.read(created.id, created.properties) == proto.ReadResponse()
    engine.delete(created)


def test_flow_log_is_imported_by_router_and_id(engine: Engine, created: Any) -> None:
    response = engine.read(f"{engine.inputs['er_id']}/{created.id}")

    assert response.id == created.id
    expected = {**engine.inputs, **REFERENCE}
    del expected["idempotency_key"]
    assert properties(response.inputs) == expected
    assert engine.diff(response).changes == proto.DiffResponse.DIFF_NONE


# What the engine must not delete


def test_flow_log_of_imported_resource_survives_deletion_of_old_name(engine: Engine, created: Any) -> None:
    engine.stub.Check(proto.CheckRequest(urn=OTHER_URN, news=struct(engine.inputs)))
    assert not engine.diff(created, OTHER_URN).replaces

    engine.delete(created)

    assert engine.ids() == {created.id}


def test_flow_log_created_under_new_name_survives_deletion_of_old_name(engine: Engine, created: Any) -> None:
    assert engine.create(OTHER_URN).id == created.id

    engine.delete(created)

    assert engine.ids() == {created.id}


def test_lost_flow_log_of_renamed_resource_survives_deletion_of_old_name(engine: Engine) -> None:
    lost = lose_response(engine)
    resource = engine.create(OTHER_URN)

    engine.delete(lost)

    assert engine.ids() == {resource.id}


@pytest.mark.parametrize("was_renamed", [False, True])
def test_forced_replacement_keeps_flow_log(engine: Engine, created: Any, was_renamed: bool) -> None:
    if was_renamed:
        created.properties.CopyFrom(engine.update(created, name="renamed").properties)
        engine.read(created.id, created.properties)

    again = engine.create(name="renamed", description="as declared now")
    engine.delete(created)

    assert engine.ids() == {created.id} == {again.id}
    assert properties(again.properties)["description"] == "as declared now"
    (flow_log,) = engine.api.store.flow_logs.live()
    assert (flow_log.name, flow_log.description) == ("renamed", "as declared now")


def test_moved_flow_log_is_deleted_after_new_one_is_created(engine: Engine, created: Any) -> None:
    new = engine.create(**engine.other_stream)

    engine.delete(created)

    assert engine.ids() == {new.id}


def test_old_flow_log_is_kept_until_a_run_in_which_move_does_not_fail(engine: Engine, created: Any) -> None:
    engine.api.store.set_quota(1)
    refusal(lambda: engine.create(**engine.other_stream))

    assert refusal(lambda: engine.delete(created)).sentence == (
        f"flow log 'shop' ({created.id}) was not deleted, because another flow log of its attachment could not be"
        " created in this run; the next run continues from there"
    )
    assert refusal(lambda: engine.update(created, enabled=False)).sentence == (
        f"flow log 'shop' ({created.id}) was not disabled, because another flow log of its attachment failed in this"
        " run; the next run continues from there"
    )
    assert engine.ids() == {created.id}

    engine.begin_run()
    engine.delete(created)
    assert engine.ids() == set()


def test_failed_update_keeps_other_flow_logs_of_attachment(engine: Engine, created: Any) -> None:
    second = engine.create(**engine.other_stream)
    engine.begin_run()
    engine.api.faults.use(0, [Fault("error", calls="PUT */flow-logs/*", status=403)])

    refusal(lambda: engine.update(created, name="renamed"))
    refusal(lambda: engine.delete(second))

    assert engine.ids() == {created.id, second.id}

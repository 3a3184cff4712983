"""The host's operations on log groups and log streams: the engine's calls over gRPC, down to the emulator's API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import proto, rpc

from emulator import Server, rules
from emulator.faults.plan import Fault
from emulator.log_tank import LogGroup, LogStream, Settings
from providers.host.messages import from_struct
from providers.host.session import Session
from providers.log_group_provider import LogGroupProvider
from providers.log_stream_provider import LogStreamProvider
from providers.urn import LOG_GROUP_TYPE, LOG_STREAM_TYPE
from tests.emulator.clients import FLOW, GROUP
from tests.emulator.plain_client import PlainClient, body
from tests.sdk import hosted, properties, refusal, struct

KEY = "9b0c6d0e-6f3c-4f0f-8a53-8d0b8f0a7a11"
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
VPC_A = "00000000-0000-4000-a000-000000000001"
STREAM, LOG_GROUP = "log stream", "log group"


class Engine:
    """The engine's side: its requests over a real channel, for a log group `shop`, or a log stream of `network`."""

    def __init__(self, api: Server, stub: Any, notes: list[tuple[str, str]], kind: str) -> None:
        self.api, self.stub, self.notes, self.kind = api, stub, notes, kind
        provider = LogGroupProvider() if kind == LOG_GROUP else LogStreamProvider()
        self.reference = {PROVIDER_KEY: serialize_provider(provider)}
        self.urn = f"urn:pulumi:local::otc-flow-logs::{LOG_GROUP_TYPE if kind == LOG_GROUP else LOG_STREAM_TYPE}::shop"
        self.place = {} if kind == LOG_GROUP else {"log_group_id": GROUP}
        self.import_id = "" if kind == LOG_GROUP else f"{GROUP}/"
        self.begin_run()
        checked = self.check(name="shop", idempotency_key=KEY, ttl_in_days=90, tags={"env": "prod", "team": "shop"})
        assert list(checked.failures) == []
        self.inputs = from_struct(checked.inputs)

    def begin_run(self) -> None:
        settings = {"token": self.api.token, "project_id": self.api.project_id, "endpoint": self.api.url}
        config = struct({f"otc-flow-logs:{key}": value for key, value in settings.items()})
        self.stub.Configure(proto.ConfigureRequest(args=config))

    def check(self, urn: str = "", **inputs: Any) -> Any:
        return self.stub.Check(proto.CheckRequest(urn=urn or self.urn, news=struct({**self.place, **inputs})))

    def create(self, urn: str = "", **changed: Any) -> Any:
        return self.stub.Create(proto.CreateRequest(urn=urn or self.urn, properties=self._message(changed), timeout=30))

    def create_in_earlier_run(self, **changed: Any) -> Any:
        response = self.create(**changed)
        self.begin_run()
        return response

    def read(self, id_: str, known: Struct | None = None) -> Any:
        return self.stub.Read(proto.ReadRequest(id=id_, urn=self.urn, properties=known, inputs=known))

    def diff(self, resource: Any, **changed: Any) -> Any:
        news = self._message(changed)
        return self.stub.Diff(proto.DiffRequest(id=resource.id, urn=self.urn, olds=resource.properties, news=news))

    def update(self, resource: Any, **changed: Any) -> Any:
        news = self._message(changed)
        request = proto.UpdateRequest(id=resource.id, urn=self.urn, olds=resource.properties, news=news, timeout=30)
        return self.stub.Update(request)

    def delete(self, resource: Any) -> None:
        self.stub.Delete(proto.DeleteRequest(id=resource.id, urn=self.urn, properties=resource.properties, timeout=30))

    def stored(self) -> LogGroup | LogStream:
        """What the cloud has of this name."""
        (found,) = self._find()
        return found

    def exists(self) -> bool:
        return bool(self._find())

    def _find(self) -> list[LogGroup | LogStream]:
        log_tank = self.api.store.log_tank
        present = log_tank.groups() if self.kind == LOG_GROUP else log_tank.streams(self.api.project_id, GROUP)
        return [one for one in present if one.name == "shop"]

    def change(self, id_: str, ttl: int, **tags: str) -> None:
        """What somebody does in the console."""
        log_tank, settings = self.api.store.log_tank, Settings(ttl, tags)
        if self.kind == LOG_GROUP:
            log_tank.update_group(self.api.project_id, id_, settings)
        else:
            log_tank.update_stream(self.api.project_id, GROUP, id_, settings)

    def remove(self, id_: str) -> None:
        if self.kind == LOG_GROUP:
            self.api.store.remove_log_group(id_)
        else:
            self.api.store.remove_log_stream("network", id_)

    def _message(self, changed: dict[str, Any]) -> Struct:
        inputs = {key: value for key, value in {**self.inputs, **changed}.items() if value is not None}
        return struct(inputs, **self.reference)


@pytest.fixture(params=[LOG_GROUP, STREAM])
def engine(
    base: type[Any],
    no_settings: None,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Iterator[Engine]:
    monkeypatch.chdir(tmp_path)
    notes: list[tuple[str, str]] = []
    with ExitStack() as stack:
        stub = stack.enter_context(hosted(base, Session(note=lambda urn, text: notes.append((urn, text)))))
        yield Engine(server, stub, notes, request.param)


only_streams = pytest.mark.parametrize("engine", [STREAM], indirect=True)
only_groups = pytest.mark.parametrize("engine", [LOG_GROUP], indirect=True)


def test_created_as_declared_and_unchanged_by_the_next_run(engine: Engine) -> None:
    created = engine.create()
    stored = engine.stored()
    assert (created.id, stored.ttl_in_days) == (stored.id, 90)
    assert {key: stored.tags[key] for key in ("env", "team")} == {"env": "prod", "team": "shop"}
    outputs = from_struct(created.properties)
    assert outputs == {**engine.inputs, "project_id": engine.api.project_id}
    assert properties(created.properties)[PROVIDER_KEY] == engine.reference[PROVIDER_KEY]

    read = engine.read(created.id, created.properties)
    assert (from_struct(read.properties), from_struct(read.inputs)) == (outputs, engine.inputs)
    assert engine.diff(read).changes == proto.DiffResponse.DIFF_NONE


def test_retention_and_tags_change_in_place_and_drift_is_found(engine: Engine) -> None:
    created = engine.create()
    engine.change(created.id, 7, env="test", other="x")
    read = engine.read(created.id, created.properties)
    found = from_struct(read.properties)
    assert (found["ttl_in_days"], found["tags"]) == (7, {"env": "test", "other": "x"})
    diff = engine.diff(read)
    assert {key: change.kind for key, change in diff.detailedDiff.items()} == dict.fromkeys(
        ("tags", "ttl_in_days"), proto.PropertyDiff.UPDATE
    )
    engine.update(read)
    stored = engine.stored()
    assert (stored.ttl_in_days, {**stored.tags, "otc-flow-logs": "x"}) == (
        90,
        {"env": "prod", "team": "shop", "otc-flow-logs": "x"},
    )


def test_create_repeated_after_a_crash_finds_the_first_one(engine: Engine) -> None:
    first = engine.create_in_earlier_run(ttl_in_days=30)
    again = engine.create()
    assert again.id == first.id
    assert engine.stored().ttl_in_days == 90


@pytest.mark.parametrize("key", [KEY, None])
def test_create_whose_answer_is_lost_is_repeated_safely(engine: Engine, key: str | None) -> None:
    engine.api.faults.use(0, [Fault("reset", calls="POST */groups*", when="after", times=1)])
    created = engine.create(idempotency_key=key)
    assert created.id == engine.stored().id


def test_create_of_unknown_outcome_says_so_and_the_next_run_finds_out(engine: Engine) -> None:
    engine.api.faults.use(
        0,
        [
            Fault("reset", calls="POST */groups*", when="after", times=1),
            Fault("error", calls="POST */groups*", status=403),
        ],
    )
    failure = refusal(engine.create)
    assert failure.sentence.startswith(f"{engine.kind} 'shop' may have been created: ")
    assert failure.sentence.endswith("; run `pulumi up` again to find out")
    engine.api.faults.use(0, [])
    engine.begin_run()
    stored = engine.stored()
    assert engine.create().id == stored.id


@pytest.mark.parametrize("other", [{"idempotency_key": "another stack"}, {"idempotency_key": None}])
def test_name_of_another_is_refused_with_its_id_and_left_alone(engine: Engine, other: dict[str, Any]) -> None:
    first = engine.create_in_earlier_run(**other)
    before = engine.stored()
    sentence = refusal(engine.create).sentence
    assert sentence.startswith(
        f"{engine.kind} 'shop' was not created: there is already one of this name, id {first.id} "
    )
    assert sentence.endswith(
        f"; choose another name, or import it with import_='{engine.import_id}{first.id}' in the resource options"
    )
    assert engine.stored() == before


def test_resource_under_another_logical_name_keeps_what_it_has(engine: Engine) -> None:
    created = engine.create_in_earlier_run(idempotency_key="old", delete_with_data=True)
    engine.read(created.id, created.properties)
    renamed = engine.create(f"{engine.urn}-renamed", ttl_in_days=5)
    engine.delete(created)
    stored = engine.stored()
    assert (renamed.id, stored.id, stored.ttl_in_days) == (created.id, created.id, 5)


def test_existing_one_is_imported_and_unchanged_by_the_next_run(engine: Engine) -> None:
    id_ = {LOG_GROUP: "00000000-0000-4000-b000-000000000002", STREAM: "00000000-0000-4000-b000-000000000012"}
    read = engine.read(f"{engine.import_id}{id_[engine.kind]}")
    assert read.id == id_[engine.kind]
    inputs = from_struct(read.inputs)
    assert inputs == {
        **engine.place,
        "name": {LOG_GROUP: "security", STREAM: "archive"}[engine.kind],
        "ttl_in_days": {LOG_GROUP: 30, STREAM: 365}[engine.kind],
        "tags": {"env": "prod"},
        "delete_with_data": False,
    }
    assert engine.diff(read, **inputs).changes == proto.DiffResponse.DIFF_NONE


@pytest.mark.parametrize("id_", ["", "a b", "a/b/c", "../x"])
def test_invalid_import_id_is_refused(engine: Engine, id_: str) -> None:
    form = {LOG_GROUP: "LOG_GROUP_ID", STREAM: "LOG_GROUP_ID/LOG_STREAM_ID"}[engine.kind]
    assert refusal(engine.read, id_).sentence == f"{id_!r} is not a valid import id of a {engine.kind}: use {form}"


def test_what_is_gone_is_read_as_gone_and_refuses_updates(engine: Engine) -> None:
    created = engine.create_in_earlier_run(delete_with_data=True)
    engine.remove(created.id)
    assert engine.read(created.id, created.properties).id == ""
    assert refusal(engine.update, created).sentence == (
        f"{engine.kind} 'shop' ({created.id}) was deleted outside of Pulumi: run `pulumi up --refresh` to create it"
        " again"
    )
    engine.delete(created)
    if engine.kind == STREAM:
        engine.api.store.remove_log_group("network")
        assert engine.read(created.id, created.properties).id == ""
        engine.delete(created)


def test_failed_read_names_what_it_read(engine: Engine) -> None:
    created = engine.create_in_earlier_run()
    engine.api.faults.use(0, [Fault("error", calls="GET */groups*", status=403)])
    sentence = refusal(engine.read, created.id, created.properties).sentence
    assert sentence.startswith(f"{engine.kind} 'shop' ({created.id}) could not be read: ")


def test_delete_leaves_the_logs_and_says_so(engine: Engine) -> None:
    created = engine.create_in_earlier_run()
    engine.delete(created)
    assert engine.exists()
    assert engine.notes == [(engine.urn, f"{engine.kind} 'shop' stays in the cloud, with its records")]


def test_delete_with_data_deletes(engine: Engine) -> None:
    engine.delete(engine.create_in_earlier_run(delete_with_data=True))
    assert not engine.exists()
    assert engine.notes == []


@only_groups
def test_group_with_streams_is_not_deleted(engine: Engine) -> None:
    created = engine.create_in_earlier_run(delete_with_data=True)
    for name in ("one", "two"):
        engine.api.store.add_log_stream("shop", name)
    assert refusal(engine.delete, created).sentence == (
        f"log group 'shop' ({created.id}) was not deleted: it still has the log streams 'one', 'two'; delete them first"
    )
    assert engine.exists()


@only_streams
def test_stream_that_flow_logs_write_to_is_not_deleted(engine: Engine, client: PlainClient) -> None:
    created = engine.create_in_earlier_run(delete_with_data=True)
    flow_log = client.create(body("busy", VPC_A, stream=created.id))["id"]
    client.create(body("elsewhere", VPC_A, stream=FLOW))
    engine.api.store.share_router("er-elsewhere", engine.api.project_id)  # whose flow logs nobody here may list
    assert refusal(engine.delete, created).sentence == (
        f"log stream 'shop' ({created.id}) was not deleted: flow logs still write to it: 'busy'; delete them first"
    )
    engine.api.store.delete_flow_log(flow_log)
    engine.delete(created)
    assert not engine.exists()


@only_streams
def test_stream_without_own_retention_follows_its_group(engine: Engine) -> None:
    created = engine.create(ttl_in_days=None)
    assert "ttl_in_days" not in created.properties
    engine.api.store.set_ttl("network", 100)
    read = engine.read(created.id, created.properties)
    assert "ttl_in_days" not in read.properties
    assert engine.diff(read, ttl_in_days=None).changes == proto.DiffResponse.DIFF_NONE
    engine.update(read, ttl_in_days=None, tags={"env": "test"})
    stored = engine.stored()
    assert (stored.ttl_in_days, stored.tags["env"]) == (100, "test")


def test_two_of_one_name_in_a_program_are_refused(engine: Engine) -> None:
    engine.begin_run()
    assert list(engine.check(name="shop").failures) == []
    (failure,) = engine.check(f"{engine.urn}-2", name="shop").failures
    assert (failure.property, failure.reason) == (
        "name",
        f"the program declares a {engine.kind} of this name twice, as 'shop' and as 'shop-2': the service allows one,"
        " so declare it once",
    )
    assert list(engine.check(f"{engine.urn}-3", name="other").failures) == []


@pytest.mark.parametrize("unknown", ["name", "ttl_in_days", "tags", "tag"])
def test_inputs_that_are_not_known_yet_are_passed_on_and_differ(engine: Engine, unknown: str) -> None:
    value = {"tags": {"env": rpc.UNKNOWN}} if unknown == "tag" else {unknown: rpc.UNKNOWN}
    inputs: dict[str, Any] = {"name": "shop", **value}
    checked = engine.check(**inputs)
    assert list(checked.failures) == []
    (key,) = value
    passed = properties(checked.inputs)[key]
    assert (passed["env"] if unknown == "tag" else passed) == rpc.UNKNOWN
    assert key in engine.diff(engine.create(), **value).diffs


@only_groups
def test_used_up_quota_is_reported_with_what_to_do(engine: Engine) -> None:
    count = len(engine.api.store.log_tank.groups(engine.api.project_id))
    for number in range(rules.MAX_LOG_GROUPS - count):
        engine.api.store.add_log_group(f"group-{number}")
    assert refusal(engine.create).sentence.endswith(
        "; delete what is not used any more, or request a higher quota with a service ticket"
    )

"""The host's operations on flow logs: the engine's calls over gRPC, down to the API of the emulator."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import grpc
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import proto
from pulumi.runtime.proto import provider_pb2

import emulator
from emulator import Behaviour, Server
from emulator.faults.plan import Fault
from providers.flow_log_provider import TYPE_TOKEN, FlowLogProvider
from providers.host.flow_log import FlowLogHandler
from tests.sdk import STATUS_DETAILS, half_made, hosted

URN = f"urn:pulumi:local::otc-flow-logs::{TYPE_TOKEN}::core-vpc-shop"
REFERENCE = serialize_provider(FlowLogProvider())
INSTANT = Behaviour(latency=0)
NEVER = Behaviour(latency=100_000)
CREATES = "POST */flow-logs"
KEY = "9b0c6d0e-6f3c-4f0f-8a53-8d0b8f0a7a11"


class Engine:
    """The engine's side: requests as it makes them, over a real channel, on flow logs of `vpc-shop`."""

    def __init__(self, api: Server, stub: Any, config: Struct) -> None:
        self.api = api
        self.stub = stub
        self._config = config
        self.begin()
        store = api.store
        group = store.log_tank.groups(api.project_id)[0]
        self.inputs: dict[str, Any] = {
            "er_id": store.router("er-core").id,
            "resource_id": store.attachment("vpc-shop").id,
            "log_group_id": group.id,
            "log_stream_id": store.log_tank.streams(api.project_id, group.id)[0].id,
            "name": "shop",
            "description": "",
            "enabled": True,
            "resource_type": "attachment",
            "log_store_type": "LTS",
            "idempotency_key": KEY,
        }

    def begin(self) -> None:
        """Begin a run; each test has one begun already."""
        self.stub.Configure(proto.ConfigureRequest(args=self._config))

    def create(self, timeout: float = 30, **changed: Any) -> Any:
        inputs = struct({**self.inputs, **changed})
        return self.stub.Create(proto.CreateRequest(urn=URN, properties=inputs, timeout=timeout))

    def read(self, id_: str, properties: Struct | None = None) -> Any:
        return self.stub.Read(proto.ReadRequest(id=id_, urn=URN, properties=properties))

    def update(self, id_: str, olds: Struct, timeout: float = 30, **changed: Any) -> Any:
        news = struct({**self.inputs, **changed})
        return self.stub.Update(proto.UpdateRequest(id=id_, urn=URN, olds=olds, news=news, timeout=timeout))

    def delete(self, id_: str, properties: Struct, timeout: float = 30) -> Any:
        return self.stub.Delete(proto.DeleteRequest(id=id_, urn=URN, properties=properties, timeout=timeout))

    def diff(self, id_: str, olds: Struct, **changed: Any) -> Any:
        news = struct({**self.inputs, **changed})
        return self.stub.Diff(proto.DiffRequest(id=id_, urn=URN, olds=olds, news=news))


class Start(Protocol):
    def __call__(self, behaviour: Behaviour = INSTANT, *, seed: Path | None = None, **config: str) -> Engine: ...


@pytest.fixture
def start(base: type[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts an emulator and a host that is configured for it; several on one file of state."""
    for name in ("OS_TOKEN", "OS_USERNAME", "OS_PASSWORD", "OS_REGION_NAME", "OS_AUTH_URL", "OS_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:

        def serve(behaviour: Behaviour = INSTANT, *, seed: Path | None = None, **config: str) -> Engine:
            api = stack.enter_context(emulator.serve(tmp_path / "e.db", seed=seed, behaviour=behaviour))
            stub = stack.enter_context(hosted(base, FlowLogHandler()))
            settings = config or {"token": api.token, "project_id": api.project_id}
            args = struct({f"otc-flow-logs:{key}": value for key, value in settings.items()})
            args.update({"otc-flow-logs:endpoint": api.url})
            return Engine(api, stub, args)

        yield serve


@pytest.fixture
def engine(start: Start) -> Engine:
    return start()


def struct(properties: dict[str, Any]) -> Struct:
    message = Struct()
    message.update({**properties, PROVIDER_KEY: REFERENCE})
    return message


def properties(message: Struct) -> dict[str, Any]:
    return {key: message[key] for key in message}


def with_state(message: Struct, state: str) -> Struct:
    changed = Struct()
    changed.update({**properties(message), "state": state})
    return changed


@dataclass(frozen=True)
class Refusal:
    """How a call failed: the sentence that the user reads, and the metadata sent with it."""

    sentence: str
    trailing: dict[str, bytes]


def refusal(call: Callable[[], Any]) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error = caught.value
    assert isinstance(error, grpc.Call)
    assert error.code() is grpc.StatusCode.UNKNOWN
    sentence = error.details() or ""
    assert "Traceback" not in sentence
    assert "\n" not in sentence
    return Refusal(sentence, {key: bytes(value) for key, value in error.trailing_metadata() if key.endswith("-bin")})


def kept(error: Refusal) -> provider_pb2.ErrorResourceInitFailed:
    """What the engine keeps in state of a resource that is not as wanted."""
    return half_made(error.trailing[STATUS_DETAILS])


def only(api: Server) -> Any:
    (flow_log,) = api.store.flow_logs.live()
    return flow_log


def test_a_created_flow_log_is_available_with_all_its_outputs(engine: Engine) -> None:
    answer = engine.create()
    made = only(engine.api)
    found = properties(answer.properties)
    assert answer.id == made.id
    assert {key: found[key] for key in engine.inputs} == engine.inputs
    assert found["state"] == "available"
    assert found["project_id"] == engine.api.project_id
    assert 60 <= found["log_aggregation_interval"] <= 600
    assert found[PROVIDER_KEY] == REFERENCE


def test_a_flow_log_that_shall_be_disabled_is_so_once_it_is_created(engine: Engine) -> None:
    assert engine.create(enabled=False).properties["enabled"] is False
    assert only(engine.api).enabled is False


def test_a_create_that_runs_out_of_time_keeps_what_there_is_with_the_inputs_and_the_reason(start: Start) -> None:
    engine = start(NEVER)
    error = refusal(lambda: engine.create(timeout=0.3))
    found, made = kept(error), only(engine.api)
    assert found.id == made.id
    assert properties(found.inputs) == {**engine.inputs, PROVIDER_KEY: REFERENCE}
    assert found.properties["state"] == "pending"
    assert found.properties["idempotency_key"] == KEY
    assert found.properties[PROVIDER_KEY] == REFERENCE
    assert list(found.reasons) == [error.sentence]
    assert error.sentence.startswith(f"flow log 'shop' ({made.id}) exists but is not as wanted yet: gave up after 0 s")
    assert error.sentence.endswith("; the next `pulumi up` goes on from there")


def lose_the_answer(engine: Engine, when: str) -> provider_pb2.ErrorResourceInitFailed:
    """Create, and have the answer lost before or after the service did it, and all further tries forbidden.

    That ends the run; another one begins.
    """
    lost = Fault("reset", calls=CREATES, when=when, times=1)
    engine.api.faults.use(0, [lost, Fault("error", calls=CREATES, status=403)])
    error = refusal(engine.create)
    engine.api.faults.use(0, [])
    assert re.fullmatch(
        r"flow log 'shop' was perhaps created: \S.* \(APIG\.0302, HTTP 403, request [\w-]+\);"
        r" the next `pulumi up --refresh` finds out",
        error.sentence,
    )
    engine.begin()
    return kept(error)


def test_a_create_that_nobody_knows_the_end_of_stays_in_state_until_a_refresh_tells(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "after")
    answer = engine.read(unsure.id, unsure.properties)
    assert answer.id == only(engine.api).id
    assert answer.properties["state"] == "available"
    assert properties(answer.inputs) == properties(unsure.inputs)


def test_a_create_that_nobody_knows_the_end_of_is_found_though_lists_lag(start: Start) -> None:
    unsure = lose_the_answer(engine := start(Behaviour(latency=0, list_lag=1.0)), "after")
    assert engine.read(unsure.id, unsure.properties).id == only(engine.api).id


def test_a_create_that_nobody_knows_the_end_of_stays_in_state_while_nobody_can_tell(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "after")
    engine.api.faults.use(0, [Fault("error", status=403)])
    sentence = refusal(lambda: engine.read(unsure.id, unsure.properties)).sentence
    assert re.match(r"whether flow log 'shop' was created is still open: \S.* \(APIG\.0302, HTTP 403", sentence)


def test_a_create_that_no_list_shows_stays_in_state_and_the_next_up_makes_it(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "before")
    answer = engine.read(unsure.id, unsure.properties)
    assert answer.id == unsure.id
    assert properties(answer.properties) == properties(unsure.properties)
    assert properties(answer.inputs) == properties(unsure.inputs)
    assert engine.api.store.flow_logs.live() == []
    assert list(engine.diff(answer.id, answer.properties).replaces) == ["state"]
    engine.delete(answer.id, answer.properties)
    assert engine.api.store.flow_logs.live() == []
    assert engine.create().id == only(engine.api).id


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_create_that_lists_do_not_show_for_long_is_deleted_all_the_same(when: str, start: Start) -> None:
    unsure = lose_the_answer(engine := start(Behaviour(latency=0, list_lag=60.0)), when)
    engine.delete(unsure.id, unsure.properties)
    assert engine.api.store.flow_logs.live() == []


def test_a_create_that_could_not_be_made_again_has_left_nothing_to_delete(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "before")
    engine.api.store.set_quota(0)
    engine.delete(unsure.id, unsure.properties)
    assert engine.api.store.flow_logs.live() == []


def test_an_old_name_of_an_imported_flow_log_goes_without_it(engine: Engine) -> None:
    made = engine.create()
    imported = f"{URN}-imported"
    news = struct(engine.inputs)
    checked = engine.stub.Check(proto.CheckRequest(urn=imported, news=news)).inputs
    diff = proto.DiffRequest(id=made.id, urn=imported, olds=made.properties, news=checked)
    assert not engine.stub.Diff(diff).replaces
    engine.delete(made.id, made.properties)
    assert only(engine.api).id == made.id


def test_a_diff_of_a_refresh_holds_nothing_for_a_resource_that_the_program_no_longer_has(start: Start) -> None:
    made = start().create()
    engine = start()
    engine.diff(made.id, made.properties)
    renamed = proto.CreateRequest(urn=f"{URN}-renamed", properties=struct(engine.inputs), timeout=30)
    assert engine.stub.Create(renamed).id == made.id


def test_a_flow_log_under_a_new_name_is_not_deleted_as_the_old_one(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    renamed = proto.CreateRequest(urn=f"{URN}-renamed", properties=struct(engine.inputs), timeout=30)
    assert engine.stub.Create(renamed).id == made.id
    engine.delete(made.id, made.properties)
    assert only(engine.api).id == made.id


def test_a_forced_replacement_keeps_the_flow_log(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    assert engine.create(name="renamed").id == made.id
    engine.delete(made.id, made.properties)
    assert (only(engine.api).id, only(engine.api).name) == (made.id, "renamed")


def other_stream(engine: Engine) -> str:
    """Another log stream of the group."""
    api, group = engine.api, engine.inputs["log_group_id"]
    streams = [one.id for one in api.store.log_tank.streams(api.project_id, group)]
    return next(id_ for id_ in streams if id_ != engine.inputs["log_stream_id"])


def test_the_old_flow_log_of_a_move_is_deleted_once_the_new_one_is_made(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    new = engine.create(log_stream_id=other_stream(engine))
    engine.delete(made.id, made.properties)
    assert only(engine.api).id == new.id


def test_a_move_that_failed_keeps_the_old_flow_log(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    engine.api.store.set_quota(1)
    refusal(lambda: engine.create(log_stream_id=other_stream(engine)))
    assert refusal(lambda: engine.delete(made.id, made.properties)).sentence == (
        f"flow log 'shop' ({made.id}) was not deleted, since another flow log of its attachment could not be made in"
        " this run; the next run goes on from there"
    )
    assert only(engine.api).id == made.id


def test_a_run_after_a_move_that_failed_may_delete(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    engine.api.store.set_quota(1)
    refusal(lambda: engine.create(log_stream_id=other_stream(engine)))
    engine.begin()
    engine.delete(made.id, made.properties)
    assert engine.api.store.flow_logs.live() == []


def test_a_flow_log_that_was_not_updated_keeps_the_others_of_its_attachment(engine: Engine) -> None:
    first = engine.create()
    second = engine.create(log_stream_id=other_stream(engine))
    engine.begin()
    engine.api.faults.use(0, [Fault("error", calls="PUT */flow-logs/*", status=403)])
    refusal(lambda: engine.update(first.id, first.properties, name="renamed"))
    refusal(lambda: engine.delete(second.id, second.properties))
    assert {one.id for one in engine.api.store.flow_logs.live()} == {first.id, second.id}


def test_a_failure_of_one_attachment_keeps_nothing_of_another(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    refusal(lambda: engine.create(resource_id=engine.api.store.attachment("cfw-perimeter").id))
    engine.delete(made.id, made.properties)
    assert engine.api.store.flow_logs.live() == []


def test_a_flow_log_that_failed_is_deleted_before_it_is_made_again(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    engine.api.store.set_flow_log_state(made.id, "failed")
    assert engine.diff(made.id, with_state(made.properties, "failed")).deleteBeforeReplace
    engine.delete(made.id, made.properties)
    assert engine.create().id == only(engine.api).id != made.id


def test_deleting_what_nobody_is_sure_of_spares_what_another_resource_has_taken_over(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "after")
    renamed = f"{URN}-renamed-without-an-alias"
    made = engine.stub.Create(proto.CreateRequest(urn=renamed, properties=struct(engine.inputs), timeout=30))
    engine.delete(unsure.id, unsure.properties)
    assert only(engine.api).id == made.id


def test_a_flow_log_of_which_cannot_be_told_whose_it_is_stays_and_is_named(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "after")
    made = only(engine.api)
    engine.api.store.rename_flow_log(made.id, "renamed-by-hand")
    told = struct({**properties(unsure.properties), "name": "renamed-in-the-file"})
    sentence = refusal(lambda: engine.delete(unsure.id, told)).sentence
    assert sentence == (
        "whether flow log 'renamed-in-the-file' was created is still open: attachment"
        f" {engine.inputs['resource_id']} has flow log 'renamed-by-hand', id {made.id}, of which cannot be told"
        " whose it is: delete it, or import it"
    )
    assert only(engine.api).id == made.id


def test_where_tokens_are_ignored_nothing_of_its_very_words_is_forgotten(start: Start) -> None:
    engine = start(Behaviour(latency=0, client_tokens="ignore"))
    unsure = lose_the_answer(engine, "after")
    sentence = refusal(lambda: engine.delete(unsure.id, unsure.properties)).sentence
    assert f"has flow log 'shop', id {only(engine.api).id}, of which cannot be told whose it is" in sentence
    assert engine.read(unsure.id, unsure.properties).id == unsure.id


def test_a_sign_in_that_fails_is_no_create_that_was_perhaps_made(start: Start) -> None:
    engine = start(
        username="tester", password="hush-hush", domain="OTC-TEST", project_id="7c2b9e4f61d84a03b5f7e8d1a96c3052"
    )
    engine.api.faults.use(0, [Fault("error", calls="POST /v3/auth/tokens", status=503)])
    error = refusal(lambda: engine.create(timeout=1))
    assert error.sentence.startswith("flow log 'shop' was not created: gave up after 1 s of waiting for the service (")
    assert STATUS_DETAILS not in error.trailing


def test_what_a_create_made_that_nobody_knows_the_end_of_is_found_when_it_was_renamed_since(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "after")
    engine.api.store.rename_flow_log("shop", "renamed-by-hand")
    assert engine.read(unsure.id, unsure.properties).id == only(engine.api).id


def test_somebody_elses_flow_log_is_not_taken_for_what_a_create_made(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "before")
    others = engine.create(idempotency_key="somebody-else", name="of-somebody-else")
    assert engine.read(unsure.id, unsure.properties).id == ""
    engine.delete(unsure.id, unsure.properties)
    assert only(engine.api).id == others.id


def test_a_create_that_nobody_knows_the_end_of_can_be_deleted(engine: Engine) -> None:
    unsure = lose_the_answer(engine, "after")
    engine.delete(unsure.id, unsure.properties)
    assert engine.api.store.flow_logs.live() == []
    engine.delete(unsure.id, unsure.properties)


@pytest.mark.parametrize("when", ["before", "after"])
def test_without_a_refresh_a_create_that_nobody_knows_the_end_of_is_replaced(when: str, engine: Engine) -> None:
    unsure = lose_the_answer(engine, when)
    diff = engine.diff(unsure.id, unsure.properties)
    assert list(diff.replaces) == ["state"]
    assert diff.deleteBeforeReplace


def test_a_create_in_which_the_service_failed_stays_in_state_until_a_refresh_tells(engine: Engine) -> None:
    engine.api.faults.use(0, [Fault("error", calls=CREATES, when="after", status=500)])
    unsure = kept(refusal(engine.create))
    engine.api.faults.use(0, [])
    assert engine.read(unsure.id, unsure.properties).id == only(engine.api).id


def test_a_create_that_was_refused_at_once_leaves_nothing_in_state(engine: Engine) -> None:
    engine.api.faults.use(0, [Fault("error", calls=CREATES, status=403)])
    assert STATUS_DETAILS not in refusal(engine.create).trailing


def test_a_create_that_could_not_be_sent_leaves_nothing_in_state(engine: Engine) -> None:
    engine.api.close()
    assert STATUS_DETAILS not in refusal(lambda: engine.create(timeout=0.5)).trailing


def test_the_update_after_an_unfinished_create_finishes_it(start: Start) -> None:
    engine = start(NEVER)
    found = kept(refusal(lambda: engine.create(timeout=0.3, enabled=False)))
    engine.api.store.set_flow_log_state(found.id, "available")
    later = start(INSTANT)
    answer = later.update(found.id, found.properties, enabled=False)
    assert answer.properties["state"] == "available"
    assert answer.properties["enabled"] is False
    assert only(later.api).id == found.id


def test_an_update_that_runs_out_of_time_keeps_what_there_is(start: Start) -> None:
    olds = start(INSTANT).create()
    engine = start(NEVER)
    found = kept(refusal(lambda: engine.update(olds.id, olds.properties, timeout=0.3, enabled=False, name="renamed")))
    assert found.id == olds.id
    assert found.properties["state"] == "modifying"
    assert found.properties["name"] == "renamed"
    assert found.inputs["enabled"] is False


def test_a_create_that_is_cancelled_keeps_what_there_is(start: Start) -> None:
    engine = start(NEVER)

    def cancel_once_it_is_accepted() -> None:
        while not engine.api.store.flow_logs.live():
            time.sleep(0.01)
        engine.stub.Cancel(empty_pb2.Empty())

    threading.Thread(target=cancel_once_it_is_accepted, daemon=True).start()
    error = refusal(engine.create)
    assert kept(error).id == only(engine.api).id
    assert "exists but is not as wanted yet: cancelled while waiting for " in error.sentence


def test_a_create_that_comes_after_cancel_makes_nothing(engine: Engine) -> None:
    engine.stub.Cancel(empty_pb2.Empty())
    assert "was not created: cancelled while waiting for the service to answer" in refusal(engine.create).sentence
    assert engine.api.store.flow_logs.live() == []


def test_a_create_that_is_repeated_with_its_key_finds_what_the_first_one_made(engine: Engine) -> None:
    first = engine.create()
    assert engine.create(name="renamed", description="since").id == first.id
    assert (only(engine.api).name, only(engine.api).description) == ("renamed", "since")


def test_a_forced_replacement_of_what_was_renamed_since_it_was_made_keeps_it(engine: Engine) -> None:
    made = engine.create()
    renamed = engine.update(made.id, made.properties, name="renamed").properties
    engine.read(made.id, renamed)

    again = engine.create(name="renamed", description="as it is wanted now")
    engine.delete(made.id, renamed)  # as the engine does with what has been replaced

    assert again.id == made.id
    assert properties(again.properties)["description"] == "as it is wanted now"
    assert (only(engine.api).name, only(engine.api).description) == ("renamed", "as it is wanted now")


def test_a_flow_log_of_somebody_else_is_left_alone_and_named_with_the_way_to_take_it_over(engine: Engine) -> None:
    first = engine.create()
    error = refusal(lambda: engine.create(idempotency_key="somebody else", name="other"))
    assert STATUS_DETAILS not in error.trailing
    assert error.sentence.startswith(
        f"flow log 'other' was not created: attachment {engine.inputs['resource_id']} already has flow log 'shop',"
        f" id {first.id}, for log group {engine.inputs['log_group_id']}"
        f" and log stream {engine.inputs['log_stream_id']} (ER.04008503, HTTP 400, request "
    )
    assert error.sentence.endswith(
        "); if it is this stack's, run with --refresh; else delete it, or take it over: with adopt: true in a stack"
        f" file, or with import_='{engine.inputs['er_id']}/{first.id}' in the resource options of a program"
    )
    assert only(engine.api).name == "shop"


def test_a_quota_that_is_used_up_is_told_with_its_numbers(engine: Engine) -> None:
    engine.api.store.set_quota(0)
    text = refusal(engine.create).sentence
    assert text.startswith("flow log 'shop' was not created: ")
    assert text.endswith(
        ": 0 of 0 are in use; delete flow logs nobody needs, or ask for a higher quota with a service ticket"
    )


def test_an_attachment_that_cannot_be_logged_is_told_with_its_type(engine: Engine) -> None:
    firewall = engine.api.store.attachment("cfw-perimeter").id
    text = refusal(lambda: engine.create(resource_id=firewall)).sentence
    assert text.endswith("; only attachments of these types can be logged: vpc, vpn, vgw, and this is a cfw")


@pytest.mark.parametrize("key", ["er_id", "resource_id", "log_group_id", "log_stream_id"])
def test_a_target_that_does_not_exist_is_refused_and_nothing_is_made(engine: Engine, key: str) -> None:
    error = refusal(lambda: engine.create(30, **{key: "b7f6a2de-0000-4000-8000-000000000000"}))
    assert error.sentence.startswith("flow log 'shop' was not created: ")
    assert STATUS_DETAILS not in error.trailing
    assert engine.api.store.flow_logs.live() == []


def test_a_read_shows_in_outputs_and_inputs_what_was_changed_by_hand(engine: Engine) -> None:
    made = engine.create()
    engine.api.store.rename_flow_log(made.id, "by-hand")
    engine.api.store.describe_flow_log(made.id, "by hand")
    engine.api.store.disable_flow_log(made.id)
    answer = engine.read(made.id, made.properties)
    expected = {**engine.inputs, "name": "by-hand", "description": "by hand", "enabled": False, PROVIDER_KEY: REFERENCE}
    assert properties(answer.inputs) == expected
    assert {key: answer.properties[key] for key in expected} == expected
    assert answer.id == made.id


def test_a_read_of_what_nobody_changed_changes_nothing(engine: Engine) -> None:
    made = engine.create()
    answer = engine.read(made.id, made.properties)
    assert properties(answer.properties) == properties(made.properties)


def test_a_read_finds_that_a_flow_log_is_gone(engine: Engine) -> None:
    made = engine.create()
    engine.api.store.delete_flow_log(made.id)
    assert engine.read(made.id, made.properties) == proto.ReadResponse()


@pytest.mark.parametrize("status", [404, 400])
def test_gone_is_gone_whichever_way_the_service_says_it(start: Start, status: int) -> None:
    engine = start(Behaviour(latency=0, missing_flow_log=status))
    made = engine.create()
    engine.begin()
    engine.delete(made.id, made.properties)
    assert engine.read(made.id, made.properties) == proto.ReadResponse()
    engine.delete(made.id, made.properties)


def test_a_read_of_a_lost_project_does_not_take_flow_logs_for_gone(start: Start) -> None:
    made = start().create()
    elsewhere = start(token="not-a-token", project_id="no-such-project")
    assert "is in project" in refusal(lambda: elsewhere.read(made.id, made.properties)).sentence


def test_a_flow_log_is_imported_by_router_and_id(engine: Engine) -> None:
    made = engine.create()
    answer = engine.read(f"{engine.inputs['er_id']}/{made.id}")
    assert answer.id == made.id
    expected = {**engine.inputs, PROVIDER_KEY: REFERENCE}
    del expected["idempotency_key"]
    assert properties(answer.inputs) == expected
    assert engine.diff(made.id, answer.properties).changes == proto.DiffResponse.DIFF_NONE


def test_an_import_of_a_flow_log_that_does_not_exist_finds_nothing(engine: Engine) -> None:
    assert engine.read(f"{engine.inputs['er_id']}/no-such-flow-log").id == ""


def test_an_update_changes_the_flow_log_in_place(engine: Engine) -> None:
    made = engine.create()
    answer = engine.update(made.id, made.properties, name="renamed", description="text", enabled=False)
    found = only(engine.api)
    assert (found.id, found.name, found.description, found.enabled) == (made.id, "renamed", "text", False)
    assert answer.properties["state"] == "available"
    assert answer.properties["name"] == "renamed"


def test_an_update_of_what_somebody_deleted_says_how_to_have_it_again(engine: Engine) -> None:
    made = engine.create()
    engine.api.store.delete_flow_log(made.id)
    error = refusal(lambda: engine.update(made.id, made.properties, name="renamed"))
    assert error.sentence == (
        f"flow log {made.id} no longer exists, somebody deleted it:"
        " `pulumi up --refresh` notices that and creates it again"
    )


def test_a_deleted_flow_log_is_gone_and_may_be_deleted_again(engine: Engine) -> None:
    made = engine.create()
    engine.begin()
    engine.delete(made.id, made.properties)
    assert engine.api.store.flow_logs.live() == []
    engine.delete(made.id, made.properties)


def test_a_flow_log_created_again_after_it_was_deleted_is_a_new_one(engine: Engine) -> None:
    first = engine.create()
    engine.begin()
    engine.delete(first.id, first.properties)
    second = engine.create()
    assert second.id != first.id
    assert only(engine.api).id == second.id


def test_a_diff_of_a_flow_log_that_failed_replaces_it(engine: Engine) -> None:
    made = engine.create()
    engine.api.store.set_flow_log_state(made.id, "failed")
    answer = engine.diff(made.id, with_state(made.properties, "failed"))
    assert answer.changes == proto.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == ["state"]
    assert answer.deleteBeforeReplace


def test_a_diff_of_a_flow_log_that_failed_still_shows_what_else_would_replace_it(engine: Engine) -> None:
    made = engine.create()
    engine.api.store.set_flow_log_state(made.id, "failed")
    answer = engine.diff(made.id, with_state(made.properties, "failed"), log_stream_id="other", name="renamed")
    assert sorted(answer.replaces) == ["log_stream_id", "state"]
    assert {key: one.kind for key, one in answer.detailedDiff.items()} == {
        "log_stream_id": proto.PropertyDiff.UPDATE_REPLACE,
        "name": proto.PropertyDiff.UPDATE,
        "state": proto.PropertyDiff.UPDATE_REPLACE,
    }


def test_a_diff_of_a_flow_log_that_was_not_finished_looks_at_it(engine: Engine) -> None:
    made = engine.create()
    pending = with_state(made.properties, "pending")
    assert engine.diff(made.id, pending).changes == proto.DiffResponse.DIFF_NONE
    engine.api.store.disable_flow_log(made.id)
    answer = engine.diff(made.id, pending)
    assert list(answer.detailedDiff) == ["enabled"]
    assert list(answer.replaces) == []


def test_a_diff_of_a_flow_log_that_was_not_finished_and_is_gone_replaces_it(engine: Engine) -> None:
    made = engine.create()
    engine.api.store.delete_flow_log(made.id)
    assert list(engine.diff(made.id, with_state(made.properties, "pending")).replaces) == ["state"]


def test_a_diff_of_what_is_available_asks_the_api_nothing(engine: Engine) -> None:
    made = engine.create()
    engine.api.requests.reset()
    engine.diff(made.id, made.properties, name="renamed")
    assert engine.api.requests.read() == {}


def test_a_user_of_the_environment_signs_in_though_the_stack_names_another(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("USERNAME", "demo"), ("PASSWORD", "flow-logs-on-loopback"), ("USER_DOMAIN_NAME", "OTC-DEMO")):
        monkeypatch.setenv(f"OS_{name}", value)
    engine = start(username="nobody", password="wrong", domain="nowhere", project="eu-de")
    assert engine.create().properties["state"] == "available"


def test_a_password_that_is_wrong_is_told_without_the_password(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("USERNAME", "demo"), ("PASSWORD", "hunter2"), ("USER_DOMAIN_NAME", "OTC-DEMO")):
        monkeypatch.setenv(f"OS_{name}", value)
    text = refusal(start(project="eu-de").create).sentence
    assert text == (
        "flow log 'shop' was not created: IAM refused user 'demo' of domain 'OTC-DEMO':"
        " check user name, password, domain and project 'eu-de' (HTTP 401)"
    )


TWO_PROJECTS = """
domain: {name: d}
users: [{name: u, password: p}]
projects:
  - name: ours
    routers: [{name: er-core, attachments: [{name: vpc-shop, resource_type: vpc}]}]
    log_groups: [{name: network, streams: [{name: er}]}]
  - {name: theirs}
"""


@pytest.fixture
def two_projects(tmp_path: Path) -> Path:
    path = tmp_path / "two-projects.yaml"
    path.write_text(TWO_PROJECTS)
    return path


def test_a_read_with_the_settings_of_another_project_does_not_take_a_flow_log_for_gone(
    start: Start, two_projects: Path
) -> None:
    made = start(seed=two_projects, username="u", password="p", domain="d", project="ours").create()
    elsewhere = start(username="u", password="p", domain="d", project="theirs")
    assert "project" in refusal(lambda: elsewhere.read(made.id, made.properties)).sentence


def test_a_delete_with_the_settings_of_another_project_does_not_pretend_to_have_deleted(
    start: Start, two_projects: Path
) -> None:
    made = start(seed=two_projects, username="u", password="p", domain="d", project="ours").create()
    elsewhere = start(username="u", password="p", domain="d", project="theirs")
    assert "project" in refusal(lambda: elsewhere.delete(made.id, made.properties)).sentence
    assert only(elsewhere.api).id == made.id


@pytest.mark.parametrize("token", ["hunter2\nx", "hunter2\u20ac", "hunter2\r"])
def test_a_token_that_no_header_can_carry_is_refused_in_one_sentence_and_not_repeated(start: Start, token: str) -> None:
    engine = start(token=token, project_id="p")
    sentence = refusal(engine.create).sentence
    assert "Exception" not in sentence
    assert "hunter2" not in sentence
    assert "token" in sentence

"""The host's servicer over gRPC, as the engine calls it; what needs the API is in tests/emulator."""

import json
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pulumi.dynamic
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import proto, rpc

from providers import imported
from providers.flow_log import FlowLogArgs
from providers.flow_log_provider import FlowLogProvider
from providers.host.messages import from_struct, to_struct
from providers.inputs import is_unknown
from providers.log_group import LogGroupArgs
from providers.log_stream import LogStreamArgs
from providers.schema import IDENTITY
from providers.urn import FLOW_LOG_TYPE, START_FUNCTION
from tests.sdk import INPUTS, hosted, properties, refusal, struct

URN = f"urn:pulumi:local::otc-flow-logs::otc-flow-logs:index:RouterFlowLogs${FLOW_LOG_TYPE}::core-att-1"
SECOND_URN = f"{URN}-second"
OTHER_URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic:Resource::other"
STATE = {**INPUTS, "state": "available", "project_id": "p-1", "log_aggregation_interval": 600}
REFERENCE = serialize_provider(FlowLogProvider())
NO_CREDENTIALS = (
    "no credentials: set OS_CLOUD, OS_TOKEN, OS_USERNAME or OS_ACCESS_KEY in the environment, or one of"
    " otc-flow-logs:token, otc-flow-logs:username, otc-flow-logs:access_key in the stack file"
)


class OtherProvider(pulumi.dynamic.ResourceProvider):
    """The provider of another dynamic resource in the same program."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> pulumi.dynamic.CheckResult:
        return pulumi.dynamic.CheckResult({**news, "checked_by": "another provider"}, [])

    def create(self, props: dict[str, Any]) -> pulumi.dynamic.CreateResult:
        raise ValueError("a mistake of another provider")

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        deletes_begun.release()
        assert may_end.wait(60)


deletes_begun, may_end = threading.Semaphore(0), threading.Event()


@pytest.fixture
def engine(base: type[Any], no_settings: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A stub, as the engine has one."""
    monkeypatch.chdir(tmp_path)
    with hosted(base) as stub:
        yield stub


def check(engine: Any, urn: str = URN, **changed: Any) -> Any:
    return engine.Check(proto.CheckRequest(urn=urn, news=struct({**INPUTS, **changed})))


def diff(engine: Any, **changed: Any) -> Any:
    news = struct({**INPUTS, **changed}, **{PROVIDER_KEY: "new"})
    return engine.Diff(proto.DiffRequest(id="fl-1", urn=URN, olds=struct(STATE, **{PROVIDER_KEY: "old"}), news=news))


def read_refused(engine: Any, id_: str) -> str:
    return refusal(engine.Read, proto.ReadRequest(id=id_, urn=URN)).sentence


def test_check_fills_in_defaults_and_keeps_reference_to_provider(engine: Any) -> None:
    given = {key: INPUTS[key] for key in (*IDENTITY, "name")}
    answer = engine.Check(proto.CheckRequest(urn=URN, news=struct(given, **{PROVIDER_KEY: "as in the program"})))
    assert properties(answer.inputs) == {**INPUTS, PROVIDER_KEY: "as in the program"}
    assert list(answer.failures) == []
    assert check(engine).inputs[PROVIDER_KEY] == REFERENCE


def test_check_reports_each_failure_with_its_property(engine: Any) -> None:
    assert {(failure.property, failure.reason) for failure in check(engine, enabled="true", name=5).failures} == {
        ("enabled", "enabled must be true or false, not 'true'"),
        ("name", "name must be 1 to 64 letters, digits, '_', '-' and '.', not 5"),
    }


def test_check_passes_unknown_inputs_on(engine: Any) -> None:
    answer = check(engine, er_id=rpc.UNKNOWN, idempotency_key=rpc.UNKNOWN)
    assert list(answer.failures) == []
    assert (answer.inputs["er_id"], answer.inputs["idempotency_key"]) == (rpc.UNKNOWN, rpc.UNKNOWN)


def test_checks_have_threads_of_their_own(engine: Any) -> None:
    check(engine)
    assert any(thread.name.startswith("check") for thread in threading.enumerate()), "gRPC has changed"


def test_second_declaration_of_target_is_refused(engine: Any) -> None:
    assert list(check(engine).failures) == []
    (failure,) = check(engine, SECOND_URN, name="other").failures
    assert (failure.property, failure.reason) == (
        "log_stream_id",
        "the program declares a flow log of this attachment for this log group and log stream twice, as"
        " 'core-att-1' and as 'core-att-1-second': the service allows one, so declare it once",
    )


def test_another_run_may_declare_target_with_another_name(engine: Any) -> None:
    assert list(check(engine).failures) == []
    engine.Configure(proto.ConfigureRequest(args=struct({})))
    assert list(check(engine, SECOND_URN).failures) == []


def test_diff_marks_each_change_and_whether_it_replaces(engine: Any) -> None:
    unchanged = diff(engine)
    assert (unchanged.changes, list(unchanged.replaces)) == (proto.DiffResponse.DIFF_NONE, [])
    assert not unchanged.detailedDiff
    answer = diff(engine, name="renamed", log_stream_id=rpc.UNKNOWN)
    assert answer.changes == proto.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == ["log_stream_id"]
    assert not answer.deleteBeforeReplace
    assert answer.hasDetailedDiff
    assert {key: change.kind for key, change in answer.detailedDiff.items()} == {
        "name": proto.PropertyDiff.UPDATE,
        "log_stream_id": proto.PropertyDiff.UPDATE_REPLACE,
    }


def test_failed_operation_reports_one_sentence_and_keeps_no_resource(engine: Any) -> None:
    state = struct(STATE, **{PROVIDER_KEY: REFERENCE})
    inputs = struct(INPUTS, **{PROVIDER_KEY: REFERENCE})
    pending = struct({**STATE, "state": "pending"})
    for call, request in (
        (engine.Delete, proto.DeleteRequest(id="fl-1", urn=URN, properties=state)),
        (engine.Delete, proto.DeleteRequest(id="created-by:x", urn=URN, properties=state)),
        (engine.Create, proto.CreateRequest(urn=URN, properties=inputs)),
        (engine.Read, proto.ReadRequest(id="fl-1", urn=URN, properties=state)),
        (engine.Read, proto.ReadRequest(id="er-1/fl-1", urn=URN)),
        (engine.Read, proto.ReadRequest(id="created-by:x", urn=URN, properties=state)),
        (engine.Update, proto.UpdateRequest(id="fl-1", urn=URN, olds=state, news=inputs)),
        (engine.Diff, proto.DiffRequest(id="fl-1", urn=URN, olds=pending, news=inputs)),
    ):
        failure = refusal(call, request)
        assert (failure.sentence, failure.kept) == (NO_CREDENTIALS, None), request


def test_operation_uses_config_of_engine(engine: Any) -> None:
    engine.Configure(proto.ConfigureRequest(args=struct({"otc-flow-logs:username": "ann"})))
    assert read_refused(engine, "er-1/fl-1").startswith("no credentials: otc-flow-logs:username also needs")


def test_secret_credential_in_config_is_read(engine: Any) -> None:
    secret = struct({rpc._special_sig_key: rpc._special_secret_sig, "value": "t"})
    engine.Configure(proto.ConfigureRequest(args=struct({"otc-flow-logs:token": secret}), acceptSecrets=True))
    assert read_refused(engine, "er-1/fl-1").startswith("no region: ")


def test_other_dynamic_resource_goes_to_its_own_provider(engine: Any) -> None:
    news = struct({"name": "not a flow log!", PROVIDER_KEY: serialize_provider(OtherProvider())})
    assert engine.Check(proto.CheckRequest(urn=OTHER_URN, news=news)).inputs["checked_by"] == "another provider"
    failure = refusal(engine.Create, proto.CreateRequest(urn=OTHER_URN, properties=news))
    assert "a mistake of another provider" in failure.sentence


def test_resources_of_others_run_four_at_a_time_and_hold_up_no_flow_log(engine: Any) -> None:
    properties = struct({PROVIDER_KEY: serialize_provider(OtherProvider())})
    request = proto.DeleteRequest(id="other", urn=OTHER_URN, properties=properties)
    calls = [engine.Delete.future(request, timeout=60) for _ in range(5)]
    for _ in range(4):
        assert deletes_begun.acquire(timeout=60)
    assert list(check(engine).failures) == []
    assert not deletes_begun.acquire(timeout=0.1)
    may_end.set()
    assert [call.result() for call in calls] == [empty_pb2.Empty()] * 5


def test_function_that_starts_the_host_answers_nothing(engine: Any) -> None:
    assert not engine.Invoke(proto.InvokeRequest(tok=START_FUNCTION)).failures


def test_schema_lets_import_write_code_with_every_input(engine: Any) -> None:
    schema = json.loads(engine.GetSchema(proto.GetSchemaRequest()).schema)
    assert schema["name"] == FLOW_LOG_TYPE.split(":")[0]
    assert schema["language"]["python"]["packageName"] == imported.__name__
    for args in (FlowLogArgs, LogGroupArgs, LogStreamArgs):
        name = args.__name__.removesuffix("Args")
        (described,) = (value for token, value in schema["resources"].items() if token.endswith(f":{name}"))
        assert described["inputProperties"].keys() == {field.name for field in fields(args)}
        assert callable(getattr(imported, name))


def test_check_works_after_cancel(engine: Any) -> None:
    assert engine.Cancel(empty_pb2.Empty()) == empty_pb2.Empty()
    assert list(check(engine).failures) == []


@pytest.mark.parametrize("value", ["", "text", "🔥", True, False, 600, {"nested": ["text"]}])
def test_properties_survive_the_way_to_the_engine_and_back(value: Any) -> None:
    assert from_struct(to_struct({"key": value}, Struct(), FlowLogProvider())) == {"key": value}
    message = to_struct({"key": rpc.UNKNOWN}, Struct(), FlowLogProvider())
    assert is_unknown(from_struct(message)["key"])
    assert to_struct(from_struct(message), Struct(), FlowLogProvider())["key"] == rpc.UNKNOWN


def test_reference_to_provider_and_null_are_not_properties() -> None:
    message = to_struct({"name": "log", "description": None}, struct({PROVIDER_KEY: "as in state"}), FlowLogProvider())
    assert message[PROVIDER_KEY] == "as in state"
    assert from_struct(message) == {"name": "log"}

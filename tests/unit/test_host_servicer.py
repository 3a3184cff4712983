"""The host's servicer, spoken to over gRPC as the engine does; whatever needs an API is in tests/emulator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pulumi.dynamic
import pytest
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.dynamic.dynamic import PROVIDER_KEY, serialize_provider
from pulumi.runtime import proto, rpc

from providers.flow_log_provider import FlowLogProvider
from providers.host.flow_log import FlowLogHandler
from providers.host.messages import from_struct, to_struct
from providers.schema import is_unknown
from providers.urn import FLOW_LOG_TYPE
from tests.sdk import STATUS_DETAILS, hosted

URN = f"urn:pulumi:local::otc-flow-logs::otc-flow-logs:index:RouterFlowLogs${FLOW_LOG_TYPE}::core-att-1"
OTHER_URN = "urn:pulumi:local::otc-flow-logs::pulumi-python:dynamic:Resource::other"
INPUTS: dict[str, Any] = {
    "er_id": "er-1",
    "resource_id": "att-1",
    "log_group_id": "g-1",
    "log_stream_id": "s-1",
    "name": "log",
    "description": "",
    "enabled": True,
    "resource_type": "attachment",
    "log_store_type": "LTS",
}
STATE = {**INPUTS, "state": "available", "project_id": "p-1", "log_aggregation_interval": 600}
REFERENCE = serialize_provider(FlowLogProvider())
NO_REGION = (
    "no region: set otc-flow-logs:region in the stack file to eu-de or eu-nl (or OS_REGION_NAME in the environment)"
)


class OtherProvider(pulumi.dynamic.ResourceProvider):
    """Somebody else's dynamic resource in the same program."""

    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> pulumi.dynamic.CheckResult:
        return pulumi.dynamic.CheckResult({**news, "checked_by": "another provider"}, [])

    def create(self, props: dict[str, Any]) -> pulumi.dynamic.CreateResult:
        raise ValueError("a mistake of another provider")


@pytest.fixture
def engine(base: type[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """A stub, as the engine has one."""
    for name in ("OS_TOKEN", "OS_USERNAME", "OS_PASSWORD", "OS_REGION_NAME", "OS_AUTH_URL", "OS_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    with hosted(base, FlowLogHandler()) as stub:
        yield stub


def struct(properties: dict[str, Any], **more: Any) -> Struct:
    message = Struct()
    message.update({**properties, **more})
    return message


def properties(message: Struct) -> dict[str, Any]:
    return {key: message[key] for key in message}


@dataclass(frozen=True)
class Refusal:
    """How a call failed: the sentence that the user reads, and the metadata sent with it."""

    sentence: str
    trailing: list[str]


def refusal(call: Callable[[Any], Any], request: Any) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call(request)
    error = caught.value
    assert isinstance(error, grpc.Call)
    assert error.code() is grpc.StatusCode.UNKNOWN
    return Refusal(error.details() or "", [key for key, _ in error.trailing_metadata()])


def test_check_fills_in_defaults_and_keeps_the_reference_to_the_provider(engine: Any) -> None:
    given = {key: INPUTS[key] for key in ("er_id", "resource_id", "log_group_id", "log_stream_id", "name")}
    answer = engine.Check(proto.CheckRequest(urn=URN, news=struct(given, **{PROVIDER_KEY: "as in the program"})))
    assert properties(answer.inputs) == {**INPUTS, PROVIDER_KEY: "as in the program"}
    assert list(answer.failures) == []


def test_check_tells_each_mistake_with_its_property(engine: Any) -> None:
    answer = engine.Check(proto.CheckRequest(urn=URN, news=struct({**INPUTS, "enabled": "true", "name": 5})))
    assert {(failure.property, failure.reason) for failure in answer.failures} == {
        ("enabled", "enabled must be true or false, not 'true'"),
        ("name", "name must be 1 to 64 letters, digits, '_', '-' and '.', not 5"),
    }


SECOND_URN = f"{URN}-second"


def checked(engine: Any, urn: str, **changed: Any) -> list[tuple[str, str]]:
    """The failures of a check."""
    answer = engine.Check(proto.CheckRequest(urn=urn, news=struct({**INPUTS, **changed})))
    return [(one.property, one.reason) for one in answer.failures]


def test_two_declarations_of_one_target_are_refused(engine: Any) -> None:
    assert checked(engine, URN) == []
    assert checked(engine, SECOND_URN, name="other") == [
        (
            "resource_id",
            "the program declares a flow log of this attachment for this log group and log stream twice, as"
            " 'core-att-1' and as 'core-att-1-second': the service allows one, so declare it once",
        )
    ]


@pytest.mark.parametrize("key", ["er_id", "resource_id", "log_group_id", "log_stream_id"])
def test_declarations_of_different_targets_are_fine(engine: Any, key: str) -> None:
    assert checked(engine, URN) == []
    assert checked(engine, SECOND_URN, **{key: "other"}) == []


@pytest.mark.parametrize("key", ["er_id", "resource_id", "log_group_id", "log_stream_id"])
def test_targets_that_are_not_known_yet_are_not_compared(engine: Any, key: str) -> None:
    assert checked(engine, URN, **{key: rpc.UNKNOWN}) == []
    assert checked(engine, SECOND_URN, **{key: rpc.UNKNOWN}) == []


def test_the_same_declaration_may_be_checked_twice(engine: Any) -> None:
    # The engine does so where it replaces.
    assert checked(engine, URN) == checked(engine, URN) == []


def test_another_run_may_declare_the_target_elsewhere(engine: Any) -> None:
    assert checked(engine, URN) == []
    engine.Configure(proto.ConfigureRequest(args=struct({})))
    assert checked(engine, SECOND_URN) == []


def test_check_passes_on_what_is_not_known_yet(engine: Any) -> None:
    news = struct({**INPUTS, "er_id": rpc.UNKNOWN, "idempotency_key": rpc.UNKNOWN})
    answer = engine.Check(proto.CheckRequest(urn=URN, news=news))
    assert list(answer.failures) == []
    assert answer.inputs["er_id"] == rpc.UNKNOWN
    assert answer.inputs["idempotency_key"] == rpc.UNKNOWN


def test_diff_of_nothing_is_nothing(engine: Any) -> None:
    request = proto.DiffRequest(
        id="fl-1", urn=URN, olds=struct(STATE, **{PROVIDER_KEY: "a"}), news=struct(INPUTS, **{PROVIDER_KEY: "b"})
    )
    answer = engine.Diff(request)
    assert answer.changes == proto.DiffResponse.DIFF_NONE
    assert list(answer.replaces) == []
    assert not answer.detailedDiff


def test_diff_marks_each_change_and_whether_it_replaces(engine: Any) -> None:
    news = struct({**INPUTS, "name": "renamed", "log_stream_id": rpc.UNKNOWN})
    answer = engine.Diff(proto.DiffRequest(id="fl-1", urn=URN, olds=struct(STATE), news=news))
    assert answer.changes == proto.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == ["log_stream_id"]
    assert not answer.deleteBeforeReplace
    assert answer.hasDetailedDiff
    assert {key: one.kind for key, one in answer.detailedDiff.items()} == {
        "name": proto.PropertyDiff.UPDATE,
        "log_stream_id": proto.PropertyDiff.UPDATE_REPLACE,
    }


def test_numbers_that_grpc_made_floats_are_no_change(engine: Any) -> None:
    olds = struct(STATE)
    assert isinstance(olds["log_aggregation_interval"], float)
    answer = engine.Diff(proto.DiffRequest(id="fl-1", urn=URN, olds=olds, news=struct(INPUTS)))
    assert answer.changes == proto.DiffResponse.DIFF_NONE


def test_every_operation_that_fails_says_so_in_one_sentence(engine: Any) -> None:
    state = struct(STATE, **{PROVIDER_KEY: REFERENCE})
    inputs = struct(INPUTS, **{PROVIDER_KEY: REFERENCE})
    failures = {
        "delete": refusal(engine.Delete, proto.DeleteRequest(id="fl-1", urn=URN, properties=state)),
        "create": refusal(engine.Create, proto.CreateRequest(urn=URN, properties=inputs)),
        "read": refusal(engine.Read, proto.ReadRequest(id="fl-1", urn=URN, properties=state)),
        "import": refusal(engine.Read, proto.ReadRequest(id="er-1/fl-1", urn=URN)),
        "update": refusal(engine.Update, proto.UpdateRequest(id="fl-1", urn=URN, olds=state, news=inputs)),
        "diff": refusal(
            engine.Diff,
            proto.DiffRequest(id="fl-1", urn=URN, olds=struct({**STATE, "state": "pending"}), news=inputs),
        ),
    }
    for operation, error in failures.items():
        assert error.sentence == NO_REGION, operation
        assert STATUS_DETAILS not in error.trailing, operation


def test_an_import_without_the_router_is_told_how_to_write_it(engine: Any) -> None:
    error = refusal(engine.Read, proto.ReadRequest(id="fl-1", urn=URN))
    assert error.sentence == "'fl-1' is not the import id of a flow log: it must be ER_ID/FLOW_LOG_ID"


def test_an_operation_reads_the_config_that_the_engine_gave(engine: Any) -> None:
    engine.Configure(proto.ConfigureRequest(args=struct({"otc-flow-logs:region": "eu-de"})))
    error = refusal(engine.Read, proto.ReadRequest(id="er-1/fl-1", urn=URN))
    assert error.sentence.startswith("no credentials for https://er.eu-de.otc.t-systems.com: set OS_USERNAME")


def test_a_credential_that_came_as_a_secret_is_read(engine: Any) -> None:
    secret = struct({rpc._special_sig_key: rpc._special_secret_sig, "value": "t"})
    config = {"otc-flow-logs:region": "eu-de", "otc-flow-logs:token": secret}
    engine.Configure(proto.ConfigureRequest(args=struct(config), acceptSecrets=True))
    error = refusal(engine.Read, proto.ReadRequest(id="er-1/fl-1", urn=URN))
    assert error.sentence.startswith("a token needs the id of its project")


def test_another_dynamic_resource_goes_to_the_sdks_own_code(engine: Any) -> None:
    news = struct({"name": "not a flow log!", PROVIDER_KEY: serialize_provider(OtherProvider())})
    answer = engine.Check(proto.CheckRequest(urn=OTHER_URN, news=news))
    assert answer.inputs["checked_by"] == "another provider"
    error = refusal(engine.Create, proto.CreateRequest(urn=OTHER_URN, properties=news))
    assert "a mistake of another provider" in error.sentence


def test_a_flow_log_needs_no_reference_to_its_provider(engine: Any) -> None:
    answer = engine.Check(proto.CheckRequest(urn=URN, news=struct(INPUTS)))
    assert answer.inputs[PROVIDER_KEY] == REFERENCE


def test_cancelling_is_answered_and_what_needs_no_waiting_works_after_it(engine: Any) -> None:
    assert engine.Cancel(empty_pb2.Empty()) == empty_pb2.Empty()
    assert list(engine.Check(proto.CheckRequest(urn=URN, news=struct(INPUTS))).failures) == []


@pytest.mark.parametrize("value", ["", "text", "🔥", True, False, 600])
def test_properties_survive_the_way_to_the_engine_and_back(value: Any) -> None:
    assert from_struct(to_struct({"key": value}, Struct())) == {"key": value}


def test_what_is_not_known_yet_stays_so_on_the_way_to_the_engine_and_back() -> None:
    there = to_struct({"key": rpc.UNKNOWN}, Struct())
    assert is_unknown(from_struct(there)["key"])
    assert to_struct(from_struct(there), Struct())["key"] == rpc.UNKNOWN


def test_the_reference_to_the_provider_is_that_of_the_request_and_not_a_property() -> None:
    message = to_struct({"name": "log"}, struct({PROVIDER_KEY: "as in state"}))
    assert message[PROVIDER_KEY] == "as in state"
    assert from_struct(message) == {"name": "log"}

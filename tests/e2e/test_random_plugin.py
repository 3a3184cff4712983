"""The stand-in random plugin, started and called as the engine does it."""

import json
import subprocess
import uuid
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc
from pulumi.runtime.rpc import UNKNOWN

from providers.urn import RANDOM_UUID_TYPE
from tests.sdk import struct
from tools import offline

URN = f"urn:pulumi:local::otc-flow-logs::er:Router${RANDOM_UUID_TYPE}::key"
KNOWN = "aabbccdd-eeff-0011-2233-445566778899"
Plugin = provider_pb2_grpc.ResourceProviderStub


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    binary = offline.build_folder() / "bin" / "pulumi-resource-random"
    if not binary.is_file():
        pytest.skip("the CLI was not built here, so it has the official plugin")
    with subprocess.Popen([str(binary), "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
            yield Plugin(channel)
        process.kill()


def test_uuid_is_checked_previewed_created_read_and_deleted(plugin: Plugin) -> None:
    inputs = struct({"keepers": {"router": "a"}})
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=inputs))
    assert (checked.inputs, list(checked.failures)) == (inputs, [])

    previewed = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs, preview=True))
    assert (previewed.id, previewed.properties["result"]) == ("", UNKNOWN)

    created, another = (plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs)) for _ in range(2))
    assert str(uuid.UUID(created.id)) == created.id == created.properties["result"]
    assert created.properties["keepers"] == inputs["keepers"]
    assert another.id != created.id

    read = plugin.Read(provider_pb2.ReadRequest(urn=URN, id=created.id, properties=created.properties, inputs=inputs))
    assert (read.id, read.properties, read.inputs) == (created.id, created.properties, inputs)
    plugin.Delete(provider_pb2.DeleteRequest(urn=URN, id=created.id, properties=created.properties))


@pytest.mark.parametrize(
    ("old", "new", "is_replaced"),
    [
        *((same, same, False) for same in ({}, {"keepers": {"a": "1"}})),
        ({}, {"keepers": {}}, False),
        ({"keepers": None}, {}, False),
        ({"keepers": {"a": None}}, {}, False),
        *(({"keepers": {"a": "1"}}, new, True) for new in ({}, {"keepers": UNKNOWN})),
        *(({"keepers": {"a": "1"}}, {"keepers": {"a": value}}, True) for value in ("2", UNKNOWN)),
        ({}, {"keepers": {"a": "1"}}, True),
    ],
)
def test_changed_keepers_replace_the_uuid(
    plugin: Plugin, old: dict[str, object], new: dict[str, object], is_replaced: bool
) -> None:
    olds = struct(old, result=KNOWN)
    answer = plugin.Diff(provider_pb2.DiffRequest(urn=URN, id="x", olds=olds, news=struct(new)))
    assert list(answer.replaces) == (["keepers"] if is_replaced else [])
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    assert answer.changes == (some if is_replaced else none)


def test_only_a_uuid_can_be_imported(plugin: Plugin) -> None:
    read = plugin.Read(provider_pb2.ReadRequest(urn=URN, id=KNOWN))
    assert (read.id, dict(read.properties), dict(read.inputs)) == (KNOWN, {"result": KNOWN}, {})
    with pytest.raises(grpc.RpcError, match="'no-uuid' is not a UUID"):
        plugin.Read(provider_pb2.ReadRequest(urn=URN, id="no-uuid"))


def test_unknown_inputs_and_types_are_refused_by_name(plugin: Plugin) -> None:
    answer = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=struct({"keeper": "x", "__defaults": []})))
    assert [failure.property for failure in answer.failures] == ["keeper"]
    other = "random:index/randomPet:RandomPet"
    with pytest.raises(grpc.RpcError, match=f"stand-in random plugin: serves only RandomUuid, not {other}"):
        plugin.Check(provider_pb2.CheckRequest(urn=URN.replace(RANDOM_UUID_TYPE, other), news=struct({})))
    with pytest.raises(grpc.RpcError, match="stand-in random plugin"):
        plugin.Invoke(provider_pb2.InvokeRequest(tok="random:index/other:other"))


def test_version_and_schema_show_that_it_is_a_stand_in(plugin: Plugin) -> None:
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version.endswith("+stand-in")
    schema = json.loads(plugin.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["description"].startswith("stand-in random plugin")
    assert list(schema["resources"]) == [RANDOM_UUID_TYPE]

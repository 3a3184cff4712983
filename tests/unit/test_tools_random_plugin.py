"""The stand-in random plugin, asked over a real gRPC channel what the engine asks."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tools.offline.random_plugin import servicer

ROOT = Path(__file__).resolve().parents[2]
URN = f"urn:pulumi:local::otc-flow-logs::er:Router${servicer.TOKEN}::key"


def struct(**values: object) -> struct_pb2.Struct:
    return json_format.ParseDict(values, struct_pb2.Struct())


@pytest.fixture(scope="module")
def plugin() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer.RandomUuidServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(0)


def test_the_token_is_the_one_that_the_sdk_sends() -> None:
    import pulumi_random

    source = Path(pulumi_random.__file__).with_name("random_uuid.py").read_text()
    assert f'@pulumi.type_token("{servicer.TOKEN}")' in source


def test_a_life(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    inputs = struct(keepers={"router": "a"})
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=inputs))
    assert (checked.inputs, list(checked.failures)) == (inputs, [])

    planned = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs, preview=True))
    assert (planned.id, planned.properties["result"]) == ("", servicer.UNKNOWN)

    created = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs))
    assert str(uuid.UUID(created.id)) == created.id == created.properties["result"]
    assert created.properties["keepers"] == inputs["keepers"]
    again = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs))
    assert again.id != created.id

    read = plugin.Read(provider_pb2.ReadRequest(urn=URN, id=created.id, properties=created.properties, inputs=inputs))
    assert (read.id, read.properties, read.inputs) == (created.id, created.properties, inputs)
    plugin.Delete(provider_pb2.DeleteRequest(urn=URN, id=created.id, properties=created.properties))


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        ({}, {}, False),
        ({"keepers": {"a": "1"}}, {"keepers": {"a": "1"}}, False),
        ({}, {"keepers": {}}, False),
        ({"keepers": None}, {}, False),
        ({"keepers": {"a": None}}, {}, False),
        ({"keepers": {"a": "1"}}, {"keepers": {"a": "2"}}, True),
        ({"keepers": {"a": "1"}}, {}, True),
        ({}, {"keepers": {"a": "1"}}, True),
        ({"keepers": {"a": "1"}}, {"keepers": {"a": servicer.UNKNOWN}}, True),
        ({"keepers": {"a": "1"}}, {"keepers": servicer.UNKNOWN}, True),
    ],
)
def test_other_keepers_make_another_uuid(
    plugin: provider_pb2_grpc.ResourceProviderStub,
    old: dict[str, object],
    new: dict[str, object],
    replaced: bool,
) -> None:
    olds = struct(**old, result="aabbccdd-eeff-0011-2233-445566778899")
    answer = plugin.Diff(provider_pb2.DiffRequest(urn=URN, id="x", olds=olds, news=struct(**new)))
    assert list(answer.replaces) == (["keepers"] if replaced else [])
    some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
    assert answer.changes == (some if replaced else none)


def test_a_uuid_is_imported_and_nothing_else_is(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    known = "aabbccdd-eeff-0011-2233-445566778899"
    read = plugin.Read(provider_pb2.ReadRequest(urn=URN, id=known))
    assert (read.id, dict(read.properties), dict(read.inputs)) == (known, {"result": known}, {})
    with pytest.raises(grpc.RpcError, match="'no-uuid' is not a UUID"):
        plugin.Read(provider_pb2.ReadRequest(urn=URN, id="no-uuid"))


def test_an_unknown_input_is_named(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=struct(keeper="x", __defaults=[])))
    assert [failure.property for failure in answer.failures] == ["keeper"]


def test_other_types_are_refused_by_name(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    other = "random:index/randomPet:RandomPet"
    urn = URN.replace(servicer.TOKEN, other)
    with pytest.raises(grpc.RpcError, match=f"stand-in random plugin: serves only RandomUuid, not {other}"):
        plugin.Check(provider_pb2.CheckRequest(urn=urn, news=struct()))
    with pytest.raises(grpc.RpcError, match="stand-in random plugin"):
        plugin.Invoke(provider_pb2.InvokeRequest(tok="random:index/other:other"))


def test_it_says_what_it_is(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version.endswith("+stand-in")
    schema = json.loads(plugin.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["description"] == servicer.STAND_IN
    assert list(schema["resources"]) == [servicer.TOKEN]


def test_the_launcher_finds_the_python_of_the_project(tmp_path: Path) -> None:
    """As it lies in the cache: bin/ and lib/ side by side, started in a project with a .venv."""
    for source, target in (("tools/offline/bin", "cli/bin"), ("tools/offline/random_plugin", "cli/lib/random_plugin")):
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / target).symlink_to(ROOT / source)
    project = tmp_path / "project"
    project.mkdir()
    command = [str(tmp_path / "cli/bin/pulumi-resource-random"), "127.0.0.1:1"]
    bare = {name: value for name, value in os.environ.items() if name not in ("OTC_FLOW_LOGS_VENV", "VIRTUAL_ENV")}

    lost = subprocess.run(command, cwd=project, env=bare, capture_output=True, text=True, timeout=20, check=False)
    assert (lost.returncode, lost.stdout) == (1, "")
    assert "stand-in random plugin: no .venv in" in lost.stderr

    (project / ".venv").symlink_to(sys.prefix)
    with subprocess.Popen(
        command, cwd=project, env=bare, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                stub = provider_pb2_grpc.ResourceProviderStub(channel)
                configured = stub.Configure(provider_pb2.ConfigureRequest(), timeout=20)
            assert configured.supportsPreview
        finally:
            process.kill()

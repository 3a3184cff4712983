"""The stand-in random plugin, called over a real gRPC channel as the engine calls it."""

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
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.sdk import struct
from tools.offline.random_plugin import servicer

ROOT = Path(__file__).resolve().parents[2]
URN = f"urn:pulumi:local::otc-flow-logs::er:Router${servicer.TOKEN}::key"


KNOWN = "aabbccdd-eeff-0011-2233-445566778899"
Plugin = provider_pb2_grpc.ResourceProviderStub


@pytest.fixture(scope="module")
def plugin() -> Iterator[Plugin]:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer.RandomUuidServicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Plugin(channel)
    server.stop(0)


def test_token_is_that_of_the_sdk() -> None:
    import pulumi_random

    source = Path(pulumi_random.__file__).with_name("random_uuid.py").read_text()
    assert f'@pulumi.type_token("{servicer.TOKEN}")' in source


def test_uuid_is_checked_previewed_created_read_and_deleted(plugin: Plugin) -> None:
    inputs = struct({"keepers": {"router": "a"}})
    checked = plugin.Check(provider_pb2.CheckRequest(urn=URN, news=inputs))
    assert (checked.inputs, list(checked.failures)) == (inputs, [])

    previewed = plugin.Create(provider_pb2.CreateRequest(urn=URN, properties=inputs, preview=True))
    assert (previewed.id, previewed.properties["result"]) == ("", servicer.UNKNOWN)

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
        *(({"keepers": {"a": "1"}}, new, True) for new in ({}, {"keepers": servicer.UNKNOWN})),
        *(({"keepers": {"a": "1"}}, {"keepers": {"a": value}}, True) for value in ("2", servicer.UNKNOWN)),
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
        plugin.Check(provider_pb2.CheckRequest(urn=URN.replace(servicer.TOKEN, other), news=struct({})))
    with pytest.raises(grpc.RpcError, match="stand-in random plugin"):
        plugin.Invoke(provider_pb2.InvokeRequest(tok="random:index/other:other"))


def test_version_and_schema_show_that_it_is_a_stand_in(plugin: Plugin) -> None:
    assert plugin.GetPluginInfo(empty_pb2.Empty()).version.endswith("+stand-in")
    schema = json.loads(plugin.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert (schema["description"], list(schema["resources"])) == (servicer.STAND_IN, [servicer.TOKEN])


def test_launcher_in_the_cache_runs_the_python_of_the_project(tmp_path: Path) -> None:
    for source, target in (("tools/offline/bin", "cli/bin"), ("tools/offline/random_plugin", "cli/lib/random_plugin")):
        (tmp_path / target).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / target).symlink_to(ROOT / source)
    project = tmp_path / "project"
    project.mkdir()
    bare = {name: value for name, value in os.environ.items() if name not in ("OTC_FLOW_LOGS_VENV", "VIRTUAL_ENV")}

    def start() -> "subprocess.Popen[str]":
        command = [str(tmp_path / "cli/bin/pulumi-resource-random"), "127.0.0.1:1"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=project, env=bare, stdout=pipe, stderr=pipe, text=True)

    out, err = start().communicate(timeout=20)
    assert out == ""
    assert "stand-in random plugin: no .venv in" in err

    (project / ".venv").symlink_to(sys.prefix)
    with start() as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                configured = Plugin(channel).Configure(provider_pb2.ConfigureRequest(), timeout=20)
            assert configured.supportsPreview
        finally:
            process.kill()

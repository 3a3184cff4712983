"""What the stand-in does: `random:index/randomUuid:RandomUuid`, the way the real plugin does it.

State written by one is read by the other: the same token, the same properties (`keepers`, `result`), the id
being the result, and the same rule that other keepers make another UUID.
"""

# ruff: noqa: N802 - names and signatures are those of the protocol.

import importlib.metadata
import json
import uuid
from collections.abc import Mapping
from typing import NoReturn

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

TOKEN = "random:index/randomUuid:RandomUuid"
STAND_IN = "stand-in random plugin: serves only RandomUuid"

# How the engine spells "not known before the run" in messages.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

_STRING_MAP = {"type": "object", "additionalProperties": {"type": "string"}}
_SCHEMA = {
    "name": "random",
    "description": STAND_IN,
    "resources": {
        TOKEN: {
            "inputProperties": {"keepers": {**_STRING_MAP, "replaceOnChanges": True}},
            "properties": {"keepers": _STRING_MAP, "result": {"type": "string"}},
            "required": ["result"],
        }
    },
}


def plugin_version() -> str:
    """The version of the installed SDK: the engine warns about a plugin older than that."""
    try:
        installed = importlib.metadata.version("pulumi-random")
    except importlib.metadata.PackageNotFoundError:
        installed = "0.0.0"
    return f"{installed}+stand-in"


def keepers_of(properties: struct_pb2.Struct) -> struct_pb2.Value | None:
    """The keepers as one comparable value; absent, null and empty are all the same: none."""
    value = properties.fields.get("keepers")
    if value is None or value.WhichOneof("kind") == "null_value":
        return None
    if value.HasField("struct_value"):
        kept = {key: item for key, item in value.struct_value.fields.items() if not item.HasField("null_value")}
        if not kept:
            return None
        return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=kept))
    return value


def _with(properties: struct_pb2.Struct, **strings: str) -> struct_pb2.Struct:
    outputs = struct_pb2.Struct()
    outputs.CopyFrom(properties)
    for name, value in strings.items():
        outputs.fields[name].string_value = value
    return outputs


def _only_inputs(fields: Mapping[str, struct_pb2.Value]) -> struct_pb2.Struct:
    return struct_pb2.Struct(fields={"keepers": fields["keepers"]} if "keepers" in fields else {})


class RandomUuidServicer(provider_pb2_grpc.ResourceProviderServicer):
    """The calls that the engine makes for a RandomUuid; whatever else is asked for is refused by name."""

    # The provider itself: it has no settings.

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=plugin_version())

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(_SCHEMA | {"version": plugin_version()}))

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        # No acceptSecrets: the engine then marks as secret by itself what was secret among the inputs.
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    # The resource.

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        self._refuse_others(request.urn, context)
        failures = [
            provider_pb2.CheckFailure(property=name, reason=f"RandomUuid has no input '{name}', only 'keepers'")
            for name in request.news.fields
            if name != "keepers" and not name.startswith("__")
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        self._refuse_others(request.urn, context)
        if "keepers" in request.ignoreChanges or keepers_of(request.olds) == keepers_of(request.news):
            return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME,
            replaces=["keepers"],
            diffs=["keepers"],
            hasDetailedDiff=True,
            detailedDiff={
                "keepers": provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.UPDATE_REPLACE, inputDiff=True)
            },
        )

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        self._refuse_others(request.urn, context)
        if request.preview:
            return provider_pb2.CreateResponse(properties=_with(request.properties, result=UNKNOWN))
        result = str(uuid.uuid4())
        return provider_pb2.CreateResponse(id=result, properties=_with(request.properties, result=result))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Refresh finds what state holds; an import takes the id given, when it is a UUID."""
        self._refuse_others(request.urn, context)
        if "result" in request.properties.fields:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        try:
            result = str(uuid.UUID(request.id))
        except ValueError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"'{request.id}' is not a UUID")
        inputs = _only_inputs(request.properties.fields)
        return provider_pb2.ReadResponse(id=result, properties=_with(inputs, result=result), inputs=inputs)

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Diff asks for no update; one comes all the same when the last create ended in an error."""
        self._refuse_others(request.urn, context)
        return provider_pb2.UpdateResponse(properties=_with(request.news, result=request.id))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._refuse_others(request.urn, context)
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        self._refuse(request.tok, context)

    def _refuse_others(self, urn: str, context: grpc.ServicerContext) -> None:
        # urn:pulumi:STACK::PROJECT::PARENT$TYPE::NAME; a name may hold "::" but comes last.
        parts = urn.split("::", 3)
        token = parts[2].rpartition("$")[2] if len(parts) == 4 else urn
        if token != TOKEN:
            self._refuse(token, context)

    def _refuse(self, token: str, context: grpc.ServicerContext) -> NoReturn:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{STAND_IN}, not {token}: install the Pulumi CLI, which downloads the real plugin",
        )

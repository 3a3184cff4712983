"""FlowLog's operations, each answered at once from its request."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import proto

# The outputs of a real flow log, so that state and messages are as large as real ones.
OUTPUTS: dict[str, Any] = {
    "resource_type": "attachment",
    "log_store_type": "LTS",
    "state": "available",
    "project_id": "0605767a9980d5762fbcc00b3537e757",
    "log_aggregation_interval": 600,
    "created_at": "2026-01-01T00:00:00Z",
    "updated_at": "2026-01-01T00:00:02Z",
}


class FloorHandler:
    """Calls no API and keeps nothing."""

    def Check(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        return proto.CheckResponse(inputs=request.news)

    def Diff(self, request: Any) -> Any:  # noqa: N802
        unchanged = request.old_inputs == request.news
        return proto.DiffResponse(changes=proto.DiffResponse.DIFF_NONE if unchanged else proto.DiffResponse.DIFF_SOME)

    def Create(self, request: Any) -> Any:  # noqa: N802
        properties = Struct()
        properties.CopyFrom(request.properties)
        properties.update(OUTPUTS)
        return proto.CreateResponse(id=str(uuid4()), properties=properties)

    def Read(self, request: Any) -> Any:  # noqa: N802
        return proto.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any) -> Any:  # noqa: N802
        return proto.UpdateResponse(properties=request.news)

    def Delete(self, _request: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

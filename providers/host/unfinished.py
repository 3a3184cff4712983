"""Failing in the one way that keeps a half-made resource in state."""

from __future__ import annotations

from typing import Any, NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from providers.flow_log_provider import IncompleteFlowLogError
from providers.host.messages import to_struct


def abort_unfinished(context: grpc.ServicerContext, error: IncompleteFlowLogError, request: Any) -> NoReturn:
    """Fail the create or update; the engine keeps the resource as "initialised with errors" and updates it next."""
    inputs = request.news if isinstance(request, provider_pb2.UpdateRequest) else request.properties
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=to_struct(error.outs, inputs), reasons=[str(error)], inputs=inputs
        )
    )
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))

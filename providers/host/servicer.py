"""The SDK's servicer with one addition: a FlowLog goes to `FlowLogHandler`, every other resource to the SDK's code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from providers.flow_log_provider import FlowLogError, IncompleteFlowLogError
from providers.host.flow_log import OPERATIONS, FlowLogHandler
from providers.host.messages import to_struct
from providers.urn import FLOW_LOG_TYPE, Urn

Method = Callable[[Any, Any, grpc.ServicerContext], Any]


def make_servicer(base: type[Any], handler: FlowLogHandler) -> type[Any]:
    """A subclass of the SDK's servicer class, with `handler` for FlowLog."""

    def configure(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        response = base.Configure(self, request, context)
        handler.begin_run(self._config)
        return response

    def cancel(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        handler.cancelled.set()
        return base.Cancel(self, request, context)

    def make_method(operation: str) -> Method:
        def method(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
            if Urn.parse(request.urn).type_token != FLOW_LOG_TYPE:
                return getattr(base, operation)(self, request, context)
            try:
                return getattr(handler, operation)(request)
            except IncompleteFlowLogError as error:
                _abort_incomplete(context, error, request)
            except FlowLogError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))

        return method

    methods = {operation: make_method(operation) for operation in OPERATIONS}
    return type("Servicer", (base,), {**methods, "Configure": configure, "Cancel": cancel})


def _abort_incomplete(context: grpc.ServicerContext, error: IncompleteFlowLogError, request: Any) -> NoReturn:
    """Fail a create or update in the one way that keeps the resource in the state.

    The engine marks it as not initialised, and updates it in the next run.
    """
    inputs = request.news if isinstance(request, provider_pb2.UpdateRequest) else request.properties
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=to_struct(error.outs, inputs), reasons=[str(error)], inputs=inputs
        )
    )
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))

"""The SDK's servicer, widened: FlowLog goes to our handler, every other dynamic resource to the SDK's own code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from providers.flow_log_provider import FlowLogError, IncompleteFlowLogError
from providers.host.flow_log import OPERATIONS, FlowLogHandler
from providers.host.unfinished import abort_unfinished
from providers.urn import FLOW_LOG_TYPE, Urn

Method = Callable[[Any, Any, grpc.ServicerContext], Any]


def make_servicer(base: type[Any], handler: FlowLogHandler) -> type[Any]:
    """A subclass of the SDK's servicer class, with `handler` for FlowLog."""

    def configure(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        answer = base.Configure(self, request, context)
        handler.begin(self._config)
        return answer

    def cancel(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        handler.cancelled.set()
        return base.Cancel(self, request, context)

    def dispatching(operation: str) -> Method:
        def dispatch(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
            if Urn.parse(request.urn).type_token != FLOW_LOG_TYPE:
                return getattr(base, operation)(self, request, context)
            try:
                return getattr(handler, operation)(request)
            except IncompleteFlowLogError as error:
                abort_unfinished(context, error, request)
            except FlowLogError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))

        return dispatch

    methods = {operation: dispatching(operation) for operation in OPERATIONS}
    return type("Servicer", (base,), {**methods, "Configure": configure, "Cancel": cancel})

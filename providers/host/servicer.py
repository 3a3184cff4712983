"""The SDK's servicer with one addition: this project's resources go to their handlers, all others to the SDK's code."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from providers.flow_log_provider import FlowLogProvider
from providers.host.flow_log import FlowLogHandler
from providers.host.messages import to_struct
from providers.host.resource import OPERATIONS, ResourceHandler
from providers.host.session import Session
from providers.log_group_provider import LogGroupProvider
from providers.log_stream_provider import LogStreamProvider
from providers.resource import IncompleteResourceError, ResourceError, ServiceProvider
from providers.urn import FLOW_LOG_TYPE, LOG_GROUP_TYPE, LOG_STREAM_TYPE, Urn

_ANY = {"$ref": "pulumi.json#/Any"}  # in a schema, the type of a property: the provider checks it itself

MAX_OTHERS = 4
"""Operations on resources of others that run at once, as in the SDK's host: their code may not expect more."""

IMPORTED = "providers.imported"
"""The module from which code that `pulumi import` writes takes the resources."""

Method = Callable[[Any, Any, grpc.ServicerContext], Any]


def make_handlers(session: Session) -> dict[str, Any]:
    """The handlers of this project's resources, by their types."""
    return {
        FLOW_LOG_TYPE: FlowLogHandler(session, FlowLogProvider()),
        LOG_GROUP_TYPE: ResourceHandler(session, LogGroupProvider()),
        LOG_STREAM_TYPE: ResourceHandler(session, LogStreamProvider()),
    }


def package_schema(handlers: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the resources, as far as `pulumi import` needs it to write code: their inputs, and the module.

    Source: the schema's reference, https://www.pulumi.com/docs/iac/guides/building-extending/packages/schema/
    """
    tokens = [type_.split(":") for type_ in handlers]
    return {
        "name": tokens[0][0],
        "version": "0.1.0",  # as the SDK's host says
        "language": {
            "python": {
                "packageName": IMPORTED,
                "moduleNameOverrides": {module: "" for _package, module, _name in tokens},
            }
        },
        "resources": {
            type_: {"inputProperties": dict.fromkeys(handler.provider.schema.names, _ANY)}
            for type_, handler in handlers.items()
        },
    }


def make_servicer(base: type[Any], session: Session, handlers: Mapping[str, Any]) -> type[Any]:
    """A subclass of the SDK's servicer class, with handlers by the types of their resources."""
    others = threading.Semaphore(MAX_OTHERS)

    def configure(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        response = base.Configure(self, request, context)
        session.begin_run(self._config)
        return response

    def cancel(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        session.cancelled.set()
        return base.Cancel(self, request, context)

    def get_schema(_self: Any, _request: Any, _context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps(package_schema(handlers)))

    def invoke(_self: Any, _request: Any, _context: grpc.ServicerContext) -> Any:
        return provider_pb2.InvokeResponse()  # of START_FUNCTION: that the host runs is all it is for

    def make_method(operation: str) -> Method:
        def method(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
            handler = handlers.get(Urn.parse(request.urn).type_token)
            if handler is None:
                with others:
                    return getattr(base, operation)(self, request, context)
            try:
                return getattr(handler, operation)(request)
            except IncompleteResourceError as error:
                _abort_incomplete(context, error, request, handler.provider)
            except ResourceError as error:
                context.abort(grpc.StatusCode.UNKNOWN, str(error))

        return method

    methods: dict[str, Any] = {operation: make_method(operation) for operation in OPERATIONS}
    # The engine checks one resource after the other. A few threads of its own make that faster: by then, the server's
    # pool has grown to hundreds. A version of gRPC without this attribute ignores it.
    methods["Check"].experimental_thread_pool = ThreadPoolExecutor(MAX_OTHERS, thread_name_prefix="check")
    own = {"Configure": configure, "Cancel": cancel, "GetSchema": get_schema, "Invoke": invoke}
    return type("Servicer", (base,), {**methods, **own})


def _abort_incomplete(
    context: grpc.ServicerContext, error: IncompleteResourceError, request: Any, provider: ServiceProvider
) -> NoReturn:
    """Fail a create or update in the one way that keeps the resource in the state.

    The engine marks it as not initialised, and updates it in the next run.
    """
    inputs = request.news if isinstance(request, provider_pb2.UpdateRequest) else request.properties
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id, properties=to_struct(error.outs, inputs, provider), reasons=[str(error)], inputs=inputs
        )
    )
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, str(error))

"""The resources as `pulumi import` writes them into code: with their inputs as keyword arguments.

The provider's schema names this module to Pulumi. In code of your own, use `providers.flow_log`, `providers.log_group`
and `providers.log_stream`, in which an editor and a type checker know the inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import pulumi
from pulumi.dynamic import Resource

from providers import flow_log, log_group, log_stream

R = TypeVar("R", bound=Resource)


def _by_keywords(resource: Callable[..., R], args: Callable[..., Any]) -> Callable[..., R]:
    def declare(resource_name: str, opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> R:
        return resource(resource_name, args(**inputs), opts)

    return declare


FlowLog = _by_keywords(flow_log.FlowLog, flow_log.FlowLogArgs)
LogGroup = _by_keywords(log_group.LogGroup, log_group.LogGroupArgs)
LogStream = _by_keywords(log_stream.LogStream, log_stream.LogStreamArgs)

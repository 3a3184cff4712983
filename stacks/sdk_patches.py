"""What the SDK does for each resource that a program of a thousand alike has no use for.

Left out, a preview of 1,000 takes a fifth less time, and the state, which the engine writes anew before and after each
operation, is a third smaller (measured with `make bench`, with and without OTC_FLOW_LOGS_SDK_DEBUG).
"""

from __future__ import annotations

import os

import pulumi
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

SDK_DEBUG = "OTC_FLOW_LOGS_SDK_DEBUG"
"""Environment variable that, if set, lets the SDK do it all, for a look at what it does with `pulumi --debug`."""


def use() -> None:
    """Leave out the SDK's debug messages (four blocking calls a resource), and its traces of who made a resource.

    The traces go into the state: 15 places in files of this machine for each resource, which are no news to anybody who
    has the stack file, and differ from machine to machine.
    """
    if os.environ.get(SDK_DEBUG):
        return
    pulumi.log.debug = lambda *_arguments, **_named: None
    # Not of the SDK's public interface: a version without it has nothing to leave out.
    if hasattr(resource, "_get_stack_trace"):
        resource._get_stack_trace = lambda *_arguments, **_named: source_pb2.StackTrace()

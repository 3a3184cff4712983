"""Turns off work of Python and of the SDK that a program with a thousand resources does not need.

`make bench` measures what each of these saves, by turning it on again with `SDK_DEBUG`.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import gc
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
from pulumi import _types
from pulumi.dynamic import ResourceProvider, dynamic
from pulumi.runtime import resource
from pulumi.runtime.proto import source_pb2

SDK_DEBUG = "OTC_FLOW_LOGS_SDK_DEBUG"
"""Environment variable that keeps the SDK's own functions: all of them if it is 1, to debug the SDK with
`pulumi --debug`, or those whose names it lists, with commas."""

GARBAGE_COLLECTION = "gc"
"""The name of Python's garbage collection in `SDK_DEBUG`."""

THREADS = "threads"
"""The name of the SDK's number of threads in `SDK_DEBUG`."""

PREVIEW_THREADS = 32
"""Resources that a preview registers at once. The engine takes one after the other, and none waits for the API."""


class _NoUrn:
    async def future(self) -> None:
        return None


def _serialize_once(serialize: Callable[[ResourceProvider], str]) -> Callable[[ResourceProvider], str]:
    """Serialize one provider of each class: those of this project have no state."""
    by_class: dict[type, str] = {}

    def serialize_provider(provider: ResourceProvider) -> str:
        if type(provider) not in by_class:
            by_class[type(provider)] = serialize(provider)
        return by_class[type(provider)]

    return serialize_provider


PATCHES: list[tuple[Any, str, Callable[[Any], Any]]] = [
    # Four blocking calls of the engine for each resource, even if nobody asked for debug messages.
    (pulumi.log, "debug", lambda _: lambda *_arguments, **_named: None),
    # 15 places in files of this machine for each resource, which go into the state.
    (resource, "_get_stack_trace", lambda _: lambda *_arguments, **_named: source_pb2.StackTrace()),
    # The types of a resource's properties, worked out again for each resource.
    (_types, "resource_types", functools.cache),
    # A URN that only mocks and aliases need; the program has neither.
    (resource, "create_urn", lambda _: lambda *_arguments, **_named: _NoUrn()),
    (dynamic, "serialize_provider", _serialize_once),
]
"""What is replaced: a function of a module, by its name, and what makes the new one from the old one.

All but the first are not part of the SDK's public interface: a version without one of them runs as it is.
"""


def apply() -> None:
    """Replace these functions, start fewer threads, and stop collecting garbage: the program ends within seconds."""
    kept = os.environ.get(SDK_DEBUG, "").split(",")
    if kept == ["1"]:
        return
    if GARBAGE_COLLECTION not in kept:
        gc.disable()
        atexit.register(gc.freeze)  # Python collects once more when it ends
    if THREADS not in kept and pulumi.runtime.is_dry_run():
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(PREVIEW_THREADS))
    for module, name, replace in PATCHES:
        if name not in kept and hasattr(module, name):
            setattr(module, name, replace(getattr(module, name)))

"""Run the Pulumi SDK's host for dynamic providers with our servicer in place of its own.

The SDK's module starts its server when it is imported, so its class cannot be had before; but the servicer passes
through `add_ResourceProviderServicer_to_server`, and there ours takes its place.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import importlib.util
import os
import resource
import runpy
import sys
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from providers import watchdog
from providers.host.flow_log import FlowLogHandler
from providers.host.servicer import make_servicer
from providers.host.status import StatusLines, engine_log

WIDTH = 4096
"""Calls of the engine that may run at once: more than it sends, by whatever option it was told how many operations.

So none queues, Cancel least of all. Threads are made as they are needed; most of their time they wait for the API.
"""

ThreadPoolExecutor = concurrent.futures.ThreadPoolExecutor
add_servicer = provider_pb2_grpc.add_ResourceProviderServicer_to_server


def _wide_executor(*_args: Any, **_kwargs: Any) -> concurrent.futures.ThreadPoolExecutor:
    concurrent.futures.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]
    return ThreadPoolExecutor(max_workers=WIDTH)


def _add_ours(handler: FlowLogHandler, base: Any, server: grpc.Server) -> None:
    provider_pb2_grpc.add_ResourceProviderServicer_to_server = add_servicer
    add_servicer(make_servicer(type(base), handler)(), server)


def _require_known_sdk() -> None:
    """End with a sentence if the SDK's host no longer passes through what we replace: it would serve without us."""
    source = importlib.util.find_spec("pulumi.dynamic.__main__")
    text = Path(source.origin).read_text(encoding="utf-8") if source and source.origin else ""
    if "futures.ThreadPoolExecutor(" not in text or "add_ResourceProviderServicer_to_server(" not in text:
        sys.exit(
            "this version of the pulumi package has another host than providers/host knows: use that of constraints.txt"
        )


def _allow_open_files() -> None:
    """Let this process have a file open for each create under way, beside its connections, where the system allows it.

    What a shell gives a process is 256 on macOS and 1024 on most others.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * WIDTH if most == resource.RLIM_INFINITY else min(2 * WIDTH, most)
    if now != resource.RLIM_INFINITY and now < wanted:
        with contextlib.suppress(ValueError, OSError):  # macOS may allow less than it tells
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def serve(handler: FlowLogHandler) -> None:
    """Serve until the engine ends the process, with `handler` for FlowLog."""
    watchdog.exit_with_parent(int(os.environ.get("FLOW_LOG_HOST_ENGINE", os.getppid())))
    _require_known_sdk()
    _allow_open_files()
    concurrent.futures.ThreadPoolExecutor = _wide_executor  # type: ignore[assignment,misc]
    add_ours = functools.partial(_add_ours, handler)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server = add_ours
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    # The engine passes its address.
    serve(FlowLogHandler(StatusLines(engine_log(sys.argv[1]))))

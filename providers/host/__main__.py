"""Run the Pulumi SDK's host for dynamic providers with a servicer that handles this project's resources.

The SDK's module starts its server when it is imported, so its servicer class cannot be replaced before. But the module
passes the servicer to `add_ResourceProviderServicer_to_server`, and there another one takes its place.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import gc
import importlib.util
import os
import resource
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from providers import watchdog
from providers.host.servicer import make_handlers, make_servicer
from providers.host.session import Session
from providers.host.status import StatusLines, engine_log
from providers.preview_notes import PreviewNotes, are_wanted

MAX_CALLS = 4096
"""Calls of the engine that may run at once: more than it ever sends, whatever `--parallel` is.

So no call queues, least of all Cancel. A thread is started only for a call, and mostly waits for the API.
"""

NOTE_TIMEOUT = 10.0  # seconds

ThreadPoolExecutor = concurrent.futures.ThreadPoolExecutor
add_servicer = provider_pb2_grpc.add_ResourceProviderServicer_to_server


def _make_executor(*_args: Any, **_kwargs: Any) -> concurrent.futures.ThreadPoolExecutor:
    concurrent.futures.ThreadPoolExecutor = ThreadPoolExecutor  # type: ignore[misc]
    return ThreadPoolExecutor(max_workers=MAX_CALLS)


def _add_servicer(session: Session, handlers: Mapping[str, Any], base: Any, server: grpc.Server) -> None:
    provider_pb2_grpc.add_ResourceProviderServicer_to_server = add_servicer
    add_servicer(make_servicer(type(base), session, handlers)(), server)


def _require_known_sdk() -> None:
    """Exit with a message if the SDK's host no longer calls what this module replaces: it would ignore the handlers."""
    source = importlib.util.find_spec("pulumi.dynamic.__main__")
    text = Path(source.origin).read_text(encoding="utf-8") if source and source.origin else ""
    if "futures.ThreadPoolExecutor(" not in text or "add_ResourceProviderServicer_to_server(" not in text:
        sys.exit(
            "this version of the pulumi package has a host that providers/host does not support: install the version"
            " in constraints.txt"
        )


def _raise_open_files_limit() -> None:
    """Let this process open a file for each running create, and its connections, if the system allows it.

    A shell gives a process 256 on macOS and 1024 on most other systems.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = 2 * MAX_CALLS if most == resource.RLIM_INFINITY else min(2 * MAX_CALLS, most)
    if now != resource.RLIM_INFINITY and now < limit:
        with contextlib.suppress(ValueError, OSError):  # macOS may allow less than it reports
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))


def _publish_names(engine: str) -> Callable[[Mapping[str, str]], None]:
    """A function that notes names by id among the events of a preview."""
    log = engine_log(engine, timeout=NOTE_TIMEOUT)
    return lambda names: log("", PreviewNotes(names=names).message)


def serve(session: Session, handlers: Mapping[str, Any]) -> None:
    """Serve until the engine ends the process, with handlers by the types of their resources."""
    watchdog.exit_with_parent(int(os.environ.get("FLOW_LOG_HOST_ENGINE", os.getppid())))
    _require_known_sdk()
    _raise_open_files_limit()
    gc.freeze()  # what was imported stays: it is not looked through again and again, nor when Python ends
    concurrent.futures.ThreadPoolExecutor = _make_executor  # type: ignore[assignment,misc]
    provider_pb2_grpc.add_ResourceProviderServicer_to_server = functools.partial(_add_servicer, session, handlers)
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    engine = sys.argv[1]  # its address
    session = Session(
        StatusLines(engine_log(engine)),
        engine_log(engine, ephemeral=False),
        publish=_publish_names(engine) if are_wanted(os.environ) else None,
    )
    serve(session, make_handlers(session))

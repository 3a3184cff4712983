"""FlowLog's operations in terms of the engine's messages."""

from __future__ import annotations

import functools
import subprocess
import threading
from typing import Any

from google.protobuf import empty_pb2
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime import proto

from providers.er import Patience
from providers.flow_log_provider import FlowLogProvider
from providers.host import urns
from providers.host.messages import from_struct, to_struct
from providers.settings import CONFIG_NAMESPACE

OPERATIONS = ("Check", "Diff", "Create", "Read", "Update", "Delete")

OPERATION_TIMEOUT = 600.0
"""Seconds an operation may take, unless the resource's custom timeouts say otherwise."""

CLI_TIMEOUT = 30.0  # seconds, for asking the CLI for one key of the stack's config


class FlowLogHandler:
    """One method for each of `OPERATIONS`; they raise what `FlowLogProvider` raises."""

    def __init__(self) -> None:
        self.config: dict[str, Any] = {}
        self.cancelled = threading.Event()
        self._lock = threading.Lock()
        self._provider: FlowLogProvider | None = None

    def Check(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        result = self._for(request).check(from_struct(request.olds), from_struct(request.news))
        return proto.CheckResponse(
            inputs=to_struct(result.inputs, request.news),
            failures=[proto.CheckFailure(property=f.property, reason=f.reason) for f in result.failures],
        )

    def Diff(self, request: Any) -> Any:  # noqa: N802
        diff = self._for(request).diff(
            request.id, from_struct(request.olds), from_struct(request.news), self._patience(0)
        )
        kinds = {True: proto.PropertyDiff.UPDATE_REPLACE, False: proto.PropertyDiff.UPDATE}
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if diff.changes else proto.DiffResponse.DIFF_NONE,
            replaces=diff.replaces,
            deleteBeforeReplace=True,
            diffs=list(diff.replaces_by_property),
            hasDetailedDiff=True,
            detailedDiff={
                key: proto.PropertyDiff(kind=kinds[replaces]) for key, replaces in diff.replaces_by_property.items()
            },
        )

    def Create(self, request: Any) -> Any:  # noqa: N802
        result = self._for(request).create(from_struct(request.properties), self._patience(request.timeout))
        return proto.CreateResponse(id=result.id, properties=to_struct(result.outs or {}, request.properties))

    def Read(self, request: Any) -> Any:  # noqa: N802
        known = request.properties if request.properties else request.inputs
        result = self._for(request).read(request.id, from_struct(known), self._patience(0))
        if not result.id:
            return proto.ReadResponse()
        return proto.ReadResponse(
            id=result.id,
            properties=to_struct(result.outs or {}, known),
            inputs=to_struct(result.inputs or {}, known),
        )

    def Update(self, request: Any) -> Any:  # noqa: N802
        result = self._for(request).update(
            request.id, from_struct(request.olds), from_struct(request.news), self._patience(request.timeout)
        )
        return proto.UpdateResponse(properties=to_struct(result.outs or {}, request.news))

    def Delete(self, request: Any) -> Any:  # noqa: N802
        self._for(request).delete(request.id, from_struct(request.properties), self._patience(request.timeout))
        return empty_pb2.Empty()

    def _patience(self, timeout: float) -> Patience:
        return Patience(seconds=timeout or OPERATION_TIMEOUT, cancelled=self.cancelled)

    def _for(self, request: Any) -> FlowLogProvider:
        with self._lock:
            if self._provider is None:
                self._provider = FlowLogProvider()
                self._provider.configure(
                    ConfigureRequest(Config(raw_config=self.config, project_name=CONFIG_NAMESPACE)),
                    functools.partial(_current_config, urns.stack(request.urn)),
                )
            return self._provider


def _current_config(stack: str, key: str) -> str | None:
    """A key of the stack's config as it is in its file now: a destroy or refresh is given that of the last `up`."""
    command = ["pulumi", "config", "get", f"{CONFIG_NAMESPACE}:{key}", "--stack", stack, "--non-interactive"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CLI_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None

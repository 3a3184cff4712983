"""FlowLog's operations in terms of the engine's messages."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.dynamic import Config, ConfigureRequest
from pulumi.runtime import proto

from providers import journal
from providers.er import Patience
from providers.flow_log_provider import FlowLogError, FlowLogProvider, UnfinishedFlowLogError
from providers.host import urns
from providers.host.current_config import current_config
from providers.host.messages import from_struct, to_struct
from providers.host.status import StatusLines
from providers.keys import CONFIG_NAMESPACE
from providers.properties import IDEMPOTENCY_KEY, is_unsure

OPERATIONS = ("Check", "Diff", "Create", "Read", "Update", "Delete")


class FlowLogHandler:
    """One method for each of `OPERATIONS`; they raise what `FlowLogProvider` raises."""

    def __init__(self, lines: StatusLines | None = None, provider: FlowLogProvider | None = None) -> None:
        """Show waits on these lines, and use a provider that is configured already, if given."""
        self._lines = lines or StatusLines()
        self.config: dict[str, Any] = {}
        self.cancelled = threading.Event()
        self._lock = threading.Lock()
        self._provider = provider
        self._registered: set[str] = set()  # the resources of the program, in this run
        self._holders: dict[str, str] = {}  # by flow log id, which of these had it first
        self._kept: set[str] = set()  # the flow logs that one of these has and will have
        self._created: dict[str, str] = {}  # by flow log id, the resource whose create ended with it

    def Check(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        self._registered.add(request.urn)
        result = self._for(request).check({}, from_struct(request.news))  # what was before makes no difference
        return proto.CheckResponse(
            inputs=to_struct(result.inputs, request.news),
            failures=[proto.CheckFailure(property=f.property, reason=f.reason) for f in result.failures],
        )

    def Diff(self, request: Any) -> Any:  # noqa: N802
        if request.urn in self._registered:  # a refresh asks for diffs, too, of whatever is in the state
            self._hold(request.id, request.urn)
        with self._patience(request) as patience:
            diff = self._for(request).diff(request.id, from_struct(request.olds), from_struct(request.news), patience)
        if request.urn in self._registered and not diff.replaces:
            self._kept.add(request.id)
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
        under_way = journal.written_down(urns.stack(request.urn), request.urn, MessageToDict(request.properties))
        try:
            with under_way, self._patience(request) as patience:
                result = self._for(request).create(from_struct(request.properties), patience)
        except UnfinishedFlowLogError as error:
            self._hold(error.id, request.urn)
            self._created[error.id] = request.urn
            raise
        holder = self._hold(result.id, request.urn)
        if holder != request.urn:
            raise FlowLogError(
                f"flow log {result.id} for this attachment, log group and log stream is in this stack already, as"
                f" {urns.name(holder)!r}: declare it once, or give each its own idempotency_key"
            )
        self._created[result.id] = request.urn
        return proto.CreateResponse(id=result.id, properties=to_struct(result.outs or {}, request.properties))

    def Read(self, request: Any) -> Any:  # noqa: N802
        known = request.properties if request.properties else request.inputs
        properties = from_struct(known)
        if IDEMPOTENCY_KEY in request.inputs:
            # A new key is no change that would bring it into the outputs.
            properties[IDEMPOTENCY_KEY] = request.inputs[IDEMPOTENCY_KEY]
        with self._patience(request) as patience:
            result = self._for(request).read(request.id, properties, patience)
        if not result.id:
            return proto.ReadResponse()
        return proto.ReadResponse(
            id=result.id,
            properties=to_struct(result.outs or {}, known),
            inputs=to_struct(result.inputs or {}, known),
        )

    def Update(self, request: Any) -> Any:  # noqa: N802
        with self._patience(request) as patience:
            result = self._for(request).update(
                request.id, from_struct(request.olds), from_struct(request.news), patience
            )
        return proto.UpdateResponse(properties=to_struct(result.outs or {}, request.news))

    def Delete(self, request: Any) -> Any:  # noqa: N802
        id_, properties = request.id, from_struct(request.properties)
        with self._patience(request) as patience:
            if is_unsure(id_):
                id_ = self._for(request).settled(id_, properties, patience)
            if id_ and not self._is_anothers(id_, request.urn):
                self._for(request).delete(id_, properties, patience)
        return empty_pb2.Empty()

    def _is_anothers(self, id_: str, urn: str) -> bool:
        """Whether a resource of the program has the flow log that is to be deleted as another one's.

        It may have taken it over by its create in this run (it was renamed without an alias, say), or by an import:
        then what is to go is only an old name. A resource that was renamed by an alias is deleted under its old name
        when it is replaced: nobody else holds its flow log.
        """
        if self._created.get(id_, urn) != urn:
            return True
        return urn not in self._registered and id_ in self._kept

    def _hold(self, id_: str, urn: str) -> str:
        """The first resource of this run that had the flow log: this one, unless another came before."""
        with self._lock:
            return self._holders.setdefault(id_, urn)

    @contextlib.contextmanager
    def _patience(self, request: Any) -> Iterator[Patience]:
        """The patience of one operation: as long as the resource's custom timeouts say, if they do."""
        with self._lines.of(request.urn) as report:
            patience = Patience(cancelled=self.cancelled, report=report)
            # In seconds; 0 or none (a diff has none) means that nobody set one.
            timeout = getattr(request, "timeout", 0)
            yield replace(patience, seconds=timeout) if timeout else patience

    def _for(self, request: Any) -> FlowLogProvider:
        with self._lock:
            if self._provider is None:
                self._provider = FlowLogProvider()
                self._provider.configure(
                    ConfigureRequest(Config(raw_config=self.config, project_name=CONFIG_NAMESPACE)),
                    functools.partial(current_config, urns.stack(request.urn)),
                )
            return self._provider

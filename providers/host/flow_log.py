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
from pulumi.dynamic import Config, ConfigureRequest, CreateResult
from pulumi.runtime import proto

from providers import journal
from providers.config_keys import CONFIG_NAMESPACE
from providers.er import Deadline
from providers.er.idempotency import TargetTakenError
from providers.flow_log_provider import FlowLogError, FlowLogProvider, IncompleteFlowLogError
from providers.host.current_config import current_config
from providers.host.messages import from_struct, to_struct
from providers.host.run import Run
from providers.host.status import StatusLines
from providers.schema import IDEMPOTENCY_KEY, declared_twice, is_outcome_unknown
from providers.urn import Urn

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
        self._run = Run()

    def begin(self, config: dict[str, Any]) -> None:
        """Begin a run of the engine, with this config."""
        self.config = config
        self._run = Run()

    def Check(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        result = self._for(request).check({}, from_struct(request.news))  # what was before makes no difference
        failures = [proto.CheckFailure(property=f.property, reason=f.reason) for f in result.failures]
        if not failures and (first := self._run.declares(request.urn, result.inputs)):
            reason = declared_twice(first, Urn.parse(request.urn).name)
            failures = [proto.CheckFailure(property="resource_id", reason=reason)]
        return proto.CheckResponse(inputs=to_struct(result.inputs, request.news), failures=failures)

    def Diff(self, request: Any) -> Any:  # noqa: N802
        with self._patience(request) as deadline:
            diff = self._for(request).diff(request.id, from_struct(request.olds), from_struct(request.news), deadline)
        self._run.had(request.urn, request.id)
        if not diff.replaces:
            self._run.keeps(request.urn, request.id)
        kinds = {True: proto.PropertyDiff.UPDATE_REPLACE, False: proto.PropertyDiff.UPDATE}
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if diff.changes else proto.DiffResponse.DIFF_NONE,
            replaces=diff.replaces,
            deleteBeforeReplace=bool(diff.delete_before_replace),
            diffs=list(diff.replaces_by_property),
            hasDetailedDiff=True,
            detailedDiff={
                key: proto.PropertyDiff(kind=kinds[replaces]) for key, replaces in diff.replaces_by_property.items()
            },
        )

    def Create(self, request: Any) -> Any:  # noqa: N802
        inputs = from_struct(request.properties)
        recorded = journal.recorded(Urn.parse(request.urn).stack, request.urn, MessageToDict(request.properties))
        try:
            with recorded, self._patience(request) as deadline:
                result = self._made(request, inputs, deadline)
        except Exception as error:
            self._run.failed(request.urn, inputs)
            if isinstance(error, IncompleteFlowLogError):
                self._run.created(request.urn, error.id)
            raise
        self._run.created(request.urn, result.id)
        return proto.CreateResponse(id=result.id, properties=to_struct(result.outs or {}, request.properties))

    def _made(self, request: Any, inputs: dict[str, Any], deadline: Deadline) -> CreateResult:
        """What a create ends with: the flow log that the stack has there already, if it has one under another name."""
        provider = self._for(request)
        try:
            return provider.create(inputs, deadline)
        except FlowLogError as error:
            taken = error.__cause__
            if not (isinstance(taken, TargetTakenError) and self._run.is_of_the_stack(taken.holder.id)):
                raise
            id_ = taken.holder.id
        return CreateResult(id_, provider.update(id_, inputs, inputs, deadline).outs)

    def Read(self, request: Any) -> Any:  # noqa: N802
        known = request.properties if request.properties else request.inputs
        properties = from_struct(known)
        if IDEMPOTENCY_KEY in request.inputs:
            # A new key is no change that would bring it into the outputs.
            properties[IDEMPOTENCY_KEY] = request.inputs[IDEMPOTENCY_KEY]
        with self._patience(request) as deadline:
            result = self._for(request).read(request.id, properties, deadline)
        if not result.id:
            return proto.ReadResponse()
        self._run.had(request.urn, result.id)
        return proto.ReadResponse(
            id=result.id,
            properties=to_struct(result.outs or {}, known),
            inputs=to_struct(result.inputs or {}, known),
        )

    def Update(self, request: Any) -> Any:  # noqa: N802
        olds, news = from_struct(request.olds), from_struct(request.news)
        if olds.get("enabled") and not news["enabled"] and self._run.has_failed(news):
            raise FlowLogError(
                f"flow log {news['name']!r} ({request.id}) was not disabled, since another flow log of its attachment"
                " failed in this run; the next run goes on from there"
            )
        try:
            with self._patience(request) as deadline:
                result = self._for(request).update(request.id, olds, news, deadline)
        except Exception:
            self._run.failed(request.urn, news)
            raise
        return proto.UpdateResponse(properties=to_struct(result.outs or {}, request.news))

    def Delete(self, request: Any) -> Any:  # noqa: N802
        id_, properties = request.id, from_struct(request.properties)
        if self._run.is_needed(request.urn, properties):
            raise FlowLogError(
                f"flow log {properties.get('name')!r} ({id_}) was not deleted, since another flow log of its attachment"
                " could not be made in this run; the next run goes on from there"
            )
        with self._patience(request) as deadline:
            if is_outcome_unknown(id_):
                id_ = self._for(request).resolve_id(id_, properties, deadline)
            if id_ and not self._run.is_held(request.urn, id_):
                self._for(request).delete(id_, properties, deadline)
        return empty_pb2.Empty()

    @contextlib.contextmanager
    def _patience(self, request: Any) -> Iterator[Deadline]:
        """The deadline of one operation: as long as the resource's custom timeouts say, if they do."""
        with self._lines.of(request.urn) as report:
            deadline = Deadline(cancelled=self.cancelled, report=report)
            # In seconds; 0 or none (a diff has none) means that nobody set one.
            timeout = getattr(request, "timeout", 0)
            yield replace(deadline, seconds=timeout) if timeout else deadline

    def _for(self, request: Any) -> FlowLogProvider:
        with self._lock:
            if self._provider is None:
                self._provider = FlowLogProvider()
                self._provider.configure(
                    ConfigureRequest(Config(raw_config=self.config, project_name=CONFIG_NAMESPACE)),
                    functools.partial(current_config, Urn.parse(request.urn).stack),
                )
            return self._provider

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
from providers.schema import IDEMPOTENCY_KEY, describe_duplicate, is_provisional
from providers.urn import Urn

OPERATIONS = ("Check", "Diff", "Create", "Read", "Update", "Delete")


class FlowLogHandler:
    """One method for each of `OPERATIONS`; they raise what `FlowLogProvider` raises."""

    def __init__(self, lines: StatusLines | None = None, provider: FlowLogProvider | None = None) -> None:
        """Show on these lines what operations wait for; use a provider that is configured already, if given."""
        self._lines = lines or StatusLines()
        self._config: dict[str, Any] = {}
        self.cancelled = threading.Event()
        self._lock = threading.Lock()
        self._provider = provider
        self._run = Run()

    def begin_run(self, config: dict[str, Any]) -> None:
        """Begin a run of the engine, with this config."""
        self._config = config
        self._run = Run()

    def Check(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        result = self._provider_for(request).check({}, from_struct(request.news))  # the old inputs make no difference
        failures = [proto.CheckFailure(property=failure.property, reason=failure.reason) for failure in result.failures]
        if not failures and (first := self._run.record_declared(request.urn, result.inputs)):
            reason = describe_duplicate(first, Urn.parse(request.urn).name)
            failures = [proto.CheckFailure(property="resource_id", reason=reason)]
        return proto.CheckResponse(inputs=to_struct(result.inputs, request.news), failures=failures)

    def Diff(self, request: Any) -> Any:  # noqa: N802
        with self._deadline(request) as deadline:
            diff = self._provider_for(request).diff(
                request.id, from_struct(request.olds), from_struct(request.news), deadline
            )
        self._run.record_in_state(request.urn, request.id)
        if not diff.replaces:
            self._run.record_kept(request.urn, request.id)
        kinds = (proto.PropertyDiff.UPDATE, proto.PropertyDiff.UPDATE_REPLACE)
        detailed = {
            key: proto.PropertyDiff(kind=kinds[replaces]) for key, replaces in diff.replaces_by_property.items()
        }
        return proto.DiffResponse(
            changes=proto.DiffResponse.DIFF_SOME if diff.changes else proto.DiffResponse.DIFF_NONE,
            replaces=diff.replaces,
            deleteBeforeReplace=bool(diff.delete_before_replace),
            diffs=list(detailed),
            hasDetailedDiff=True,
            detailedDiff=detailed,
        )

    def Create(self, request: Any) -> Any:  # noqa: N802
        inputs = from_struct(request.properties)
        recorded = journal.recorded(Urn.parse(request.urn).stack, request.urn, MessageToDict(request.properties))
        try:
            with recorded, self._deadline(request) as deadline:
                result = self._create(request, inputs, deadline)
        except Exception as error:
            self._run.record_failed(request.urn, inputs)
            if isinstance(error, IncompleteFlowLogError):
                self._run.record_created(request.urn, error.id)
            raise
        self._run.record_created(request.urn, result.id)
        return proto.CreateResponse(id=result.id, properties=to_struct(result.outs or {}, request.properties))

    def _create(self, request: Any, inputs: dict[str, Any], deadline: Deadline) -> CreateResult:
        """Create the flow log, or update the one that the state has for the same target under another name."""
        provider = self._provider_for(request)
        try:
            return provider.create(inputs, deadline)
        except FlowLogError as error:
            taken = error.__cause__
            if not (isinstance(taken, TargetTakenError) and self._run.is_in_state(taken.holder.id)):
                raise
            id_ = taken.holder.id
        return CreateResult(id_, provider.update(id_, inputs, inputs, deadline).outs)

    def Read(self, request: Any) -> Any:  # noqa: N802
        known = request.properties if request.properties else request.inputs
        properties = from_struct(known)
        if IDEMPOTENCY_KEY in request.inputs:
            # A new key alone is not a change, so it would never get into the outputs.
            properties[IDEMPOTENCY_KEY] = request.inputs[IDEMPOTENCY_KEY]
        with self._deadline(request) as deadline:
            result = self._provider_for(request).read(request.id, properties, deadline)
        if not result.id:
            return proto.ReadResponse()
        self._run.record_in_state(request.urn, result.id)
        return proto.ReadResponse(
            id=result.id, properties=to_struct(result.outs or {}, known), inputs=to_struct(result.inputs or {}, known)
        )

    def Update(self, request: Any) -> Any:  # noqa: N802
        olds, news = from_struct(request.olds), from_struct(request.news)
        if olds.get("enabled") and not news["enabled"] and self._run.has_failure(news):
            raise FlowLogError(
                f"flow log {news['name']!r} ({request.id}) was not disabled, because another flow log of its"
                " attachment failed in this run; the next run continues from there"
            )
        try:
            with self._deadline(request) as deadline:
                result = self._provider_for(request).update(request.id, olds, news, deadline)
        except Exception:
            self._run.record_failed(request.urn, news)
            raise
        return proto.UpdateResponse(properties=to_struct(result.outs or {}, request.news))

    def Delete(self, request: Any) -> Any:  # noqa: N802
        id_, properties = request.id, from_struct(request.properties)
        if self._run.is_needed(request.urn, properties):
            raise FlowLogError(
                f"flow log {properties.get('name')!r} ({id_}) was not deleted, because another flow log of its"
                " attachment could not be created in this run; the next run continues from there"
            )
        with self._deadline(request) as deadline:
            if is_provisional(id_):
                id_ = self._provider_for(request).resolve_id(id_, properties, deadline)
            self._run.record_deleted(request.urn)
            if id_ and not self._run.is_in_use(id_):
                self._provider_for(request).delete(id_, properties, deadline)
        return empty_pb2.Empty()

    @contextlib.contextmanager
    def _deadline(self, request: Any) -> Iterator[Deadline]:
        """The deadline of one operation, from the custom timeouts of the resource if it has any."""
        with self._lines.show_waits(request.urn) as report:
            deadline = Deadline(cancelled=self.cancelled, report=report)
            # In seconds; 0 means that none is set, and the request of a diff has none.
            timeout = getattr(request, "timeout", 0)
            yield replace(deadline, seconds=timeout) if timeout else deadline

    def _provider_for(self, request: Any) -> FlowLogProvider:
        with self._lock:
            if self._provider is None:
                self._provider = FlowLogProvider()
                self._provider.configure(
                    ConfigureRequest(Config(raw_config=self._config, project_name=CONFIG_NAMESPACE)),
                    functools.partial(current_config, Urn.parse(request.urn).stack),
                )
            return self._provider

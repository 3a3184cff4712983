"""The operations of a resource in terms of the engine's messages."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from google.protobuf import empty_pb2
from pulumi.dynamic import CheckFailure, CreateResult
from pulumi.runtime import proto

from providers.er import Deadline
from providers.host.messages import from_struct, to_struct
from providers.host.session import Session
from providers.inputs import IDEMPOTENCY_KEY, Properties
from providers.references import References
from providers.resource import ResourceError, ServiceProvider
from providers.urn import Urn

OPERATIONS = ("Check", "Diff", "Create", "Read", "Update", "Delete")

P = TypeVar("P", bound=ServiceProvider)


class ResourceHandler(Generic[P]):
    """One method for each of `OPERATIONS`; they raise what the provider raises."""

    def __init__(self, session: Session, provider: P) -> None:
        """Handle the resources of one type, with its provider."""
        self._session = session
        self.provider = provider

    def Check(self, request: Any) -> Any:  # noqa: N802 - the protocol's name, as for the others
        provider = self.provider
        result = provider.check({}, from_struct(request.news))  # the old inputs make no difference
        failures = result.failures
        identity = provider.schema.identity
        if not failures and (first := self._session.run.record_declared(request.urn, result.inputs, identity)):
            reason = provider.describe_duplicate(first, Urn.parse(request.urn).name)
            failures = [CheckFailure(identity[-1], reason)]
        messages = [
            proto.CheckFailure(property=failure.property, reason=failure.reason)
            for failure in failures or self._find_missing(request, result.inputs)
        ]
        return proto.CheckResponse(inputs=to_struct(result.inputs, request.news, provider), failures=messages)

    def Diff(self, request: Any) -> Any:  # noqa: N802
        with self._session.deadline(request) as deadline:
            diff = self._provider_for(request).diff(
                request.id, from_struct(request.olds), from_struct(request.news), deadline
            )
        run = self._session.run
        run.record_in_state(request.urn, request.id)
        if not diff.replaces:
            run.record_kept(request.urn, request.id)
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
        with self._session.deadline(request) as deadline:
            result = self._create(request, from_struct(request.properties), deadline)
        self._session.run.record_created(request.urn, result.id)
        outputs = to_struct(result.outs or {}, request.properties, self.provider)
        return proto.CreateResponse(id=result.id, properties=outputs)

    def _create(self, request: Any, inputs: dict[str, Any], deadline: Deadline) -> CreateResult:
        """Create the resource, or update what the state has in its place under another name."""
        provider = self._provider_for(request)
        try:
            return provider.create(inputs, deadline)
        except ResourceError as error:
            id_ = error.holder_id
            if id_ is None or not self._session.run.is_in_state(id_):
                raise
        return CreateResult(id_, provider.update(id_, inputs, inputs, deadline).outs)

    def Read(self, request: Any) -> Any:  # noqa: N802
        known = request.properties if request.properties else request.inputs
        properties = from_struct(known)
        if IDEMPOTENCY_KEY in request.inputs:
            # A new key alone is not a change, so it would never get into the outputs.
            properties[IDEMPOTENCY_KEY] = request.inputs[IDEMPOTENCY_KEY]
        with self._session.deadline(request) as deadline:
            result = self._provider_for(request).read(request.id, properties, deadline)
        if self._session.publishes_names and not Urn.parse(request.urn).is_of_stack_file:
            self._look_up(request, properties)  # The program may not declare it any more, and then nothing checks it.
        if not result.id:
            return proto.ReadResponse()
        self._session.run.record_in_state(request.urn, result.id)
        outputs, inputs = (to_struct(part or {}, known, self.provider) for part in (result.outs, result.inputs))
        return proto.ReadResponse(id=result.id, properties=outputs, inputs=inputs)

    def Update(self, request: Any) -> Any:  # noqa: N802
        with self._session.deadline(request) as deadline:
            result = self._provider_for(request).update(
                request.id, from_struct(request.olds), from_struct(request.news), deadline
            )
        return proto.UpdateResponse(properties=to_struct(result.outs or {}, request.news, self.provider))

    def Delete(self, request: Any) -> Any:  # noqa: N802
        properties, run = from_struct(request.properties), self._session.run
        provider = self._provider_for(request)
        with self._session.deadline(request) as deadline:
            id_ = provider.resolve_id(request.id, properties, deadline)
            run.record_deleted(request.urn)
            if id_ and not run.is_in_use(id_):
                if reason := provider.reason_to_keep(id_, properties):
                    self._session.note(request.urn, reason)
                else:
                    provider.delete(id_, properties, deadline)
        return empty_pb2.Empty()

    def _find_missing(self, request: Any, inputs: Properties) -> list[CheckFailure]:
        """What the inputs refer to that does not exist, unless it was in the state before."""
        if Urn.parse(request.urn).is_of_stack_file:
            return []  # Planning has looked up everything.
        olds = from_struct(request.olds)
        if self._session.publishes_names:
            self._look_up(request, olds)
        return self._look_up(request, inputs) if References.have_changed(olds, inputs) else []

    def _look_up(self, request: Any, properties: Properties) -> list[CheckFailure]:
        """What the properties refer to that does not exist."""
        with self._session.deadline(request) as deadline:
            return self._session.references.find_failures(
                lambda: self._session.connection(request.urn).client.with_deadline(deadline),
                properties,
                warn=lambda text: self._session.note("", text),  # of the whole run
            )

    def _provider_for(self, request: Any) -> P:
        """The provider, connected."""
        self.provider.use(self._session.connection(request.urn))
        return self.provider

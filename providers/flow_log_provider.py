"""The dynamic provider of FlowLog: check, diff, create, read, update, delete.

States name this module and `FlowLogProvider`: renaming either breaks every state that has a flow log.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from pulumi.dynamic import CreateResult, ReadResult, UpdateResult

from providers import schema
from providers.er import Client, Deadline, idempotency, lifecycle
from providers.er.exceptions import (
    ApiError,
    AttachmentTypeError,
    NotFoundError,
    OperationStoppedError,
    QuotaExceededError,
)
from providers.er.flow_logs import FlowLog
from providers.er.limits import ID_PATTERN, LOGGABLE_ATTACHMENT_TYPES
from providers.inputs import IDEMPOTENCY_KEY, Properties
from providers.resource import IncompleteResourceError, Props, ResourceDiff, ResourceError, ServiceProvider

HINT_TIMEOUT = 10.0  # seconds for calls that only make an error message more helpful


class FlowLogProvider(ServiceProvider):
    """Turns what the engine asks for into calls of the Enterprise Router API."""

    kind = "flow log"
    schema = schema.SCHEMA

    def describe_duplicate(self, first: str, second: str) -> str:
        """The message for two flow logs of a program, given by their logical names, that have the same target."""
        return schema.describe_duplicate(first, second)

    def diff(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> ResourceDiff:
        """Compare with the state; with the API only if the flow log was not available when the state was written.

        Raises:
            ResourceError: The flow log could not be read.
        """
        actual: Properties = olds
        if olds.get("state") != "available":
            # An update could not replace a provisional id by the real one.
            flow_log = None if schema.is_provisional(id_) else self._find(id_, olds, deadline)
            if flow_log is None or flow_log.state in ("failed", "deleting"):
                return ResourceDiff({"state"} | self.schema.changed(olds, news), self.schema)
            actual = schema.outputs_of(flow_log, olds)
        return ResourceDiff(self.schema.changed(actual, news), self.schema)

    def create(self, props: Props, deadline: Deadline | None = None) -> CreateResult:
        """Create the flow log and wait until it is available and as declared.

        Raises:
            IncompleteResourceError: It exists, or may exist, but is not as declared yet.
            ResourceError: It could not be created.
        """
        client = self._client(deadline)
        target, spec = schema.target_of(props), schema.spec_of(props)
        try:
            project_id = client.project_id()  # before the create: after a failure, the service may not answer
            flow_log = idempotency.create(client, target, spec, key=props.get(IDEMPOTENCY_KEY))
        except lifecycle.IncompleteError as error:
            raise _incomplete(error, props) from error
        except idempotency.OutcomeUnknownError as error:
            raise IncompleteResourceError(
                f"flow log {props['name']!r} may have been created: {error}; run `pulumi up --refresh` to find out",
                schema.provisional_id(error.token),
                {**props, "state": schema.UNKNOWN_STATE, "project_id": project_id},
            ) from error
        except ApiError as error:
            reason = _explain(client, error, props)
            holder_id = error.holder.id if isinstance(error, idempotency.TargetTakenError) else None
            raise ResourceError(f"flow log {props['name']!r} was not created: {reason}", holder_id=holder_id) from error
        return CreateResult(flow_log.id, schema.outputs_of(flow_log, props))

    def read(self, id_: str, props: Props, deadline: Deadline | None = None) -> ReadResult:
        """Read the flow log; the id is empty if there is none. To import one, `id_` is `ER_ID/FLOW_LOG_ID`.

        Raises:
            ResourceError: It is not known whether there is one.
        """
        if schema.is_provisional(id_) and "er_id" in props:
            return self._read_provisional(id_, props, deadline)
        er_id, _, flow_log_id = id_.rpartition("/") if "er_id" not in props else (props["er_id"], "", id_)
        if not (ID_PATTERN.fullmatch(er_id) and ID_PATTERN.fullmatch(flow_log_id)):
            raise ResourceError(f"{id_!r} is not a valid import id of a flow log: use ER_ID/FLOW_LOG_ID")
        flow_log = self._find(flow_log_id, {**props, "er_id": er_id}, deadline)
        if flow_log is None:
            return ReadResult("", {}, {})
        return self._read_result(flow_log.id, schema.outputs_of(flow_log, props))

    def update(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> UpdateResult:
        """Change the flow log in place, and wait until it is available and as declared.

        Raises:
            IncompleteResourceError: It is not as declared yet.
            ResourceError: It could not be changed.
        """
        client = self._client(deadline, props=olds)
        try:
            flow_log = _fetch(client, id_, olds)
            flow_log = lifecycle.converge(client, flow_log, schema.spec_of(news))
        except NotFoundError as error:
            raise ResourceError(
                f"flow log {id_} was deleted outside of Pulumi: run `pulumi up --refresh` to create it again"
            ) from error
        except lifecycle.IncompleteError as error:
            raise _incomplete(error, news) from error
        except ApiError as error:
            raise ResourceError(f"flow log {news['name']!r} could not be changed: {error}") from error
        return UpdateResult(schema.outputs_of(flow_log, news))

    def delete(self, id_: str, props: Props, deadline: Deadline | None = None) -> None:
        """Delete the flow log and wait until it is gone; it may be gone already.

        Raises:
            ResourceError: It could not be deleted.
        """
        id_ = self.resolve_id(id_, props, deadline)
        if not id_:
            return
        try:
            client = self._client(deadline, props=props)
            lifecycle.delete(client, props["er_id"], id_, resource_id=props.get("resource_id"))
        except ApiError as error:
            message = f"flow log {props.get('name')!r} ({id_}) could not be deleted: {error}"
            if isinstance(error, OperationStoppedError):
                message += "; it stays in the state, and the next run continues from there"
            raise ResourceError(message) from error

    def resolve_id(self, id_: str, props: Props, deadline: Deadline | None = None) -> str:
        """The id of the flow log to delete, also for a provisional id; empty if there is nothing to delete.

        Raises:
            ResourceError: It is not known whether there is one.
        """
        if not schema.is_provisional(id_):
            return id_
        client = self._client(deadline, props=props)
        target, spec = schema.target_of(props), schema.spec_of(props)
        try:
            flow_log = idempotency.resolve_for_delete(client, target, spec, tokens=schema.tokens_of(id_, props))
        except NotFoundError:
            return ""
        except ApiError as error:
            raise _outcome_unknown(error, props) from error
        return flow_log.id if flow_log else ""

    def _find(self, id_: str, props: Props, deadline: Deadline | None) -> FlowLog | None:
        """The flow log of this id, if there is one."""
        try:
            flow_log = _fetch(self._client(deadline, props=props), id_, props)
        except NotFoundError:
            return None
        except ApiError as error:
            raise ResourceError(f"flow log {id_} could not be read: {error}") from error
        return None if flow_log.state == "deleted" else flow_log

    def _read_provisional(self, id_: str, props: Props, deadline: Deadline | None) -> ReadResult:
        """Read what a create without a known outcome has created; the provisional id stays if that is still unknown."""
        client = self._client(deadline, props=props)
        target, spec = schema.target_of(props), schema.spec_of(props)
        try:
            flow_log = idempotency.find_by_token(client, target, spec, tokens=schema.tokens_of(id_, props))
        except NotFoundError:
            flow_log = None
        except idempotency.OwnershipUnknownError:
            return self._read_result(id_, props)
        except ApiError as error:
            raise _outcome_unknown(error, props) from error
        if flow_log is None or flow_log.state == "deleted":
            return ReadResult("", {}, {})
        return self._read_result(flow_log.id, schema.outputs_of(flow_log, props))


def _fetch(client: Client, id_: str, known: Props) -> FlowLog:
    """The flow log of this id; a list, which may lag, counts only if it shows what is in the state.

    Raises:
        NotFoundError: There is none.
        ApiError: It could not be read.
    """

    def is_known(flow_log: FlowLog) -> bool:
        return all(key in known and known[key] == value for key, value in schema.outputs_of(flow_log, {}).items())

    return client.poller.read(known["er_id"], id_, resource_id=known.get("resource_id"), is_expected=is_known)


def _outcome_unknown(error: ApiError, props: Props) -> ResourceError:
    return ResourceError(f"it is not known whether flow log {props.get('name')!r} was created: {error}")


def _incomplete(error: lifecycle.IncompleteError, inputs: Props) -> IncompleteResourceError:
    flow_log = error.flow_log
    return IncompleteResourceError(
        f"flow log {inputs['name']!r} ({flow_log.id}) exists but is not as declared yet: {error};"
        " the next `pulumi up` continues from there",
        flow_log.id,
        schema.outputs_of(flow_log, inputs),
    )


def _explain(client: Client, error: ApiError, props: Props) -> str:
    """Why a create failed, with what helps to act on it."""
    if isinstance(error, idempotency.TargetTakenError):
        return (
            f"{error}; if this stack created it, run with --refresh; otherwise delete it, or import it with adopt: true"
            f" in a stack file, or import_={schema.import_id(error.holder)!r} in the resource options of a program"
        )
    bounded = client.with_deadline(replace(client.deadline, seconds=HINT_TIMEOUT))
    # Without the hint, the error is still shown.
    with contextlib.suppress(ApiError):
        if isinstance(error, QuotaExceededError):
            quota = bounded.quotas.flow_logs()
            used = f": {quota.used} of {quota.limit} are in use" if quota else ""
            return f"{error}{used}; delete unused flow logs, or request a higher quota with a service ticket"
        if isinstance(error, AttachmentTypeError):
            attachments = bounded.attachments.list(props["er_id"])
            types = [attachment.resource_type for attachment in attachments if attachment.id == props["resource_id"]]
            loggable = ", ".join(LOGGABLE_ATTACHMENT_TYPES)
            actual = f" of type {types[0]}" if types else ""
            return (
                f"{error}; take this attachment{actual} out of the selection: types that can be logged are {loggable}"
            )
    return str(error)

"""The dynamic provider of FlowLog: check, diff, create, read, update, delete.

States name this module and `FlowLogProvider`: renaming either breaks every state that has a flow log.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from providers import schema
from providers.config import ConfigError
from providers.config_keys import qualified
from providers.connection import Connection
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

HINT_TIMEOUT = 10.0  # seconds for calls that only make an error message more helpful

Props = dict[str, Any]


class FlowLogError(Exception):
    """An operation failed; the message is one sentence for the user."""


class IncompleteFlowLogError(FlowLogError):
    """An operation failed, but there is a flow log that must stay in the state, with this `id` and these `outs`."""

    def __init__(self, message: str, id_: str, outs: Props) -> None:
        super().__init__(message)
        self.id = id_
        self.outs = outs


class FlowLogDiff(DiffResult):
    """A diff that also has, for each changed property, whether the change replaces the flow log.

    A flow log with another target is created before the old one is deleted. Only one can exist for a target, so a
    replacement with the same target (of a failed flow log) deletes first.
    """

    def __init__(self, changed: set[str], replacing: set[str]) -> None:
        deletes_first = bool(replacing) and not replacing.intersection(schema.IDENTITY)
        super().__init__(changes=bool(changed), replaces=sorted(replacing), delete_before_replace=deletes_first)
        self.replaces_by_property = {key: key in replacing for key in sorted(changed)}


class FlowLogProvider(ResourceProvider):
    """Turns what the engine asks for into calls of the Enterprise Router API.

    Every operation takes a deadline: 10 minutes, unless the host passes another one.
    """

    # A secret reference to the provider could not be recognised in states, and there is nothing secret in it.
    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest, current_config: Callable[[str], str | None] = lambda _key: None) -> None:
        """Keep the settings. Nothing is read, sent or refused before the first operation."""
        self._connection = Connection(
            lambda key: req.config.get(qualified(key)), os.environ, directory=Path.cwd(), current_config=current_config
        )

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Fill in defaults and refuse what the API would refuse."""
        inputs = schema.with_defaults(news)
        return CheckResult(inputs, schema.find_failures(inputs))

    def diff(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> FlowLogDiff:
        """Compare with the state; with the API only if the flow log was not available when the state was written.

        Raises:
            FlowLogError: The flow log could not be read.
        """
        actual: schema.Properties = olds
        if olds.get("state") != "available":
            # An update could not replace a provisional id by the real one.
            flow_log = None if schema.is_provisional(id_) else self._find(id_, olds, deadline)
            if flow_log is None or flow_log.state in ("failed", "deleting"):
                changed = schema.changed_inputs(olds, news)
                return FlowLogDiff({"state"} | changed, {"state"} | changed.intersection(schema.REPLACING))
            actual = schema.outputs_of(flow_log, olds)
        changed = schema.changed_inputs(actual, news)
        return FlowLogDiff(changed, changed.intersection(schema.REPLACING))

    def create(self, props: Props, deadline: Deadline | None = None) -> CreateResult:
        """Create the flow log and wait until it is available and as declared.

        Raises:
            IncompleteFlowLogError: It exists, or may exist, but is not as declared yet.
            FlowLogError: It could not be created.
        """
        client = self._client(deadline)
        target, spec = schema.target_of(props), schema.spec_of(props)
        try:
            project_id = client.project_id()  # before the create: after a failure, the service may not answer
            flow_log = idempotency.create(client, target, spec, key=props.get(schema.IDEMPOTENCY_KEY))
        except lifecycle.IncompleteError as error:
            raise _incomplete(error, props) from error
        except idempotency.OutcomeUnknownError as error:
            raise IncompleteFlowLogError(
                f"flow log {props['name']!r} may have been created: {error}; run `pulumi up --refresh` to find out",
                schema.provisional_id(error.token),
                {**props, "state": schema.UNKNOWN_STATE, "project_id": project_id},
            ) from error
        except ApiError as error:
            reason = _explain(client, error, props)
            raise FlowLogError(f"flow log {props['name']!r} was not created: {reason}") from error
        return CreateResult(flow_log.id, schema.outputs_of(flow_log, props))

    def read(self, id_: str, props: Props, deadline: Deadline | None = None) -> ReadResult:
        """Read the flow log; the id is empty if there is none. To import one, `id_` is `ER_ID/FLOW_LOG_ID`.

        Raises:
            FlowLogError: It is not known whether there is one.
        """
        if schema.is_provisional(id_) and "er_id" in props:
            return self._read_provisional(id_, props, deadline)
        er_id, _, flow_log_id = id_.rpartition("/") if "er_id" not in props else (props["er_id"], "", id_)
        if not (ID_PATTERN.fullmatch(er_id) and ID_PATTERN.fullmatch(flow_log_id)):
            raise FlowLogError(f"{id_!r} is not a valid import id of a flow log: use ER_ID/FLOW_LOG_ID")
        flow_log = self._find(flow_log_id, {**props, "er_id": er_id}, deadline)
        return _read_result(flow_log.id, schema.outputs_of(flow_log, props)) if flow_log else ReadResult("", {}, {})

    def update(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> UpdateResult:
        """Change the flow log in place, and wait until it is available and as declared.

        Raises:
            IncompleteFlowLogError: It is not as declared yet.
            FlowLogError: It could not be changed.
        """
        client = self._client(deadline, props=olds)
        try:
            flow_log = _fetch(client, id_, olds)
            flow_log = lifecycle.converge(client, flow_log, schema.spec_of(news))
        except NotFoundError as error:
            raise FlowLogError(
                f"flow log {id_} was deleted outside of Pulumi: run `pulumi up --refresh` to create it again"
            ) from error
        except lifecycle.IncompleteError as error:
            raise _incomplete(error, news) from error
        except ApiError as error:
            raise FlowLogError(f"flow log {news['name']!r} could not be changed: {error}") from error
        return UpdateResult(schema.outputs_of(flow_log, news))

    def delete(self, id_: str, props: Props, deadline: Deadline | None = None) -> None:
        """Delete the flow log and wait until it is gone; it may be gone already.

        Raises:
            FlowLogError: It could not be deleted.
        """
        if schema.is_provisional(id_):
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
            raise FlowLogError(message) from error

    def resolve_id(self, id_: str, props: Props, deadline: Deadline | None = None) -> str:
        """The id of the flow log to delete for a provisional id; empty if there is nothing to delete.

        Raises:
            FlowLogError: It is not known whether there is one.
        """
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
            raise FlowLogError(f"flow log {id_} could not be read: {error}") from error
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
            return _read_result(id_, props)
        except ApiError as error:
            raise _outcome_unknown(error, props) from error
        if flow_log is None or flow_log.state == "deleted":
            return ReadResult("", {}, {})
        return _read_result(flow_log.id, schema.outputs_of(flow_log, props))

    def _client(self, deadline: Deadline | None, *, props: Props | None = None) -> Client:
        """The client for one operation on the flow log with these properties.

        Raises:
            FlowLogError: There is none; or it is for another project, in which every flow log would seem to be gone.
        """
        props = props or {}
        try:
            client = self._connection.client.with_deadline(deadline or Deadline())
            expected = props.get("project_id")
            if expected and client.project_id() != expected:
                raise FlowLogError(
                    f"flow log {props.get('name')!r} is in project {expected}, but the credentials and"
                    f" {qualified('project')} are for project {client.project_id()}"
                )
        except (ConfigError, ApiError) as error:
            raise FlowLogError(str(error)) from error
        return client


def _read_result(id_: str, outputs: Props) -> ReadResult:
    return ReadResult(id_, outputs, {key: outputs[key] for key in schema.INPUTS if key in outputs})


def _fetch(client: Client, id_: str, known: Props) -> FlowLog:
    """The flow log of this id; a list, which may lag, counts only if it shows what is in the state.

    Raises:
        NotFoundError: There is none.
        ApiError: It could not be read.
    """

    def is_known(flow_log: FlowLog) -> bool:
        return all(key in known and known[key] == value for key, value in schema.outputs_of(flow_log, {}).items())

    return client.poller.read(known["er_id"], id_, resource_id=known.get("resource_id"), is_expected=is_known)


def _outcome_unknown(error: ApiError, props: Props) -> FlowLogError:
    return FlowLogError(f"it is not known whether flow log {props.get('name')!r} was created: {error}")


def _incomplete(error: lifecycle.IncompleteError, inputs: Props) -> IncompleteFlowLogError:
    flow_log = error.flow_log
    return IncompleteFlowLogError(
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

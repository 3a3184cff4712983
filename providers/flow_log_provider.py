"""The dynamic provider of FlowLog: check, diff, create, read, update, delete.

State files name this module and `FlowLogProvider`: renaming either breaks the state of everyone who uses it.
"""

from __future__ import annotations

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

from providers import schema as p
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

HELP_TIMEOUT = 10.0  # seconds for what only makes an error message more helpful

Props = dict[str, Any]


class FlowLogError(Exception):
    """An operation failed; the text is one sentence for the user."""


class IncompleteFlowLogError(FlowLogError):
    """An operation failed, but there is a flow log that must stay in state: `id` and `outs` are what to keep."""

    def __init__(self, sentence: str, id_: str, outs: Props) -> None:
        super().__init__(sentence)
        self.id = id_
        self.outs = outs


class _OutcomeUnknownError(FlowLogError):
    """Nobody can tell yet whether a create has made a flow log."""


class FlowLogDiff(DiffResult):
    """A diff that also tells, by property, whether the change replaces the flow log.

    What has another target is made before the old flow log is deleted. Nothing else can have the target of one that is
    there, so one that has failed goes first.
    """

    def __init__(self, changed: set[str], replacing: set[str]) -> None:
        first = bool(replacing) and not replacing.intersection(p.IDENTITY)
        super().__init__(changes=bool(changed), replaces=sorted(replacing), delete_before_replace=first)
        self.replaces_by_property = {key: key in replacing for key in sorted(changed)}


class FlowLogProvider(ResourceProvider):
    """Turns what the engine asks for into calls of the Enterprise Router API.

    Every operation takes the deadline that bounds it, of 10 minutes unless the host says otherwise.
    """

    # Nothing in it is secret, and a secret one could not be told apart in state files.
    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest, current_config: Callable[[str], str | None] = lambda _key: None) -> None:
        """Remember the settings. Nothing is read, sent or refused here: that waits for the first operation."""
        self._connection = Connection(
            lambda key: req.config.get(qualified(key)),
            os.environ,
            directory=Path.cwd(),
            current_config=current_config,
        )

    def check(self, _olds: Props, news: Props) -> CheckResult:
        """Fill in defaults and refuse what the API would refuse."""
        inputs = p.with_defaults(news)
        return CheckResult(inputs, p.failures(inputs))

    def diff(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> FlowLogDiff:
        """What differs, from state alone, unless the state is one in which flow logs don't stay: then from a look.

        Raises:
            FlowLogError: The look failed.
        """
        actual: p.Properties = olds
        if olds.get("state") != "available":
            # An update could not put the id right of one that nobody is sure of.
            flow_log = None if p.is_outcome_unknown(id_) else self._found(id_, olds, deadline)
            if flow_log is None or flow_log.state in ("failed", "deleting"):
                changed = p.changes(olds, news)
                return FlowLogDiff({"state"} | changed, {"state"} | changed.intersection(p.REPLACING))
            actual = p.outputs_of(flow_log, olds)
        changed = p.changes(actual, news)
        return FlowLogDiff(changed, changed.intersection(p.REPLACING))

    def create(self, props: Props, deadline: Deadline | None = None) -> CreateResult:
        """Create the flow log and wait until it is available and as wanted.

        Raises:
            IncompleteFlowLogError: It exists, but is not as wanted yet.
            FlowLogError: It could not be created.
        """
        client = self._client(deadline)
        try:
            project_id = client.project_id()  # now, for later it may not be told any more
            flow_log = idempotency.create(client, p.target(props), p.wanted(props), key=props.get(p.IDEMPOTENCY_KEY))
        except lifecycle.IncompleteError as error:
            raise _unfinished(error, props) from error
        except idempotency.OutcomeUnknownError as error:
            raise IncompleteFlowLogError(
                f"flow log {props['name']!r} was perhaps created: {error}; the next `pulumi up --refresh` finds out",
                p.outcome_unknown_id(error.token),
                {**props, "state": p.UNKNOWN_STATE, "project_id": project_id},
            ) from error
        except ApiError as error:
            raise FlowLogError(_why_not_created(client, error, props)) from error
        return CreateResult(flow_log.id, p.outputs_of(flow_log, props))

    def read(self, id_: str, props: Props, deadline: Deadline | None = None) -> ReadResult:
        """The flow log as it is, or an empty id if there is none. To import one, `id_` is `ER_ID/FLOW_LOG_ID`.

        Raises:
            FlowLogError: It could not be told whether there is one.
        """
        er_id, _, flow_log_id = id_.rpartition("/") if "er_id" not in props else (props["er_id"], "", id_)
        is_id = ID_PATTERN.fullmatch(flow_log_id) or p.is_outcome_unknown(flow_log_id)
        if not (ID_PATTERN.fullmatch(er_id) and is_id):
            raise FlowLogError(
                f"{id_!r} does not say which flow log of which router: the id to import is ER_ID/FLOW_LOG_ID"
            )
        try:
            flow_log = self._found(flow_log_id, {**props, "er_id": er_id}, deadline)
        except _OutcomeUnknownError:
            return _read(id_, props)
        return _read(flow_log.id, p.outputs_of(flow_log, props)) if flow_log else ReadResult("", {}, {})

    def update(self, id_: str, olds: Props, news: Props, deadline: Deadline | None = None) -> UpdateResult:
        """Make the flow log as wanted, in place, and wait until it is available.

        Raises:
            IncompleteFlowLogError: It is not as wanted yet.
            FlowLogError: It could not be changed.
        """
        client = self._client(deadline, of=olds)
        try:
            flow_log = _look(client, id_, olds)
            flow_log = lifecycle.converge(client, flow_log, p.wanted(news))
        except NotFoundError as error:
            raise FlowLogError(
                f"flow log {id_} no longer exists, somebody deleted it:"
                " `pulumi up --refresh` notices that and creates it again"
            ) from error
        except lifecycle.IncompleteError as error:
            raise _unfinished(error, news) from error
        except ApiError as error:
            raise FlowLogError(f"flow log {news['name']!r} could not be changed: {error}") from error
        return UpdateResult(p.outputs_of(flow_log, news))

    def delete(self, id_: str, props: Props, deadline: Deadline | None = None) -> None:
        """Delete the flow log and wait until it is gone; one that is gone already is fine.

        Raises:
            FlowLogError: It could not be deleted.
        """
        if p.is_outcome_unknown(id_):
            id_ = self.resolve_id(id_, props, deadline)
            if not id_:
                return
        try:
            client = self._client(deadline, of=props)
            lifecycle.delete(client, props["er_id"], id_, resource_id=props.get("resource_id"))
        except ApiError as error:
            sentence = f"flow log {props.get('name')!r} ({id_}) could not be deleted: {error}"
            if isinstance(error, OperationStoppedError):
                sentence += "; it stays in the state, and the next run goes on from there"
            raise FlowLogError(sentence) from error

    def resolve_id(self, id_: str, props: Props, deadline: Deadline | None = None) -> str:
        """The id of what is to be deleted in place of an id of which nobody is sure; empty if there is nothing.

        Raises:
            FlowLogError: That could not be told.
        """
        client = self._client(deadline, of=props)
        try:
            made = idempotency.resolve_for_delete(
                client, p.target(props), p.wanted(props), tokens=p.tokens_of(id_, props)
            )
        except NotFoundError:
            return ""
        except ApiError as error:
            raise FlowLogError(_still_open(props, error)) from error
        return made.id if made else ""

    def _found(self, id_: str, props: Props, deadline: Deadline | None) -> FlowLog | None:
        try:
            flow_log = _look(self._client(deadline, of=props), id_, props)
        except NotFoundError:
            return None
        except idempotency.OwnershipUnknownError as error:
            raise _OutcomeUnknownError(_still_open(props, error)) from error
        except ApiError as error:
            if p.is_outcome_unknown(id_):
                raise FlowLogError(_still_open(props, error)) from error
            raise FlowLogError(f"flow log {id_} could not be read: {error}") from error
        return None if flow_log.state == "deleted" else flow_log

    def _client(self, deadline: Deadline | None, *, of: Props | None = None) -> Client:
        """The client for one operation on the flow log of these properties.

        Raises:
            FlowLogError: There is none; or it is for another project, where every flow log of ours would look gone.
        """
        try:
            client = self._connection.client.with_deadline(deadline or Deadline())
            expected = (of or {}).get("project_id")
            if expected and client.project_id() != expected:
                raise FlowLogError(
                    f"flow log {(of or {}).get('name')!r} is in project {expected}, but the credentials and"
                    f" {qualified('project')} are for project {client.project_id()}"
                )
        except (ConfigError, ApiError) as error:
            raise FlowLogError(str(error)) from error
        return client


def _read(id_: str, outputs: Props) -> ReadResult:
    return ReadResult(id_, outputs, {key: outputs[key] for key in p.INPUTS if key in outputs})


def _still_open(props: Props, error: ApiError) -> str:
    return f"whether flow log {props.get('name')!r} was created is still open: {error}"


def _look(client: Client, id_: str, known: Props) -> FlowLog:
    """The flow log as it is; a list, which may lag, is believed only where it says what is known already.

    Raises:
        NotFoundError: There is none of this id.
        ApiError: That could not be told.
    """

    if p.is_outcome_unknown(id_):
        made = idempotency.find_by_token(client, p.target(known), p.wanted(known), tokens=p.tokens_of(id_, known))
        if made is None:
            raise NotFoundError("it is not there")
        return made

    def is_known(flow_log: FlowLog) -> bool:
        return all(key in known and known[key] == value for key, value in p.outputs_of(flow_log, {}).items())

    return client.poller.read(known["er_id"], id_, resource_id=known.get("resource_id"), is_expected=is_known)


def _unfinished(error: lifecycle.IncompleteError, inputs: Props) -> IncompleteFlowLogError:
    flow_log = error.flow_log
    return IncompleteFlowLogError(
        f"flow log {inputs['name']!r} ({flow_log.id}) exists but is not as wanted yet: {error};"
        " the next `pulumi up` goes on from there",
        flow_log.id,
        p.outputs_of(flow_log, inputs),
    )


def _why_not_created(client: Client, error: ApiError, props: Props) -> str:
    """The sentence for the user, with what helps to act on it."""
    sentence = f"flow log {props['name']!r} was not created: {error}"
    if isinstance(error, idempotency.TargetTakenError):
        return (
            f"{sentence}; if it is this stack's, run with --refresh; else delete it, or take it over: with adopt: true"
            f" in a stack file, or with import_={p.import_id(error.holder)!r} in the resource options of a program"
        )
    bounded = client.with_deadline(replace(client.deadline, seconds=HELP_TIMEOUT))
    try:
        if isinstance(error, QuotaExceededError):
            quota = bounded.quotas.flow_logs()
            used = f": {quota.used} of {quota.limit} are in use" if quota else ""
            return f"{sentence}{used}; delete flow logs nobody needs, or ask for a higher quota with a service ticket"
        if isinstance(error, AttachmentTypeError):
            attachments = bounded.attachments.list(props["er_id"])
            types = [one.resource_type for one in attachments if one.id == props["resource_id"]]
            loggable = ", ".join(LOGGABLE_ATTACHMENT_TYPES)
            this = f", and this is a {types[0]}" if types else ""
            return f"{sentence}; only attachments of these types can be logged: {loggable}{this}"
    except ApiError:
        pass  # What was to be added is a help only; the first error is the one to show.
    return sentence

"""What it takes to really have a flow log, or to be rid of it: creating once, waiting, finishing.

The API only accepts requests; the state tells the rest. These functions return when it is done, or raise.
Each takes a client made by `Client.within`, whose deadline bounds the whole operation.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from providers.er.client import Client
from providers.er.exceptions import (
    AlreadyExistsError,
    ApiError,
    FailedStateError,
    InvalidParametersError,
    NotFoundError,
)
from providers.er.flow_logs import FlowLog, FlowLogTarget, has_failed
from providers.er.sanitizing import display_name

# How many client tokens may turn out to be spent on flow logs that are gone: one for each time that the same
# target was created anew under the same key.
MAX_ATTEMPTS = 1000
# The service says "invalid parameters" for a spent token and for wrong parameters alike; how many tokens in a row may
# be refused so before one is tried that cannot be spent.
MAX_REFUSALS = 10
# Poller at a list that may lag, before it is believed that it does not show who has the target.
MAX_SEARCHES = 10

# Seconds after a deletion was accepted in which a show may still have the failure from before it.
FAILED_FOR_A_MOMENT = 2.0


@dataclass(frozen=True, kw_only=True)
class FlowLogSpec:
    """What can be changed in place."""

    name: str
    description: str
    enabled: bool


class TargetTakenError(AlreadyExistsError):
    """The target has a flow log that this caller did not make; `holder` is that one."""

    def __init__(self, error: ApiError, holder: FlowLog) -> None:
        super().__init__(
            f"attachment {holder.target.resource_id} already has flow log {display_name(holder.name)!r}, id {holder.id},"
            f" for log group {holder.target.log_group_id} and log stream {holder.target.log_stream_id}",
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        )
        self.holder = holder


class IncompleteError(ApiError):
    """The flow log exists and is ours, but is not as wanted; `flow_log` is what was last seen of it."""

    def __init__(self, error: ApiError, flow_log: FlowLog) -> None:
        super().__init__(error.message, status=error.status, code=error.code, request_id=error.request_id)
        self.flow_log = flow_log


class OwnershipUnknownError(ApiError):
    """Whether a create made a flow log, or whether a flow log is what it made, cannot be told by looking."""


class NotListedError(OwnershipUnknownError):
    """Lists show nobody who has the target; but they may lag."""


class OutcomeUnknownError(ApiError):
    """A create with `token` failed in a way that leaves open whether there is a flow log now: ask `find_by_token` later."""

    def __init__(self, error: ApiError, token: str) -> None:
        super().__init__(error.message, status=error.status, code=error.code, request_id=error.request_id)
        self.token = token


def create(client: Client, target: FlowLogTarget, wanted: FlowLogSpec, *, key: str | None) -> FlowLog:
    """Have exactly one flow log for the target, available and as wanted, however often this is called with `key`.

    `key` names the one who wants it. With the target it makes the X-Client-Token, so that a create repeated after a
    crash finds what the first one made, also when the name was changed in between. Without a key, a create is safe
    against repeated calls within this operation only.

    Raises:
        TargetTakenError: Somebody else has a flow log for the target.
        IncompleteError: It was accepted, but is not available or not as wanted: call `converge` later.
        OutcomeUnknownError: It may have been accepted.
        ApiError: It was refused.
    """
    key = key or str(uuid.uuid4())
    spent: list[str] = []
    for attempt in range(MAX_ATTEMPTS):
        # After so many refusals it is the parameters that are wrong, or a name that changed with every one of them;
        # a token that cannot have been used before tells.
        token = client_token(key, target, attempt) if len(spent) < MAX_REFUSALS else uuid.uuid4().hex
        try:
            flow_log = _accepted(client, target, wanted, [token, *spent])
        except _TokenSpentError as refused:
            if len(spent) == MAX_REFUSALS:
                raise refused.refusal from None
            spent.append(token)
            continue
        except TargetTakenError:
            raise
        except ApiError as error:
            if error.may_have_applied:
                raise OutcomeUnknownError(error, token) from error
            raise
        spent.clear()
        try:
            if flow_log.state != "pending":
                flow_log = _as_it_is_now(client, flow_log)
            return converge(client, flow_log, wanted)
        except NotFoundError:
            continue  # The answer was a replay: it named a flow log that has been deleted since.
    raise ApiError(f"{MAX_ATTEMPTS} flow logs were made and lost for attachment {target.resource_id} under one key")


def find_by_token(
    client: Client, target: FlowLogTarget, wanted: FlowLogSpec, *, tokens: Sequence[str], looks: int = MAX_SEARCHES
) -> FlowLog | None:
    """What a create of this target with one of these tokens made; None if that is not there.

    The service tells by a replay, for which the words have to be those of the create: the holder of the target has
    them still, unless somebody renamed it; `wanted` has them, unless it is not what was wanted then. Nothing is created
    on the way: the target has a holder.

    Args:
        client: The client.
        target: The target.
        wanted: What was wanted.
        tokens: In the order in which they were used; one that the service does not know ends the search.
        looks: At lists, before they are taken to show nothing.

    Raises:
        NotListedError: No list shows who has the target.
        OwnershipUnknownError: Who has the target may be it, or may not.
        ApiError: The service could not be asked.
    """
    for look in range(looks):
        if look:
            client.deadline.pause(client.poll(look), waiting_for="the list to show whether it was created")
        if holder := _holder(client, target):
            words, expected = (holder.name, holder.description), (wanted.name, wanted.description)
            cause: ApiError | None = None
            try:
                made = _replayed(client, target, dict.fromkeys((words, expected)), tokens)
            except InvalidParametersError as error:
                made, cause = None, error
            # One in the very words may be ours where the service does not honour tokens.
            if made or not (cause or words == expected):
                return made
            raise OwnershipUnknownError(
                f"attachment {target.resource_id} has flow log {display_name(holder.name)!r}, id {holder.id}, of which cannot"
                " be told whose it is: delete it, or import it"
            ) from cause
    raise NotListedError("no list shows it, and lists may lag")


def resolve_for_delete(
    client: Client, target: FlowLogTarget, wanted: FlowLogSpec, *, tokens: Sequence[str]
) -> FlowLog | None:
    """What a create of this target with one of these tokens made, to be deleted; None if there is nothing to delete.

    Where no list shows it, the create is repeated: the service answers with what it made before, or makes one that can
    be deleted as well. What lists lack is never taken for gone.

    Raises:
        OwnershipUnknownError: The target has a holder, which may be it, or may not.
        ApiError: The service could not be asked.
    """
    with contextlib.suppress(NotListedError):
        return find_by_token(client, target, wanted, tokens=tokens, looks=1)
    try:
        return _replayed(client, target, [(wanted.name, wanted.description)], tokens)
    except ApiError as error:
        if error.may_have_applied:
            raise
        return None  # It cannot be created, and nothing shows that it was.


def _replayed(
    client: Client, target: FlowLogTarget, words: Iterable[tuple[str, str]], tokens: Sequence[str]
) -> FlowLog | None:
    """What the service answers to creates with these tokens, in these words; None if that is gone, or another's.

    Raises:
        InvalidParametersError: A token was spent, in other words.
    """
    refusal: InvalidParametersError | None = None
    for token in tokens:
        for name, description in words:
            try:
                made = client.flow_logs.create(target, name=name, description=description, client_token=token)
            except AlreadyExistsError:
                if refusal:
                    raise refusal from None
                return None
            except InvalidParametersError as error:
                refusal = error
                continue
            with contextlib.suppress(NotFoundError):
                return client.flow_logs.get(target.er_id, made.id)
            break  # What this one made has been deleted since.
    if refusal:
        raise refusal
    return None


def converge(client: Client, flow_log: FlowLog, wanted: FlowLogSpec) -> FlowLog:
    """Wait until the flow log is available, then make it as wanted.

    Raises:
        NotFoundError: It is gone.
        IncompleteError: It could not be finished.
    """
    er_id, id_ = flow_log.target.er_id, flow_log.id
    flow_log = _until_available(client, flow_log)
    try:
        if (flow_log.name, flow_log.description) != (wanted.name, wanted.description):
            flow_log = client.flow_logs.update(er_id, id_, name=wanted.name, description=wanted.description)
            flow_log = _until_available(client, flow_log)
        if flow_log.enabled != wanted.enabled:
            switch = client.flow_logs.enable if wanted.enabled else client.flow_logs.disable
            flow_log = _until_available(client, switch(er_id, id_), enabled=wanted.enabled)
    except (NotFoundError, IncompleteError):
        raise
    except FailedStateError as error:
        raise IncompleteError(error, replace(flow_log, state="failed")) from error
    except ApiError as error:
        raise IncompleteError(error, flow_log) from error
    return flow_log


def delete(client: Client, er_id: str, flow_log_id: str, *, resource_id: str | None = None) -> None:
    """Have no flow log of this id, waiting while it is being operated; one that is gone already is fine.

    `resource_id` is its attachment, where that is known.

    Raises:
        FailedStateError: The service could not delete it.
    """
    with contextlib.suppress(NotFoundError):
        client.flow_logs.delete(er_id, flow_log_id)
        _until_gone(client, er_id, flow_log_id, resource_id=resource_id)


def client_tokens(key: str, target: FlowLogTarget) -> list[str]:
    """All tokens under which a target may have been created, in their order."""
    return [client_token(key, target, attempt) for attempt in range(MAX_ATTEMPTS)]


def client_token(key: str, target: FlowLogTarget, attempt: int) -> str:
    """The X-Client-Token (64 characters): who wants what, not under which name."""
    parts = [key, target.er_id, target.resource_id, target.log_group_id, target.log_stream_id, attempt]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _as_it_is_now(client: Client, replayed: FlowLog) -> FlowLog:
    """A look, because a replay tells of the flow log as it was when the answer was first given.

    Raises:
        NotFoundError: It is gone.
        IncompleteError: That could not be told.
    """
    try:
        return client.flow_logs.get(replayed.target.er_id, replayed.id)
    except NotFoundError:
        raise
    except ApiError as error:
        raise IncompleteError(error, replayed) from error


class _TokenSpentError(Exception):
    """The service knows the token from another request; `refusal` is what to say if every token is."""

    def __init__(self, refusal: ApiError) -> None:
        super().__init__()
        self.refusal = refusal


def _accepted(client: Client, target: FlowLogTarget, wanted: FlowLogSpec, tokens: Sequence[str]) -> FlowLog:
    """The flow log that the first of these tokens makes, or that one of them made earlier, whatever its state.

    Raises:
        _TokenSpentError: The first token made something else, or nothing can be known of it.
        TargetTakenError: Another one's flow log has the target.
    """
    for search in range(1, MAX_SEARCHES + 1):
        try:
            return client.flow_logs.create(
                target, name=wanted.name, description=wanted.description, client_token=tokens[0]
            )
        except (AlreadyExistsError, InvalidParametersError) as error:
            refusal: ApiError = error
        holder = _holder(client, target)
        if holder is not None and holder.state == "deleting":
            words = f"the deletion of flow log {holder.id}"
            _until_gone(client, target.er_id, holder.id, resource_id=target.resource_id, words=words, last=holder)
        elif holder is not None:
            return _proven_ours(client, holder, tokens)
        elif isinstance(refusal, InvalidParametersError):
            raise _TokenSpentError(refusal)
        else:
            client.deadline.pause(client.poll(search), waiting_for="the list to show who has the target")
    raise refusal


def _proven_ours(client: Client, holder: FlowLog, tokens: Sequence[str]) -> FlowLog:
    """What one of the tokens made, told by asking once more in the holder's own words.

    If a token made the holder, this is a replay and the service answers with it. (If the holder vanished meanwhile
    it makes a new one, ours just as well.) Refused, it changes nothing.

    Raises:
        _TokenSpentError: The first token is known to the service from something else: the next one may have made it.
        TargetTakenError: No token made the holder.
    """
    refusals: list[ApiError] = []
    for token in tokens:
        try:
            return client.flow_logs.create(
                holder.target, name=holder.name, description=holder.description, client_token=token
            )
        except (AlreadyExistsError, InvalidParametersError) as error:
            refusals.append(error)
    taken = TargetTakenError(refusals[0], holder)
    if isinstance(refusals[0], InvalidParametersError):
        raise _TokenSpentError(taken)
    raise taken


def _holder(client: Client, target: FlowLogTarget) -> FlowLog | None:
    for flow_log in client.flow_logs.list(target.er_id, resource_ids=[target.resource_id]):
        if flow_log.target == target:
            with contextlib.suppress(NotFoundError):
                shown = client.flow_logs.get(target.er_id, flow_log.id)
                if shown.state != "deleted":
                    return shown
    return None


def _until_available(client: Client, flow_log: FlowLog, *, enabled: bool | None = None) -> FlowLog:
    """The flow log once it is available, and enabled or not as asked.

    Raises:
        NotFoundError: It is gone.
        IncompleteError: It failed, or the wait ended; with what was last seen.
    """

    def is_done(one: FlowLog) -> bool:
        return one.state == "available" and enabled in (None, one.enabled)

    if is_done(flow_log):
        return flow_log
    er_id, resource_id = flow_log.target.er_id, flow_log.target.resource_id
    # A list that lags may have it as it was before it was modified, but not as it was before it was created.
    was_just_created = flow_log.state == "pending"

    def says(listed: FlowLog) -> bool | None:
        return is_done(listed) and (was_just_created or None)

    wait = client.poller.begin_wait(
        er_id,
        flow_log.id,
        resource_id=resource_id,
        words="available",
        says=says,
    )
    try:
        while not is_done(flow_log):
            if flow_log.state == "failed":
                raise has_failed(flow_log.id)
            if flow_log.state == "deleted":
                raise NotFoundError(f"flow log {flow_log.id} has been deleted")
            flow_log = wait.look(flow_log)
    except NotFoundError:
        raise
    except ApiError as error:
        raise IncompleteError(error, wait.seen or flow_log) from error
    return flow_log


def _until_gone(
    client: Client,
    er_id: str,
    flow_log_id: str,
    *,
    resource_id: str | None,
    words: str = "deletion",
    last: FlowLog | None = None,
) -> None:
    """Wait until a show finds it no more; `last` is what a show had of it.

    Raises:
        FailedStateError: Its deletion failed.
    """
    wait = client.poller.begin_wait(
        er_id, flow_log_id, resource_id=resource_id, words=words, says=lambda _listed: False
    )
    was_deleting = False
    with contextlib.suppress(NotFoundError):
        while last is None or last.state != "deleted":
            was_deleting = was_deleting or (last is not None and last.state == "deleting")
            # One that had failed before may be shown so for a moment.
            if last and last.state == "failed" and (was_deleting or wait.elapsed > FAILED_FOR_A_MOMENT):
                raise FailedStateError(f"the service could not delete flow log {flow_log_id}: it is in state failed")
            last = wait.look(last)

"""The protocol of an idempotent create: exactly one flow log for a target, however often the create is repeated.

The service allows one flow log for each target. A create carries a token, the X-Client-Token: repeated with the same
token and the same words (name and description), it is replayed, which means that the service answers with what the
first call created, even if that has been deleted since. With the same token and other words it is refused as having
invalid parameters. The tokens of a caller are hashes of its key, the target and a number, and they are used in the
order of the numbers.

`create` sends the first token, and the next one if a token turns out to be spent: its replay names a flow log that is
gone, or it was used with other words. If the target is taken, the list shows who holds it, and a holder that is being
deleted is waited for. Whether the holder is the caller's own is answered by the service: creates are sent in the
holder's words and in the desired ones, with one token after another until the service does not know one, and only the
caller's own creates are replayed. Nothing is created on the way, because the target is taken.

A create that may have been accepted although it failed raises `OutcomeUnknownError` with its token. `find_by_token`
puts the same question later, and `resolve_for_delete` also repeats the create where the list, which may lag, shows
nothing: the replay, or the new flow log, can then be deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence

from providers.er.client import Client
from providers.er.exceptions import AlreadyExistsError, ApiError, InvalidParametersError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from providers.er.lifecycle import IncompleteError, converge, wait_until_gone
from providers.er.sanitizing import display_name

# Tokens of one key for one target. Each deletion of a flow log that is created again later uses one up.
MAX_TOKENS = 1000
# The service answers "invalid parameters" to a spent token and to wrong parameters alike. After so many of these
# answers in a row, a token is tried that cannot be spent.
MAX_REFUSALS = 10
# Lists, which may lag, that are requested until one shows who has the target.
MAX_LISTS = 10


class TargetTakenError(AlreadyExistsError):
    """The target has a flow log, `holder`, that this caller did not create."""

    def __init__(self, error: ApiError, holder: FlowLog) -> None:
        super().__init__(
            f"attachment {holder.target.resource_id} already has flow log {display_name(holder.name)!r},"
            f" id {holder.id}, for log group {holder.target.log_group_id} and log stream {holder.target.log_stream_id}",
            **error.details,
        )
        self.holder = holder


class OutcomeUnknownError(ApiError):
    """A create with `token` failed, but may have been accepted: ask `find_by_token` later."""

    def __init__(self, error: ApiError, token: str) -> None:
        super().__init__(error.message, **error.details)
        self.token = token


class OwnershipUnknownError(ApiError):
    """The service does not show whether the caller created the flow log that has the target."""


class NotListedError(OwnershipUnknownError):
    """No list shows a flow log of the target; but lists may lag."""


def create(client: Client, target: FlowLogTarget, desired: FlowLogSpec, *, key: str | None) -> FlowLog:
    """Have exactly one flow log for the target, available and as desired, however often this is called with `key`.

    Args:
        client: The client.
        target: What to log, and where to.
        desired: How the flow log is to be.
        key: Names the caller, so that a create repeated after a crash finds what the first one created, even if the
            name was changed in between. Without it, only repetitions within this call are safe.

    Raises:
        TargetTakenError: Another caller's flow log has the target.
        IncompleteError: It was created, but is not available or not as desired: call `converge` later.
        OutcomeUnknownError: It may have been created.
        ApiError: It was refused.
    """
    key = key or str(uuid.uuid4())
    refusals = 0
    for token in _tokens(key, target):
        is_last = refusals == MAX_REFUSALS
        if is_last:
            token = uuid.uuid4().hex  # It cannot be spent, so it shows whether the parameters are wrong.
        try:
            flow_log = _create_or_recover(client, target, desired, token=token, key=key)
        except InvalidParametersError:
            if is_last:
                raise
            refusals += 1
            continue
        refusals = 0
        # If the answer was a replay of a flow log that is gone, the next token is used.
        with contextlib.suppress(NotFoundError):
            return converge(client, _refresh(client, flow_log), desired)
    raise ApiError(
        f"{MAX_TOKENS} flow logs of attachment {target.resource_id} were created and deleted under one idempotency key:"
        " use another key"
    )


def find_by_token(
    client: Client, target: FlowLogTarget, desired: FlowLogSpec, *, tokens: Sequence[str], lists: int = MAX_LISTS
) -> FlowLog | None:
    """What a create of this target with one of these tokens created; None if that does not exist.

    Args:
        client: The client.
        target: The target.
        desired: What the create requested, as far as that is known.
        tokens: In the order in which they were used.
        lists: How many to request until one shows who has the target.

    Raises:
        NotListedError: No list shows who has the target.
        OwnershipUnknownError: The flow log that has the target may be it, or may not.
        ApiError: The service did not answer.
    """
    for number in range(lists):
        if number:
            client.deadline.sleep(client.poll(number), waiting_for="the list to show whether it was created")
        if holder := _find_holder(client, target):
            return _find_own(client, holder, desired, tokens)
    raise NotListedError("no list shows it, and lists may lag")


def resolve_for_delete(
    client: Client, target: FlowLogTarget, desired: FlowLogSpec, *, tokens: Sequence[str]
) -> FlowLog | None:
    """What a create of this target with one of these tokens created, to be deleted; None if there is nothing to delete.

    What lists lack is never taken for gone: the create is repeated, and what it answers with can be deleted.

    Raises:
        OwnershipUnknownError: The flow log that has the target may be it, or may not.
        OutcomeUnknownError: The repeated create may have been accepted.
        ApiError: The service did not answer.
    """
    with contextlib.suppress(NotListedError):
        return find_by_token(client, target, desired, tokens=tokens, lists=1)
    try:
        return _replay(client, target, [(desired.name, desired.description)], tokens)
    except OutcomeUnknownError:
        raise
    except ApiError:
        return None  # It cannot be created, and nothing shows that it was.


def client_tokens(key: str, target: FlowLogTarget) -> list[str]:
    """All tokens under which a target may have been created, in their order."""
    return list(_tokens(key, target))


def client_token(key: str, target: FlowLogTarget, number: int) -> str:
    """The X-Client-Token (64 characters). The name is not in it, so it may change between two creates."""
    parts = [key, target.er_id, target.resource_id, target.log_group_id, target.log_stream_id, number]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _tokens(key: str, target: FlowLogTarget) -> Iterator[str]:
    return (client_token(key, target, number) for number in range(MAX_TOKENS))


def _create_or_recover(client: Client, target: FlowLogTarget, desired: FlowLogSpec, *, token: str, key: str) -> FlowLog:
    """What this token creates, or what a token of `key` created earlier, whatever its state.

    Raises:
        InvalidParametersError: The token is spent, or the parameters are wrong.
        TargetTakenError: Another caller's flow log has the target.
    """
    for number in range(1, MAX_LISTS + 1):
        try:
            return _send_create(client, target, (desired.name, desired.description), token)
        except (AlreadyExistsError, InvalidParametersError) as error:
            refusal: ApiError = error
        holder = _find_holder(client, target)
        if holder is None:
            if isinstance(refusal, InvalidParametersError):
                raise refusal
            client.deadline.sleep(client.poll(number), waiting_for="the list to show who has the target")
        elif holder.state == "deleting":
            words = f"the deletion of flow log {holder.id}"
            wait_until_gone(
                client, target.er_id, holder.id, resource_id=target.resource_id, waiting_for=words, last=holder
            )
        else:
            with contextlib.suppress(OwnershipUnknownError):
                if own := _find_own(client, holder, desired, _tokens(key, target)):
                    return own
            raise TargetTakenError(refusal, holder)
    raise refusal


def _find_holder(client: Client, target: FlowLogTarget) -> FlowLog | None:
    for flow_log in client.flow_logs.list(target.er_id, resource_ids=[target.resource_id]):
        if flow_log.target == target:
            with contextlib.suppress(NotFoundError):
                shown = client.flow_logs.get(target.er_id, flow_log.id)
                if shown.state != "deleted":
                    return shown
    return None


def _find_own(client: Client, holder: FlowLog, desired: FlowLogSpec, tokens: Iterable[str]) -> FlowLog | None:
    """What one of the tokens created, if that has the target now; None if another caller's flow log has it.

    Raises:
        OwnershipUnknownError: The holder may be it, or may not.
    """
    words, expected = (holder.name, holder.description), (desired.name, desired.description)
    try:
        own = _replay(client, holder.target, dict.fromkeys((words, expected)), tokens)
        cause = None
    except InvalidParametersError as error:
        own, cause = None, error
    # If the service ignores tokens, a holder in the expected words may be the caller's.
    if own or not (cause or words == expected):
        return own
    raise OwnershipUnknownError(
        f"attachment {holder.target.resource_id} has flow log {display_name(holder.name)!r}, id {holder.id},"
        " and the service does not show who created it: delete or import it"
    ) from cause


def _replay(
    client: Client, target: FlowLogTarget, wordings: Iterable[tuple[str, str]], tokens: Iterable[str]
) -> FlowLog | None:
    """What a create with one of these tokens in one of these wordings created; None if that is gone, or another's.

    Raises:
        InvalidParametersError: A token was used with other words.
    """
    unexplained: InvalidParametersError | None = None
    refusals = 0
    for token in tokens:
        try:
            created = _send_wordings(client, target, wordings, token)
        except AlreadyExistsError:
            break  # The service does not know this token, so the later ones were not used either.
        except InvalidParametersError as error:
            unexplained = error
            refusals += 1
            if refusals > MAX_REFUSALS:
                break
            continue
        refusals = 0
        with contextlib.suppress(NotFoundError):
            return client.flow_logs.get(target.er_id, created.id)
    if unexplained:
        raise unexplained
    return None


def _send_wordings(client: Client, target: FlowLogTarget, wordings: Iterable[tuple[str, str]], token: str) -> FlowLog:
    refusal: InvalidParametersError | None = None
    for words in wordings:
        try:
            return _send_create(client, target, words, token)
        except InvalidParametersError as error:
            refusal = error
        except AlreadyExistsError:
            if not refusal:
                raise
    assert refusal, "there is at least one wording"
    raise refusal


def _send_create(client: Client, target: FlowLogTarget, words: tuple[str, str], token: str) -> FlowLog:
    name, description = words
    try:
        return client.flow_logs.create(target, name=name, description=description, client_token=token)
    except (AlreadyExistsError, InvalidParametersError):
        raise
    except ApiError as error:
        if error.may_have_applied:
            raise OutcomeUnknownError(error, token) from error
        raise


def _refresh(client: Client, flow_log: FlowLog) -> FlowLog:
    """The flow log as it is now: a replay has it as it was when the first call was answered.

    Raises:
        NotFoundError: It is gone.
        IncompleteError: It could not be shown.
    """
    if flow_log.state == "pending":
        return flow_log  # It is waited for anyway.
    try:
        return client.flow_logs.get(flow_log.target.er_id, flow_log.id)
    except NotFoundError:
        raise
    except ApiError as error:
        raise IncompleteError(error, flow_log) from error

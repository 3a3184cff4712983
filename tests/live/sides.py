"""The two sides of the walk, and what is done on each: the provider's operations, and probes of the API itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from providers import schema as p
from providers.connection import Connection
from providers.er import Client, Deadline, lifecycle
from providers.er.exceptions import ApiError, NotFoundError
from providers.er.flow_logs import FlowLog, FlowLogSpec, FlowLogTarget
from providers.er.idempotency import client_token
from providers.er.validation import required
from providers.flow_log_provider import FlowLogError, FlowLogProvider, Props
from tests.live.journal import CLIENT_TOKEN, Journal
from tests.live.place import MARK

ANSWERS = (400, 404, 409)  # HTTP statuses of a refusal that is an answer to the question
CHANGES = {"name": "-renamed", "description": ", then described anew"}  # what an update adds


def inputs_at(target: FlowLogTarget) -> Props:
    """What a program would ask for, under a name that nothing else has."""
    name = f"{MARK}{secrets.token_hex(4)}"
    inputs = {
        "er_id": target.er_id,
        "resource_id": target.resource_id,
        "log_group_id": target.log_group_id,
        "log_stream_id": target.log_stream_id,
        "name": name,
        "description": "made by `make live`, which deletes it",
        p.IDEMPOTENCY_KEY: name,
    }
    return p.with_defaults(inputs)


class _Provider(FlowLogProvider):
    """The project's own, with a client that there is already."""

    def __init__(self, client: Client) -> None:
        self._connection = cast(Connection, SimpleNamespace(client=client))


class _OperatedError(Exception):
    """The flow log is being operated, and nobody is to wait for the end of that."""


@dataclass
class Side:
    """One world, and what the walk has in it.

    Attributes:
        client: The API.
        journal: Of all its calls.
        inputs: What is asked for in the first place.
        id: The flow log's id; empty as long as there is none.
        state: Its properties, as the engine would keep them.
        strays: Further flow logs that a probe has made.
    """

    client: Client
    journal: Journal
    inputs: Props
    id: str = ""
    state: Props = field(default_factory=dict)
    strays: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provider = _Provider(self.client)
        self.target = p.target_of(self.inputs)
        self.wanted = dict(self.inputs)


Do = Callable[[Side, Deadline], str]
"""Does one step; in a few words what came of it, empty if there is nothing to say that the answers don't."""


def create(side: Side, deadline: Deadline) -> str:
    """As `pulumi up` creates."""
    made = side.provider.create(side.inputs, deadline)
    side.id, side.state = made.id or "", dict(made.outs or {})
    return ""


def update(side: Side, deadline: Deadline) -> str:
    """Name and description."""
    return _updated(side, {key: f"{side.inputs[key]}{addition}" for key, addition in CHANGES.items()}, deadline)


def disable(side: Side, deadline: Deadline) -> str:
    """The flow log stays and writes nothing."""
    return _updated(side, {"enabled": False}, deadline)


def enable(side: Side, deadline: Deadline) -> str:
    """It writes again."""
    return _updated(side, {"enabled": True}, deadline)


def refresh(side: Side, deadline: Deadline) -> str:
    """A read with the state."""
    read = side.provider.read(side.id, side.state, deadline)
    return _told_of_read(side, read.id, read.outs)


def import_(side: Side, deadline: Deadline) -> str:
    """A read of what is in no state."""
    read = side.provider.read(f"{side.target.er_id}/{side.id}", {}, deadline)
    return _told_of_read(side, read.id, read.outs)


def delete(side: Side, deadline: Deadline) -> str:
    """As `pulumi destroy` deletes."""
    side.provider.delete(side.id, side.state, deadline)
    return ""


def create_again(side: Side, deadline: Deadline) -> str:
    """The same X-Client-Token, the same body."""
    return _second_create(side, side.inputs["description"], deadline)


def create_otherwise(side: Side, deadline: Deadline) -> str:
    """The same X-Client-Token, another body."""
    return _second_create(side, "another one", deadline)


def create_without_token(side: Side, deadline: Deadline) -> str:
    """A create for a target that has a flow log."""
    return _second_create(side, side.inputs["description"], deadline, with_token=False)


def pages(side: Side, deadline: Deadline) -> str:
    """A list of one flow log a page, and the page after the first."""
    client, path = side.client.with_deadline(deadline), f"{side.target.er_id}/flow-logs"
    query = {"resource_id": side.target.resource_id, "limit": 1}
    first = client.calls.er("GET", path, _as_it_is, params=query)
    listed = first.get("flow_logs")
    page_info = first.get("page_info")
    marker = page_info.get("next_marker") if isinstance(page_info, dict) else None
    if not marker and isinstance(listed, list) and listed:
        marker = listed[-1].get("id")
    try:
        client.calls.er("GET", path, _as_it_is, params={**query, "marker": marker or side.id})
    except ApiError as error:
        return _refused(error)
    return ""


def delete_while_busy(side: Side, deadline: Deadline) -> str:
    """A delete in the middle of a disable."""
    client, target = side.client.with_deadline(deadline), side.target

    def give_up() -> None:
        raise _OperatedError

    disabling = client.flow_logs.disable(target.er_id, side.id)
    try:
        client.calls.er("DELETE", f"{target.er_id}/flow-logs/{side.id}", _as_it_is, while_busy=give_up)
        return "accepted"
    except _OperatedError:
        said = "refused"
    except ApiError as error:
        said = _refused(error)
    wanted = FlowLogSpec(name=disabling.name, description=disabling.description, enabled=False)
    side.state = p.outputs_of(lifecycle.converge(client, disabling, wanted), side.state)
    return said


def show_deleted(side: Side, deadline: Deadline) -> str:
    """A look at what is gone."""
    try:
        side.client.with_deadline(deadline).flow_logs.get(side.target.er_id, side.id)
    except NotFoundError:
        return ""
    return "it is still there"


def _updated(side: Side, changes: Props, deadline: Deadline) -> str:
    side.wanted |= changes
    side.state = dict(side.provider.update(side.id, side.state, side.wanted, deadline).outs or {})
    return ""


def _told_of_read(side: Side, id_: str | None, outs: Props | None) -> str:
    if not (id_ and outs):
        raise FlowLogError(f"flow log {side.id} was not found, and nobody has deleted it")
    changed = sorted(p.changed_inputs(outs, side.wanted))
    return f"not as wanted: {', '.join(changed)}" if changed else "as wanted"


def _second_create(side: Side, description: str, deadline: Deadline, *, with_token: bool = True) -> str:
    client, first = side.client.with_deadline(deadline), side.inputs
    body = {
        **{key: first[key] for key in ("name", "resource_type", "resource_id", "log_group_id", "log_stream_id")},
        "log_store_type": first["log_store_type"],
        "description": description,
    }
    token = client_token(first[p.IDEMPOTENCY_KEY], side.target, 0)
    headers = {CLIENT_TOKEN: token} if with_token else {}
    try:
        answer = client.calls.er(
            "POST", f"{side.target.er_id}/flow-logs", _as_it_is, json={"flow_log": body}, headers=headers
        )
    except ApiError as error:
        return _refused(error)
    made = FlowLog.from_json(side.target.er_id, required(answer, "flow_log", dict))
    if made.id == side.id:
        return "answered with the first flow log"
    if made.name != first["name"]:
        raise ApiError(f"a create was answered with flow log {made.id}, which is not what was asked for")
    side.strays.append(made.id)
    return "made a second flow log"


def _refused(error: ApiError) -> str:
    """What to say of a refusal that is an answer to the question.

    Raises:
        ApiError: It is none.
    """
    if error.status not in ANSWERS:
        raise error
    return "refused"


def _as_it_is(answer: dict[str, Any]) -> dict[str, Any]:
    return answer

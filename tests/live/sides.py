"""The two sides of the walk, and its steps: the provider's operations, and probes of the API itself."""

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
from providers.flow_log_provider import FlowLogProvider
from providers.inputs import IDEMPOTENCY_KEY
from providers.resource import Props, ResourceError
from tests.live.journal import CLIENT_TOKEN, Journal
from tests.live.place import MARK

ANSWERS = (400, 404, 409)  # HTTP statuses of a refusal that answers the question of a probe
CHANGES = {"name": "-renamed", "description": ", then described again"}  # appended by an update


def inputs_at(target: FlowLogTarget) -> Props:
    """The inputs of a flow log with a unique name."""
    name = f"{MARK}{secrets.token_hex(4)}"
    inputs = {
        "er_id": target.er_id,
        "resource_id": target.resource_id,
        "log_group_id": target.log_group_id,
        "log_stream_id": target.log_stream_id,
        "name": name,
        "description": "created by `make live`, which deletes it",
        IDEMPOTENCY_KEY: name,
    }
    return p.SCHEMA.with_defaults(inputs)


class _Provider(FlowLogProvider):
    """The project's provider, with an existing client."""

    def __init__(self, client: Client) -> None:
        self._connection = cast(Connection, SimpleNamespace(client=client))


class _OperatedError(Exception):
    """The flow log is being operated."""


@dataclass
class Side:
    """The service or the emulator, and the walk's flow log there.

    Attributes:
        client: The API.
        journal: Of all its calls.
        inputs: The inputs of the create.
        id: The flow log's id; empty before the create.
        state: Its properties, as the engine keeps them.
        strays: Further flow logs that a probe has created.
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
        self.desired = dict(self.inputs)


Do = Callable[[Side, Deadline], str]
"""Does one step. Returns its outcome in a few words, or nothing if the answers show it."""


def create(side: Side, deadline: Deadline) -> str:
    result = side.provider.create(side.inputs, deadline)
    side.id, side.state = result.id or "", dict(result.outs or {})
    return ""


def update(side: Side, deadline: Deadline, **changes: Any) -> str:
    side.desired |= changes or {key: f"{side.inputs[key]}{addition}" for key, addition in CHANGES.items()}
    side.state = dict(side.provider.update(side.id, side.state, side.desired, deadline).outs or {})
    return ""


def refresh(side: Side, deadline: Deadline) -> str:
    return _read(side, side.id, side.state, deadline)


def import_(side: Side, deadline: Deadline) -> str:
    return _read(side, f"{side.target.er_id}/{side.id}", {}, deadline)


def delete(side: Side, deadline: Deadline) -> str:
    side.provider.delete(side.id, side.state, deadline)
    return ""


def create_again(side: Side, deadline: Deadline, *, description: str = "", with_token: bool = True) -> str:
    client, first = side.client.with_deadline(deadline), side.inputs
    keys = ("name", "resource_type", "resource_id", "log_group_id", "log_stream_id", "log_store_type")
    body = {**{key: first[key] for key in keys}, "description": description or first["description"]}
    token = client_token(first[IDEMPOTENCY_KEY], side.target, 0)
    path, headers = f"{side.target.er_id}/flow-logs", {CLIENT_TOKEN: token} if with_token else {}
    try:
        answer = client.calls.er(
            "er:flowlogs:create", "POST", path, _as_it_is, json={"flow_log": body}, headers=headers
        )
    except ApiError as error:
        return _refused(error)
    created = FlowLog.from_json(side.target.er_id, required(answer, "flow_log", dict), project_id=client.project_id())
    if created.id == side.id:
        return "answered with the first flow log"
    if created.name != first["name"]:
        raise ApiError(f"a create was answered with flow log {created.id}, which has another name")
    side.strays.append(created.id)
    return "created a second flow log"


def list_pages(side: Side, deadline: Deadline) -> str:
    """Pages of one flow log, and the page after the first."""
    client, path = side.client.with_deadline(deadline), f"{side.target.er_id}/flow-logs"
    query = {"resource_id": side.target.resource_id, "limit": 1}
    first = client.calls.er("er:flowlogs:list", "GET", path, _as_it_is, params=query)
    listed = first.get("flow_logs")
    page_info = first.get("page_info")
    marker = page_info.get("next_marker") if isinstance(page_info, dict) else None
    if not marker and isinstance(listed, list) and listed:
        marker = listed[-1].get("id")
    try:
        client.calls.er("er:flowlogs:list", "GET", path, _as_it_is, params={**query, "marker": marker or side.id})
    except ApiError as error:
        return _refused(error)
    return ""


def delete_while_busy(side: Side, deadline: Deadline) -> str:
    """A delete during a disable."""
    client, target = side.client.with_deadline(deadline), side.target

    def give_up() -> None:
        raise _OperatedError

    disabling = client.flow_logs.disable(target.er_id, side.id)
    try:
        client.calls.er(
            "er:flowlogs:delete", "DELETE", f"{target.er_id}/flow-logs/{side.id}", _as_it_is, while_busy=give_up
        )
        return "accepted"
    except _OperatedError:
        outcome = "refused"
    except ApiError as error:
        outcome = _refused(error)
    desired = FlowLogSpec(name=disabling.name, description=disabling.description, enabled=False)
    side.state = p.outputs_of(lifecycle.converge(client, disabling, desired), side.state)
    return outcome


def show_deleted(side: Side, deadline: Deadline) -> str:
    try:
        side.client.with_deadline(deadline).flow_logs.get(side.target.er_id, side.id)
    except NotFoundError:
        return ""
    return "it is still there"


def _read(side: Side, id_: str, state: Props, deadline: Deadline) -> str:
    read = side.provider.read(id_, state, deadline)
    if not (read.id and read.outs):
        raise ResourceError(f"flow log {side.id} was not found, although it was not deleted")
    changed = sorted(p.SCHEMA.changed(read.outs, side.desired))
    return f"not as declared: {', '.join(changed)}" if changed else "as declared"


def _refused(error: ApiError) -> str:
    """The outcome of a refusal that answers the question; any other error is raised again."""
    if error.status not in ANSWERS:
        raise error
    return "refused"


def _as_it_is(answer: dict[str, Any]) -> dict[str, Any]:
    return answer

"""What the API reference leaves open, as settings of the serving process."""

from __future__ import annotations

import math
from dataclasses import dataclass

from emulator.errors import EmulatorError

MISSING_FLOW_LOG = (404, 400)
ATTACHMENT_DELETED = ("leave", "remove", "refuse")
CLIENT_TOKENS = ("honour", "ignore")


@dataclass(frozen=True)
class Behaviour:
    """How this emulator behaves where the API reference is silent. Not stored: each serving process has its own."""

    missing_flow_log: int = 404
    """HTTP status of ER.04008501. The reference documents 400, the live service answers 404. 404 or 400."""

    attachment_deleted: str = "leave"
    """What becomes of the flow logs of an attachment that is deleted; the reference does not say. `leave` keeps
    them as they are, `remove` deletes them with it, `refuse` refuses to delete the attachment."""

    client_tokens: str = "honour"
    """Whether X-Client-Token makes a create idempotent; the reference calls it an "idempotence identifier" and no
    more. `honour` answers a repeated create with the first flow log, `ignore` only echoes the header."""

    list_lag: float = 0.0
    """Seconds by which lists of flow logs lag behind what a show returns; the reference promises nothing."""

    strict: bool = False
    """Whether requests are refused for what the reference does not say is refused: unknown query parameters and body
    fields, a repeated key or null in a body, a body that is not declared as JSON or not expected, a marker that is no
    item's id, and an update of nothing. For tests of a client: it means to send none of that."""

    latency: float = 0.3
    """Seconds that an accepted create, enable, disable or delete takes until it is done."""

    def __post_init__(self) -> None:
        _check_choice("missing_flow_log", self.missing_flow_log, MISSING_FLOW_LOG)
        _check_choice("attachment_deleted", self.attachment_deleted, ATTACHMENT_DELETED)
        _check_choice("client_tokens", self.client_tokens, CLIENT_TOKENS)
        _check_seconds("list_lag", self.list_lag)
        _check_seconds("latency", self.latency)


def _check_choice(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        raise EmulatorError(f"{name} must be one of {', '.join(map(str, allowed))}, not {value!r}.")


def _check_seconds(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise EmulatorError(f"{name} must be a number of seconds, 0 or more, not {value!r}.")

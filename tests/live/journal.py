"""The calls that a client made, and how they were answered: no header and nothing of a request is kept but its address.

Signing in has a session of its own, and what goes to IAM is not kept: there is no credential in a journal.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from providers.er import Client
from providers.er.session import ServiceSession

CLIENT_TOKEN = "X-Client-Token"
CREATE = "POST …/{router}/flow-logs"

_SERVICES = re.compile(r"/v3/[^/]+/enterprise-router/(?P<er>.+)|(?P<lts>/v2)/[^/]+/(?P<path>.+)")
_PLACEHOLDERS = (
    (re.compile(r"^[^/]+/(flow-logs|attachments)"), r"{router}/\1"),
    (re.compile(r"flow-logs/[^/]+"), "flow-logs/{flow_log}"),
    (re.compile(r"groups/[^/]+/streams"), "groups/{log_group}/streams"),
)
_SHORT = 12  # characters of a value that is shown in full


@dataclass
class Exchange:
    """One call. Until it is answered, and if it never is, there is no status.

    Attributes:
        call: Method and path, with placeholders for ids.
        began: By the monotonic clock, as `ended`.
        body: The answer, read as JSON; None if it has none, or is none.
        has_content: Whether there was anything to read.
        echoes_token: Whether the answer repeats the X-Client-Token.
    """

    call: str
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    status: int | None = None
    body: Any = None
    has_content: bool = False
    echoes_token: bool = False

    def take(self, response: requests.Response) -> None:
        """Keep the answer."""
        try:
            self.body = json.loads(response.content) if response.content else None
        except (ValueError, RecursionError):
            self.body = None
        self.has_content = bool(response.content)
        token = response.request.headers.get(CLIENT_TOKEN)
        self.echoes_token = token is not None and response.headers.get(CLIENT_TOKEN) == token
        self.ended = time.monotonic()
        self.status = response.status_code

    @property
    def code(self) -> str | None:
        """The `error_code` of a refusal."""
        code = self.body.get("error_code") if isinstance(self.body, dict) else None
        return code if isinstance(code, str) else None

    @property
    def flow_log(self) -> dict[str, Any]:
        """The flow log that the answer is about; empty if it is about none."""
        flow_log = self.body.get("flow_log") if isinstance(self.body, dict) else None
        return flow_log if isinstance(flow_log, dict) else {}


class Journal:
    """All calls of one client, from any thread."""

    def __init__(self) -> None:
        self._all: list[Exchange] = []
        self._told = 0

    def begin(self, request: requests.PreparedRequest) -> Exchange:
        """The entry of a call that is about to be sent; one for IAM gets none that is kept."""
        exchange = Exchange(_shape(request) or "")
        if exchange.call:
            self._all.append(exchange)
        return exchange

    def since_last_time(self) -> list[Exchange]:
        """The calls since this was last asked for."""
        told, self._told = self._told, len(self._all)
        return self._all[told : self._told]

    def creates(self) -> list[Exchange]:
        """All creates of flow logs."""
        return [one for one in self._all if one.call == CREATE]

    def made(self) -> list[str]:
        """The ids of all flow logs that creates were answered with."""
        ids = [one.flow_log.get("id") for one in self.creates()]
        return list(dict.fromkeys(id_ for id_ in ids if isinstance(id_, str)))

    def is_open(self) -> bool:
        """Whether a create may have made a flow log of which no answer has the id.

        Where one answer has an id, the others can't have made another: there is one for each target.
        """
        return not self.made() and any(
            one.status is None or one.status < 300 or one.status >= 500 for one in self.creates()
        )


class _RecordingSession(ServiceSession):
    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        exchange = self._journal.begin(request)
        response = super().send(request, **settings)
        exchange.take(response)
        return response


def recorded(client: Client) -> Journal:
    """The journal of a client that has not sent anything yet."""
    journal = Journal()
    client.calls.transport.session = _RecordingSession(journal)
    return journal


def _shape(request: requests.PreparedRequest) -> str | None:
    """Method and path with placeholders; None for what goes to another service."""
    address = urlsplit(request.url or "")
    found = _SERVICES.search(address.path)
    if not found:
        return None
    path = f"{found['lts']}/…/{found['path']}" if found["lts"] else found["er"]
    for pattern, placeholder in _PLACEHOLDERS:
        path = pattern.sub(placeholder, path)
    query = "&".join(f"{name}={_shortened(value)}" for name, value in parse_qsl(address.query))
    return f"{request.method} {path if found['lts'] else f'…/{path}'}{f'?{query}' if query else ''}"


def _shortened(value: str) -> str:
    return value if len(value) <= _SHORT else "…"

"""The calls of a client and their answers. Of a request, only its address is kept.

Sign-in has a session of its own, and calls to IAM are not kept: no credential is ever in a journal.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
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
_LONGEST_VALUE = 12  # characters of a value in a query


@dataclass
class Exchange:
    """One call. Without an answer, it has no status.

    Attributes:
        call: Method and path, with placeholders for ids.
        ended: By the monotonic clock.
        body: The answer, parsed as JSON; None if it is empty or not JSON.
        has_content: Whether the answer has a body.
        echoes_token: Whether the answer repeats the X-Client-Token.
    """

    call: str
    ended: float = 0.0
    status: int | None = None
    body: Any = None
    has_content: bool = False
    echoes_token: bool = False

    def record(self, response: requests.Response) -> None:
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
        """The flow log in the answer, or an empty mapping."""
        flow_log = self.body.get("flow_log") if isinstance(self.body, dict) else None
        return flow_log if isinstance(flow_log, dict) else {}


class Journal:
    """All calls of one client, from any thread."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._taken = 0

    def begin(self, request: requests.PreparedRequest) -> Exchange:
        """The entry of a call that is about to be sent; calls to IAM are not kept."""
        exchange = Exchange(_call(request) or "")
        if exchange.call:
            self._exchanges.append(exchange)
        return exchange

    def take_new(self) -> list[Exchange]:
        """The calls since the last time that they were taken."""
        taken, self._taken = self._taken, len(self._exchanges)
        return self._exchanges[taken : self._taken]

    def creates(self) -> list[Exchange]:
        """All creates of flow logs."""
        return [exchange for exchange in self._exchanges if exchange.call == CREATE]

    def created_ids(self) -> list[str]:
        """The ids of all flow logs in answers to creates."""
        ids = [exchange.flow_log.get("id") for exchange in self.creates()]
        return list(dict.fromkeys(id_ for id_ in ids if isinstance(id_, str)))

    def may_have_created_more(self) -> bool:
        """Whether a create may have created a flow log of which no answer has the id.

        Once an answer has an id, the other creates cannot have created another: there is one for each target.
        """
        statuses = [exchange.status for exchange in self.creates()]
        return not self.created_ids() and any(status is None or status < 300 or status >= 500 for status in statuses)


class _RecordingSession(ServiceSession):
    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        exchange = self._journal.begin(request)
        response = super().send(request, **settings)
        exchange.record(response)
        return response


def record(client: Client) -> Journal:
    """The journal of a client that has not sent anything yet."""
    journal = Journal()
    client.calls.transport.session = _RecordingSession(journal)
    return journal


def _call(request: requests.PreparedRequest) -> str | None:
    """Method and path with placeholders; None for other services."""
    address = urlsplit(request.url or "")
    found = _SERVICES.search(address.path)
    if not found:
        return None
    path = f"{found['lts']}/…/{found['path']}" if found["lts"] else found["er"]
    for pattern, placeholder in _PLACEHOLDERS:
        path = pattern.sub(placeholder, path)
    values = [(name, value if len(value) <= _LONGEST_VALUE else "…") for name, value in parse_qsl(address.query)]
    query = "&".join(f"{name}={value}" for name, value in values)
    return f"{request.method} {path if found['lts'] else f'…/{path}'}{f'?{query}' if query else ''}"

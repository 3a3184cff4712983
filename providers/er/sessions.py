"""The HTTP session under every call, to the services and to IAM alike."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from providers.er.endpoints import is_loopback

CONNECT_TIMEOUT = 5.0  # seconds
READ_TIMEOUT = 30.0  # seconds between two pieces of an answer
POOL_SIZE = 64  # connections kept open: as many as there are calls at once


class ServiceSession(requests.Session):
    """Pooled connections that send credentials to the service only.

    Time-outs are always set. CA bundle and proxies come from the environment, but no proxy comes between us and our
    own machine, and nobody's netrc is sent along.
    """

    def __init__(self) -> None:
        super().__init__()
        self.auth = _as_it_is
        self.headers["Accept"] = "application/json"
        for scheme in ("http://", "https://"):
            self.mount(scheme, HTTPAdapter(pool_maxsize=POOL_SIZE))

    def merge_environment_settings(self, url: Any, *arguments: Any, **named: Any) -> Any:
        """As requests does it, less the proxies for a loopback address."""
        settings = super().merge_environment_settings(url, *arguments, **named)
        return {**settings, "proxies": {}} if is_loopback(str(url)) else settings

    def send(self, request: requests.PreparedRequest, **settings: Any) -> requests.Response:
        """Send with the time-outs of this module, and never to where a redirect points."""
        return super().send(
            request, **{**settings, "timeout": (CONNECT_TIMEOUT, READ_TIMEOUT), "allow_redirects": False}
        )


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """An auth that adds nothing: with one set, requests does not look into ~/.netrc."""
    return request

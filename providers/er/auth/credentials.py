"""Who is calling. Signing in happens at the first request, never earlier."""

from __future__ import annotations

import re
from typing import Protocol

import requests

from providers.er.exceptions import ApiError

TOKEN_HEADER = "X-Auth-Token"


def is_header_value(token: str) -> bool:
    """Whether the token can be sent: visible ASCII, as every real one is."""
    return re.fullmatch(r"[\x21-\x7e]+", token) is not None


class Credentials(Protocol):
    """What the client needs to know of a way to sign in.

    Attributes:
        if_refused: What to do where a service refuses them for good, as the end of a sentence.
        project_name: The name of the project that calls go to, where `project_id` does not know its id.
    """

    if_refused: str
    project_name: str | None

    def project_id(self) -> str | None:
        """The id of the project that calls go to; None if IAM is to be asked for it.

        Raises:
            ApiError: Signing in failed.
        """

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add to a request what proves who is calling.

        Raises:
            ApiError: Signing in failed.
        """

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """Get new credentials after the service answered 401 to `rejected`; False if there are none to get."""

    def catalogued(self, service: str) -> str | None:
        """Where IAM's catalog has a service, in the region of the project; None if these credentials know no catalog.

        Raises:
            ApiError: Signing in failed.
        """


class TokenCredentials:
    """A token that somebody else got, for a project that is known. It cannot be renewed."""

    if_refused = "get a new token"
    project_name: str | None = None

    def __init__(self, token: str, project_id: str) -> None:
        self._token = token
        self._project_id = project_id

    def project_id(self) -> str:
        """The project given."""
        return self._project_id

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add the token given.

        Raises:
            ApiError: It has characters that no token has, such as a line break.
        """
        if not is_header_value(self._token):
            raise ApiError("the token has characters that no token has (a line break, perhaps): copy it anew")
        request.headers[TOKEN_HEADER] = self._token

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """A given token is all there is."""
        return False

    def catalogued(self, service: str) -> str | None:
        """The catalog came with the token to whoever got it."""
        return None

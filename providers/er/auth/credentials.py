"""Who is calling. Signing in happens at the first request, never earlier."""

from __future__ import annotations

import re
from typing import Protocol

import requests

TOKEN_HEADER = "X-Auth-Token"


def is_header_value(token: str) -> bool:
    """Whether the token can be sent: it is visible ASCII, as every real token is."""
    return re.fullmatch(r"[\x21-\x7e]+", token) is not None


class Credentials(Protocol):
    """What the client needs to know about a way to sign in.

    Attributes:
        if_refused: What to do if a service refuses them for good, as the end of a sentence.
        project_name: The name of the project that calls go to, if `project_id` does not know its id.
    """

    if_refused: str
    project_name: str | None = None

    def project_id(self) -> str | None:
        """The id of the project that calls go to; None if it has to be requested from IAM.

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
        return False

    def find_endpoint(self, service: str) -> str | None:
        """The service's address in IAM's catalog; None if these credentials know no catalog, or it lacks the service.

        Raises:
            ApiError: Signing in failed.
        """
        return None

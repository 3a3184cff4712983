"""Credentials that are a token, issued earlier."""

from __future__ import annotations

import requests

from providers.er.auth.credentials import TOKEN_HEADER, Credentials, is_header_value
from providers.er.exceptions import ApiError


class TokenCredentials(Credentials):
    """A token issued earlier, for a known project. It cannot be renewed."""

    if_refused = "get a new token"

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
            raise ApiError("the token contains invalid characters, such as a line break: copy it again")
        request.headers[TOKEN_HEADER] = self._token

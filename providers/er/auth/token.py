"""A token that somebody else got."""

from __future__ import annotations

import requests

from providers.er.auth.credentials import TOKEN_HEADER, Ask, Credentials, Project, is_header_value
from providers.er.exceptions import ApiError
from providers.er.validation import identifier, required

_SUBJECT_HEADER = "X-Subject-Token"


class TokenCredentials(Credentials):
    """A token, which is for one project, and cannot be renewed."""

    def __init__(self, token: str, project: Project | str, *, to_check: str = "X-Auth-Token") -> None:
        """Remember the token; the project may be its id alone. `to_check` is where the token came from, for errors."""
        self._token = token
        self.if_refused = f"get a new token ({to_check})"
        self._project = Project(id=project) if isinstance(project, str) else project

    def find_project(self, ask: Ask) -> str:
        """The project that the token is for: IAM is asked, unless its id is given and no name has to be compared."""
        if self._project.id and not self._project.name:
            return self._project.id
        self._refuse_line_breaks()
        answer = ask("auth/tokens", {"nocatalog": "true"}, {_SUBJECT_HEADER: self._token})
        project = required(answer, "token", dict).get("project")
        if project is None:
            raise ApiError("the token is not for a project: get one for the project to act in")
        id_ = identifier(project, "id")
        self._project.refuse_another(id_, required(project, "name", str))
        return id_

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add the token.

        Raises:
            ApiError: It has characters that no token has, such as a line break.
        """
        self._refuse_line_breaks()
        request.headers[TOKEN_HEADER] = self._token

    def _refuse_line_breaks(self) -> None:
        if not is_header_value(self._token):
            raise ApiError("the token contains invalid characters, such as a line break: copy it again")

"""Signing each request with an access key (AK/SK)."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlsplit

import requests

from providers.er.auth.credentials import Ask, Credentials, Project, is_header_value
from providers.er.exceptions import ApiError, ForbiddenError
from providers.er.validation import identifier, optional, required

DATE_HEADER = "X-Sdk-Date"
SECURITY_TOKEN_HEADER = "X-Security-Token"
PROJECT_HEADER = "X-Project-Id"
_DATE = "%Y%m%dT%H%M%SZ"


class AccessKeyCredentials(Credentials):
    """An access key, permanent or temporary, which never leaves this machine: what is sent is a signature.

    Signing is SDK-HMAC-SHA256 (API reference: AK/SK-based authentication), by the signer of huaweicloudsdkcore.
    """

    def __init__(
        self,
        *,
        access_key: str,
        secret_key: str,
        security_token: str | None = None,
        project: Project,
        to_check: str = "the access key, the secret key",
    ) -> None:
        """Remember the key; `to_check` is where its parts came from, for errors."""
        self._to_check = to_check
        # A temporary key differs from a permanent one only by its security token.
        also = "the key may have expired" if security_token else "a temporary key also needs its security token"
        self.if_refused = f"check {to_check} and this machine's clock; {also}"
        self.ak, self.sk = access_key, secret_key  # as the signer calls them
        self._security_token = security_token
        self._project = project
        self._project_id = project.id

    def find_project(self, ask: Ask) -> str:
        """The project given; where it has a name, IAM is asked for its id."""
        if name := self._project.name:
            try:
                answer = ask("projects", {"name": name}, {})
            except ForbiddenError as error:
                raise ForbiddenError(
                    f"iam:projects:listProjects is not permitted to {self.ak!r} ({error.message}): set the project's"
                    " id in place of its name, for which no look-up is needed",
                    **error.details,
                ) from error
            projects = required(answer, "projects", list)
            found = [
                identifier(project, "id")
                for project in projects
                if required(project, "name", str) == name and optional(project, "enabled", True)
            ]
            if len(found) != 1:
                number = "no project" if not found else "several projects"
                raise ApiError(f"IAM has {number} {name!r} for these credentials: set the project's id")
            self._project.refuse_another(found[0], name)
            self._project_id = found[0]
        assert self._project_id
        return self._project_id

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Sign the request as it is now, good for 15 minutes.

        Raises:
            ApiError: The signer is not installed, or the key has characters that no key has, such as a line break.
        """
        if not all(map(is_header_value, (self.ak, self.sk, self._security_token or "-"))):
            raise ApiError(f"the access key contains invalid characters, such as a line break: check {self._to_check}")
        try:
            # Imported here: most runs sign nothing.
            from huaweicloudsdkcore.sdk_request import SdkRequest
            from huaweicloudsdkcore.signer.signer import Signer
        except ImportError as error:
            raise ApiError(
                "signing with an access key needs huaweicloudsdkcore: install otc-flow-logs[access-keys]"
            ) from error
        parts = urlsplit(request.url or "")
        headers = {"Host": parts.netloc, DATE_HEADER: datetime.now(timezone.utc).strftime(_DATE)}
        if self._project_id:
            # Without it, the service answers for the region's main project.
            headers[PROJECT_HEADER] = self._project_id
        if self._security_token:
            headers[SECURITY_TOKEN_HEADER] = self._security_token
        signed = Signer(self).sign(
            SdkRequest(
                method=request.method,
                schema=parts.scheme,
                host=parts.netloc,
                resource_path=parts.path,
                query_params=parse_qsl(parts.query, keep_blank_values=True),
                header_params=headers,
                body=request.body or b"",
            )
        )
        request.headers.update(signed.header_params)

"""Signing each request with an access key (AK/SK)."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import parse_qsl, urlsplit

import requests

from providers.er.auth.credentials import Credentials
from providers.er.exceptions import ApiError

DATE_HEADER = "X-Sdk-Date"
SECURITY_TOKEN_HEADER = "X-Security-Token"
_DATE = "%Y%m%dT%H%M%SZ"


class AccessKeyCredentials(Credentials):
    """An access key, permanent or temporary, which never leaves this machine: what is sent is a signature.

    Signing is SDK-HMAC-SHA256 (API reference: AK/SK-based authentication), by the signer of huaweicloudsdkcore.
    """

    if_refused = "check the access key, the secret key and this machine's clock; a temporary key may have expired"

    def __init__(
        self,
        *,
        access_key: str,
        secret_key: str,
        security_token: str | None = None,
        project_id: str | None = None,
        project_name: str | None = None,
    ) -> None:
        self.ak, self.sk = access_key, secret_key  # as the signer calls them
        self._security_token = security_token
        self._project_id, self.project_name = project_id, project_name

    def project_id(self) -> str | None:
        """The project given; a key by itself is for no project."""
        return self._project_id

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Sign the request as it is now, good for 15 minutes.

        Raises:
            ApiError: The signer is not installed.
        """
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

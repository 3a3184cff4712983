"""Who is calling. Signing in happens at the first request, never earlier."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

import requests

from providers.er.errors import ApiError, TemporaryError, UnauthorizedError

TOKEN_HEADER = "X-Auth-Token"
SIGN_IN_TIMEOUT = 30.0  # seconds, for one call to IAM


class Credentials(Protocol):
    """What the client needs to know of a way to sign in."""

    def project_id(self) -> str:
        """The project that calls go to.

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


class TokenCredentials:
    """A token that somebody else got, for a project that is known. It cannot be renewed."""

    def __init__(self, token: str, project_id: str) -> None:
        self._token = token
        self._project_id = project_id

    def project_id(self) -> str:
        """The project given."""
        return self._project_id

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add the token given."""
        request.headers[TOKEN_HEADER] = self._token

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """A given token is all there is."""
        return False


class PasswordCredentials:
    """An IAM user's name and password, exchanged for a project's token by keystoneauth1.

    The token is valid for 24 h (API reference: obtaining a user token) and is renewed when the service refuses it.
    Where IAM refuses the password, `renew_password` is asked once for a newer one.
    """

    def __init__(
        self,
        *,
        auth_url: str,
        username: str,
        password: str,
        domain_name: str,
        project_name: str | None = None,
        project_id: str | None = None,
        renew_password: Callable[[], str | None] | None = None,
    ) -> None:
        self._auth_url = auth_url
        self._renew_password = renew_password
        self._user: dict[str, Any] = {
            "username": username,
            "password": password,
            "user_domain_name": domain_name,
            "project_id": project_id,
            "project_name": None if project_id else project_name,
            "project_domain_name": None if project_id else domain_name,
        }
        self._lock = threading.Lock()
        self._plugin: Any = None
        self._token: str | None = None
        self._project_id = project_id

    def project_id(self) -> str:
        """The project given, or the one that the token is for."""
        if self._project_id is None:
            self._signed_in()
        assert self._project_id is not None
        return self._project_id

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add the current token, signing in first if there is none."""
        request.headers[TOKEN_HEADER] = self._signed_in()

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """Forget the token that was refused, unless another thread has already got a new one."""
        with self._lock:
            if self._token == rejected.headers.get(TOKEN_HEADER):
                self._token = None
                self._plugin.invalidate()
        return True

    def _signed_in(self) -> str:
        with self._lock:
            if self._token is None:
                access = self._sign_in()
                if not access.project_id:
                    raise ApiError(f"IAM user {self._user['username']!r} got a token without a project")
                self._project_id = access.project_id
                self._token = access.auth_token
            assert self._token is not None
            return self._token

    def _sign_in(self) -> Any:
        # Imported here: it costs a tenth of a second, and most runs don't sign in with a password.
        from keystoneauth1 import exceptions
        from keystoneauth1.identity import v3
        from keystoneauth1.session import Session

        if self._plugin is None:
            self._plugin = v3.Password(self._auth_url, **self._user)
        try:
            return self._plugin.get_access(Session(timeout=SIGN_IN_TIMEOUT))
        except exceptions.Unauthorized as error:
            newer, self._renew_password = self._renew_password and self._renew_password(), None
            if newer and newer != self._user["password"]:
                self._user["password"] = newer
                self._plugin = None
                return self._sign_in()
            raise UnauthorizedError(
                f"IAM refused user {self._user['username']!r} of domain {self._user['user_domain_name']!r}:"
                " check user name, password, domain and project",
                status=401,
            ) from error
        except (exceptions.ConnectFailure, exceptions.RetriableConnectionFailure) as error:
            raise TemporaryError(f"cannot reach IAM at {self._auth_url}") from error
        except exceptions.HttpError as error:
            kind = TemporaryError if error.http_status in (429, 502, 503, 504) else ApiError
            raise kind(
                f"IAM at {self._auth_url} refused to sign in user {self._user['username']!r}: {error.message}",
                status=error.http_status,
                request_id=error.request_id,
            ) from error
        except exceptions.ClientException as error:
            raise ApiError(f"signing in at {self._auth_url} failed: {error}") from error

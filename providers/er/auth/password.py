"""Signing in with an IAM user's name and password."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any, TypeGuard

import requests

from providers.er.auth.credentials import TOKEN_HEADER, Credentials, is_header_value
from providers.er.exceptions import ApiError, UnauthorizedError, error_class
from providers.er.limits import ID_PATTERN
from providers.er.sanitizing import redact, sanitize
from providers.er.session import ServiceSession, connection_error

BROKEN_ANSWER = (LookupError, TypeError, ValueError, AttributeError, OSError, RecursionError)
"""What keystoneauth1 raises for answers that do not have Keystone's form."""


class PasswordCredentials(Credentials):
    """An IAM user's name and password, exchanged for a project's token by keystoneauth1.

    The token is valid for 24 h (API reference: obtaining a user token) and is renewed when the service refuses it.
    If IAM refuses the password, `renew_password` is called once for a newer password. A password that was refused is
    not sent again, because IAM locks users out. However many threads wait for a token, one of them signs in.
    """

    if_refused = "sign in again"

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
        self._sign_ins = 0
        self._failure: ApiError | None = None
        self._token: str | None = None
        self._catalog: Any = None
        self._project_id = project_id

    def project_id(self) -> str:
        """The project given, or the project of the token."""
        if self._project_id is None:
            self._signed_in()
        assert self._project_id is not None
        return self._project_id

    def authorize(self, request: requests.PreparedRequest) -> None:
        """Add the current token, signing in first if there is none."""
        request.headers[TOKEN_HEADER] = self._signed_in()

    def renew(self, rejected: requests.PreparedRequest) -> bool:
        """Forget the token that was refused, unless another thread has replaced it already."""
        with self._lock:
            if self._token == rejected.headers.get(TOKEN_HEADER):
                self._token = None
        return True

    def find_endpoint(self, service: str) -> str | None:
        """The first public address of the service in the catalog that came with the token."""
        self._signed_in()
        try:
            urls = self._catalog.get_urls(service_type=service, interface="public")
            return str(urls[0]) if urls else None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ApiError(
                f"IAM at {self._auth_url} returned a catalog in an unknown format: check that address"
            ) from error

    def _signed_in(self) -> str:
        seen = self._sign_ins
        with self._lock:
            if self._token is not None:
                return self._token
            # A sign-in that failed while this thread waited fails for it too; a refusal is final.
            if self._failure and (self._sign_ins != seen or isinstance(self._failure, UnauthorizedError)):
                raise copy.copy(self._failure)  # its attributes may be changed where it is caught
            self._sign_ins += 1
            try:
                self._token, self._project_id = self._sign_in()
            except ApiError as error:
                error.may_have_applied = False  # nothing was sent but to IAM
                self._failure = error
                raise
            self._failure = None
            return self._token

    def _sign_in(self) -> tuple[str, str]:
        """A token and the id of its project."""
        # Imported here: it costs a tenth of a second, and most runs don't sign in with a password.
        from keystoneauth1 import exceptions
        from keystoneauth1.identity import v3
        from keystoneauth1.session import Session

        user = repr(self._user["username"])
        project = self._user["project_id"] or self._user["project_name"]
        try:
            access = v3.Password(self._auth_url, **self._user).get_access(
                Session(session=ServiceSession(), redirect=False)
            )
            token, project_id = access.auth_token, access.project_id
            self._catalog = access.service_catalog
        except exceptions.Unauthorized as error:
            newer, self._renew_password = self._renew_password and self._renew_password(), None
            if newer and newer != self._user["password"]:
                self._user["password"] = newer
                return self._sign_in()
            raise UnauthorizedError(
                f"IAM refused user {user} of domain {self._user['user_domain_name']!r}:"
                f" check user name, password, domain and project {project!r}",
                status=401,
            ) from error
        except exceptions.HttpError as error:
            raise self._http_error(error) from error
        except exceptions.ConnectionError as error:
            cause = error.__cause__ or error.__context__ or error
            raise connection_error(f"IAM at {self._auth_url}", cause) from error
        except (exceptions.ClientException, *BROKEN_ANSWER) as error:
            raise ApiError(f"IAM at {self._auth_url} gave an unexpected answer: check that address") from error
        if not (isinstance(token, str) and is_header_value(token) and _is_id(project_id)):
            raise ApiError(f"IAM at {self._auth_url} gave user {user} no token for a project: check the project's name")
        return token, project_id

    def _http_error(self, error: Any) -> ApiError:
        """The exception for an answer of IAM that keystoneauth1 raises as an HttpError."""
        kind = error_class(error.http_status, None)
        # Before it is shortened: half a password is too much as well.
        text = redact(self._user["password"], str(error.message).partition(" (HTTP ")[0])
        verb = "failed" if error.http_status >= 500 else "refused"
        return kind(
            f"IAM at {self._auth_url} {verb} to sign in user {self._user['username']!r}: {sanitize(text)}",
            status=error.http_status,
            request_id=sanitize(str(error.request_id)) if error.request_id else None,
        )


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and ID_PATTERN.fullmatch(value) is not None
